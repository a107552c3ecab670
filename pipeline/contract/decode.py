"""Bytes to a JSON object, within the size that an event may have."""

from __future__ import annotations

from typing import Any

import orjson

from pipeline.contract.errors import FieldError, MalformedEvent, OversizedEvent, field_error

MAX_EVENT_BYTES = 262_144
"""256 KiB: a quarter of Kafka's default message limit, so a dead letter of it still fits."""


def decode(event: str, raw: bytes, *, limit: int = MAX_EVENT_BYTES) -> dict[str, Any]:
    """The JSON object in `raw`; `event` names the contract in errors.

    Raises OversizedEvent above `limit` bytes and MalformedEvent where `raw` is not one JSON object
    in UTF-8 without a byte order mark.
    """
    if len(raw) > limit:
        raise OversizedEvent(event, [_too_large(len(raw), limit)])
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise MalformedEvent(event, [field_error("", _where(error))]) from error
    if not isinstance(value, dict):
        raise MalformedEvent(event, [field_error("", "is not a JSON object: wrap it in { }")])
    return value


def _too_large(size: int, limit: int) -> FieldError:
    way_out = "shorten its text or send fewer turns and attributes"
    return field_error("", f"has {size:,} bytes, at most {limit:,} are allowed: {way_out}")


def _where(error: orjson.JSONDecodeError) -> str:
    place = f"line {error.lineno}, column {error.colno}"
    return f"is not JSON in UTF-8 ({error.msg}, {place}): send one JSON object"
