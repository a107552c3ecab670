"""The lane: what is acknowledged when, and what happens when something fails on the way."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from pipeline import metrics
from pipeline.domain.block import Source
from pipeline.errors import (
    KafkaRejected,
    KafkaUnavailable,
    RecreatedTopic,
    WarehouseError,
    WarehouseUnavailable,
)
from pipeline.stream.lane import SLOTS
from pipeline.stream.lease import Abandoned, Lease
from pipeline.stream.record import Record


async def _until(condition: Any) -> None:
    deadline = asyncio.get_running_loop().time() + 10
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "waited in vain"
        await asyncio.sleep(0.001)


async def test_a_batch_is_stored_and_then_acknowledged(rig: Any) -> None:
    lease, starts = await rig.assign(0)
    assert starts == {0: 0}
    await rig.take(b"a", b"b", b"c")
    await rig.settled(lease)
    assert rig.journal == ["insert 0-2", "ack 0-2"]
    assert rig.lane.done == {0: 3}
    assert not rig.lane.busy


async def test_batches_are_stored_in_order(rig: Any) -> None:
    lease, _ = await rig.assign(0)
    for first in (0, 2, 4):
        await rig.take(b"a", b"b", first=first)
    await rig.settled(lease)
    assert rig.acked == [0, 1, 2, 3, 4, 5]
    assert rig.table.inserts == ["t:0:0:1", "t:0:2:3", "t:0:4:5"]


async def test_each_partition_of_a_batch_is_a_block_of_its_own(rig: Any, make_record: Any) -> None:
    lease, _ = await rig.assign(0, 1)
    mixed = [make_record(5, partition=1), make_record(0), make_record(6, partition=1)]
    await rig.lane.take(mixed)
    await rig.settled(lease)
    assert sorted(rig.table.blocks) == ["t:0:0:0", "t:1:5:6"]


async def test_a_partition_that_is_not_ours_is_left_alone(rig: Any) -> None:
    lease, _ = await rig.assign(0)
    await rig.take(b"a", partition=3)
    await rig.settled(lease)
    assert rig.acked == []
    assert rig.table.blocks == {}


async def test_nothing_is_acknowledged_before_the_dead_letter_is_confirmed(rig: Any) -> None:
    confirmed = asyncio.Event()
    keep = rig.send

    async def slow(key: bytes, value: bytes) -> None:
        await confirmed.wait()
        await keep(key, value)

    rig.send = slow
    lease, _ = await rig.assign(0)
    await rig.take(b"a", b"bad", b"c")
    await asyncio.sleep(0.02)
    assert rig.journal == []
    confirmed.set()
    await rig.settled(lease)
    assert rig.journal == ["letter t:0:1", "insert 0-2", "ack 0-2"]


async def test_an_unconfirmed_letter_is_sent_again_until_it_is(rig: Any) -> None:
    keep, tries = rig.send, []

    async def flaky(key: bytes, value: bytes) -> None:
        tries.append(value)
        if len(tries) < 4:
            raise KafkaUnavailable("no answer")
        await keep(key, value)

    rig.send = flaky
    lease, _ = await rig.assign(0)
    await rig.take(b"bad")
    await rig.settled(lease)
    assert len(tries) == 4
    assert len(set(tries)) == 1, "the letter changed between attempts"
    assert rig.acked == [0]


async def test_a_letter_that_can_never_be_delivered_ends_the_worker(rig: Any) -> None:
    async def refuse(key: bytes, value: bytes) -> None:
        raise KafkaRejected("too large")

    rig.send = refuse
    lease, _ = await rig.assign(0)
    await rig.take(b"bad")
    await rig.settled(lease)
    assert isinstance(rig.failures[0], KafkaRejected)
    assert rig.acked == []


async def test_the_identical_block_is_repeated_while_the_warehouse_is_away(rig: Any) -> None:
    rig.table.fails = [WarehouseUnavailable("away")] * 5
    lease, _ = await rig.assign(0)
    await rig.take(b"a", b"b")
    await rig.settled(lease)
    assert rig.table.inserts == ["t:0:0:1"] * 6
    assert rig.acked == [0, 1]


@pytest.mark.parametrize("where", ["insert", "prepare"])
async def test_behind_a_failure_nothing_is_stored_or_acknowledged(rig: Any, where: str) -> None:
    lease, _ = await rig.assign(0)
    await rig.take(b"a")
    await rig.settled(lease)
    if where == "insert":
        rig.table.fails = [WarehouseError("the view is broken")]
    await rig.take(b"crash" if where == "prepare" else b"b", first=1)
    await rig.take(b"c", first=2)
    await rig.settled(lease)
    assert rig.failures
    assert rig.table.offsets == [0]
    assert rig.acked == [0]
    assert not rig.lane.busy


async def test_no_more_batches_are_taken_than_there_are_slots(rig: Any) -> None:
    gate = threading.Event()
    rig.table.before_insert = lambda _: gate.wait(10)
    lease, _ = await rig.assign(0)
    for n in range(SLOTS):
        await asyncio.wait_for(rig.take(b"a", first=n), 5)
    waiting = asyncio.create_task(rig.take(b"a", first=SLOTS))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    gate.set()
    await waiting
    await rig.settled(lease)
    assert rig.acked == list(range(SLOTS + 1))


async def test_drain_finishes_what_is_under_way_and_takes_nothing_new(rig: Any) -> None:
    await rig.assign(0)
    await rig.take(b"a", b"b")
    assert await rig.lane.drain(5, 4)
    assert rig.acked == [0, 1]
    await rig.take(b"c", first=2)
    assert rig.acked == [0, 1]
    assert not rig.lane.busy


async def test_past_its_deadline_drain_leaves_without_acknowledging(rig: Any) -> None:
    rig.table.fails = [WarehouseUnavailable("away")] * 10_000
    await rig.assign(0)
    await rig.take(b"a")
    await _until(lambda: rig.table.inserts)
    assert not await rig.lane.drain(0.1, 0.05)
    await _until(lambda: not rig.lane.busy)
    attempts = len(rig.table.inserts)
    rig.table.fails = []
    await asyncio.sleep(0.02)
    assert len(rig.table.inserts) == attempts
    assert rig.acked == []


async def test_no_insert_begins_after_the_last_moment_for_it(rig: Any) -> None:
    gate = threading.Event()
    begun = rig.table.before_insert

    def slow(block: Any) -> None:
        begun(block)
        gate.wait(10)

    rig.table.before_insert = slow
    await rig.assign(0, 1)
    await rig.lane.take([*_pair(0), *_pair(1)])
    await _until(lambda: rig.table.inserts)
    draining = asyncio.create_task(rig.lane.drain(5, 0.05))
    await asyncio.sleep(0.1)
    gate.set()
    await draining
    assert rig.table.inserts == ["t:0:0:1"], "the second partition's insert began too late"
    assert rig.acked == []


def _pair(partition: int) -> list[Any]:
    return [Record(Source("t", partition, n), 1e9 + n, None, b"x") for n in range(2)]


async def test_work_of_a_lease_that_is_over_touches_nothing_of_the_next(rig: Any) -> None:
    """The story: a slow batch outlives its rebalance, and its partition comes back."""
    gate = threading.Event()
    rig.table.before_insert = lambda _: gate.wait(10)
    await rig.assign(0, 1)
    await rig.lane.take([*_pair(0), *_pair(1)])
    await _until(lambda: rig.table.inserts)
    assert not await rig.lane.drain(0.02, 0.01)

    second = Lease()
    assigning = asyncio.create_task(rig.lane.assign((0, 1), second))
    await asyncio.sleep(0.01)
    gate.set()
    starts = await assigning
    await asyncio.sleep(0.02)
    assert rig.acked == []
    assert rig.table.inserts == ["t:0:0:1"]
    assert starts == {0: 0, 1: 0}


async def test_after_an_assignment_the_last_block_is_repeated_under_its_token(rig: Any) -> None:
    lease, _ = await rig.assign(0)
    await rig.take(b"a", b"b")
    await rig.take(b"c", b"d", first=2)
    await rig.settled(lease)
    await rig.lane.drain(1, 1)
    counted = rig.table.counted

    lease, starts = await rig.assign(0)
    assert starts == {0: 2}
    assert rig.lane.done == {0: 4}
    await rig.take(b"c", first=2)
    await rig.take(b"d", b"e", first=3)
    await rig.settled(lease)
    assert rig.table.inserts[-2:] == ["t:0:2:3", "t:0:4:4"]
    assert rig.table.offsets == [0, 1, 2, 3, 4]
    assert rig.table.counted == counted + 1, "a replayed row is counted once"


async def test_assigning_waits_for_the_warehouse_and_can_be_called_off(rig: Any) -> None:
    def away(topic: str, partition: int) -> None:
        raise WarehouseUnavailable("away")

    rig.table.last = away
    lease = Lease()
    assigning = asyncio.create_task(rig.lane.assign((0,), lease))
    await asyncio.sleep(0.02)
    assert not assigning.done()
    lease.end()
    with pytest.raises(Abandoned):
        await assigning
    await rig.take(b"a")
    assert not rig.lane.busy


async def test_a_recreated_topic_ends_the_worker_and_stores_nothing(rig: Any) -> None:
    lease, _ = await rig.assign(0)
    await rig.take(b"a", b"b", first=10)
    await rig.settled(lease)
    await rig.lane.drain(1, 1)
    lease, _ = await rig.assign(0)
    await rig.take(b"z", first=0)
    await rig.settled(lease)
    assert isinstance(rig.failures[0], RecreatedTopic)
    assert rig.table.offsets == [10, 11]


async def test_the_delay_and_the_newest_time_are_measured(rig: Any, make_record: Any) -> None:
    before = metrics.REGISTRY.get_sample_value("voc_event_to_row_seconds_sum") or 0.0
    lease, _ = await rig.assign(0)
    rig.clock.advance(100)
    await rig.lane.take([make_record(40)])
    await rig.settled(lease)
    after = metrics.REGISTRY.get_sample_value("voc_event_to_row_seconds_sum") or 0.0
    assert after - before == pytest.approx(60)
