from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipeline import resources
from pipeline.cli.main import app
from pipeline.cli.taxonomy import _require_new_version
from pipeline.domain.taxonomy import Taxonomy
from pipeline.errors import ConfigError, ContractError, ModelError, TaxonomyError
from pipeline.language.classifier.contact import ContactClassifier
from pipeline.language.classifier.directory import ModelDirectory

run = CliRunner().invoke
SHIPPED = resources.schemas() / "taxonomy.yaml"


def printed(*arguments: object) -> Any:
    result = run(app, ["taxonomy", *map(str, arguments), "--json"])
    assert result.exit_code == 0, result.exception
    return json.loads(result.stdout)


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Not the cache of who runs the tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "voc" / "fit"


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """The shipped taxonomy, with wait renamed to queueing and a new topic parking."""
    text = SHIPPED.read_text(encoding="utf-8")
    start, end = text.index("  wait:"), text.index("  transfer:")
    entry = text[start:end].replace("  wait:", "  parking:")
    text = text.replace("version: 1\n", "version: 2\n").replace("  wait:", "  queueing:")
    path = tmp_path / "mine.yaml"
    path.write_text(f"{text.rstrip()}\n{entry}", encoding="utf-8")
    return path


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    about = product(
        ("The car park", "停车场", "停車場", "주차장이"), ("is full", "太小", "满了", "좁아요")
    )
    other = product(
        ("The invoice", "账单", "帳單", "청구서가"), ("is wrong", "错了", "錯了", "틀려요")
    )
    rows = [{"text": " ".join(pair), "topics": [["parking", -1]]} for pair in about]
    rows += [{"text": " ".join(pair), "topics": []} for pair in other]
    path = tmp_path / "examples.jsonl"
    path.write_text("\n".join(json.dumps(each) for each in rows), encoding="utf-8")
    return path


def test_check_says_what_a_model_reads(mine: Path) -> None:
    found = printed("check", mine)
    assert found["version"] == 2
    assert found["topics"]["delivery"]["read"]
    assert not found["topics"]["parking"]["read"]
    assert found["dropped"] == ["wait"]
    assert all(entry["read"] for entry in printed("check")["topics"].values())


def test_check_names_the_line_of_a_mistake(mine: Path) -> None:
    mine.write_text(mine.read_text(encoding="utf-8").replace("rater: ", "rater: un", 1))
    error = run(app, ["taxonomy", "check", str(mine)]).exception
    assert isinstance(error, TaxonomyError)
    assert "line " in error.message


def test_a_fit_is_shown_judged_and_used(mine: Path, examples: Path, tmp_path: Path) -> None:
    out = tmp_path / "model"
    found = printed(
        "fit", "--taxonomy", mine, "--examples", examples, "--out", out, "--rename", "wait=queueing"
    )
    parking = found["topics"][-1]
    assert (parking["topic"], parking["head"], parking["before"]) == ("parking", "new", None)
    assert parking["after"]["f1"] > 0.6
    assert {row["head"] for row in found["topics"][:-1]} == {"kept"}

    judged = printed("eval", out, examples, "--against", resources.default_model())
    after = {row["topic"]: row["after"] for row in judged["topics"]}
    assert after["parking"]["f1"] > 0.6
    assert judged["revision"] == found["revision"]

    for table in (found["confusion"], judged["confusion"]):
        (row,) = table
        assert (row["topic"], row["texts"], row["found"]["before"]) == ("parking", 16, None)
        assert row["found"]["after"] > 8
        assert set(row["wrongly_said"]) == {"before", "after"}
    assert {row["topic"]: row["before"] for row in judged["topics"]}["parking"] is None

    read = run(app, ["classify", "--json", "--model", str(out), "The car park is too small"])
    assert read.exit_code == 0, read.exception
    line = json.loads(read.stdout)
    assert (line["model_revision"], line["taxonomy_version"]) == (found["revision"], 2)
    assert "parking" in {mention["topic"] for mention in line["topics"]}


