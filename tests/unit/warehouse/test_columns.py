"""The columns of a block, and that nothing raw is among them."""

from __future__ import annotations

from datetime import UTC, datetime

from pipeline.domain.analysis import ContactAnalysis, TopicMention
from pipeline.domain.block import Block, Span
from pipeline.domain.contact import Channel, Contact, Language, Speaker, Turn
from pipeline.domain.row import ContactRow
from pipeline.warehouse.columns import (
    ALL,
    CONTACT,
    COORDINATES,
    READING,
    id_hash,
    milliseconds,
    of_block,
)
from pipeline.warehouse.migrations import known_migrations

AT = datetime(2026, 3, 1, 12, 0, 0, 123000, tzinfo=UTC)


def row() -> ContactRow:
    contact = Contact(
        contact_id="c1",
        occurred_at=AT,
        channel=Channel.CHAT,
        text="RAW call me on 555 0100",
        turns=(Turn(Speaker.CUSTOMER, "RAW turn"),),
        customer_id="RAW customer",
        agent_id="RAW agent",
        attributes={"phone": "RAW 555 0100"},
    )
    reading = ContactAnalysis(
        text="call me on <PHONE>",
        language=Language.EN,
        sentiment="neutral",
        score=0.0,
        confidence=0.5,
        complaint=False,
        complaint_confidence=0.1,
        churn=False,
        churn_confidence=0.1,
        topics=(TopicMention("a", -1, 0.9), TopicMention("b", 1, 0.8)),
        clauses=(),
        evidence={"b": "about b"},
        attributes={"phone": "<PHONE>"},
        customer_hash="h",
    )
    return ContactRow(contact, reading)


def values() -> dict[str, list[object]]:
    block = Block(Span("t", 3, 7, 9), AT, ((8, row()),))
    return dict(zip((*CONTACT, *READING, *COORDINATES), of_block(block), strict=True))


def test_nothing_raw_is_stored() -> None:
    assert "RAW" not in repr(values())


def test_coordinates_are_those_of_the_block() -> None:
    found = {name: values()[name][0] for name in COORDINATES}
    assert found == {
        "loaded_at": milliseconds(AT),
        "kafka_topic": "t",
        "kafka_partition": 3,
        "kafka_offset": 8,
        "block_first": 7,
        "block_last": 9,
    }


def test_evidence_is_parallel_to_the_topics() -> None:
    assert values()["topics"] == [["a", "b"]]
    assert values()["evidence"] == [["", "about b"]]


def test_times_keep_their_milliseconds() -> None:
    assert milliseconds(AT) % 1000 == 123


def test_ids_are_told_apart_by_their_hash() -> None:
    assert id_hash("contact-1") == id_hash("contact-1") != id_hash("contact-2")
    assert 0 <= id_hash("접수-1") < 2**64


def test_every_column_is_in_the_migration() -> None:
    text = known_migrations()[0].text
    for name in ALL:
        assert f"\n    {name} " in text
