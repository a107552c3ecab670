from __future__ import annotations

from pathlib import Path

import orjson
import pytest
import typer
from typer.testing import CliRunner

from pipeline.cli.loading import delimiter_of
from pipeline.cli.main import app
from pipeline.cli.sending import pairs, zone_of
from pipeline.errors import ContractError

CONTACT = {"contact_id": "a1", "occurred_at": "2026-03-01T00:00:00Z", "channel": "chat"}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.chdir(tmp_path)
    return CliRunner()


def test_pairs_split_at_the_first_sign() -> None:
    assert pairs(["rating.csat@satisfaction-1-5=score", "text = a=b "], "--map") == {
        "rating.csat@satisfaction-1-5": "score",
        "text": "a=b",
    }
    assert pairs(["text= kept "], "--set") == {"text": " kept "}
    with pytest.raises(typer.BadParameter):
        pairs(["text"], "--map")


def test_zones_and_delimiters() -> None:
    assert str(zone_of("Asia/Seoul")) == "Asia/Seoul"
    assert zone_of(None) is None
    assert delimiter_of("tab") == "\t"
    for wrong in ("Mars/Olympus", "../etc"):
        with pytest.raises(typer.BadParameter):
            zone_of(wrong)
    with pytest.raises(typer.BadParameter):
        delimiter_of(",,")


def test_a_dry_run_needs_no_broker_and_says_what_is_wrong(run: CliRunner, tmp_path: Path) -> None:
    rows = "occurred_at,channel,text\n2026-03-01 10:00,chat,a\n2026-03-01 10:01,chat,b\n"
    (tmp_path / "in.csv").write_text(rows)
    result = run.invoke(app, ["send", "in.csv", "--dry-run"])
    assert result.exit_code == 65
    assert "0 valid, 2 rejected" in result.stdout
    assert "2 × contact_id is missing" in result.stdout
    assert "lines 2, 3" in result.stdout
    assert "--make-ids" in result.stderr
    words = ["send", "in.csv", "--dry-run", "--make-ids", "--zone", "Asia/Seoul", "--json"]
    result = run.invoke(app, words)
    assert result.exit_code == 0
    assert orjson.loads(result.stdout)["accepted"] == 2


def test_several_files_end_at_the_first_that_cannot_be_read(run: CliRunner, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(orjson.dumps({**CONTACT, "text": "x"}))
    (tmp_path / "b.csv").write_bytes(b"PK\x03\x04")
    result = run.invoke(app, ["send", "a.jsonl", "b.csv", "a.jsonl", "--dry-run", "--json"])
    assert result.exit_code == 65
    report = orjson.loads(result.stdout)
    assert [each["name"] for each in report["files"]] == ["a.jsonl", "b.csv"]
    assert "Excel" in report["files"][1]["error"]


def test_an_empty_file_is_said_to_be_empty(run: CliRunner, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").touch()
    result = run.invoke(app, ["send", "a.jsonl", "--dry-run"])
    assert result.exit_code == 0
    assert "nothing in it" in result.stderr


def test_volumes_and_initiatives_from_files(run: CliRunner, tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text("day,next,count\n2026-03-01,2026-03-02,5\n")
    words = [
        "volumes",
        "send",
        "v.csv",
        "--dry-run",
        "--set",
        "name=orders",
        "--zone",
        "Asia/Seoul",
    ]
    maps = ["--map", "period_start=day", "--map", "period_end=next", "--map", "value=count"]
    result = run.invoke(app, [*words, *maps])
    assert (result.exit_code, "1 valid" in result.stdout) == (0, True)
    (tmp_path / "i.jsonl").write_text('{"initiative_id": "x"}')
    result = run.invoke(app, ["initiatives", "send", "i.jsonl", "--dry-run"])
    assert result.exit_code == 65
    assert "title is missing" in result.stdout


@pytest.mark.parametrize(
    "words",
    [
        [
            "volumes",
            "add",
            "--name",
            "orders",
            "--from",
            "2026-03-01",
            "--to",
            "2026-03-02",
            "--value",
            "1",
        ],
        [
            "initiatives",
            "add",
            "--id",
            "x",
            "--title",
            "T",
            "--owner",
            "me",
            "--topic",
            "wait",
            "--from",
            "tomorrow",
        ],
    ],
)
def test_a_time_without_a_zone_is_refused_before_anything_is_sent(
    run: CliRunner, words: list[str]
) -> None:
    result = run.invoke(app, words, env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert "--zone Asia/Seoul" in result.stderr


def test_a_topic_that_the_taxonomy_lacks_is_refused(run: CliRunner) -> None:
    words = [
        "initiatives",
        "add",
        "--id",
        "x",
        "--title",
        "T",
        "--owner",
        "me",
        "--topic",
        "waiting",
    ]
    result = run.invoke(app, [*words, "--from", "2026-03-01T00:00:00Z"])
    assert isinstance(result.exception, ContractError)
    assert "waiting is not in the taxonomy" in result.exception.message


def test_a_replay_must_be_told_what(run: CliRunner) -> None:
    result = run.invoke(app, ["dead", "replay"])
    assert result.exit_code == 2
    assert "--all" in result.stderr
    result = run.invoke(app, ["dead", "list", "--since", "last week"])
    assert result.exit_code == 2
