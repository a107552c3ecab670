"""The dead letter's contract: an event that could not be processed, kept with its reason."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import orjson

from pipeline.contract.decode import decode
from pipeline.contract.errors import ContractViolation, FieldError
from pipeline.contract.schema import event_schema
from pipeline.contract.values import EPOCH, FaultError, instant, read
from pipeline.domain.block import Source

MAX_PAYLOAD_BYTES = 10_485_760
"""10 MiB: more than any broker of ours accepts, so every consumed record fits."""
MAX_LETTER_BYTES = 29_360_128
"""28 MiB: a payload and a key of 10 MiB each in Base64, and the rest of the letter."""
_MAX_ERRORS = 20
_MAX_FIELD = 500
_MAX_TEXT = 2000


class Reason(StrEnum):
    """Why the event could not be processed."""

    MALFORMED_JSON = "malformed_json"
    CONTRACT = "contract"
    TOO_LARGE = "too_large"
    ANALYSIS = "analysis"
    WAREHOUSE = "warehouse"
    OTHER = "other"


class Stage(StrEnum):
    """Where in the worker it failed."""

    DECODE = "decode"
    CONTRACT = "contract"
    ANALYSIS = "analysis"
    INSERT = "insert"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A parsed dead letter (schemas/events/dead_letter/v1.json).

    `source`, `timestamp` (to the millisecond), `key` and `payload` are the failed record's, with
    None for a key or value that it had not; `version` is the software's; `attempt` counts from 1
    and grows with every replay.
    """

    dead_id: str
    reason_code: Reason
    reason: str
    errors: tuple[FieldError, ...]
    source: Source
    timestamp: datetime
    key: bytes | None
    payload: bytes | None
    failed_at: datetime
    version: str
    attempt: int
    stage: Stage


def dead_id(source: Source, timestamp: datetime, attempt: int) -> str:
    """The id of a dead letter: the same whenever the same attempt at the same record fails.

    The timestamp tells apart records of a topic that was deleted and created again.
    """
    record = f"{source.topic}:{source.partition}:{source.offset}:{_milliseconds(timestamp)}"
    return hashlib.sha256(f"{record}:{attempt}".encode()).hexdigest()[:32]


def build_dead_letter(
    *,
    source: Source,
    timestamp: datetime,
    key: bytes | None,
    payload: bytes | None,
    reason_code: str,
    reason: str,
    stage: str,
    failed_at: datetime,
    version: str,
    attempt: int = 1,
    errors: Sequence[tuple[str, str]] = (),
) -> bytes:
    """The JSON event of a failed record; `errors` are (field, message) pairs.

    `reason` and `errors` beyond their limits are cut rather than refused: a dead letter that
    cannot be built stops the worker. Raises ContractViolation where the caller is at fault
    (unknown reason code or stage, attempt below 1, negative offset).
    """
    event = {
        "dead_id": dead_id(source, timestamp, attempt),
        "reason_code": reason_code,
        "reason": _cut(reason, _MAX_TEXT) or reason_code,
        "errors": [
            {"field": _cut(field, _MAX_FIELD), "message": _cut(message, _MAX_TEXT)}
            for field, message in errors[:_MAX_ERRORS]
        ],
        "source": {
            "topic": source.topic,
            "partition": source.partition,
            "offset": source.offset,
            "timestamp": _milliseconds(timestamp),
            "key_base64": _encoded(key),
        },
        "payload_base64": _encoded(payload),
        "failed_at": failed_at.astimezone(UTC).isoformat(),
        "version": version,
        "attempt": attempt,
        "stage": stage,
    }
    event_schema("dead_letter").check(event)
    return orjson.dumps(event)


def parse_dead_letter(raw: bytes) -> DeadLetter:
    """The dead letter in the JSON object `raw`.

    Raises OversizedEvent, MalformedEvent or ContractViolation, each with its errors.
    """
    event = decode("dead_letter", raw, limit=MAX_LETTER_BYTES)
    event_schema("dead_letter").check(event)
    faults: list[FieldError] = []
    failed_at = read(event, "failed_at", faults, parse=instant, default=EPOCH)
    payload = read(event, "payload_base64", faults, parse=_decoded, default=None)
    place = event["source"]
    key = read(place, "key_base64", faults, parse=_decoded, default=None, prefix="source.")
    if faults:
        raise ContractViolation("dead_letter", faults)
    return DeadLetter(
        dead_id=event["dead_id"],
        reason_code=Reason(event["reason_code"]),
        reason=event["reason"],
        errors=tuple(FieldError(each["field"], each["message"]) for each in event["errors"]),
        source=Source(place["topic"], int(place["partition"]), int(place["offset"])),
        timestamp=EPOCH + timedelta(milliseconds=int(place["timestamp"])),
        key=key,
        payload=payload,
        failed_at=failed_at,
        version=event["version"],
        attempt=int(event["attempt"]),
        stage=Stage(event["stage"]),
    )


def _milliseconds(at: datetime) -> int:
    """Kafka's unit; exact, where a float of seconds would be off by one."""
    return (at - EPOCH) // timedelta(milliseconds=1)


def _encoded(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode("ascii")


def _decoded(value: str | None) -> bytes | None:
    try:
        return None if value is None else base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise FaultError("is not Base64: encode the original bytes again") from error


def _cut(text: str, limit: int) -> str:
    """At most `limit` characters, without lone surrogates, which JSON in UTF-8 cannot hold."""
    return text[:limit].encode("utf-8", "replace").decode("utf-8")
