from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli.main import app
from pipeline.errors import ConfigError, ContractError, ModelError, VocError

run = CliRunner().invoke


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings, no secret: what a newcomer has."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VOC_PRIVACY__SECRET", raising=False)


def lines(*arguments: str, stdin: str | None = None) -> list[dict[str, object]]:
    result = run(app, ["classify", "--json", *arguments], input=stdin)
    assert result.exit_code == 0, result.exception
    return [json.loads(line) for line in result.stdout.splitlines()]


def refused(kind: type[VocError], *arguments: str, stdin: str | bytes | None = None) -> VocError:
    error = run(app, ["classify", *arguments], input=stdin).exception
    assert isinstance(error, kind)
    return error


def test_arguments_are_read_in_order_and_masked() -> None:
    found = lines("快递太慢了，客服也不回复，打13800138000", "服务很好，非常满意")
    assert [each["sentiment"] for each in found] == ["negative", "positive"]
    assert found[0]["text"] == "快递太慢了，客服也不回复，打<PHONE>"
    assert found[0]["masked"] == {"PHONE": 1}
    assert (found[0]["language"], found[0]["complaint"]) == ("zh-Hans", True)
    assert found[0]["taxonomy_version"] == 1


def test_stdin_holds_a_text_per_line_or_json_objects() -> None:
    found = lines(stdin='很好\n\n{"text": "The parcel\\nis late", "id": 7}\n')
    assert [each["text"] for each in found] == ["很好", "The parcel\nis late"]


def test_a_file_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_bytes("\ufeff很好\r\n배송이 늦어요\r\n".encode())
    assert [each["text"] for each in lines("--file", str(path))] == ["很好", "배송이 늦어요"]


def test_stdin_with_a_byte_order_mark() -> None:
    for content, said in (('{"text": "很好"}\n', "很好"), ("很好\n", "很好")):
        assert [each["text"] for each in lines(stdin=f"\ufeff{content}")] == [said]


def test_the_table_fits_eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.cli.console.out.width", 80, raising=False)
    result = run(app, ["classify", "The parcel came two weeks late and nobody called me back."])
    assert result.exit_code == 0, result.exception
    assert "sentiment" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_no_text_at_all() -> None:
    assert lines(stdin="") == []


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    assert "exclude" in refused(ConfigError, "a", "--file", "b").message
    assert "cannot read" in refused(ConfigError, "--file", str(tmp_path / "no")).message
    assert "line 2" in refused(ContractError, stdin=b"ok\n\xff\xfe\n").message
    assert "line 1" in refused(ContractError, stdin="{oops\n").message
    assert 'no "text"' in refused(ContractError, stdin='{"body": "x"}\n').message
    assert "no model directory" in refused(ModelError, "a", "--model", str(tmp_path / "no")).message
