"""The worker process: lanes, threads, signals, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiokafka.errors import KafkaError as AioKafkaError
from aiokafka.errors import MessageSizeTooLargeError
from faust.exceptions import ProducerSendError
from faust.types.tuples import TP

from pipeline import metrics
from pipeline.clock import Clock, SystemClock
from pipeline.domain.block import Source
from pipeline.errors import KafkaRejected, KafkaUnavailable, VocError
from pipeline.health import Pulse
from pipeline.settings import Settings
from pipeline.stream.app import PRODUCE_SECONDS, add_agent, build
from pipeline.stream.deadletter import DeadLetters
from pipeline.stream.ends import Ends
from pipeline.stream.heart import Heart
from pipeline.stream.lane import Lane
from pipeline.stream.lease import Abandoned, Lease
from pipeline.stream.record import Handler, Record

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 1.0
INTERRUPTED = 130


class StreamWorker:
    """Reads topics until it is told to stop. `handlers` maps a topic to what is done with it.

    `measure` is called about once a second, for metrics that only its owner knows.
    """

    def __init__(
        self,
        settings: Settings,
        handlers: Mapping[str, Handler[Any]],
        pulse: Pulse,
        clock: Clock | None = None,
        measure: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._handlers = handlers
        self._clock = clock or SystemClock()
        self._measure = measure
        self.pulse = pulse
        # Two batches are read side by side: while one is decoded and masked, which Python does on
        # one core, the other keeps the model's threads busy. Blocks are stored one by one.
        self._readers = ThreadPoolExecutor(2, "read")
        self._writers = ThreadPoolExecutor(1, "write")
        self._failure: BaseException | None = None
        self._signal = 0
        self._positions: dict[TP, int] = {}
        self._lease = Lease()

    def run(self) -> int:
        """Blocks until SIGTERM or SIGINT, and returns which; a second signal leaves at once.

        Raises:
            VocError: the worker cannot go on; the message says why and what to do.
        """
        asyncio.run(self._run())
        if self._failure is not None:
            raise _explained(self._failure) from self._failure
        return self._signal

    # -- hooks of the application
    def positions(self) -> Mapping[TP, int]:
        """See `Hooks.positions`."""
        return self._positions

    async def assigned(self, partitions: set[TP]) -> None:
        """See `Hooks.assigned`. Waits for the warehouse, heartbeats going on in Faust's thread."""
        metrics.REBALANCES.inc()
        metrics.PARTITIONS.set(len(partitions))
        self.pulse.beat("learning where to read from")
        self._lease.end()
        # Who waited under the last lease has gone without a word.
        for target in ("kafka", "warehouse"):
            metrics.WAITING.labels(target).set(0)
        self._lease, self._positions = Lease(), {}
        try:
            await self._assign(partitions, self._lease)
        except Abandoned:
            return
        except VocError as error:
            self.fail(error)
            return
        self.pulse.ready = True
        self.pulse.beat("reading")
        log.info("reading %d partitions", len(partitions))

    async def _assign(self, partitions: set[TP], lease: Lease) -> None:
        for topic, lane in self._lanes.items():
            mine = sorted(tp.partition for tp in partitions if tp.topic == topic)
            starts = await lane.assign(mine, Lease(over=lease.over))
            self._positions |= {TP(topic, p): offset for p, offset in starts.items()}

    async def revoked(self) -> None:
        """See `Hooks.revoked`."""
        self.pulse.ready = False
        self.pulse.beat("finishing blocks")
        metrics.PARTITIONS.set(0)
        self._ends.forget()
        seconds = self._settings.worker.drain
        # An insert that begins later could still be at work when the partition has a new owner.
        last_insert = seconds - self._settings.warehouse.insert_timeout
        await asyncio.gather(*(ln.drain(seconds, last_insert) for ln in self._lanes.values()))
        self._lease.end()

    def fail(self, error: BaseException) -> None:
        """Ends the worker; nothing further is stored or acknowledged."""
        if self._failure is None:
            log.error(
                "stopping: %s", error, exc_info=None if isinstance(error, VocError) else error
            )
            self._failure = error
        for lane in self._lanes.values():
            lane.close()
        self._stop.set()

    # -- the process
    async def _run(self) -> None:
        # Faust binds its services to the running loop: everything is made inside it.
        self._stop = asyncio.Event()
        self.app = build(self._settings.kafka, self._settings.worker, hooks=self)
        self._lanes = {topic: self._lane(topic, h) for topic, h in self._handlers.items()}
        self._ends = Ends(self.app, self._lanes)
        worker = self._settings.worker
        for topic, lane in self._lanes.items():
            add_agent(self.app, topic, (worker.block_rows, worker.block_wait), self._feed(lane))
        self._listen()
        watching = [asyncio.create_task(self._beat()), asyncio.create_task(self._ends.watch())]
        try:
            await self._until_stopped()
        finally:
            for task in watching:
                task.cancel()
            # The interpreter waits for the threads: none may go on repeating for a dead worker.
            self._lease.end()
            self._readers.shutdown(wait=False, cancel_futures=True)
            self._writers.shutdown(wait=False, cancel_futures=True)

    async def _until_stopped(self) -> None:
        starting = asyncio.create_task(self.app.start())
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            self._failure = self._failure or starting.exception()
            if self._failure is None:
                crashing = asyncio.create_task(self.app.wait_until_stopped())
                await asyncio.wait({stopping, crashing}, return_when=asyncio.FIRST_COMPLETED)
                crashing.cancel()
        else:
            starting.cancel()
        stopping.cancel()
        self._failure = self._failure or self.app.crash_reason
        self.pulse.ready = False
        log.info("stopping")
        with contextlib.suppress(AioKafkaError):
            await self.app.stop()

    def _listen(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._interrupt, int(number))

    def _interrupt(self, number: int) -> None:
        if self._stop.is_set():
            # Nothing is lost: what was not acknowledged is read again.
            log.warning("leaving at once; unfinished blocks will be read again")
            os._exit(INTERRUPTED)
        self._signal = number
        self._stop.set()

    async def _beat(self) -> None:
        heart = Heart(self.pulse, self._lanes, self._ends, self._measure)
        while True:
            heart.beat()
            await asyncio.sleep(HEARTBEAT_SECONDS)

    # -- lanes
    def _lane(self, topic: str, handler: Handler[Any]) -> Lane[Any]:
        return Lane(
            topic=topic,
            epoch=self._settings.worker.topic_epoch,
            handler=handler,
            dead=DeadLetters(self._send_dead, self._clock, self.pulse.beat),
            pulse=self.pulse,
            clock=self._clock,
            readers=self._readers,
            writers=self._writers,
            ack=_acknowledge,
            fail=self.fail,
        )

    def _feed(self, lane: Lane[Any]) -> Callable[[list[Any]], Awaitable[None]]:
        async def take(events: list[Any]) -> None:
            generation = self.app.consumer_generation_id
            current = [e for e in events if e.message.generation_id == generation]
            await lane.take([_record(lane.identity, event) for event in current])

        return take

    async def _send_dead(self, key: bytes, value: bytes) -> None:
        topic = self._settings.kafka.topics.dead
        sending = self.app.producer.send_and_wait(topic, key, value, None, None, None)
        try:
            await asyncio.wait_for(sending, PRODUCE_SECONDS)
        except MessageSizeTooLargeError as error:
            raise KafkaRejected(
                f"a dead letter of {len(value):,} bytes is too large for {topic}",
                fix=f"Raise max.message.bytes of {topic} to twice that of the source topic.",
            ) from error
        except (AioKafkaError, ProducerSendError, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            raise KafkaUnavailable(f"a dead letter was not confirmed: {reason}") from error


def _record(identity: str, event: Any) -> Record:
    message = event.message
    attempt = dict(message.headers or {}).get("voc-attempt", b"1")
    return Record(
        Source(identity, message.partition, message.offset),
        message.timestamp or 0.0,
        message.key,
        message.value,
        int(attempt) if attempt.isdigit() else 1,
        event,
    )


def _acknowledge(records: Sequence[Record]) -> None:
    for record in records:
        record.handle.ack()  # type: ignore[attr-defined]


def _explained(failure: BaseException) -> VocError:
    if isinstance(failure, VocError):
        return failure
    reason = str(failure) or type(failure).__name__
    if isinstance(failure, AioKafkaError | OSError):
        return KafkaUnavailable(
            f"Kafka is not available: {reason}", fix="Check VOC_KAFKA and that the broker runs."
        )
    return VocError(
        f"the worker stopped: {type(failure).__name__}: {reason}",
        fix="The log above has the details; nothing was acknowledged that is not stored.",
    )
