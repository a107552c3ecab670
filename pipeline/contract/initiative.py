"""The initiative's contract: actions that somebody owns, judged before and after."""

from __future__ import annotations

from typing import Any

from pipeline.contract.decode import decode
from pipeline.contract.errors import ContractViolation, FieldError, field_error
from pipeline.contract.schema import event_schema
from pipeline.contract.values import read_time
from pipeline.domain.contact import Initiative


def parse_initiative(raw: bytes) -> Initiative:
    """The initiative in the JSON object `raw`.

    Raises OversizedEvent, MalformedEvent or ContractViolation, each with its errors.
    """
    return initiative_from(decode("initiative", raw))


def initiative_from(event: dict[str, Any]) -> Initiative:
    """The initiative of a decoded event. Raises ContractViolation.

    Whether its topics exist is the taxonomy's matter: the schema checks their form only.
    """
    event_schema("initiative").check(event)
    errors: list[FieldError] = []
    started = read_time(event, "started_at", errors)
    ended = read_time(event, "ended_at", errors) if "ended_at" in event else None
    if not errors and ended is not None and ended <= started:
        fault = "is not after started_at: give the later time, or leave it out while it runs"
        errors.append(field_error("ended_at", fault))
    if errors:
        raise ContractViolation("initiative", errors)
    return Initiative(
        initiative_id=event["initiative_id"],
        title=event["title"],
        owner=event["owner"],
        started_at=started,
        topics=tuple(event["topics"]),
        ended_at=ended,
        slice=dict(event.get("slice", {})),
        comparison=dict(event.get("comparison", {})),
        note=event.get("note", ""),
        withdrawn=event.get("withdrawn", False),
    )


def initiative_event(initiative: Initiative) -> dict[str, Any]:
    """The event that `initiative_from` reads back as `initiative`."""
    optional: dict[str, Any] = {
        "ended_at": initiative.ended_at.isoformat() if initiative.ended_at else None,
        "slice": dict(initiative.slice),
        "comparison": dict(initiative.comparison),
        "note": initiative.note,
        "withdrawn": initiative.withdrawn,
    }
    return {
        "initiative_id": initiative.initiative_id,
        "title": initiative.title,
        "owner": initiative.owner,
        "started_at": initiative.started_at.isoformat(),
        "topics": list(initiative.topics),
        **{field: value for field, value in optional.items() if value},
    }
