from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipeline import resources
from pipeline.cli.main import app
from pipeline.errors import ContractError, ModelError

run = CliRunner().invoke
SHIPPED = str(resources.default_model())


def row(text: str, sentiment: str, lang: str = "zh-Hans", **more: Any) -> dict[str, Any]:
    bad = sentiment == "negative"
    known = {"sentiment": sentiment, "complaint": bad, "churn": False, "topics": []}
    return {"text": text, "lang": lang, **known, **more}


ROWS = [
    row("快递太慢了，客服也不回复，太差了", "negative", topics=[["delivery", -1]]),
    row("服务很好，非常满意", "positive", topics=[["staff_attitude", 1]]),
    row("服務很好，非常滿意", "positive", "zh-Hant"),
    row("请问几点开门", "neutral", topics=[["parking", 0]]),
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "annotated.jsonl"
    path.write_text("\n".join(json.dumps(each) for each in ROWS), encoding="utf-8")
    return path


def printed(*arguments: str) -> Any:
    result = run(app, ["model", *arguments, "--json"])
    assert result.exit_code == 0, result.exception
    return json.loads(result.stdout)


def test_info_verifies_and_describes() -> None:
    found = printed("info")
    assert found["taxonomy version"] == 1
    assert set(found["files"]) >= {"model.onnx", "config.json", "tokenizer.json"}
    assert "delivery" in found["topics"]


def test_info_of_a_damaged_directory(tmp_path: Path) -> None:
    assert isinstance(run(app, ["model", "info", str(tmp_path)]).exception, ModelError)


def test_eval_reports_by_language_and_topic(data: Path) -> None:
    found = printed("eval", SHIPPED, str(data))
    assert found["texts"] == found["all"]["n"] == 4
    assert list(found["languages"]) == ["zh-Hans", "zh-Hant"]
    assert found["languages"]["zh-Hant"]["n"] == 1
    assert found["topics"]["delivery"]["positives"] == 1
    assert found["unknown_topics"] == {"parking": 1}
    low, high = (
        found["all"]["sentiment_accuracy"]["low"],
        found["all"]["sentiment_accuracy"]["high"],
    )
    assert 0 < low < high <= 1


def test_eval_prints_a_table(data: Path) -> None:
    result = run(app, ["model", "eval", SHIPPED, str(data)])
    assert result.exit_code == 0, result.exception
    for heading in ("zh-Hant", "sentiment accuracy", "macro-F1", "topics micro-F1", "churn F1"):
        assert heading in result.stdout


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sentiment": "sad"}, "sentiment is 'sad'"),
        ({"complaint": 1}, "complaint is 1"),
        ({"topics": ["wait"]}, "'wait' is not [topic, polarity]"),
        ({"topics": [["wait", 2]]}, "polarity of wait is 2"),
        ({"text": None}, "must be texts"),
    ],
)
def test_eval_refuses_rows_that_are_not_annotated(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    path = tmp_path / "wrong.jsonl"
    path.write_text("\n".join(json.dumps(each) for each in (ROWS[0], ROWS[1] | change)))
    error = run(app, ["model", "eval", SHIPPED, str(path)]).exception
    assert isinstance(error, ContractError)
    assert "text 2" in error.message
    assert said in error.message


def test_bench_times_each_length_and_number_of_threads() -> None:
    found = printed(
        "bench", "--threads", "1", "--threads", "2", "--length", "4", "--length", "8",
        "--seconds", "0.1", "--texts", "8",
    )  # fmt: skip
    assert [(p["threads"], p["tokens"]) for p in found["paces"]] == [(1, 4), (1, 8), (2, 4), (2, 8)]
    assert all(pace["read"] > 0 for pace in found["paces"])


def test_eval_of_a_directory_that_lost_its_manifest_says_so(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for file in resources.default_model().iterdir():
        if file.name != "manifest.json":
            (folder / file.name).symlink_to(file)
    error = run(app, ["model", "eval", str(folder), str(data)]).exception
    assert isinstance(error, ModelError)
    assert "manifest.json is missing" in error.message
    assert "Copy the whole directory" in error.fix
    assert "torch" not in error.fix
