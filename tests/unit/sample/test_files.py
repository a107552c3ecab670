"""The files of examples/ are those that the generator writes."""

from __future__ import annotations

import csv
from pathlib import Path

import orjson
import pytest

from pipeline.contract import parse_contact, parse_initiative
from pipeline.sample.__main__ import main
from pipeline.sample.files import CSV_COLUMNS, write_examples

EXAMPLES = Path(__file__).parents[3] / "examples"


def test_the_examples_are_up_to_date(tmp_path: Path) -> None:
    for path in write_examples(tmp_path):
        assert path.read_bytes() == (EXAMPLES / path.name).read_bytes(), path.name


def test_the_example_contacts_keep_the_contract() -> None:
    lines = (EXAMPLES / "contacts.jsonl").read_bytes().splitlines()
    assert len(lines) == 20
    for line in lines:
        parse_contact(line)
    for line in (EXAMPLES / "initiatives.jsonl").read_bytes().splitlines():
        parse_initiative(line)


def test_the_csv_survives_a_chinese_encoding_and_maps_to_contacts() -> None:
    text = (EXAMPLES / "contacts.csv").read_text(encoding="utf-8")
    assert text.encode("gb18030").decode("gb18030") == text
    fields = {heading: field for field, heading in CSV_COLUMNS.items()}
    for row in csv.DictReader(text.splitlines()):
        event = {fields[heading]: value for heading, value in row.items() if value}
        parse_contact(orjson.dumps(event))


def test_the_module_writes_json_lines(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["--size", "5", "--seed", "2"]) == 0
    lines = capfdbinary.readouterr().out.splitlines()
    assert [len(lines), type(orjson.loads(lines[0]))] == [5, dict]
    assert main(["--truth"]) == 0
    assert b"double_charge" in capfdbinary.readouterr().out


def test_a_wrong_size_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--size", "huge"])
    assert left.value.code == 2
    assert "demo, company or a number" in capsys.readouterr().err
