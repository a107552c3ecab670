"""Replacing readings: each contact once, at once, and never against an erasure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline.domain.analysis import ContactAnalysis, TopicMention
from pipeline.domain.block import Block
from pipeline.domain.row import ContactRow
from pipeline.errors import WarehouseUnavailable
from pipeline.warehouse import ContactTable, Warehouse
from pipeline.warehouse.forget import forget
from pipeline.warehouse.reclassify import Selection, StoredContact, StoredContacts

pytestmark = pytest.mark.local

MakeBlock = Callable[..., Block[ContactRow]]
MakeAnalysis = Callable[..., ContactAnalysis]
EVERYTHING = Selection()


class Again:
    """Reads stored contacts anew as revision r2."""

    def __init__(self, warehouse: Warehouse, make_analysis: MakeAnalysis) -> None:
        self.stored = StoredContacts(warehouse)
        self._make = make_analysis

    def read(self, old: StoredContact) -> ContactAnalysis:
        """Complaints about one topic, all of them."""
        return self._make(
            0,
            text="another text, which is not stored",
            complaint=True,
            sentiment="negative",
            score=-0.25,
            topics=(TopicMention("topic-new", -1, 0.75),),
            evidence={"topic-new": old.as_contact().text},
            customer_hash="",
            model_revision="r2",
        )

    def run(self, selection: Selection = EVERYTHING, size: int = 7, stop: int = 10**9) -> int:
        """Replaces batches until it is told to stop."""
        done = 0
        for batch in self.stored.batches(selection, "r2", 1, size):
            if done >= stop:
                break
            self.stored.replace([(old, self.read(old)) for old in batch])
            done += len(batch)
        return done


@pytest.fixture
def again(warehouse: Warehouse, make_analysis: MakeAnalysis) -> Again:
    return Again(warehouse, make_analysis)


def one(warehouse: Warehouse, sql: str) -> tuple[Any, ...]:
    return warehouse.query(sql).rows[0]


def assert_all_replaced(warehouse: Warehouse, wanted: int) -> None:
    found = one(
        warehouse,
        "SELECT count(), uniqExact(contact_id), countIf(model_revision = 'r2'), sum(complaint)"
        " FROM contacts",
    )
    assert found == (wanted,) * 4
    sums = one(warehouse, "SELECT sum(contacts), sum(complaints) FROM contact_hours")
    assert sums == (wanted, wanted)
    topics = "SELECT topic, sum(mentions) AS n FROM topic_hours GROUP BY topic HAVING n != 0"
    assert warehouse.query(topics).rows == [("topic-new", wanted)]


def test_readings_are_replaced_and_facts_stay(
    warehouse: Warehouse, make_block: MakeBlock, again: Again
) -> None:
    ContactTable(warehouse).insert(make_block(0, 40))
    facts = (
        "SELECT contact_id, text, masked, customer, agent, occurred_at, loaded_at, channel,"
        " wait_seconds, kafka_offset FROM contacts ORDER BY kafka_offset"
    )
    before = warehouse.query(facts).rows
    assert again.stored.count(EVERYTHING, "r2", 1) == 40
    assert again.run() == 40
    assert again.stored.count(EVERYTHING, "r2", 1) == 0
    assert warehouse.query(facts).rows == before
    assert_all_replaced(warehouse, 40)
    evidence = "SELECT evidence FROM contact_topics WHERE contact_id = 'contact-3'"
    assert warehouse.query(evidence).rows == [("The parcel is late. <PHONE> 3",)]
    warehouse.execute("OPTIMIZE TABLE contact_rows FINAL")
    assert_all_replaced(warehouse, 40)
    assert one(warehouse, "SELECT count() FROM contact_rows") == (40,)


def test_it_goes_on_where_it_was_killed(
    warehouse: Warehouse, make_block: MakeBlock, again: Again
) -> None:
    ContactTable(warehouse).insert(make_block(0, 40))
    assert again.run(stop=14) == 14
    assert again.stored.count(EVERYTHING, "r2", 1) == 26
    assert again.run() == 26
    assert_all_replaced(warehouse, 40)


def test_a_run_whose_keys_were_read_ahead_leaves_what_another_replaced(
    warehouse: Warehouse, make_block: MakeBlock, again: Again
) -> None:
    ContactTable(warehouse).insert(make_block(0, 40))
    ahead = again.stored.batches(EVERYTHING, "r2", 1, size=7)
    first = next(ahead)
    again.stored.replace([(old, again.read(old)) for old in first])
    assert again.run(size=10) == 33
    assert list(ahead) == []
    assert_all_replaced(warehouse, 40)
    assert one(warehouse, "SELECT max(row_version) FROM contact_rows FINAL") == (1,)


def test_what_is_selected_is_told_from_what_is_left(
    warehouse: Warehouse, make_block: MakeBlock, again: Again
) -> None:
    ContactTable(warehouse).insert(make_block(0, 12))
    again.run()
    assert (again.stored.selected(EVERYTHING), again.stored.count(EVERYTHING, "r2", 1)) == (12, 0)
    assert again.stored.selected(Selection(topic="topic-3")) == 0
    assert again.stored.have("topic-new")
    assert not again.stored.have("topic-mew")


def test_a_repeated_batch_changes_nothing(
    warehouse: Warehouse, make_block: MakeBlock, again: Again
) -> None:
    ContactTable(warehouse).insert(make_block(0, 20))
    (batch,) = again.stored.batches(EVERYTHING, "r2", 1, size=100)
    pairs = [(old, again.read(old)) for old in batch]
    for _ in range(3):
        again.stored.replace(pairs)
    assert_all_replaced(warehouse, 20)


def test_it_is_read_again_after_each_new_version(
    warehouse: Warehouse, make_block: MakeBlock, again: Again
) -> None:
    ContactTable(warehouse).insert(make_block(0, 10))
    again.run()
    assert again.stored.count(EVERYTHING, "r2", 2) == 10
    for batch in again.stored.batches(EVERYTHING, "r1", 1):
        again.stored.replace([(old, again._make(0, topics=())) for old in batch])
    assert one(warehouse, "SELECT sum(mentions), count() FROM topic_hours")[0] == 0
    assert one(warehouse, "SELECT count(), max(kafka_offset) FROM contacts") == (10, 9)
    assert one(warehouse, "SELECT max(row_version) FROM contact_rows") == (2,)


def test_only_what_is_selected_is_read(
    warehouse: Warehouse, make_block: MakeBlock, again: Again
) -> None:
    block = make_block(0, 40)
    ContactTable(warehouse).insert(block)
    times = [row.contact.occurred_at for _, row in block.rows]
    between = Selection(since=times[10], until=times[20])
    ids = [old.contact_id for batch in again.stored.batches(between, "r2", 1) for old in batch]
    assert ids == [f"contact-{n}" for n in range(10, 20)]
    topic = Selection(topic="topic-3")
    assert again.stored.count(topic, "r2", 1) == 10
    assert again.run(topic) == 10
    assert one(warehouse, "SELECT countIf(model_revision = 'r2') FROM contacts") == (10,)


def test_blocks_of_several_months_and_partitions(
    warehouse: Warehouse, make_block: MakeBlock, again: Again
) -> None:
    table = ContactTable(warehouse)
    now = datetime.now(UTC)
    for n in range(6):
        table.insert(make_block(n * 10, 10, partition=n % 3, at=now - timedelta(days=40 * n)))
    assert again.run(size=25) == 60
    assert_all_replaced(warehouse, 60)


def test_the_keys_are_read_in_pages(
    warehouse: Warehouse, make_block: MakeBlock, again: Again, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.warehouse.reclassify.KEYS_AT_ONCE", 15)
    ContactTable(warehouse).insert(make_block(0, 50))
    assert again.run(size=4) == 50
    assert_all_replaced(warehouse, 50)


def test_an_erasure_between_reading_and_replacing_wins(
    warehouse: Warehouse, make_block: MakeBlock, again: Again
) -> None:
    ContactTable(warehouse).insert(make_block(0, 50))
    (batch,) = again.stored.batches(EVERYTHING, "r2", 1, size=100)
    customer = f"{2:032x}"
    assert forget(warehouse, customer).contacts == 10
    again.stored.replace([(old, again.read(old)) for old in batch])
    assert one(warehouse, f"SELECT count() FROM contact_rows WHERE customer = '{customer}'") == (0,)
    assert_all_replaced(warehouse, 40)


def test_positions_and_known_ids_are_those_of_the_first_reading(
    warehouse: Warehouse, make_block: MakeBlock, again: Again
) -> None:
    table = ContactTable(warehouse)
    block = make_block(0, 10)
    table.insert(block)
    again.run()
    assert table.last_span("contacts.v1", 0) == (block.span, block.at)
    assert table.stored_rows(block.span) == 10
    assert table.known(["contact-1"], block.span) == set()
    ContactTable(warehouse).insert(block)
    assert_all_replaced(warehouse, 10)


def test_a_server_that_went_away_is_said_and_nothing_is_half_done(
    warehouse: Warehouse, make_block: MakeBlock, again: Again
) -> None:
    ContactTable(warehouse).insert(make_block(0, 10))
    (batch,) = again.stored.batches(EVERYTHING, "r2", 1, size=100)
    pairs = [(old, again.read(old)) for old in batch]
    away = warehouse.settings.model_copy(update={"port": 1})
    with Warehouse(away) as nowhere, pytest.raises(WarehouseUnavailable):
        StoredContacts(nowhere).replace(pairs)
    again.stored.replace(pairs)
    assert_all_replaced(warehouse, 10)
