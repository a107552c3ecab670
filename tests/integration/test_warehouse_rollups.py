"""sum(rollup) = count(base), whatever happens to the contacts and in which order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.domain.analysis import ContactAnalysis, TopicMention
from pipeline.domain.block import Block
from pipeline.domain.row import ContactRow
from pipeline.warehouse import ContactTable, Warehouse, migrate
from pipeline.warehouse.forget import forget
from pipeline.warehouse.reclassify import Selection, StoredContact, StoredContacts

pytestmark = pytest.mark.local

BLOCK = 6
STEPS = st.one_of(
    st.tuples(st.just("insert"), st.integers(0, 7)),
    st.tuples(st.just("restart"), st.integers(0, 1)),
    st.tuples(st.just("forget"), st.integers(0, 4)),
    st.tuples(st.just("reclassify"), st.integers(2, 4)),
    st.tuples(st.just("merge"), st.just(0)),
)


class Model:
    """What should be stored: contact -> (customer, complaint, topics, revision)."""

    def __init__(self) -> None:
        self.contacts: dict[int, tuple[int, bool, tuple[str, ...], int]] = {}
        self.blocks: dict[int, Block[ContactRow]] = {}
        self.erased: set[int] = set()

    def insert(self, index: int, block: Block[ContactRow]) -> None:
        if index in self.blocks:
            return
        self.blocks[index] = block
        for n, row in block.rows:
            topics = tuple(m.topic for m in row.analysis.topics)
            self.contacts[n] = (n % 5, row.analysis.complaint, topics, 1)

    def forget(self, customer: int) -> None:
        self.contacts = {n: c for n, c in self.contacts.items() if c[0] != customer}

    def reclassify(self, revision: int) -> None:
        new = {n: (c[0], *reading(n, revision), revision) for n, c in self.contacts.items()}
        self.contacts |= new

    def expected(self) -> tuple[int, int, Counter[str]]:
        topics: Counter[str] = Counter()
        for contact in self.contacts.values():
            topics.update(contact[2])
        return len(self.contacts), sum(c[1] for c in self.contacts.values()), topics


def reading(number: int, revision: int) -> tuple[bool, tuple[str, ...]]:
    """What a revision says of a contact: complaint and topics."""
    return (number + revision) % 3 == 0, tuple(f"topic-{k}" for k in range(number % revision))


@pytest.fixture(scope="module")
def database_of(front: Any) -> Iterator[Callable[[int], Warehouse]]:
    """Fresh databases, one for each example."""
    made: list[Warehouse] = []

    def make(number: int) -> Warehouse:
        warehouse = Warehouse(front.settings(f"rollups_{number}"))
        migrate(warehouse, warehouse.settings)
        made.append(warehouse)
        return warehouse

    yield make
    for warehouse in made:
        warehouse.execute(f"DROP DATABASE {warehouse.settings.database}")
        warehouse.close()


def reclassify(
    warehouse: Warehouse, revision: int, make_analysis: Callable[..., ContactAnalysis]
) -> None:
    def read(old: StoredContact) -> ContactAnalysis:
        number = int(old.contact_id.removeprefix("contact-"))
        complaint, topics = reading(number, revision)
        mentions = tuple(TopicMention(topic, -1, 0.5) for topic in topics)
        return make_analysis(
            number, complaint=complaint, topics=mentions, model_revision=f"r{revision}"
        )

    stored = StoredContacts(warehouse)
    for batch in stored.batches(Selection(), f"r{revision}", 1, size=7):
        stored.replace([(old, read(old)) for old in batch])


def seen(warehouse: Warehouse, contacts: str, topics: str) -> tuple[int, int, Counter[str]]:
    number, complaints = warehouse.query(contacts).rows[0]
    by_topic = {topic: n for topic, n in warehouse.query(topics).rows if n}
    return int(number), int(complaints), Counter(by_topic)


def check(warehouse: Warehouse, model: Model) -> None:
    base = seen(
        warehouse,
        "SELECT count(), sum(complaint) FROM contacts",
        "SELECT topic, count() FROM contact_topics GROUP BY topic",
    )
    rollup = seen(
        warehouse,
        "SELECT sum(contacts), sum(complaints) FROM contact_hours",
        "SELECT topic, sum(mentions) FROM topic_hours GROUP BY topic",
    )
    assert base == rollup == model.expected()


numbers = iter(range(10**6))


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(STEPS, min_size=4, max_size=10))
def test_rollups_and_contacts_tell_the_same(
    steps: list[tuple[str, int]],
    database_of: Callable[[int], Warehouse],
    make_block: Callable[..., Block[ContactRow]],
    make_analysis: Callable[..., ContactAnalysis],
) -> None:
    warehouse = database_of(next(numbers))
    model, table = Model(), ContactTable(warehouse)
    for step, value in steps:
        if step == "insert":
            block = model.blocks.get(value) or make_block(value * BLOCK, BLOCK, partition=value % 2)
            table.insert(block)
            model.insert(value, block)
        elif step == "restart":
            table = ContactTable(warehouse)
            last = table.last_span("contacts.v1", value)
            if last is not None:
                table.insert(model.blocks[last[0].first // BLOCK])
        elif step == "forget":
            forget(warehouse, f"{value:032x}")
            model.forget(value)
        elif step == "reclassify":
            reclassify(warehouse, value, make_analysis)
            model.reclassify(value)
        else:
            warehouse.execute("OPTIMIZE TABLE contact_rows FINAL")
        check(warehouse, model)
