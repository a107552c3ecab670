"""Values of events that need more than a schema: times, and attributes kept as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson

from pipeline.contract.errors import FieldError, field_error

FIRST_YEAR = 2000
LAST_YEAR = 2100
"""Years outside are clock and parsing faults (1970, 9999); the warehouse's times end in 2299."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_UNLIKELY = "is not between the years 2000 and 2100: check the source's clock and zone"

T = TypeVar("T")


class FaultError(Exception):
    """A value breaks a rule that the schema cannot say; carries the sentence's predicate."""


def instant(text: str) -> datetime:
    """The RFC 3339 time in UTC, microseconds; further digits are cut off.

    Raises FaultError for leap seconds and for years 1 and 9999 that UTC would leave.
    """
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError as error:  # 23:59:60 is RFC 3339, but no time of Python or ClickHouse
        raise FaultError("is a leap second or not a time: write second 59") from error
    except OverflowError as error:
        raise FaultError(_UNLIKELY) from error


def event_time(text: str) -> datetime:
    """`instant`, between the years 2000 and 2100. Raises FaultError."""
    value = instant(text)
    if not FIRST_YEAR <= value.year < LAST_YEAR:
        raise FaultError(_UNLIKELY)
    return value


def read(
    event: Mapping[str, Any],
    field: str,
    errors: list[FieldError],
    *,
    parse: Callable[[Any], T],
    default: T,
    prefix: str = "",
) -> T:
    """`parse` of the field's value; a FaultError is appended to `errors` and `default` returned."""
    try:
        return parse(event[field])
    except FaultError as fault:
        errors.append(field_error(f"{prefix}{field}", str(fault)))
        return default


def read_time(event: Mapping[str, Any], field: str, errors: list[FieldError]) -> datetime:
    """`event_time` of the field, or 1970 and one more entry in `errors`."""
    return read(event, field, errors, parse=event_time, default=EPOCH)


def text_of(value: Any) -> str:
    """The value as an attribute keeps it: text as it is, everything else as its JSON text.

    Raises FaultError if it is nested deeper than JSON is written here (254 levels).
    """
    if isinstance(value, str):
        return value
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError as error:
        raise FaultError("is nested too deeply or not JSON: flatten it") from error