def test_tables_are_printed(
    mine: Path, examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.cli.console.out.width", 160, raising=False)
    out = tmp_path / "model"
    given = ["--taxonomy", mine, "--examples", examples, "--out", out, "--rename", "wait=queueing"]
    result = run(app, ["taxonomy", "fit", *map(str, given)])
    assert result.exit_code == 0, result.exception
    for heading in (
        "before: P R F1", "after: P R F1", "confusion", "wrongly said before", "wrongly said after",
    ):  # fmt: skip
        assert heading in result.stdout


def failing(kind: type[Exception], *arguments: object) -> str:
    error = run(app, ["taxonomy", "fit", *map(str, arguments)]).exception
    assert isinstance(error, kind), error
    return str(error)


def test_what_cannot_be_fitted_is_said(mine: Path, examples: Path, tmp_path: Path) -> None:
    given = ("--taxonomy", mine, "--examples", examples, "--out", tmp_path / "model")
    assert "OLD=NEW" in failing(ConfigError, *given, "--rename", "wait")
    assert "cannot rename" in failing(TaxonomyError, *given, "--rename", "nothing=queueing")
    assert "queueing is new" in failing(TaxonomyError, *given)
    assert "no model directory" in failing(ModelError, *given, "--base", tmp_path / "no")
    assert not (tmp_path / "model").exists()


def test_topics_that_change_need_a_new_version(mine: Path, examples: Path, tmp_path: Path) -> None:
    text = mine.read_text(encoding="utf-8")
    mine.write_text(text.replace("version: 2\n", "version: 1\n"), encoding="utf-8")
    given = ("--taxonomy", mine, "--examples", examples, "--out", tmp_path / "model")
    assert "version: 2" in failing(ConfigError, *given)
    result = run(app, ["taxonomy", "check", str(mine), "--json"])
    assert json.loads(result.stdout)["model_version"] == 1
    assert isinstance(result.exception, ConfigError)


def test_a_version_below_the_models_is_none_that_is_new() -> None:
    wanted = Taxonomy.load(SHIPPED)
    model = ModelDirectory.read(resources.default_model())
    later = replace(model, taxonomy_version=5)
    _require_new_version(later, wanted)
    with pytest.raises(ConfigError, match="is not above its 5") as raised:
        _require_new_version(replace(later, topics=model.topics[1:]), wanted)
    assert "version: 6" in raised.value.fix


def test_a_directory_that_exists_is_named_before_anything_is_read(
    mine: Path, examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(*_: object, **__: object) -> None:
        pytest.fail("the texts were read first")

    monkeypatch.setattr("pipeline.language.classifier.refit.fit", fit)
    given = ("--taxonomy", mine, "--examples", examples, "--rename", "wait=queueing")
    assert "exists" in failing(ModelError, *given, "--out", tmp_path)


def test_topics_of_the_data_that_the_model_cannot_say_are_named(examples: Path) -> None:
    judged = ["taxonomy", "eval", str(resources.default_model()), str(examples)]
    result = run(app, judged)
    assert result.exit_code == 0, result.exception
    assert "parking: 16 mentions that this model cannot say" in result.stderr
    assert json.loads(run(app, [*judged, "--json"]).stdout)["unknown_topics"] == {"parking": 16}


def test_a_second_fit_reads_only_what_is_new(
    mine: Path, examples: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = ("--taxonomy", mine, "--examples", examples, "--rename", "wait=queueing")
    bare = printed("fit", *given, "--out", tmp_path / "bare", "--no-cache")
    assert not cache.exists()
    first = printed("fit", *given, "--out", tmp_path / "first")
    assert len(list(cache.iterdir())) == 1

    def encode(*_: object) -> None:
        pytest.fail("a text was read again")

    monkeypatch.setattr(ContactClassifier, "logits", encode)
    second = printed("fit", *given, "--out", tmp_path / "second")
    assert bare["revision"] == first["revision"] == second["revision"]


def test_background_is_read_as_contacts_are(
    mine: Path, examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Seen(Exception):
        pass

    def fit(*_: object, background: list[str], **__: object) -> None:
        raise Seen(*background)

    monkeypatch.setattr("pipeline.language.classifier.refit.fit", fit)
    path = tmp_path / "background.txt"
    path.write_text("Ｇｏｏｄ，&amp; 哈哈哈哈哈\n", encoding="utf-8")
    given = ("--taxonomy", mine, "--examples", examples, "--out", tmp_path / "model")
    assert failing(Seen, *given, "--background", path) == "Good,& 哈哈哈"


def test_examples_that_are_none(mine: Path, tmp_path: Path) -> None:
    path = tmp_path / "wrong.jsonl"
    given = ("--taxonomy", mine, "--examples", path, "--out", tmp_path / "model")
    for content, said in (
        ("", "holds no texts"),
        ('{"topics": []}', 'no "text"'),
        ('{"text": "x", "topics": {"wait": 1}}', "not a list"),
    ):
        path.write_text(content)
        assert said in failing(ContractError, *given)
