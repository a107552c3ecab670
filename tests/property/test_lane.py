"""The whole lane against a simulated world that fails and dies anywhere.

The world: a log of events (some poison, some refused by the table, some a contact seen before), a
table that stores a token once, and Kafka.  A life of the worker ends in a crash at any operation,
whose effect may or may not have happened, or in a rebalance.  However many lives it takes, in the
end every contact is stored exactly once, everything else is a dead letter, and at no moment was an
offset acknowledged whose event was neither.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.clock import ManualClock
from pipeline.contract import parse_dead_letter
from pipeline.domain.block import Block, Source, Span
from pipeline.errors import (
    KafkaUnavailable,
    WarehouseError,
    WarehouseRejected,
    WarehouseUnavailable,
)
from pipeline.health import Pulse
from pipeline.stream import retry
from pipeline.stream.deadletter import DeadLetters
from pipeline.stream.lane import Lane
from pipeline.stream.lease import Lease
from pipeline.stream.record import Prepared, Record, Rejection

AT = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
KINDS = ("fine", "fine", "fine", "fine", "again", "poison", "refused")


class Crash(Exception):
    """kill -9: the operation may have happened, nothing after it does."""


class Inline(Executor):
    """Runs a call where it is submitted."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 -- it belongs to whoever asks for the result
            future.set_exception(error)
        return future


@dataclass
class World:
    """What outlives a worker, and how it fails. `fuse` counts operations until the crash."""

    kinds: Sequence[str]
    random: random.Random
    tokens: dict[str, Block[str]] = field(default_factory=dict)
    letters: set[int] = field(default_factory=set)
    committed: int = 0
    fuse: int = -1
    dead: bool = False
    name: str = "contact"

    def operate(self, effect: Callable[[], Any], unavailable: Exception | None = None) -> Any:
        """Does `effect`, or fails, or dies before or after it."""
        if self.dead:
            raise Crash
        self.fuse -= 1
        if self.fuse == 0:
            self.dead = True
            if self.random.random() < 0.5:
                effect()
            raise Crash
        if unavailable and self.random.random() < 0.15:
            if self.random.random() < 0.5:
                effect()
            raise unavailable
        return effect()

    # -- the handler
    def prepare(self, records: Sequence[Record]) -> Prepared[str]:
        made: Prepared[str] = Prepared()
        for record in records:
            offset = record.source.offset
            if self.kinds[offset] == "poison":
                made.rejections.append(Rejection(record, "contract", "contract", "poison"))
            else:
                made.rows.append((record, self.contact(offset)))
        return made

    def contact(self, offset: int) -> str:
        """The contact an event is about; one that comes again names the one before it."""
        while self.kinds[offset] == "again" and offset > 0:
            offset -= 1
        return f"{self.kinds[offset]}-{offset}"

    def duplicates(self, rows: Sequence[tuple[Record, str]], span: Span) -> set[int]:
        def find() -> set[int]:
            seen = {c for o, c in self.stored_contacts() if not span.first <= o <= span.last}
            found = set()
            for record, contact in rows:
                if contact in seen:
                    found.add(record.source.offset)
                seen.add(contact)
            return found

        return set(self.operate(find, WarehouseUnavailable("away")))

    def insert(self, block: Block[str]) -> None:
        if any(contact.startswith("refused") for _, contact in block.rows):
            self.operate(lambda: None, WarehouseUnavailable("away"))
            raise WarehouseRejected("refused")

        if self.random.random() < 0.03:
            raise WarehouseError("a table is missing")

        def store() -> None:
            known = self.tokens.setdefault(block.span.token, block)
            assert known.rows == block.rows, "a token came with another block"
            assert known.at == block.at

        self.operate(store, WarehouseUnavailable("away"))

    def last(self, topic: str, partition: int) -> tuple[Span, datetime] | None:
        def find() -> tuple[Span, datetime] | None:
            found = max(self.tokens.values(), key=lambda b: b.span.first, default=None)
            return (found.span, found.at) if found else None

        result: tuple[Span, datetime] | None = self.operate(find, WarehouseUnavailable("away"))
        return result

    def stored_rows(self, span: Span) -> int:
        count = sum(span.first <= o <= span.last for o, _ in self.stored_contacts())
        return int(self.operate(lambda: count, WarehouseUnavailable("away")))

    def stored(self, rows: Sequence[tuple[Record, str]]) -> None:
        """Nothing is counted here."""

    def stored_contacts(self) -> list[tuple[int, str]]:
        return [row for block in self.tokens.values() for row in block.rows]

    # -- Kafka
    async def send(self, key: bytes, value: bytes) -> None:
        offset = parse_dead_letter(value).source.offset
        self.operate(lambda: self.letters.add(offset), KafkaUnavailable("away"))

    def ack(self, records: Sequence[Record]) -> None:
        settled = {contact for _, contact in self.stored_contacts()}
        for record in records:
            offset = record.source.offset
            assert offset in self.letters or self.contact(offset) in settled, (
                f"{offset} was acknowledged and is nowhere"
            )
            self.committed = max(self.committed, offset + 1)


def _lane(world: World, failures: list[BaseException]) -> Lane[str]:
    clock, pulse = ManualClock(), Pulse(60)
    return Lane(
        topic="t",
        epoch=1,
        handler=world,
        dead=DeadLetters(world.send, clock, pulse.beat),
        pulse=pulse,
        clock=clock,
        readers=Inline(),  # type: ignore[arg-type]
        writers=Inline(),  # type: ignore[arg-type]
        ack=world.ack,
        fail=failures.append,
    )


async def _live(world: World) -> bool:
    """One life: assign, read, perhaps rebalance; whether it read the log to its end."""
    failures: list[BaseException] = []
    lane = _lane(world, failures)
    while True:
        lease = Lease()
        try:
            start = (await lane.assign((0,), lease))[0]
        except Crash:
            return False
        left = list(range(start, len(world.kinds)))
        rebalance = False
        while left and not failures and not rebalance:
            size = world.random.randint(1, len(left))
            batch, left = left[:size], left[size:]
            await lane.take([Record(Source("t", 0, o), AT + o, None, b"x") for o in batch])
            rebalance = world.random.random() < 0.1
        if rebalance and not failures:
            patience = world.random.choice([0.0, 5.0])
            await lane.drain(patience, patience)
            continue
        await lease.wait(30)
        lane.close()
        assert not lane.busy
        return not failures


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=25),
    lives=st.lists(st.integers(1, 40), max_size=4),
    seed=st.integers(0, 2**32),
)
def test_every_contact_ends_in_exactly_one_row_or_letter(
    kinds: list[str], lives: list[int], seed: int
) -> None:
    world = World(kinds, random.Random(seed))
    with (
        patch.object(retry, "FIRST_PAUSE", 0.0),
        patch.object(retry, "LONGEST_PAUSE", 0.0),
        patch("pipeline.stream.deadletter.log"),
        patch("pipeline.stream.lane.log"),
    ):
        for fuse in [*lives, *[-1] * 50]:
            world.fuse, world.dead = fuse, False
            if asyncio.run(_live(world)):
                break
        else:
            pytest.fail("fifty lives were not enough")
    contacts = [contact for _, contact in world.stored_contacts()]
    assert sorted(contacts) == sorted(set(contacts)), "a contact was stored twice"
    wanted = {world.contact(o) for o, kind in enumerate(kinds) if kind != "poison"}
    fine = {c for c in wanted if not c.startswith(("refused", "poison"))}
    assert fine <= set(contacts)
    assert {o for o, kind in enumerate(kinds) if kind in {"poison", "refused"}} <= world.letters
    assert world.committed == len(kinds)
