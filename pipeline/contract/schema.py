"""A compiled event schema and its errors in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import jsonschema_rs
import orjson

from pipeline import resources
from pipeline.contract import words
from pipeline.contract.errors import ContractViolation, FieldError, field_error
from pipeline.errors import ContractError

DRAFT = "https://json-schema.org/draft/2020-12/schema"

_MAX_ERRORS = 20
"""An event of 500 broken turns reports its first 20 errors: more help nobody."""


class EventSchema:
    """One version of one event's schema, compiled once; thread-safe.

    `document` is the schema itself. Formats are enforced.
    """

    def __init__(self, event: str, document: dict[str, Any]) -> None:
        self.event = event
        self.document = document
        self._validator = _compile(document)

    def check(self, instance: Any) -> None:
        """Raises ContractViolation with up to 20 errors if `instance` breaks the schema."""
        if errors := self.errors(instance):
            raise ContractViolation(self.event, errors)

    def errors(self, instance: Any) -> list[FieldError]:
        """The first 20 broken rules; empty if `instance` is valid."""
        try:
            if self._validator.is_valid(instance):
                return []
            return self._described(instance)
        except ValueError:
            # jsonschema-rs raises it at 255 levels, and for keys of a dict that are not text.
            return [field_error("", "is nested too deeply or has keys that are not text: flatten")]

    def _described(self, instance: Any) -> list[FieldError]:
        found: dict[FieldError, None] = {}
        for broken in self._validator.iter_errors(instance):
            found.update(dict.fromkeys(self._describe(broken)))
            if len(found) >= _MAX_ERRORS:
                break
        return list(found)[:_MAX_ERRORS]

    def _describe(self, broken: Any) -> Iterator[FieldError]:
        *location, keyword = broken.schema_path
        rules = self._subschema(location)
        own = rules.get("x-messages", {}).get(keyword)
        text = own or words.predicate(keyword, _limit(broken.kind), broken.instance)
        filed = rules.get("x-fields", {}).get(keyword)
        at = [*broken.instance_path, *([filed] if filed else [])]
        if keyword == "required":
            yield field_error(words.path([*at, broken.kind.property]), text)
        elif keyword == "additionalProperties":
            for unknown in broken.kind.unexpected:
                yield field_error(words.path([*at, unknown]), text)
        else:
            yield field_error(words.path(at), text)

    def _subschema(self, location: list[str | int]) -> Mapping[str, Any]:
        node: Any = self.document
        for part in location:
            node = node[part]
        return node if isinstance(node, Mapping) else {}


def _limit(kind: Any) -> Any:
    """The limit that was broken: of `propertyNames`, the limit inside it."""
    return kind.value.kind.value if kind.name == "propertyNames" else kind.value


@cache
def event_schema(event: str, version: int = 1) -> EventSchema:
    """The schema that the product ships for `event` (contact, volume, initiative, dead_letter)."""
    return EventSchema(
        event, load_document(resources.schemas() / "events" / event / f"v{version}.json")
    )


def load_document(path: Path) -> dict[str, Any]:
    """The JSON Schema in the file at `path`.

    Raises ContractError where the file cannot be read or is not a schema of draft 2020-12.
    """
    try:
        document = orjson.loads(path.read_bytes())
    except OSError as error:
        raise ContractError(
            f"{path} cannot be read: {error.strerror}", fix="Check the path and its rights."
        ) from error
    except orjson.JSONDecodeError as error:
        raise ContractError(f"{path} is not JSON: {error}", fix="Correct that place.") from error
    if not isinstance(document, dict) or document.get("$schema", DRAFT) != DRAFT:
        raise ContractError(f"{path} is not a JSON Schema of {DRAFT}", fix="Give such a file.")
    try:
        _compile(document)
    except jsonschema_rs.ValidationError as error:
        raise ContractError(
            f"{path} is not a valid JSON Schema: {error.message}",
            fix=f"Correct it; its rules are those of {DRAFT}.",
        ) from error
    return document


def _compile(document: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    """Formats are enforced; references may not leave the document, so nothing is fetched."""
    return jsonschema_rs.Draft202012Validator(
        document, validate_formats=True, retriever=_refuse_remote
    )


def _refuse_remote(uri: str) -> NoReturn:
    raise LookupError(f"{uri} is outside the schema")
