"""The contact's contract: bytes to `Contact` and back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from pipeline import resources
from pipeline.contract import words
from pipeline.contract.decode import decode
from pipeline.contract.errors import ContractViolation, FieldError, InvalidEvent, field_error
from pipeline.contract.schema import event_schema
from pipeline.contract.values import FaultError, read_time, text_of
from pipeline.domain.contact import Channel, Contact, Handling, Language, Rating, Speaker, Turn
from pipeline.domain.scales import Scales

MAX_ATTRIBUTES = 50
MAX_ATTRIBUTE_CHARS = 1000
MAX_AHEAD = timedelta(days=1)
"""Sources that write local time as UTC are up to 14 hours ahead; more is a wrong clock."""

_TEXTS = frozenset(
    {"text", "customer_id", "customer_tier", "product", "version", "region", "site", "team"}
    | {"agent_id", "campaign", "order_id", "reply_to"}
)
_AMOUNTS = ("customer_value", "order_value")
_KNOWN = _TEXTS.union(
    {"contact_id", "occurred_at", "channel", "turns", "language", "ratings", "handling"},
    {"attributes", *_AMOUNTS},
)
_SPEAKERS = {speaker.value: speaker for speaker in Speaker}
_CHANNELS = {channel.value: channel for channel in Channel}


@cache
def default_scales() -> Scales:
    """The scales of schemas/scales.yaml, read once."""
    return Scales.load(resources.schemas() / "scales.yaml")


def parse_contact(
    raw: bytes, *, now: datetime | None = None, scales: Scales | None = None
) -> Contact:
    """The contact in the JSON object `raw` (UTF-8).

    Contacts more than a day after `now` are refused, if it is given; `scales` default to the
    product's. Raises OversizedEvent, MalformedEvent or ContractViolation, each with its errors.
    """
    return contact_from(decode("contact", raw), now=now, scales=scales)


def validate_contact(
    event: dict[str, Any], *, now: datetime | None = None, scales: Scales | None = None
) -> list[FieldError]:
    """What is wrong with the decoded event; empty if it is a valid contact."""
    try:
        contact_from(event, now=now, scales=scales)
    except InvalidEvent as invalid:
        return list(invalid.errors)
    return []


def contact_from(
    event: dict[str, Any], *, now: datetime | None = None, scales: Scales | None = None
) -> Contact:
    """The contact of a decoded event; `event` is not changed. Raises ContractViolation."""
    event_schema("contact").check(event)
    errors: list[FieldError] = []
    contact = _build(event, errors, now, scales or default_scales())
    if errors:
        raise ContractViolation("contact", errors)
    return contact


def contact_event(contact: Contact) -> dict[str, Any]:
    """The event that `contact_from` reads back as `contact`; absent and empty fields left out."""
    event: dict[str, Any] = {
        "contact_id": contact.contact_id,
        "occurred_at": contact.occurred_at.isoformat(),
        "channel": contact.channel.value,
        **{field: getattr(contact, field) for field in sorted(_TEXTS)},
        **{field: getattr(contact, field) for field in _AMOUNTS},
        "turns": [{"speaker": turn.speaker.value, "text": turn.text} for turn in contact.turns],
        "language": contact.language.value if contact.language else None,
        "ratings": [_rating_event(rating) for rating in contact.ratings],
        "handling": _handling_event(contact.handling),
        "attributes": dict(contact.attributes),
    }
    return {field: value for field, value in event.items() if not _absent(value)}


def _build(
    event: dict[str, Any], errors: list[FieldError], now: datetime | None, scales: Scales
) -> Contact:
    texts = {field: event[field] for field in _TEXTS & event.keys()}
    language = event.get("language")
    occurred_at = read_time(event, "occurred_at", errors)
    if now is not None and occurred_at > now + MAX_AHEAD:
        fault = "is more than a day in the future: check the source's clock and zone"
        errors.append(field_error("occurred_at", fault))
    return Contact(
        contact_id=event["contact_id"],
        occurred_at=occurred_at,
        channel=_CHANNELS[event["channel"]],
        turns=tuple(Turn(_SPEAKERS[t["speaker"]], t["text"]) for t in event.get("turns", ())),
        language=Language(language) if language else None,
        customer_value=_number(event.get("customer_value")),
        order_value=_number(event.get("order_value")),
        ratings=_ratings(event.get("ratings", ()), errors, scales),
        handling=_handling(event["handling"]) if "handling" in event else Handling(),
        attributes=_attributes(event, errors),
        **texts,
    )


def _ratings(
    entries: list[dict[str, Any]], errors: list[FieldError], scales: Scales
) -> tuple[Rating, ...]:
    ratings = []
    for index, entry in enumerate(entries):
        value, scale = float(entry["value"]), entry["scale"]
        if fault := _rating_fault(scales, scale, value):
            errors.append(field_error(f"ratings[{index}].{fault[0]}", fault[1]))
        ratings.append(Rating(entry["kind"], value, scale, entry.get("dimension", "")))
    return tuple(ratings)


def _rating_fault(scales: Scales, scale_id: str, value: float) -> tuple[str, str] | None:
    scale = scales.get(scale_id)
    if scale is None:
        return "scale", f"is not in scales.yaml: use one of {', '.join(scales)}"
    if value in scale:
        return None
    keys = ", ".join(f"{key:g}" for key in scale.keys)
    return "value", f"is not a key of {scale_id}: use one of {keys}, or name another scale"


def _handling(entry: dict[str, Any]) -> Handling:
    transfers = entry.get("transfers")
    return Handling(
        wait_seconds=_number(entry.get("wait_seconds")),
        duration_seconds=_number(entry.get("duration_seconds")),
        transfers=None if transfers is None else int(transfers),
        resolved=entry.get("resolved"),
        recovery=tuple(entry.get("recovery", ())),
    )


def _attributes(event: dict[str, Any], errors: list[FieldError]) -> Mapping[str, str]:
    attributes: dict[str, str] = {}
    for key, value in event.get("attributes", {}).items():
        if fault := _keep(attributes, key, value):
            errors.append(field_error(words.path(["attributes", key]), fault))
    # In the event's order: a replay in another process must build the identical row.
    for key, value in event.items():
        if key in _KNOWN or value is None:
            continue
        if fault := _keep(attributes, key, value):
            errors.append(field_error(words.name(key), fault))
    if len(attributes) > MAX_ATTRIBUTES:
        fault = f"and the event's unknown fields are {len(attributes)} together: send at most 50"
        errors.append(field_error("attributes", fault))
    return attributes


def _keep(attributes: dict[str, str], key: str, value: Any) -> str:
    """Moves an unknown field into `attributes`; returns what is wrong with it, "" if nothing is."""
    try:
        text = text_of(value)
    except FaultError as fault:
        return str(fault)
    if key in attributes:
        return "is given twice, as a field and in attributes: give it once"
    if len(text) > MAX_ATTRIBUTE_CHARS:
        return (
            f"is an unknown field of {len(text):,} characters, at most 1,000 are kept: shorten it"
        )
    attributes[key] = text
    return ""


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


def _absent(value: object) -> bool:
    return value is None or value in ("", [], {}, ())


def _rating_event(rating: Rating) -> dict[str, Any]:
    event = {"kind": rating.kind, "value": rating.value, "scale": rating.scale}
    return {**event, "dimension": rating.dimension} if rating.dimension else event


def _handling_event(handling: Handling) -> dict[str, Any]:
    event = {field: getattr(handling, field) for field in Handling.__slots__}
    event["recovery"] = list(handling.recovery)
    return {field: value for field, value in event.items() if not _absent(value)}
