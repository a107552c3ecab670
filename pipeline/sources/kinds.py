"""The events that can be loaded: how each is checked and keyed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from pipeline.contract import event_schema, parse_contact, parse_initiative, parse_volume
from pipeline.domain.keys import contact_key, initiative_key, volume_key

_KINDS_OF_TYPE = {"number": "number", "integer": "number", "boolean": "boolean", "array": "list"}


@dataclass(frozen=True, slots=True)
class Kind:
    """An event that can be loaded.

    `event` names the contract, `topic` the field of settings.Topics. `check` raises InvalidEvent,
    else it returns the Kafka key; times are checked against its second argument.
    """

    event: str
    topic: str
    check: Callable[[bytes, datetime], bytes]

    def fields(self) -> dict[str, str]:
        """Dotted field -> text, number, boolean, list, time, map (an object with free names)."""
        document = event_schema(self.event).document
        return dict(_fields(document, document, ""))


def _fields(
    schema: Mapping[str, object], document: Mapping[str, object], prefix: str
) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    properties = schema.get("properties", {})
    assert isinstance(properties, Mapping)
    for name, given in properties.items():
        path = f"{prefix}{name}"
        reference = given.get("$ref", "")
        resolved = _definition(document, reference) if reference else given
        if resolved.get("type") == "object" and "properties" in resolved:
            found += _fields(resolved, document, f"{path}.")
        elif resolved.get("type") == "object":
            found.append((path, "map"))
        elif resolved.get("format") == "date-time":
            found.append((path, "time"))
        else:
            found.append((path, _KINDS_OF_TYPE.get(str(resolved.get("type", "")), "text")))
    return found


def _definition(document: Mapping[str, object], reference: str) -> Mapping[str, object]:
    node: object = document
    for part in reference.removeprefix("#/").split("/"):
        assert isinstance(node, Mapping)
        node = node[part]
    assert isinstance(node, Mapping)
    return node


def _contact(raw: bytes, now: datetime) -> bytes:
    return contact_key(parse_contact(raw, now=now))


def _volume(raw: bytes, now: datetime) -> bytes:
    del now
    return volume_key(parse_volume(raw))


def _initiative(raw: bytes, now: datetime) -> bytes:
    del now
    return initiative_key(parse_initiative(raw))


KINDS = {
    "contacts": Kind("contact", "contacts", _contact),
    "volumes": Kind("volume", "volumes", _volume),
    "initiatives": Kind("initiative", "initiatives", _initiative),
}
