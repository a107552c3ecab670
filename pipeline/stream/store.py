"""Getting a span into the warehouse: duplicates out, insert, bisect what is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from pipeline import metrics
from pipeline.domain.block import Block, Span
from pipeline.errors import WarehouseRejected
from pipeline.stream.lease import Lease
from pipeline.stream.record import Handler, Record, Rejection
from pipeline.stream.retry import until_done

R = TypeVar("R")
Rows = Sequence[tuple[Record, R]]


@dataclass
class Store(Generic[R]):
    """Stores prepared spans of one handler.

    `run` runs a call in the thread of the writers. `bury` keeps a refused row and returns once that
    is confirmed; it is awaited before anything behind that row is stored, because what is stored
    moves the position that a successor reads from.
    """

    handler: Handler[R]
    lease: Lease
    run: Callable[[Callable[[], Any]], Awaitable[Any]]
    bury: Callable[[Rejection], Awaitable[None]]
    beat: Callable[[str], None]

    async def put(self, span: Span, at: datetime, rows: Rows[R], *, replay: bool = False) -> None:
        """Stores the span's rows; those that the warehouse refuses one by one are buried.

        `at` is the time of the record at `span.first`, whether or not it has a row.

        Raises:
            Abandoned: the lease is over; some of the span may be stored, nothing may be
                acknowledged.
            WarehouseRejected: the fault is not in a row (a broken view, a missing table).
        """
        if not rows:
            return
        with metrics.STAGE_SECONDS.labels("dedupe").time():
            seen = await self._repeat(lambda: self.handler.duplicates(rows, span))
        fresh = [pair for pair in rows if pair[0].source.offset not in seen]
        try:
            with metrics.STAGE_SECONDS.labels("insert").time():
                await self._insert(span, at, fresh)
        except WarehouseRejected as error:
            await self._bisect(span, at, rows, error)
        else:
            self._count("duplicate", len(rows) - len(fresh))
            self._stored(fresh, replay=replay)

    async def _insert(self, span: Span, at: datetime, rows: Rows[R]) -> None:
        if rows:
            block = Block(span, at, tuple((record.source.offset, row) for record, row in rows))
            await self._repeat(lambda: self.handler.insert(block))

    async def _bisect(
        self, span: Span, at: datetime, rows: Rows[R], error: WarehouseRejected
    ) -> None:
        # Refused although rows of it are stored: a view behind the table failed, not a row.
        # Splitting would store the rest of the span a second time under other tokens.
        if await self._repeat(lambda: self.handler.stored_rows(span)):
            raise error
        if len(rows) == 1:
            await self.bury(Rejection(rows[0][0], "insert", "warehouse", error.message))
            return
        metrics.BISECTED.labels(self.handler.name).inc()
        middle = len(rows) // 2
        second = rows[middle][0]
        cut = second.source.offset
        left = Span(span.topic, span.partition, span.first, cut - 1)
        right = Span(span.topic, span.partition, cut, span.last)
        # All rows, duplicates too: what one of them repeats may be the row that is refused.
        await self.put(left, at, rows[:middle])
        # Each half carries its own first record's time: a successor that reads from there
        # recognises the log by it.
        await self.put(right, second.at, rows[middle:])

    async def _repeat(self, call: Callable[[], Any]) -> Any:
        return await self.run(lambda: until_done(call, "warehouse", self.lease, self.beat))

    def _stored(self, rows: Rows[R], *, replay: bool) -> None:
        if not rows:
            return
        metrics.BLOCK_ROWS.labels(self.handler.name).observe(len(rows))
        if replay:
            self._count("replayed", len(rows))
            metrics.REPLAYED.labels(self.handler.name).inc()
            return
        self._count("stored", len(rows))
        self.handler.stored(rows)

    def _count(self, outcome: str, number: int) -> None:
        metrics.EVENTS.labels(self.handler.name, outcome).inc(number)
