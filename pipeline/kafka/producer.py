"""Producing events: confirmed by every in-sync replica, once, in order per key."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from kafka import KafkaProducer, codec, errors

from pipeline.errors import ConfigError, KafkaError, KafkaUnavailable
from pipeline.kafka.admin import MAX_LETTER_BYTES, require_topics
from pipeline.kafka.connection import connect, explain
from pipeline.settings import KafkaSettings

Headers = Sequence[tuple[str, bytes]]
Settled = Callable[["Delivery | KafkaError"], None]

_NOWHERE = "the broker says that it has the event already, but not where"
"""After a retry, DUPLICATE_SEQUENCE_NUMBER without an offset. The client takes it for a success; a
broker that was killed between noting the sequence and writing the batch (Tansu) has nothing."""
_BATCH_BYTES = 256 << 10
_CODECS = {"lz4": codec.has_lz4, "zstd": codec.has_zstd, "snappy": codec.has_snappy}


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where a confirmed event is."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Message:
    """An event to send. `timestamp_ms` is now where it is None."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    timestamp_ms: int | None = None


class Producer:
    """Sends events with acks=all and idempotence: a repeat inside the client makes no double.

    Thread-safe. Events of one key keep their order. At most `in_flight_bytes` wait for their
    confirmation; `send` blocks beyond. An event that is not confirmed within `timeout` seconds
    fails with KafkaUnavailable; it may still be stored. `linger` is how many seconds an event
    may wait for others to share its request.

    Raises KafkaUnavailable or KafkaRejected where there is no broker or it refuses us, ConfigError
    where the codec of kafka.compression is not installed.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        *,
        timeout: float = 30.0,
        linger: float = 0.005,
        in_flight_bytes: int = 32 << 20,
    ) -> None:
        self._kafka = kafka
        self._timeout = timeout
        self._budget = _Budget(in_flight_bytes)
        self._checked: set[str] = set()
        self._client = connect(
            kafka,
            KafkaProducer,
            acks="all",
            enable_idempotence=True,
            compression_type=_compression(kafka),
            linger_ms=int(linger * 1000),
            batch_size=_BATCH_BYTES,
            # The topic's own limit decides; dead letters are large.
            max_request_size=MAX_LETTER_BYTES,
            allow_auto_create_topics=False,
            max_block_ms=int(timeout * 1000),
            request_timeout_ms=int(timeout * 500),
            delivery_timeout_ms=int(timeout * 1000),
        )

    def send(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = ()
    ) -> Future[Delivery]:
        """A future that ends with the event's place, or raises a KafkaError.

        Blocks while too much is in flight, and once per topic for its metadata: run it in a
        thread beside an event loop. The future cannot be cancelled.
        """
        future: Future[Delivery] = Future()
        future.set_running_or_notify_cancel()

        def settle(result: Delivery | KafkaError) -> None:
            if isinstance(result, Delivery):
                future.set_result(result)
            else:
                future.set_exception(result)

        self.dispatch(Message(topic, key, value, headers), settle)
        return future

    def dispatch(self, message: Message, settled: Settled) -> None:
        """Sends; `settled` is called exactly once, from another thread, and must be quick.

        Cheaper than `send` for bulk. Raises nothing: errors reach `settled`.
        """
        size = len(message.value or b"") + len(message.key or b"")
        try:
            self._require(message.topic)
            self._budget.take(size, self._timeout)
        except KafkaError as error:
            settled(error)
            return

        def confirmed(record: Any) -> None:
            self._budget.give(size)
            if record.offset < 0:
                settled(KafkaUnavailable(_NOWHERE, fix="Send it again: it counts once."))
                return
            settled(Delivery(record.topic, record.partition, record.offset))

        def failed(error: BaseException) -> None:
            self._budget.give(size)
            settled(explain(error, self._kafka, "sending an event"))

        try:
            sending = self._client.send(
                message.topic,
                message.value,
                message.key,
                list(message.headers),
                timestamp_ms=message.timestamp_ms or int(time.time() * 1000),
            )
        except errors.KafkaError as error:
            failed(error)
        else:
            sending.add_callback(confirmed)
            sending.add_errback(failed)

    def send_all(self, messages: Iterable[Message]) -> list[Delivery | KafkaError]:
        """Sends and waits: one result per message, in their order."""
        results: list[Future[Delivery | KafkaError]] = []
        for message in messages:
            results.append(Future())
            self.dispatch(message, results[-1].set_result)
        self._client.flush()
        return [result.result(self._timeout * 2) for result in results]

    def flush(self, seconds: float) -> None:
        """Returns when everything sent so far is settled; raises KafkaUnavailable if it is not."""
        try:
            self._client.flush(seconds)
        except errors.KafkaTimeoutError as error:
            raise KafkaUnavailable(
                f"{self._kafka.bootstrap} did not confirm everything within {seconds:g} s",
                fix="What was not confirmed may still arrive; it counts once when sent again.",
            ) from error

    def close(self, seconds: float = 5.0) -> None:
        """Waits up to `seconds` for confirmations, then drops what is left."""
        self._client.close(seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _require(self, topic: str) -> None:
        # Some brokers create a topic on sight, with their own number of partitions.
        if topic not in self._checked:
            require_topics(self._kafka, [topic])
            self._checked.add(topic)


class _Budget:
    """Bytes that may wait for their confirmation; one event always may."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._freed = threading.Condition()

    def take(self, size: int, seconds: float) -> None:
        """Raises KafkaUnavailable if there is no room within `seconds`."""
        with self._freed:
            if not self._freed.wait_for(lambda: self._fits(size), seconds):
                raise KafkaUnavailable(
                    f"{self._used:,} bytes wait for Kafka's confirmation since {seconds:g} s",
                    fix="Look at the brokers; nothing more is accepted until they answer.",
                )
            self._used += size

    def give(self, size: int) -> None:
        """Returns what an event took."""
        with self._freed:
            self._used -= size
            self._freed.notify()

    def _fits(self, size: int) -> bool:
        return not self._used or self._used + size <= self._limit


def _compression(kafka: KafkaSettings) -> str | None:
    wanted = kafka.compression
    if wanted in _CODECS and not _CODECS[wanted]():
        raise ConfigError(
            f"kafka.compression is {wanted}, but its codec is not installed",
            fix="Set kafka.compression to gzip, or pip install lz4 / zstandard / python-snappy.",
        )
    return None if wanted == "none" else wanted
