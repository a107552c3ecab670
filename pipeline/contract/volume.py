"""The volume's contract: the business counts that contact rates are divided by."""

from __future__ import annotations

from typing import Any

from pipeline.contract.decode import decode
from pipeline.contract.errors import ContractViolation, FieldError, field_error
from pipeline.contract.schema import event_schema
from pipeline.contract.values import read_time
from pipeline.domain.contact import Volume

_SLICE = ("product", "region", "site", "channel")


def parse_volume(raw: bytes) -> Volume:
    """The volume in the JSON object `raw`.

    Raises OversizedEvent, MalformedEvent or ContractViolation, each with its errors.
    """
    return volume_from(decode("volume", raw))


def volume_from(event: dict[str, Any]) -> Volume:
    """The volume of a decoded event. Raises ContractViolation."""
    event_schema("volume").check(event)
    errors: list[FieldError] = []
    start = read_time(event, "period_start", errors)
    end = read_time(event, "period_end", errors)
    if not errors and end <= start:
        errors.append(field_error("period_end", "is not after period_start: give the later time"))
    if errors:
        raise ContractViolation("volume", errors)
    return Volume(
        name=event["name"],
        period_start=start,
        period_end=end,
        value=float(event["value"]),
        **{field: event.get(field, "") for field in _SLICE},
    )


def volume_event(volume: Volume) -> dict[str, Any]:
    """The event that `volume_from` reads back as `volume`."""
    dimensions = {field: getattr(volume, field) for field in _SLICE if getattr(volume, field)}
    return {
        "name": volume.name,
        "period_start": volume.period_start.isoformat(),
        "period_end": volume.period_end.isoformat(),
        "value": volume.value,
        **dimensions,
    }
