"""The items of a request: decoded, validated, and what became of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import orjson

from pipeline.contract import (
    MAX_EVENT_BYTES,
    FieldError,
    InvalidEvent,
    OversizedEvent,
    contact_from,
    initiative_from,
    volume_from,
)
from pipeline.domain.keys import contact_key, initiative_key, volume_key

Status = Literal["accepted", "rejected", "failed"]


@dataclass(slots=True)
class Item:
    """One event of a request; `value` is None once it is known that it will not be sent."""

    index: int
    name: str | None
    status: Status = "rejected"
    errors: Sequence[FieldError] = ()
    key: bytes = b""
    value: bytes | None = None
    retryable: bool = False

    def fail(self, message: str, *, retryable: bool) -> None:
        """Kafka does not have it, or nobody knows."""
        self.status, self.retryable = "failed", retryable
        self.errors = (FieldError("", message),)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a route takes: `event` names the contract, `name` the field that an answer repeats.

    `key` validates and gives the event's Kafka key, by which all events that replace or repeat one
    another share a partition and so keep their order.  It raises InvalidEvent.
    """

    event: str
    plural: str
    name: str
    key: Callable[[dict[str, Any], datetime], bytes]


def _contact_key(event: dict[str, Any], now: datetime) -> bytes:
    return contact_key(contact_from(event, now=now))


def _volume_key(event: dict[str, Any], _now: datetime) -> bytes:
    return volume_key(volume_from(event))


def _initiative_key(event: dict[str, Any], _now: datetime) -> bytes:
    return initiative_key(initiative_from(event))


CONTACTS = Kind("contact", "contacts", "contact_id", _contact_key)
VOLUMES = Kind("volume", "volumes", "name", _volume_key)
INITIATIVES = Kind("initiative", "initiatives", "initiative_id", _initiative_key)
KINDS = (CONTACTS, VOLUMES, INITIATIVES)


def examine(kind: Kind, parts: Sequence[Any], now: datetime) -> list[Item]:
    """One item per part, valid ones with key and value; a part may be a FieldError already."""
    return [_examine(kind, index, part, now) for index, part in enumerate(parts)]


def _examine(kind: Kind, index: int, part: Any, now: datetime) -> Item:
    if isinstance(part, FieldError):
        return Item(index, None, errors=(part,))
    if not isinstance(part, dict):
        return Item(index, None, errors=(FieldError("", "the item is not a JSON object"),))
    item = Item(index, _name(part.get(kind.name)))
    try:
        item.key = kind.key(part, now)
        item.value = _value(kind, part)
    except InvalidEvent as invalid:
        item.errors = invalid.errors
    return item


def _value(kind: Kind, event: dict[str, Any]) -> bytes:
    value = orjson.dumps(event)
    if len(value) > MAX_EVENT_BYTES:
        way_out = "shorten its text or send fewer turns and attributes"
        fault = f"the event has {len(value):,} bytes, at most {MAX_EVENT_BYTES:,} are allowed"
        raise OversizedEvent(kind.event, [FieldError("", f"{fault}: {way_out}")])
    return value


def _name(value: Any) -> str | None:
    return value if isinstance(value, str) and len(value) <= 200 else None
