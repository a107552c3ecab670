"""What the warehouse promises, on a real engine: once, as a whole, erased for good."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline.domain.block import Block, Span
from pipeline.domain.contact import Initiative, Volume
from pipeline.domain.row import ContactRow
from pipeline.errors import WarehouseError, WarehouseRejected, WarehouseUnavailable
from pipeline.settings import WarehouseSettings
from pipeline.warehouse import ContactTable, InitiativeTable, VolumeTable, Warehouse, migrate
from pipeline.warehouse.forget import count_contacts, forget

pytestmark = pytest.mark.local

MakeBlock = Callable[..., Block[ContactRow]]
UTC_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def number(warehouse: Warehouse, sql: str) -> Any:
    return warehouse.query(sql).rows[0][0]


def counts(warehouse: Warehouse) -> tuple[Any, ...]:
    """Contacts and mentions, as rows and as rollups."""
    return (
        number(warehouse, "SELECT count() FROM contacts"),
        number(warehouse, "SELECT sum(contacts) FROM contact_hours"),
        number(warehouse, "SELECT count() FROM contact_topics"),
        number(warehouse, "SELECT sum(mentions) FROM topic_hours"),
    )


# --- what is stored -------------------------------------------------------------------------------


def test_a_statement_may_hold_the_ids_of_a_large_block(warehouse: Warehouse) -> None:
    ids = tuple(f"{n:0200d}" for n in range(3_000))
    found = warehouse.query(
        "SELECT count() FROM contact_rows WHERE contact_id IN %(ids)s", {"ids": ids}
    )
    assert found.rows == [(0,)]


def test_a_contact_comes_back_as_it_was_stored(warehouse: Warehouse, make_block: MakeBlock) -> None:
    block = make_block(6, 1, at=UTC_NOON)
    ContactTable(warehouse).insert(block)
    found = {k: v[0] for k, v in warehouse.query("SELECT * FROM contacts").dict().items()}
    row = block.rows[0][1]
    assert found["contact_id"] == "contact-6"
    assert found["occurred_at"] == row.contact.occurred_at
    assert found["loaded_at"] == UTC_NOON
    assert found["text"] == row.analysis.text
    assert found["masked"] == {"PHONE": 1}
    assert (found["customer"], found["agent"]) == (f"{1:032x}", "a" * 32)
    assert (found["complaint"], found["churn"], found["resolved"]) == (1, 0, 1)
    assert (found["wait_seconds"], found["duration_seconds"]) == (1.5, None)
    assert (found["recovery"], found["attributes"]) == (["apology"], {"crm": "x"})
    assert (found["topics"], found["polarities"]) == (["topic-1", "topic-2"], [0, 1])
    assert found["evidence"] == ["clause about topic-1", "clause about topic-2"]
    assert (found["kafka_topic"], found["kafka_partition"], found["kafka_offset"]) == (
        "contacts.v1", 0, 6,
    )  # fmt: skip


def test_ratings_are_rows_of_their_own(warehouse: Warehouse, make_block: MakeBlock) -> None:
    ContactTable(warehouse).insert(make_block(0, 4))
    found = warehouse.query(
        "SELECT contact_id, kind, value, scale, score FROM ratings ORDER BY contact_id"
    )
    assert found.rows == [
        ("contact-0", "csat", 4.0, "csat-1-5", 0.75),
        ("contact-2", "csat", 4.0, "csat-1-5", 0.75),
    ]


def test_times_are_parameters_to_the_millisecond(
    warehouse: Warehouse, make_block: MakeBlock
) -> None:
    block = make_block(5, 2)
    ContactTable(warehouse).insert(block)
    at = block.rows[1][1].contact.occurred_at
    assert at.microsecond
    sql = "SELECT contact_id FROM contacts WHERE occurred_at = %(at)s"
    elsewhere = at.astimezone(tz=None)
    assert warehouse.query(sql, {"at": elsewhere}).rows == [("contact-6",)]


# --- once -----------------------------------------------------------------------------------------


def test_an_identical_block_is_stored_once(warehouse: Warehouse, make_block: MakeBlock) -> None:
    block = make_block(0, 20)
    ContactTable(warehouse).insert(block)
    before = counts(warehouse)
    ContactTable(warehouse).insert(block)
    assert counts(warehouse) == before == (20, 20, 30, 30)


def test_two_writers_at_once_store_a_block_once(
    warehouse: Warehouse, make_block: MakeBlock
) -> None:
    block = make_block(0, 200)
    together = threading.Barrier(4)

    def write() -> None:
        together.wait()
        ContactTable(warehouse).insert(block)

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert counts(warehouse)[:2] == (200, 200)


def test_a_replay_is_recognised_after_its_token_is_forgotten(
    warehouse: Warehouse, make_block: MakeBlock
) -> None:
    block = make_block(0, 20)
    ContactTable(warehouse).insert(block)
    warehouse.execute(
        "ALTER TABLE contact_rows MODIFY SETTING non_replicated_deduplication_window = 1"
    )
    ContactTable(warehouse).insert(make_block(50, 5, partition=1))
    restarted = ContactTable(warehouse)
    last = restarted.last_span("contacts.v1", 0)
    assert last is not None
    restarted.insert(Block(last[0], last[1], block.rows))
    assert counts(warehouse)[:2] == (25, 25)
    # The guard is the question, not the token: a writer that asks nothing stores it twice.
    ContactTable(warehouse).insert(block)
    assert counts(warehouse)[:2] == (45, 45)


def test_a_block_is_one_part(warehouse: Warehouse, make_block: MakeBlock) -> None:
    warehouse.execute("SYSTEM STOP MERGES contact_rows")
    ContactTable(warehouse).insert(make_block(0, 5000))
    parts = "SELECT count() FROM system.parts WHERE database = currentDatabase() AND active"
    assert number(warehouse, f"{parts} AND table = 'contact_rows'") == 1


def test_the_last_span_is_the_newest_block_of_its_partition(
    warehouse: Warehouse, make_block: MakeBlock
) -> None:
    table = ContactTable(warehouse)
    assert table.last_span("contacts.v1", 0) is None
    table.insert(make_block(0, 10, at=UTC_NOON))
    table.insert(make_block(10, 10, at=UTC_NOON - timedelta(days=40)))
    table.insert(make_block(500, 10, partition=1))
    span = Span("contacts.v1", 0, 10, 19)
    assert table.last_span("contacts.v1", 0) == (span, UTC_NOON - timedelta(days=40))
    assert table.last_span("contacts.v1#2", 0) is None
    assert table.stored_rows(span) == 10
    assert table.stored_rows(Span("contacts.v1", 0, 0, 19)) == 20
    assert table.stored_rows(Span("contacts.v1", 0, 11, 19)) == 0


def test_a_span_may_hold_fewer_rows_than_offsets(
    warehouse: Warehouse, make_block: MakeBlock
) -> None:
    whole = make_block(0, 10)
    thinned = replace(whole, rows=whole.rows[2:4])
    table = ContactTable(warehouse)
    table.insert(thinned)
    assert table.last_span("contacts.v1", 0) == (whole.span, whole.at)
    assert table.stored_rows(whole.span) == 2


# --- known ----------------------------------------------------------------------------------------


def test_known_are_ids_stored_elsewhere(warehouse: Warehouse, make_block: MakeBlock) -> None:
    table = ContactTable(warehouse)
    block = make_block(0, 10)
    table.insert(block)
    ids = ["contact-3", "contact-9", "contact-10"]
    assert table.known(ids, Span("contacts.v1", 0, 10, 19)) == {"contact-3", "contact-9"}
    assert table.known(ids, Span("contacts.v1", 1, 0, 9)) == {"contact-3", "contact-9"}
    assert table.known(ids, Span("contacts.v1#2", 0, 0, 9)) == {"contact-3", "contact-9"}
    assert table.known(ids, block.span) == set()
    assert table.known([], block.span) == set()


def test_known_looks_back_as_far_as_it_is_told(warehouse: Warehouse, make_block: MakeBlock) -> None:
    now = datetime.now(UTC)
    ContactTable(warehouse).insert(make_block(0, 1, at=now - timedelta(days=29)))
    ContactTable(warehouse).insert(make_block(1, 1, at=now - timedelta(days=31)))
    elsewhere = Span("contacts.v1", 5, 0, 9)
    ids = ["contact-0", "contact-1"]
    assert ContactTable(warehouse).known(ids, elsewhere) == {"contact-0"}
    for days, known in ((0, set()), (365, set(ids))):
        settings = warehouse.settings.model_copy(update={"duplicate_days": days})
        with Warehouse(settings) as other:
            assert ContactTable(other).known(ids, elsewhere) == known


# --- rollups --------------------------------------------------------------------------------------


def test_late_events_are_counted_in_their_own_hour(
    warehouse: Warehouse, make_block: MakeBlock
) -> None:
    table = ContactTable(warehouse)
    table.insert(make_block(100, 10, offset=0))
    table.insert(make_block(0, 10, offset=10))
    hours = "SELECT hour, sum(contacts) AS n FROM contact_hours GROUP BY hour ORDER BY hour"
    base = (
        "SELECT toStartOfHour(occurred_at) AS hour, count() AS n FROM contacts"
        " GROUP BY hour ORDER BY hour"
    )
    assert warehouse.query(hours).rows == warehouse.query(base).rows


def test_rollups_agree_with_the_contacts_in_every_slice(
    warehouse: Warehouse, make_block: MakeBlock
) -> None:
    ContactTable(warehouse).insert(make_block(0, 200))
    slices = "hour, language, channel, product, region, sentiment"
    rolled = warehouse.query(
        f"SELECT {slices}, sum(contacts), sum(complaints), sum(churns), sum(score_sum)"
        f" FROM contact_hours GROUP BY {slices} ORDER BY {slices}"
    )
    base = warehouse.query(
        f"SELECT toStartOfHour(occurred_at) AS hour, {slices[6:]}, count(), sum(complaint),"
        f" sum(churn), sum(toFloat64(score)) FROM contacts GROUP BY {slices} ORDER BY {slices}"
    )
    assert rolled.rows == base.rows
    slices = "hour, topic, polarity, language, channel, product, region"
    rolled = warehouse.query(
        f"SELECT {slices}, sum(mentions), sum(complaints) FROM topic_hours"
        f" GROUP BY {slices} ORDER BY {slices}"
    )
    base = warehouse.query(
        f"SELECT toStartOfHour(occurred_at) AS hour, {slices[6:]}, count(), sum(complaint)"
        f" FROM contact_topics GROUP BY {slices} ORDER BY {slices}"
    )
    assert rolled.rows == base.rows


def test_the_server_reads_the_rollup_and_not_the_contacts(
    warehouse: Warehouse, make_block: MakeBlock
) -> None:
    table = ContactTable(warehouse)
    for start in range(0, 3000, 1000):
        table.insert(make_block(start, 1000))
    plan = warehouse.query(
        "EXPLAIN projections = 1 SELECT language, sum(contacts), sum(score_sum)"
        " FROM contact_hours WHERE hour >= '2026-02-02 00:00:00' GROUP BY language"
    )
    assert any("by_hour" in line for (line,) in plan.rows)


# --- forgetting -----------------------------------------------------------------------------------


def test_forgetting_a_customer_erases_rows_and_rollups(
    warehouse: Warehouse, make_block: MakeBlock
) -> None:
    table = ContactTable(warehouse)
    table.insert(make_block(0, 50))
    customer = f"{2:032x}"
    assert forget(warehouse, customer).contacts == 10
    assert counts(warehouse)[:2] == (40, 40)
    assert counts(warehouse)[2] == counts(warehouse)[3]
    assert number(warehouse, f"SELECT count() FROM contact_rows WHERE customer = '{customer}'") == 0
    assert count_contacts(warehouse, customer) == 0
    assert forget(warehouse, customer).contacts == 0


def test_a_restarted_worker_does_not_undo_an_erasure(
    warehouse: Warehouse, make_block: MakeBlock
) -> None:
    customer = "c" * 32
    table = ContactTable(warehouse)
    table.insert(make_block(0, 10))
    last = make_block(10, 5, customer_hash=customer)
    table.insert(last)
    warehouse.execute(
        "ALTER TABLE contact_rows MODIFY SETTING non_replicated_deduplication_window = 1"
    )
    forget(warehouse, customer)
    restarted = ContactTable(warehouse)
    assert restarted.last_span("contacts.v1", 0) == (last.span, last.at)
    restarted.insert(make_block(900, 1, partition=1))
    restarted.insert(last)
    assert count_contacts(warehouse, customer) == 0
    assert counts(warehouse)[:2] == (11, 11)


def test_forgetting_takes_quotes_out_of_spikes(warehouse: Warehouse, make_block: MakeBlock) -> None:
    ContactTable(warehouse).insert(make_block(2, 1))
    ContactTable(warehouse).insert(make_block(3, 1))
    quotes = ["The parcel is late. <PHONE> 2", "clause about topic-2", "The parcel…", "Other", "…"]
    columns = "spike_id", "changed_at", "opened_at", "verbatims"
    warehouse.insert("spike_rows", columns, [("s1", UTC_NOON, UTC_NOON, quotes)])
    warehouse.insert("spike_rows", columns, [("s2", UTC_NOON, UTC_NOON, ["Other"])])
    forget(warehouse, f"{2:032x}")
    kept = warehouse.query("SELECT spike_id, verbatims FROM spikes ORDER BY spike_id").rows
    assert kept == [("s1", ["Other", "…"]), ("s2", ["Other"])]


def test_nobody_in_particular_cannot_be_forgotten(
    warehouse: Warehouse, make_block: MakeBlock
) -> None:
    ContactTable(warehouse).insert(make_block(0, 5, customer_hash=""))
    with pytest.raises(WarehouseRejected, match="no customer"):
        forget(warehouse, "")
    assert counts(warehouse)[0] == 5


# --- volumes and initiatives ----------------------------------------------------------------------


def volume(value: float, **more: Any) -> Volume:
    start = datetime(2026, 2, 1, tzinfo=UTC)
    return Volume("orders", start, start + timedelta(days=7), value, **more)


def block_of(rows: list[Any], first: int, at: datetime) -> Block[Any]:
    span = Span("volumes.v1", 0, first, first + len(rows) - 1)
    return Block(span, at, tuple(enumerate(rows, first)))


def test_a_later_volume_replaces_an_earlier_one(warehouse: Warehouse) -> None:
    table = VolumeTable(warehouse)
    now = datetime.now(UTC).replace(microsecond=0)
    later = block_of([volume(120, product="kettle"), volume(7), volume(8)], 10, now)
    table.insert(later)
    table.insert(block_of([volume(100, product="kettle")], 0, now - timedelta(hours=1)))
    table.insert(later)
    found = warehouse.query("SELECT product, value FROM volumes ORDER BY product").rows
    assert found == [("", 8.0), ("kettle", 120.0)]
    assert table.last_span("volumes.v1", 0) == (later.span, now)


def test_a_withdrawn_initiative_is_gone(warehouse: Warehouse) -> None:
    table = InitiativeTable(warehouse)
    start = datetime(2026, 2, 1, tzinfo=UTC)
    first = Initiative("i1", "Call back", "support", start, ("topic-1",), slice={"region": "north"})
    other = replace(first, initiative_id="i2", ended_at=start + timedelta(days=30))
    table.insert(block_of([first, other], 0, start))
    found = warehouse.query("SELECT * FROM initiatives ORDER BY initiative_id").dict()
    assert found["initiative_id"] == ["i1", "i2"]
    assert found["slice"] == [{"region": "north"}] * 2
    assert found["ended_at"] == [None, start + timedelta(days=30)]
    table.insert(block_of([replace(first, withdrawn=True)], 2, start))
    assert warehouse.query("SELECT initiative_id FROM initiatives").rows == [("i2",)]


# --- what goes wrong ------------------------------------------------------------------------------


def test_a_value_that_cannot_be_stored_is_refused_and_nothing_is(
    warehouse: Warehouse, make_block: MakeBlock
) -> None:
    table = ContactTable(warehouse)
    block = make_block(0, 3)
    broken = replace(block.rows[1][1].contact, product="\ud800")
    rows = (block.rows[0], (1, replace(block.rows[1][1], contact=broken)), block.rows[2])
    with pytest.raises(WarehouseRejected, match="cannot be sent"):
        table.insert(replace(block, rows=rows))
    assert counts(warehouse)[0] == 0
    table.insert(block)
    assert counts(warehouse)[0] == 3


def test_a_missing_table_is_nobodys_fault_among_the_rows(
    warehouse: Warehouse, make_block: MakeBlock
) -> None:
    table = ContactTable(warehouse)
    warehouse.execute("RENAME TABLE contact_rows TO elsewhere")
    with pytest.raises(WarehouseError, match="contact_rows") as raised:
        table.insert(make_block(0, 3))
    assert not isinstance(raised.value, WarehouseRejected | WarehouseUnavailable)
    assert "voc migrate" in raised.value.fix


def test_a_refused_statement_says_what_and_has_a_code(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseRejected) as raised:
        warehouse.query("SELECT nonsense FROM contacts")
    assert raised.value.code == 47
    assert "nonsense" in raised.value.message
    assert "Stack trace" not in raised.value.message
    assert warehouse.query("SELECT 1").rows == [(1,)]


def test_a_slow_query_is_unavailable_and_the_next_one_is_served(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseUnavailable, match="time limit"):
        warehouse.query(
            "SELECT sum(sleepEachRow(0.1)) FROM numbers(600)",
            settings={"max_execution_time": 1, "max_block_size": 1},
        )
    assert warehouse.query("SELECT 2").rows == [(2,)]


def test_no_server_says_where_it_was_looked_for() -> None:
    with (
        Warehouse(WarehouseSettings(host="127.0.0.1", port=1, connect_timeout=1)) as nowhere,
        pytest.raises(WarehouseUnavailable, match=r"127\.0\.0\.1:1") as raised,
    ):
        nowhere.query("SELECT 1")
    assert "VOC_CLICKHOUSE" in raised.value.fix
    assert raised.value.retryable


def test_a_killed_server_costs_nothing_that_was_confirmed(
    new_front: Callable[[], Any], make_block: MakeBlock, database: str
) -> None:
    front = new_front()
    with Warehouse(front.settings(database)) as warehouse:
        migrate(warehouse, warehouse.settings)
        table = ContactTable(warehouse)
        table.insert(make_block(0, 50))
        front.kill()
        second = make_block(50, 50)
        with pytest.raises(WarehouseUnavailable):
            table.insert(second)
        front.start()
        table.insert(second)
        table.insert(second)
        restarted = ContactTable(warehouse)
        assert restarted.last_span("contacts.v1", 0) == (second.span, second.at)
        restarted.insert(second)
        assert counts(warehouse)[:2] == (100, 100)
        assert counts(warehouse)[2] == counts(warehouse)[3]


def test_kills_while_blocks_are_on_their_way(
    new_front: Callable[[], Any], make_block: MakeBlock, database: str
) -> None:
    """Four kills at arbitrary moments of sixty inserts, each repeated until it is confirmed."""
    front = new_front()
    warehouse = Warehouse(front.settings(database, connect_timeout=2))
    migrate(warehouse, warehouse.settings)
    confirmed = 0
    alive = threading.Event()
    alive.set()

    def write() -> None:
        nonlocal confirmed
        table = ContactTable(warehouse)
        for n in range(60):
            block = make_block(n * 20, 20, partition=n % 3)
            while True:
                alive.wait()
                try:
                    table.insert(block)
                    break
                except WarehouseUnavailable:
                    # Half of the time as after a restart of the worker.
                    table = ContactTable(warehouse) if n % 2 else table
            confirmed = n + 1

    writer = threading.Thread(target=write)
    writer.start()
    for target in (7, 19, 31, 44):
        deadline = time.monotonic() + 120
        while confirmed < target:
            assert time.monotonic() < deadline
            time.sleep(0.002)
        alive.clear()
        front.kill()
        front.start()
        alive.set()
    writer.join()
    assert counts(warehouse)[:2] == (1200, 1200)
    assert counts(warehouse)[2] == counts(warehouse)[3]
    warehouse.close()
