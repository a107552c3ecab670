"""Broken schema rules in plain words.

A subschema may carry its own words: `x-messages` maps a keyword to the predicate of the sentence,
`x-fields` to the field that the error is filed under where the rule is about several.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_TYPES = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_HARMLESS = re.compile(r"[A-Za-z][A-Za-z_-]{0,31}")
"""Values that may be echoed: one Latin word; no digits, so no telephone number and no id."""
_NAME = re.compile(r"[^\W\d][\w.-]{0,59}")


def path(parts: Sequence[str | int]) -> str:
    """The dotted path of an instance path: ["turns", 3, "text"] is "turns[3].text"."""
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{name(part)}" if text else name(part)
    return text


def name(key: str) -> str:
    """A field's name as it may be shown; "?" for one that may be data (digits first, too long)."""
    return key if _NAME.fullmatch(key) else "?"


def predicate(keyword: str, limit: Any, value: Any) -> str:
    """What is wrong with `value`, which breaks `keyword: limit`, and the way out."""
    if value is None and keyword in {"type", "enum"}:
        return f"is null: {_expected(keyword, limit)}, or leave the field out"
    if keyword == "type":
        return f"is {_kind(value)}: {_expected(keyword, limit)}{_unquote(limit, value)}"
    if keyword == "enum":
        return f"{_echo(value)}: {_expected(keyword, limit)}"
    template = _WORDS.get(keyword, "breaks the rule {keyword}: see its description in the schema")
    if keyword == "minLength" and limit == 1:
        template = "is empty: fill it in or leave it out"
    return template.format(limit=_figure(limit), keyword=keyword)


_WORDS = {
    "required": "is missing: add it",
    "additionalProperties": "is not a known field here: check its spelling or leave it out",
    "maxLength": "is longer than {limit} characters: shorten it",
    "minLength": "is shorter than {limit} characters: complete it",
    "minimum": "is too small: it must be at least {limit}",
    "maximum": "is too large: it must be at most {limit}",
    "exclusiveMinimum": "is too small: it must be more than {limit}",
    "maxItems": "has more than {limit} entries: send fewer",
    "minItems": "has fewer than {limit} entries: add some",
    "maxProperties": "has more than {limit} fields: send fewer",
    "minProperties": "has fewer than {limit} fields: add some",
    "uniqueItems": "names the same thing twice: name each once",
    "pattern": "is not in the expected form: see its description in the schema",
    "format": "is not in the expected form: see its description in the schema",
}


def _expected(keyword: str, limit: Any) -> str:
    if keyword == "enum":
        return f"use one of {', '.join(str(choice) for choice in limit)}"
    return f"it must be {' or '.join(_TYPES[kind] for kind in limit)}"


def _unquote(limit: Any, value: Any) -> str:
    numeric = {"number", "integer", "boolean"} & set(limit)
    return " (write it without quotes)" if numeric and isinstance(value, str) else ""


def _kind(value: Any) -> str:
    kinds = ((bool, "true or false"), (str, "text"), (dict, "an object"), (list, "a list"))
    return next((words for kind, words in kinds if isinstance(value, kind)), "a number")


def _echo(value: Any) -> str:
    if isinstance(value, str) and _HARMLESS.fullmatch(value):
        return f"is {value}, which is not known"
    return "has a value that is not known"


def _figure(limit: Any) -> str:
    return f"{limit:,}" if isinstance(limit, int | float) else ""
