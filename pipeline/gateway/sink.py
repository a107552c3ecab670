"""Kafka as the gateway sees it, and waiting for what it says."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

from pipeline.errors import KafkaError, VocError
from pipeline.gateway.items import Item

log = logging.getLogger(__name__)

UNCONFIRMED = "Kafka did not confirm it in time; it may still arrive: send it again, it counts once"


class Sink(Protocol):
    """Where events go. Thread-safe."""

    def send(
        self, topic: str, key: bytes, value: bytes, headers: Sequence[tuple[str, bytes]] = ()
    ) -> Future[Any]:
        """A future that ends when every in-sync replica has the event, or raises a KafkaError.

        May block for a moment (metadata, a full buffer) and may raise a KafkaError itself.
        """
        ...


class Courier:
    """Hands items to the sink from threads of its own and waits for them together.

    A send may block when brokers are away, so it never runs on the event loop; `threads` bounds
    how many requests can be stuck at once, further ones run into their timeout in the queue.
    """

    def __init__(self, sink: Sink, *, timeout: float, threads: int = 8) -> None:
        self._sink = sink
        self._timeout = timeout
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="gateway-send")

    async def deliver(self, topic: str, items: Sequence[Item]) -> None:
        """Sends the valid ones of `items` in order; each is then `accepted` or `failed`.

        Returns after `timeout` seconds at the latest. What Kafka did not confirm by then is failed
        and nothing further of it is sent, but what was sent already may still arrive.
        """
        waiting = _Waiting(asyncio.get_running_loop(), [item for item in items if item.value])
        sending = waiting.loop.run_in_executor(self._pool, self._send, topic, waiting)
        try:
            async with asyncio.timeout(self._timeout):
                await waiting.done.wait()
        except TimeoutError:
            log.warning("Kafka did not confirm %d events in time", waiting.left)
        finally:
            waiting.abandoned.set()
            sending.cancel()
            waiting.settle()

    def _send(self, topic: str, waiting: _Waiting) -> None:
        for item in waiting.items:
            if waiting.abandoned.is_set():
                return
            assert item.value is not None
            try:
                waiting.watch(item, self._sink.send(topic, item.key, item.value))
            except Exception as error:  # noqa: BLE001 - whatever it is, the sender has to hear of it
                waiting.finish(item, error)

    def close(self) -> None:
        """Ends the threads; what they are in the middle of is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)


class _Waiting:
    """Counts down the confirmations of one request: one wake-up of the loop, not one per item."""

    def __init__(self, loop: asyncio.AbstractEventLoop, items: list[Item]) -> None:
        self.loop = loop
        self.items = items
        self.done = asyncio.Event()
        self.abandoned = threading.Event()
        self.left = len(items)
        self._lock = threading.Lock()
        self._outcome: dict[int, BaseException | None] = {}
        if not items:
            self.done.set()

    def watch(self, item: Item, future: Future[Any]) -> None:
        future.add_done_callback(lambda done: self.finish(item, _error(done)))

    def finish(self, item: Item, error: BaseException | None) -> None:
        with self._lock:
            self._outcome[item.index] = error
            self.left -= 1
            last = self.left == 0
        if last and not self.abandoned.is_set():
            self.loop.call_soon_threadsafe(self.done.set)

    def settle(self) -> None:
        """Writes what is known now into the items; later confirmations change nothing."""
        with self._lock:
            outcome = dict(self._outcome)
        for item in self.items:
            if item.index not in outcome:
                item.fail(UNCONFIRMED, retryable=True)
            elif error := outcome[item.index]:
                message, retryable = _explained(error)
                item.fail(message, retryable=retryable)
            else:
                item.status = "accepted"


def _error(done: Future[Any]) -> BaseException | None:
    return KafkaError("the send was cancelled") if done.cancelled() else done.exception()


def _explained(error: BaseException) -> tuple[str, bool]:
    """The message for the sender, and whether sending again may help."""
    if isinstance(error, VocError):
        return error.message, error.retryable
    log.error("the sink failed: %s", type(error).__name__, exc_info=error)
    return "could not be written to Kafka", True
