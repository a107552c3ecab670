"""Volumes, initiatives and dead letters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.contract import (
    ContractViolation,
    FieldError,
    OversizedEvent,
    Reason,
    Stage,
    build_dead_letter,
    parse_dead_letter,
    parse_initiative,
    parse_volume,
)
from pipeline.domain.block import Source
from pipeline.domain.contact import Initiative, Volume

SOURCE = Source("contacts.v1", 3, 1207)
AT = datetime(2026, 3, 2, 9, 14, 59, 123000, tzinfo=UTC)
FAILED = datetime(2026, 3, 2, 17, 15, tzinfo=timezone(timedelta(hours=8)))


def _letter(**changes: Any) -> bytes:
    fields: dict[str, Any] = {
        "reason_code": "contract",
        "reason": "contact refused",
        "stage": "contract",
        "source": SOURCE,
        "timestamp": AT,
        "key": b"\x00\xffkey",
        "payload": b'{"contact_id": \xff',
        "failed_at": FAILED,
        "version": "1.2.3",
    }
    return build_dead_letter(**{**fields, **changes})


def test_a_volume_is_read_in_full() -> None:
    event = {
        "name": "orders",
        "period_start": "2026-03-02T00:00:00+08:00",
        "period_end": "2026-03-03T00:00:00+08:00",
        "value": 18230,
        "product": "p",
        "region": "r",
        "site": "s",
        "channel": "app",
    }
    start = datetime(2026, 3, 1, 16, tzinfo=UTC)
    assert parse_volume(orjson.dumps(event)) == Volume(
        "orders", start, start + timedelta(days=1), 18230.0, "p", "r", "s", "app"
    )


def test_an_initiative_is_read_in_full() -> None:
    event = {
        "initiative_id": "i",
        "title": "t",
        "owner": "o",
        "started_at": "2026-03-02T00:00:00Z",
        "ended_at": "2026-03-03T00:00:00Z",
        "topics": ["wait", "delivery"],
        "slice": {"region": "a"},
        "comparison": {"region": "b"},
        "note": "n",
        "withdrawn": True,
    }
    assert parse_initiative(orjson.dumps(event)) == Initiative(
        "i",
        "t",
        "o",
        datetime(2026, 3, 2, tzinfo=UTC),
        ("wait", "delivery"),
        datetime(2026, 3, 3, tzinfo=UTC),
        {"region": "a"},
        {"region": "b"},
        "n",
        True,
    )


def test_a_dead_letter_carries_the_original_bytes_and_place() -> None:
    errors = (FieldError("channel", "channel is missing: add it"),)
    letter = parse_dead_letter(_letter(errors=errors, attempt=2))
    assert letter.payload == b'{"contact_id": \xff'
    assert (letter.source, letter.timestamp, letter.key) == (SOURCE, AT, b"\x00\xffkey")
    assert (letter.reason_code, letter.stage) == (Reason.CONTRACT, Stage.CONTRACT)
    assert (letter.reason, letter.version, letter.attempt) == ("contact refused", "1.2.3", 2)
    assert letter.failed_at == FAILED
    assert letter.errors == errors


def test_a_tombstone_and_an_empty_payload_stay_apart() -> None:
    assert parse_dead_letter(_letter(payload=None)).payload is None
    assert parse_dead_letter(_letter(payload=b"")).payload == b""


def test_the_id_names_the_record_and_the_attempt() -> None:
    again = parse_dead_letter(_letter(failed_at=FAILED + timedelta(hours=1), reason="other words"))
    ids = {
        parse_dead_letter(_letter(attempt=2)).dead_id,
        parse_dead_letter(_letter(source=Source("contacts.v1", 3, 1208))).dead_id,
        parse_dead_letter(_letter(timestamp=AT + timedelta(milliseconds=1))).dead_id,
    }
    assert again.dead_id == parse_dead_letter(_letter()).dead_id
    assert len(ids) == 3
    assert again.dead_id not in ids


def test_what_is_too_long_is_cut_rather_than_lost() -> None:
    errors = [FieldError("f" * 900, "m" * 9000)] * 50
    letter = parse_dead_letter(_letter(reason="r" * 9000, errors=errors))
    assert len(letter.reason) == 2000
    assert letter.errors == (FieldError("f" * 500, "m" * 2000),) * 20


@pytest.mark.parametrize(
    ("reason", "kept"), [("", "contract"), ("half a pair \ud800", "half a pair ?")]
)
def test_reasons_that_json_cannot_hold_are_mended(reason: str, kept: str) -> None:
    assert parse_dead_letter(_letter(reason=reason)).reason == kept


@pytest.mark.parametrize("year", [1970, 2286, 9999])
def test_a_record_with_an_odd_timestamp_can_still_be_buried(year: int) -> None:
    at = datetime(year, 1, 1, tzinfo=UTC)
    assert parse_dead_letter(_letter(timestamp=at)).timestamp == at


@given(st.integers(0, 253_402_300_799_999))
def test_every_kafka_timestamp_survives_to_the_millisecond(milliseconds: int) -> None:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    assert parse_dead_letter(_letter(timestamp=at)).timestamp == at


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"attempt": 0}, "attempt"),
        ({"reason_code": "bad"}, "reason_code"),
        ({"stage": "mask"}, "stage"),
        ({"source": Source("contacts.v1", 0, -1)}, "source.offset"),
    ],
)
def test_a_letter_that_its_writer_got_wrong_is_refused(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ContractViolation) as refused:
        _letter(**changes)
    assert [error.field for error in refused.value.errors] == [field]


def test_a_letter_of_a_full_size_event_can_be_read() -> None:
    payload = b"\xff" * 1_048_576
    letter = parse_dead_letter(_letter(payload=payload, key=payload))
    assert (letter.payload, letter.key) == (payload, payload)


def test_other_events_share_the_size_limit() -> None:
    for parse in (parse_volume, parse_initiative):
        with pytest.raises(OversizedEvent):
            parse(b" " * 262_145)
