"""Contact events on their way to rows, and what becomes of those that cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from pipeline import metrics
from pipeline.clock import ManualClock
from pipeline.contract import default_scales
from pipeline.domain.analysis import Clause, ClauseReading, ContactAnalysis, TopicMention
from pipeline.domain.block import Source, Span
from pipeline.domain.contact import Contact, Language
from pipeline.stream.contacts import ContactHandler
from pipeline.stream.record import Record

CRASHES = "this text crashes the reading"


@dataclass
class ReaderDouble:
    """Reads every contact as a complaint about delivery; dies of one text."""

    batches: list[int] = field(default_factory=list)

    def analyse(self, contacts: Sequence[Contact]) -> list[ContactAnalysis]:
        self.batches.append(len(contacts))
        if any(contact.text == CRASHES for contact in contacts):
            raise RuntimeError("a text that nobody thought of")
        return [self._read(contact) for contact in contacts]

    def _read(self, contact: Contact) -> ContactAnalysis:
        mention = TopicMention("delivery", -1, 0.9)
        reading = ClauseReading((0.9, 0.05, 0.05), 0.8, 0.7, (mention,))
        return ContactAnalysis(
            text=contact.text,
            language=Language.KO,
            sentiment="negative",
            score=-0.85,
            confidence=0.9,
            complaint=True,
            complaint_confidence=0.8,
            churn=True,
            churn_confidence=0.7,
            topics=(mention,),
            clauses=(Clause(contact.text, Language.KO, reading),),
            masked={"PHONE": 2},
            truncated_clauses=1,
            uncertain=True,
        )


class StoreDouble:
    """Knows some ids."""

    known_ids: frozenset[str] = frozenset({"stored"})

    def known(self, contact_ids: Sequence[str], span: Span) -> set[str]:
        return set(contact_ids) & self.known_ids


def _record(offset: int, contact_id: str | None = None, **more: Any) -> Record:
    event = {
        "contact_id": contact_id or f"c-{offset}",
        "occurred_at": "2025-12-30T10:00:00Z",
        "channel": "chat",
        "text": "배송이 늦어요",
        **more,
    }
    at = datetime(2026, 1, 1, tzinfo=UTC).timestamp() + offset
    return Record(Source("contacts.v1", 0, offset), at, None, orjson.dumps(event))


@pytest.fixture
def reader() -> ReaderDouble:
    return ReaderDouble()


@pytest.fixture
def handler(reader: ReaderDouble) -> ContactHandler:
    store: Any = StoreDouble()
    return ContactHandler(reader, store, default_scales(), ManualClock())


def test_all_good_records_are_read_at_once(handler: ContactHandler, reader: ReaderDouble) -> None:
    prepared = handler.prepare([_record(n) for n in range(5)])
    assert [record.source.offset for record, _ in prepared.rows] == [0, 1, 2, 3, 4]
    assert prepared.rejections == []
    assert reader.batches == [5]


@pytest.mark.parametrize(
    ("value", "stage", "reason"),
    [
        (b"not json", "decode", "malformed_json"),
        (b"[]", "decode", "malformed_json"),
        (None, "decode", "malformed_json"),
        (b'{"contact_id": "x"}', "contract", "contract"),
        (b'"' + b"x" * 300_000 + b'"', "decode", "too_large"),
    ],
    ids=["not json", "no object", "tombstone", "breaks the contract", "too large"],
)
def test_a_bad_record_is_rejected_with_its_reason_and_spares_the_others(
    handler: ContactHandler, value: bytes | None, stage: str, reason: str
) -> None:
    bad = Record(Source("contacts.v1", 0, 1), 1.0, None, value)
    prepared = handler.prepare([_record(0), bad, _record(2)])
    assert [record.source.offset for record, _ in prepared.rows] == [0, 2]
    [rejection] = prepared.rejections
    assert (rejection.record.source.offset, rejection.stage) == (1, stage)
    assert rejection.reason_code == reason


def test_a_contract_breach_names_its_fields(handler: ContactHandler) -> None:
    prepared = handler.prepare([_record(0, channel="smoke signals")])
    [rejection] = prepared.rejections
    assert [name for name, _ in rejection.errors] == ["channel"]


def test_a_text_that_crashes_the_reading_is_isolated(
    handler: ContactHandler, reader: ReaderDouble
) -> None:
    records = [_record(n, text=CRASHES if n == 5 else "ok") for n in range(8)]
    prepared = handler.prepare(records)
    assert [record.source.offset for record, _ in prepared.rows] == [0, 1, 2, 3, 4, 6, 7]
    [rejection] = prepared.rejections
    assert (rejection.stage, rejection.reason_code) == ("analysis", "analysis")
    assert "nobody thought of" not in rejection.reason, "a reason may quote the customer"
    assert len(reader.batches) <= 1 + 2 * 3


def test_duplicates_are_those_stored_before_and_those_that_come_again(
    handler: ContactHandler,
) -> None:
    rows = handler.prepare(
        [_record(0, "a"), _record(1, "stored"), _record(2, "a"), _record(3, "b")]
    ).rows
    assert handler.duplicates(rows, Span("contacts.v1", 0, 0, 3)) == {1, 2}


def test_ratings_are_normalised(handler: ContactHandler) -> None:
    rating = {"kind": "csat", "value": 5, "scale": "satisfaction-1-5"}
    [(_, row)] = handler.prepare([_record(0, ratings=[rating])]).rows
    assert row.scores == (1.0,)


def test_what_is_stored_is_counted(handler: ContactHandler) -> None:
    def value(name: str, **labels: str) -> float:
        return metrics.REGISTRY.get_sample_value(name, labels) or 0.0

    names: list[tuple[str, dict[str, str]]] = [
        ("voc_contacts_total", {"language": "ko", "channel": "chat", "sentiment": "negative"}),
        ("voc_complaints_total", {"language": "ko", "channel": "chat"}),
        ("voc_churn_intents_total", {"language": "ko", "channel": "chat"}),
        ("voc_uncertain_contacts_total", {"language": "ko"}),
        (
            "voc_topic_mentions_total",
            {"topic": "delivery", "polarity": "negative", "language": "ko"},
        ),
        ("voc_masked_total", {"kind": "PHONE"}),
        ("voc_clauses_total", {"language": "ko"}),
        ("voc_truncated_clauses_total", {}),
    ]
    before = [value(name, **labels) for name, labels in names]
    handler.stored(handler.prepare([_record(0)]).rows)
    after = [value(name, **labels) for name, labels in names]
    moved = [b - a for a, b in zip(before, after, strict=True)]
    assert moved == [1, 1, 1, 1, 1, 2, 1, 1]
