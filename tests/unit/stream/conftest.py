"""Doubles of what a lane works with: a handler with its table, and a way to send dead letters."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.clock import ManualClock
from pipeline.domain.block import Block, Source, Span
from pipeline.errors import VocError, WarehouseRejected
from pipeline.health import Pulse
from pipeline.stream import retry
from pipeline.stream.deadletter import DeadLetters
from pipeline.stream.lane import Lane
from pipeline.stream.lease import Lease
from pipeline.stream.record import Prepared, Record, Rejection

AT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class TableDouble:
    """A handler whose rows are the records' values; stores each token once.

    A value that begins with `bad` is rejected, one with `refused` the table refuses, and `crash`
    breaks the preparation. `fails` are raised by the next inserts, in turn.
    """

    name: str = "contact"
    blocks: dict[str, Block[bytes]] = field(default_factory=dict)
    inserts: list[str] = field(default_factory=list)
    fails: list[VocError] = field(default_factory=list)
    before_insert: Callable[[Block[bytes]], None] = lambda _: None
    known: set[bytes] = field(default_factory=set)
    counted: int = 0

    def prepare(self, records: Sequence[Record]) -> Prepared[bytes]:
        if any(record.value == b"crash" for record in records):
            raise MemoryError("no memory")
        made: Prepared[bytes] = Prepared()
        for record in records:
            value = record.value or b""
            if value.startswith(b"bad"):
                made.rejections.append(Rejection(record, "contract", "contract", "it is bad"))
            else:
                made.rows.append((record, value))
        return made

    def duplicates(self, rows: Sequence[tuple[Record, bytes]], span: Span) -> set[int]:
        return {record.source.offset for record, value in rows if value in self.known}

    def insert(self, block: Block[bytes]) -> None:
        self.inserts.append(block.span.token)
        self.before_insert(block)
        if self.fails:
            raise self.fails.pop(0)
        if any(row.startswith(b"refused") for _, row in block.rows):
            raise WarehouseRejected("a value is refused")
        self.blocks.setdefault(block.span.token, block)

    def last(self, topic: str, partition: int) -> tuple[Span, datetime] | None:
        mine = [b for b in self.blocks.values() if b.span.partition == partition]
        found = max(mine, key=lambda b: b.span.last, default=None)
        return (found.span, found.at) if found else None

    def stored_rows(self, span: Span) -> int:
        return sum(span.first <= offset <= span.last for offset in self.offsets)

    def stored(self, rows: Sequence[tuple[Record, bytes]]) -> None:
        self.counted += len(rows)

    @property
    def offsets(self) -> list[int]:
        return sorted(o for b in self.blocks.values() for o, _ in b.rows)


@dataclass
class Rig:
    """A lane with its doubles. `acked` are offsets in order, `failures` what ended it."""

    table: TableDouble
    lane: Lane[bytes]
    letters: list[bytes]
    acked: list[int]
    failures: list[BaseException]
    clock: ManualClock
    pulse: Pulse
    journal: list[str]
    send: Callable[[bytes, bytes], Any]

    async def assign(self, *partitions: int) -> tuple[Lease, dict[int, int]]:
        lease = Lease()
        return lease, await self.lane.assign(partitions or (0,), lease)

    async def take(self, *values: bytes, first: int = 0, partition: int = 0) -> None:
        await self.lane.take([record(first + n, v, partition) for n, v in enumerate(values)])

    async def settled(self, lease: Lease) -> None:
        assert await lease.wait(10)


def record(offset: int, value: bytes | None = b"x", partition: int = 0) -> Record:
    """A record whose time is its offset in seconds."""
    return Record(Source("t", partition, offset), AT.timestamp() + offset, b"k", value)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(retry, "LONGEST_PAUSE", 0.002)


@pytest.fixture
def make_record() -> Callable[..., Record]:
    """Makes records."""
    return record


@pytest.fixture
def table() -> TableDouble:
    """A handler and table double."""
    return TableDouble()


@pytest.fixture
async def rig(table: TableDouble) -> Any:
    """A lane on one partition's worth of doubles."""
    letters: list[bytes] = []
    journal: list[str] = []
    acked: list[int] = []
    failures: list[BaseException] = []
    clock, pulse = ManualClock(), Pulse(60)

    async def send(key: bytes, value: bytes) -> None:
        await made.send(key, value)

    async def confirm(key: bytes, value: bytes) -> None:
        letters.append(value)
        journal.append(f"letter {key.decode()}")

    def ack(records: Sequence[Record]) -> None:
        acked.extend(r.source.offset for r in records)
        journal.append(f"ack {records[0].source.offset}-{records[-1].source.offset}")

    lane: Lane[bytes] = Lane(
        topic="t",
        epoch=1,
        handler=table,
        dead=DeadLetters(send, clock, pulse.beat),
        pulse=pulse,
        clock=clock,
        readers=ThreadPoolExecutor(1),
        writers=ThreadPoolExecutor(1),
        ack=ack,
        fail=failures.append,
    )
    made = Rig(table, lane, letters, acked, failures, clock, pulse, journal, confirm)
    before = table.before_insert

    def note(block: Block[bytes]) -> None:
        journal.append(f"insert {block.span.first}-{block.span.last}")
        before(block)

    table.before_insert = note
    yield made
    lane.close()
    await asyncio.sleep(0)
    lane.readers.shutdown(cancel_futures=True)
    lane.writers.shutdown(cancel_futures=True)


@pytest.fixture
def lease() -> Iterator[Lease]:
    """A lease that is over after the test."""
    made = Lease()
    yield made
    made.end()
