from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from pipeline import resources
from pipeline.cli.main import app
from pipeline.errors import ContractError

CONTACT = resources.schemas() / "events" / "contact" / "v1.json"


def _changed(path: Path, **properties: Any) -> Path:
    document = json.loads(CONTACT.read_text(encoding="utf-8"))
    for name, schema in properties.items():
        document["properties"][name] = schema
        if schema is None:
            del document["properties"][name]
    path.write_text(json.dumps(document))
    return path


def test_a_breaking_change_ends_with_1(tmp_path: Path) -> None:
    new = _changed(tmp_path / "new.json", site=None, mood={"type": "string"})
    result = CliRunner().invoke(app, ["schema", "check", str(CONTACT), str(new), "--json"])
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert not report["compatible"]
    assert [(c["path"], c["breaking"]) for c in report["changes"]] == [
        ("site", True),
        ("mood", False),
    ]


def test_an_addition_is_compatible(tmp_path: Path) -> None:
    new = _changed(tmp_path / "new.json", mood={"type": "string"})
    result = CliRunner().invoke(app, ["schema", "check", str(CONTACT), str(new)])
    assert result.exit_code == 0
    assert "mood is new" in result.stdout
    assert "Compatible" in result.stdout


def test_a_file_that_is_no_schema_is_refused(tmp_path: Path) -> None:
    (tmp_path / "new.json").write_text("{")
    result = CliRunner().invoke(app, ["schema", "check", str(CONTACT), str(tmp_path / "new.json")])
    assert isinstance(result.exception, ContractError)


def test_every_event_is_listed_and_shown() -> None:
    result = CliRunner().invoke(app, ["schema", "list", "--json"])
    listed = json.loads(result.stdout)
    assert [each["event"] for each in listed] == ["contact", "volume", "initiative", "dead_letter"]
    for each in listed:
        shown = CliRunner().invoke(app, ["schema", "show", each["event"]])
        assert shown.exit_code == 0
        document = json.loads(
            CliRunner().invoke(app, ["schema", "show", each["event"], "--json"]).stdout
        )
        assert len(document["properties"]) == each["fields"]
        for name in document["properties"]:
            assert name in shown.stdout


@pytest.mark.parametrize("event", ["contact", "volume", "initiative"])
def test_validating_the_examples(tmp_path: Path, event: str) -> None:
    folder = resources.schemas() / "events" / event
    valid = [orjson.dumps(orjson.loads(p.read_bytes())) for p in (folder / "valid").glob("*.json")]
    (tmp_path / "in.jsonl").write_bytes(b"\n".join([*valid, b"{}"]))
    result = CliRunner().invoke(
        app, ["schema", "validate", event, str(tmp_path / "in.jsonl"), "--json"]
    )
    assert result.exit_code == 65
    report = json.loads(result.stdout)
    assert (report["valid"], report["invalid"]) == (len(valid), 1)
    assert report["errors"][0]["line"] == len(valid) + 1
