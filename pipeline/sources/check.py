"""Records checked against their contract: what can be sent, and what is wrong with the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from pipeline.contract import (
    MAX_EVENT_BYTES,
    FieldError,
    InvalidEvent,
    MalformedEvent,
    OversizedEvent,
)
from pipeline.sources import encoding as encodings
from pipeline.sources.kinds import Kind
from pipeline.sources.opening import Source
from pipeline.sources.records import Record, Table, csv_records, format_of, json_records
from pipeline.sources.shape import Shaper, Shaping, encode


@dataclass(frozen=True, slots=True)
class Options:
    """How to read a source. `first_line` skips the records that start before it."""

    format: str = "auto"
    encoding: str = "utf-8"
    table: Table = field(default_factory=Table)
    shaping: Shaping = field(default_factory=Shaping)
    first_line: int = 1


@dataclass(frozen=True, slots=True)
class Checked:
    """A record with its event and key, or with its errors."""

    line: int
    raw: bytes
    event: bytes = b""
    key: bytes = b""
    errors: tuple[FieldError, ...] = ()


def check(source: Source, kind: Kind, options: Options, now: datetime) -> Iterator[Checked]:
    """The records of `source`, each checked; contacts more than a day after `now` have errors.

    Raises SourceError where the source cannot be read as what it should be.
    """
    shaper = Shaper(kind, options.shaping)
    for record in _records(source, options, shaper):
        if record.line < options.first_line:
            continue
        try:
            event = _event(record, kind, shaper, options.shaping)
            yield Checked(record.line, record.raw, event, kind.check(event, now))
        except InvalidEvent as invalid:
            yield Checked(record.line, record.raw, errors=invalid.errors)


def _records(source: Source, options: Options, shaper: Shaper) -> Iterator[Record]:
    sample = source.sample()
    if not sample:
        return iter(())
    form = format_of(source.name, sample, options.format)
    guess = encodings.decide(sample, options.encoding, source.name)
    if form == "jsonl":
        return json_records(source, guess.encoding)
    return csv_records(source, guess.encoding, options.table, shaper.columns)


def _event(record: Record, kind: Kind, shaper: Shaper, shaping: Shaping) -> bytes:
    if record.build is not None:
        return encode(kind, record.build())
    if len(record.raw) > MAX_EVENT_BYTES:
        fault = f"the line is longer than {MAX_EVENT_BYTES:,} bytes: shorten its text or its turns"
        raise OversizedEvent(kind.event, [FieldError("", fault)])
    if not shaping.changes:
        return record.raw
    return encode(kind, shaper.event(_object(record.raw, kind)))


def _object(raw: bytes, kind: Kind) -> dict[str, Any]:
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        fault = f"the line is not JSON in UTF-8 ({error.msg}, column {error.colno})"
        raise MalformedEvent(kind.event, [FieldError("", fault)]) from error
    if not isinstance(value, dict):
        raise MalformedEvent(kind.event, [FieldError("", "the line is not a JSON object")])
    return value
