"""The way of one kind of event through the worker: cut, prepare, store, acknowledge.

Up to `SLOTS` batches are under way at once: one is stored, two are read, one waits to be read, so
that the model never idles.  Batches are stored and acknowledged in order, and a batch is taken only
when a slot is free: memory is bounded by Faust's stream buffer plus these batches, however long the
warehouse is away.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from pipeline import metrics
from pipeline.clock import Clock
from pipeline.errors import VocError
from pipeline.health import Pulse
from pipeline.stream.deadletter import DeadLetters
from pipeline.stream.lease import Abandoned, Lease
from pipeline.stream.partition import Cut, Kind, PartitionLog
from pipeline.stream.record import Handler, Prepared, Record, Rejection
from pipeline.stream.retry import until_done
from pipeline.stream.store import Store

R = TypeVar("R")
log = logging.getLogger(__name__)

SLOTS = 4


@dataclass
class Lane(Generic[R]):
    """One handler with its partitions. All methods run on the event loop.

    `ack` acknowledges records; `fail` is told what ends the worker.
    """

    topic: str
    epoch: int
    handler: Handler[R]
    dead: DeadLetters
    pulse: Pulse
    clock: Clock
    readers: ThreadPoolExecutor
    writers: ThreadPoolExecutor
    ack: Callable[[Sequence[Record]], None]
    fail: Callable[[BaseException], None]
    _lease: Lease | None = None
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(SLOTS))
    _last: asyncio.Task[None] | None = None
    _in_flight: int = 0

    @property
    def identity(self) -> str:
        """The topic's name in stored coordinates; a recreated topic gets a new one."""
        return self.topic if self.epoch == 1 else f"{self.topic}#{self.epoch}"

    @property
    def busy(self) -> bool:
        """Whether events were taken whose result is not stored yet."""
        return self._in_flight > 0

    @property
    def done(self) -> dict[int, int]:
        """The offset after the last settled one, by partition; only those that are known."""
        return self._lease.done if self._lease else {}

    async def assign(self, partitions: Iterable[int], lease: Lease) -> dict[int, int]:
        """Takes partitions over for `lease`; returns the offset to read each of them from.

        Waits for the warehouse as long as it takes; raises `Abandoned` once the lease is over.
        """
        for partition in partitions:
            lease.logs[partition] = await self._log(partition, lease)
        stored = {p: known.stored for p, known in lease.logs.items()}
        lease.done |= {p: span.last + 1 for p, span in stored.items() if span}
        lease.check()
        self._lease = lease
        return {p: span.first if span else 0 for p, span in stored.items()}

    async def drain(self, seconds: float, last_insert: float) -> bool:
        """Ends the lease. Takes nothing new, and finishes what is under way within `seconds`.

        No insert begins after `last_insert` seconds. What is not finished by then is left without
        acknowledging; the successor reads it again.
        """
        lease, self._lease = self._lease, None
        if lease is None:
            return True
        finished = await lease.wait(last_insert)
        lease.end()
        finished = await lease.wait(seconds - last_insert) and finished
        if not finished:
            log.warning(
                "%s: left unfinished after %g s; it will be read again", self.topic, seconds
            )
        return finished

    def close(self) -> None:
        """Ends the lease at once: nothing further is stored or acknowledged."""
        if self._lease is not None:
            self._lease.end()
            self._lease = None

    async def take(self, records: Sequence[Record]) -> None:
        """Starts a batch; returns when the next one may be collected. Waits for a free slot."""
        await self._slots.acquire()
        lease = self._lease
        cuts = self._cuts(records, lease) if lease else []
        if lease is None or not cuts:
            self._slots.release()
            return
        size = sum(len(cut.records) for cut in cuts)
        self._count(size)
        task = asyncio.create_task(self._process(lease, cuts, self._last))
        lease.tasks.add(task)
        self._last = task
        task.add_done_callback(partial(self._finished, lease, size))

    def _cuts(self, records: Sequence[Record], lease: Lease) -> list[Cut]:
        by_partition: dict[int, list[Record]] = {}
        for record in sorted(records, key=lambda r: r.source):
            by_partition.setdefault(record.source.partition, []).append(record)
        owned = {p: rows for p, rows in by_partition.items() if p in lease.logs}
        try:
            cuts = [cut for p, rows in owned.items() for cut in lease.logs[p].cut(rows)]
        except VocError as error:
            self._broken(lease, error)
            return []
        for partition, rows in owned.items():
            lease.done.setdefault(partition, rows[0].source.offset)
        return cuts

    async def _process(
        self, lease: Lease, cuts: Sequence[Cut], previous: asyncio.Task[None] | None
    ) -> None:
        try:
            lease.check()
            prepared = await self._run(self.readers, partial(self._prepare, cuts))
            if previous is not None:
                await asyncio.wait([previous])
            for cut, made in prepared:
                await self._settle(lease, cut, made)
        except Abandoned:
            log.info("%s: a block was left unfinished; it will be read again", self.topic)
        except Exception as error:  # noqa: BLE001 -- the boundary: whatever fails, nothing behind it may be stored
            self._broken(lease, error)

    def _broken(self, lease: Lease, error: BaseException) -> None:
        """Nothing behind the failure may be stored: a successor would start behind it."""
        lease.end()
        self.fail(error)

    def _prepare(self, cuts: Sequence[Cut]) -> list[tuple[Cut, Prepared[R]]]:
        """One pass of the model over all cuts; the result is dealt back to them."""
        records = [r for cut in cuts if cut.kind is not Kind.STORED for r in cut.records]
        prepared = self.handler.prepare(records)
        self.pulse.beat(f"read {len(records)} {self.handler.name} events")
        home = {r.source: index for index, cut in enumerate(cuts) for r in cut.records}
        dealt: list[Prepared[R]] = [Prepared() for _ in cuts]
        for pair in prepared.rows:
            dealt[home[pair[0].source]].rows.append(pair)
        for rejection in prepared.rejections:
            dealt[home[rejection.record.source]].rejections.append(rejection)
        return list(zip(cuts, dealt, strict=True))

    async def _settle(self, lease: Lease, cut: Cut, prepared: Prepared[R]) -> None:
        """Everything that must be true before the cut's offsets are acknowledged."""
        if cut.kind is Kind.STORED:
            metrics.EVENTS.labels(self.handler.name, "skipped").inc(len(cut.records))
        else:
            for rejection in prepared.rejections:
                await self._bury(lease, rejection)
            store = Store(
                self.handler,
                lease,
                run=partial(self._run, self.writers),
                bury=partial(self._bury, lease),
                beat=self.pulse.beat,
            )
            replay = cut.kind is Kind.REPLAY
            await store.put(cut.span, cut.records[0].at, prepared.rows, replay=replay)
        lease.check()
        self.ack(cut.records)
        lease.done[cut.span.partition] = cut.span.last + 1
        self._observe(cut)

    async def _bury(self, lease: Lease, rejection: Rejection) -> None:
        await self.dead.keep(self.handler.name, rejection, lease)

    def _observe(self, cut: Cut) -> None:
        now = self.clock.now().timestamp()
        self.pulse.beat(f"stored {self.handler.name} events")
        metrics.newest_stored(cut.records[-1].timestamp)
        if cut.kind is Kind.FRESH:
            for record in cut.records:
                metrics.DELAY.observe(max(0.0, now - record.timestamp))

    async def _log(self, partition: int, lease: Lease) -> PartitionLog:
        ask = partial(self.handler.last, self.identity, partition)
        wait = partial(until_done, ask, "warehouse", lease, self.pulse.beat)
        span, at = await self._run(self.writers, wait) or (None, None)
        return PartitionLog(self.identity, partition, span, at)

    async def _run(self, pool: ThreadPoolExecutor, call: Callable[[], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(pool, call)

    def _finished(self, lease: Lease, size: int, task: asyncio.Task[None]) -> None:
        lease.tasks.discard(task)
        self._count(-size)
        self._slots.release()
        if self._last is task:
            self._last = None

    def _count(self, size: int) -> None:
        self._in_flight += size
        metrics.IN_FLIGHT.inc(size)
