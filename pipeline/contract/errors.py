"""Why an event was refused, field by field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from pipeline.errors import ContractError

_SHOWN = 3


class FieldError(NamedTuple):
    """One broken rule: a (field, message) pair.

    `field` is the dotted path with list positions from 0 (`ratings[2].value`), "" for the event as
    a whole. `message` is a sentence that names the field and the way out. It never holds a text
    or an identifier of the event: messages reach logs and answers.
    """

    field: str
    message: str


def field_error(field: str, predicate: str) -> FieldError:
    """The error whose sentence is `field` followed by `predicate`."""
    return FieldError(field, f"{field or 'the event'} {predicate}")


class InvalidEvent(ContractError):
    """An event does not fit its contract.

    `reason_code` is the dead letter's; `errors` holds at least one entry.
    """

    reason_code: ClassVar[str] = "contract"

    def __init__(self, event: str, errors: Sequence[FieldError]) -> None:
        self.event = event
        self.errors: tuple[FieldError, ...] = tuple(errors)
        super().__init__(
            f"{event} refused: {_summary(self.errors)}",
            fix=f"Correct the event and send it again; its fields: schemas/events/{event}/v1.json.",
        )


class ContractViolation(InvalidEvent):
    """The event is JSON, but a field is missing, has the wrong type or breaks a rule."""


class MalformedEvent(InvalidEvent):
    """The bytes are not one JSON object in UTF-8."""

    reason_code = "malformed_json"


class OversizedEvent(InvalidEvent):
    """The event has more bytes than an event may have."""

    reason_code = "too_large"


def _summary(errors: Sequence[FieldError]) -> str:
    shown = "; ".join(error.message for error in errors[:_SHOWN])
    rest = len(errors) - _SHOWN
    return f"{shown}; and {rest} more" if rest > 0 else shown
