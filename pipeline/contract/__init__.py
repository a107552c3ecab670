"""The event contracts: JSON Schemas in schemas/events and the rules that a schema cannot say.

Raw bytes come in, domain types go out; what does not fit is refused with errors that name the
field and the way out.  Imports no Kafka, Faust or ClickHouse.
"""

from __future__ import annotations

from pipeline.contract.contact import (
    contact_event,
    contact_from,
    default_scales,
    parse_contact,
    validate_contact,
)
from pipeline.contract.dead_letter import (
    DeadLetter,
    Reason,
    Stage,
    build_dead_letter,
    parse_dead_letter,
)
from pipeline.contract.decode import MAX_EVENT_BYTES
from pipeline.contract.errors import (
    ContractViolation,
    FieldError,
    InvalidEvent,
    MalformedEvent,
    OversizedEvent,
)
from pipeline.contract.initiative import initiative_event, initiative_from, parse_initiative
from pipeline.contract.schema import EventSchema, event_schema
from pipeline.contract.volume import parse_volume, volume_event, volume_from

__all__ = [
    "MAX_EVENT_BYTES",
    "ContractViolation",
    "DeadLetter",
    "EventSchema",
    "FieldError",
    "InvalidEvent",
    "MalformedEvent",
    "OversizedEvent",
    "Reason",
    "Stage",
    "build_dead_letter",
    "contact_event",
    "contact_from",
    "default_scales",
    "event_schema",
    "initiative_event",
    "initiative_from",
    "parse_contact",
    "parse_dead_letter",
    "parse_initiative",
    "parse_volume",
    "validate_contact",
    "volume_event",
    "volume_from",
]
