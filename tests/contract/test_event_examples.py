"""Every example of every event schema, through two validators and our own parser."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import orjson
import pytest

from pipeline import resources
from pipeline.contract import (
    DeadLetter,
    InvalidEvent,
    build_dead_letter,
    contact_event,
    contact_from,
    event_schema,
    initiative_event,
    initiative_from,
    parse_contact,
    parse_dead_letter,
    parse_initiative,
    parse_volume,
    volume_event,
    volume_from,
)

EVENTS = resources.schemas() / "events"
PARSERS: dict[str, Callable[[bytes], object]] = {
    "contact": parse_contact,
    "volume": parse_volume,
    "initiative": parse_initiative,
    "dead_letter": parse_dead_letter,
}
FORMATS = jsonschema.FormatChecker(formats=[])


@FORMATS.checks("date-time", raises=ValueError)
def _is_time(value: object) -> bool:
    return (
        not isinstance(value, str)
        or datetime.fromisoformat(value.replace(":60", ":59")) is not None
    )


def _examples(kind: str) -> list[Any]:
    files = sorted(EVENTS.glob(f"*/{kind}/*.json"))
    return [pytest.param(path, id=f"{path.parent.parent.name}-{path.stem}") for path in files]


def _invalid(path: Path) -> tuple[dict[str, Any], Any]:
    """The example and its event, grown to the size that it asks for."""
    example = json.loads(path.read_text(encoding="utf-8"))
    event = example["event"]
    for growth in example.get("grow", ()):
        event = _grown(event, growth["at"], growth["item"], growth["times"])
    return example, event


def _grown(event: Any, at: list[str | int], item: Any, times: int) -> Any:
    if not at:
        return {**event, **{f"k{n}": item for n in range(times)}}
    *parents, last = at
    node = event
    for part in parents:
        node = node[part]
    current = node.get(last) if isinstance(node, dict) else node[last]
    if isinstance(current, dict):
        node[last] = {f"k{n}": item for n in range(times)}
    elif isinstance(current, list):
        node[last] = [item] * times
    else:
        node[last] = item * times
    return event


def _second_opinion(event: str) -> jsonschema.Draft202012Validator:
    document = event_schema(event).document
    return jsonschema.Draft202012Validator(document, format_checker=FORMATS)


@pytest.mark.parametrize("path", _examples("valid"))
def test_valid_example_is_accepted_by_both_validators_and_the_parser(path: Path) -> None:
    event = path.parent.parent.name
    instance = json.loads(path.read_bytes())
    _second_opinion(event).validate(instance)
    assert event_schema(event).errors(instance) == []
    PARSERS[event](path.read_bytes())


@pytest.mark.parametrize("path", _examples("invalid"))
def test_invalid_example_is_refused_and_the_error_names_the_field(path: Path) -> None:
    event = path.parent.parent.name
    example, instance = _invalid(path)
    with pytest.raises(InvalidEvent) as refused:
        PARSERS[event](orjson.dumps(instance))
    errors = refused.value.errors
    assert example["field"] in [error.field for error in errors]
    assert all(error.message.startswith(error.field or "the event") for error in errors)
    assert all(": " in error.message for error in errors), (
        "a message says the way out after a colon"
    )


@pytest.mark.parametrize("path", _examples("invalid"))
def test_both_validators_agree_on_invalid_examples(path: Path) -> None:
    event = path.parent.parent.name
    _, instance = _invalid(path)
    ours = event_schema(event).errors(instance) == []
    assert _second_opinion(event).is_valid(instance) == ours


@pytest.mark.parametrize("event", PARSERS)
def test_schema_satisfies_its_meta_schema(event: str) -> None:
    jsonschema.Draft202012Validator.check_schema(event_schema(event).document)


@pytest.mark.parametrize("event", PARSERS)
def test_every_rule_of_the_schema_is_broken_by_an_invalid_example(event: str) -> None:
    document = event_schema(event).document
    validator = jsonschema_rs.Draft202012Validator(document, validate_formats=True)
    broken: set[tuple[str | int, ...]] = set()
    for path in sorted((EVENTS / event / "invalid").glob("*.json")):
        for error in validator.iter_errors(_invalid(path)[1]):
            broken |= _hits(error)
    assert set(_rules(document, ())) - broken == set()


@pytest.mark.parametrize("event", PARSERS)
def test_every_field_is_described(event: str) -> None:
    document = event_schema(event).document
    assert document["title"]
    assert document["$id"] == f"urn:voc:event:{event}:v1"
    assert [where for where, field in _fields(document, "") if not field.get("description")] == []


@pytest.mark.parametrize("path", _examples("valid"))
def test_valid_example_survives_writing_and_reading_again(path: Path) -> None:
    event = path.parent.parent.name
    instance = json.loads(path.read_bytes())
    if event == "contact":
        contact = contact_from(instance)
        assert contact_from(contact_event(contact)) == contact
    elif event == "volume":
        volume = volume_from(instance)
        assert volume_from(volume_event(volume)) == volume
    elif event == "initiative":
        initiative = initiative_from(instance)
        assert initiative_from(initiative_event(initiative)) == initiative
    else:
        letter = parse_dead_letter(path.read_bytes())
        again = parse_dead_letter(_rebuilt(letter))
        assert replace(again, dead_id=letter.dead_id) == letter
        assert orjson.loads(_rebuilt(letter)).items() >= _known(instance).items()


def _rebuilt(letter: DeadLetter) -> bytes:
    return build_dead_letter(
        reason_code=letter.reason_code,
        reason=letter.reason,
        stage=letter.stage,
        source=letter.source,
        timestamp=letter.timestamp,
        key=letter.key,
        payload=letter.payload,
        failed_at=letter.failed_at,
        version=letter.version,
        attempt=letter.attempt,
        errors=letter.errors,
    )


def _known(instance: dict[str, Any]) -> dict[str, Any]:
    """What a rebuilt letter must hold unchanged; ids are derived and times are written in UTC."""
    kept = ("reason_code", "reason", "errors", "source", "payload_base64", "attempt", "stage")
    return {field: instance[field] for field in kept}


_ASSERTIONS = frozenset(
    {"type", "enum", "pattern", "format", "minLength", "maxLength", "minimum", "maximum"}
    | {"minItems", "maxItems", "maxProperties", "uniqueItems", "anyOf", "not"}
)
_WITHOUT_RULES = frozenset(
    {"$schema", "$id", "$ref", "title", "description", "contentEncoding", "x-messages", "x-fields"}
)


def _rules(schema: Any, where: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    """Every assertion of the schema as the path of its keyword, `required` once per field."""
    for keyword, value in schema.items():
        here = (*where, keyword)
        if keyword == "required":
            yield from ((*here, field) for field in value)
        elif keyword in {"properties", "$defs"}:
            for name, inner in value.items():
                yield from _rules(inner, (*here, name))
        elif keyword in {"items", "propertyNames", "additionalProperties"} and value is not False:
            yield from _rules(value, here)
        elif keyword in _ASSERTIONS or keyword == "additionalProperties":
            yield here
        else:
            assert keyword in _WITHOUT_RULES, f"{here}: does this keyword need an invalid example?"


def _hits(error: Any) -> set[tuple[str | int, ...]]:
    path = tuple(error.schema_path)
    return {(*path, error.kind.property)} if path[-1] == "required" else {path}


def _fields(schema: Any, where: str) -> Iterator[tuple[str, Any]]:
    """Every field and item of the schema with its subschema."""
    for name, inner in schema.get("properties", {}).items():
        yield f"{where}.{name}", inner
        yield from _fields(inner, f"{where}.{name}")
    for keyword in ("items", "additionalProperties"):
        if isinstance(inner := schema.get(keyword), dict):
            yield f"{where}.{keyword}", inner
            yield from _fields(inner, f"{where}.{keyword}")
    for name, inner in schema.get("$defs", {}).items():
        yield from _fields(inner, f"{where}.{name}")
