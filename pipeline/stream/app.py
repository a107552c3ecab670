"""The Faust application: how batches reach the lanes, and where reading starts and ends."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import faust
from faust.transport.drivers.aiokafka import Consumer, Transport
from faust.types.tuples import TP
from yarl import URL

from pipeline.settings import KafkaSettings, WorkerSettings

_faust = logging.getLogger("faust.worker")
_NEVER = 30 * 86400.0
PRODUCE_SECONDS = 20.0
"""Until an unconfirmed dead letter counts as failed and is sent again."""

# A letter holds the original event in Base64; compressed, it fits where the event did.
MAX_LETTER_BYTES = 29_360_128


class Hooks(Protocol):
    """What the application asks its worker."""

    def positions(self) -> Mapping[TP, int]:
        """The offset to read each assigned partition from."""
        ...

    async def assigned(self, partitions: set[TP]) -> None:
        """Learn the positions. Called after every rebalance, before anything is read."""
        ...

    async def revoked(self) -> None:
        """Finish, or leave, what is under way."""
        ...


class PositionedConsumer(Consumer):
    """Starts each partition where the warehouse says, not where Kafka has committed.

    Kafka's committed offset may be ahead of the warehouse: Faust acknowledges messages that it
    skips because their generation is over, and a warehouse may be restored from a backup.
    """

    logger = _faust

    async def perform_seek(self) -> None:
        """Seeks every assigned partition. What is committed already is never taken back."""
        committed = {TP(*tp): at for tp, at in (await self.seek_to_committed()).items()}
        owned = {TP(*tp) for tp in self.assignment()}
        wanted = {tp: at for tp, at in self.app.hooks.positions().items() if tp in owned}
        if wanted:
            await self.seek_wait(wanted)
        for tp in owned:
            settled = committed.get(tp)
            floor = max(settled or 0, wanted.get(tp, 0))
            # Faust commits only what follows its floor without a gap.
            self._committed_offset[tp] = floor or None
            self._read_offset[tp] = wanted.get(tp, settled) or None


class PositionedTransport(Transport):
    """Faust's Kafka transport with our consumer."""

    Consumer = PositionedConsumer


class WorkerApp(faust.App):
    """Faust's application with bounded draining and positions from the warehouse."""

    logger = _faust
    hooks: Hooks

    def _new_transport(self) -> PositionedTransport:
        return PositionedTransport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        """None: there are no tables, and the worker's root may be read-only."""

    async def _consumer_wait_empty(self, consumer: Consumer, logger: Any) -> None:
        # Faust would wait for every unacknowledged message, without a deadline.
        del logger
        await self.hooks.revoked()
        await consumer.commit_and_end_transactions()


def build(kafka: KafkaSettings, worker: WorkerSettings, hooks: Hooks) -> WorkerApp:
    """The application, without agents."""
    app = WorkerApp(
        worker.group,
        broker=[URL(f"kafka://{address.strip()}") for address in kafka.bootstrap.split(",")],
        broker_client_id=kafka.client_id,
        broker_credentials=_credentials(kafka),
        broker_session_timeout=worker.session_timeout,
        broker_rebalance_timeout=worker.rebalance_timeout,
        broker_heartbeat_interval=worker.heartbeat,
        broker_request_timeout=max(90.0, worker.session_timeout + 5),
        broker_commit_interval=worker.commit_interval,
        broker_max_poll_records=worker.poll_records,
        # A worker that waits for the warehouse fetches nothing and still keeps its partitions;
        # whether it is alive, the probe tells.
        broker_max_poll_interval=_NEVER,
        broker_commit_livelock_soft_timeout=_NEVER,
        stream_processing_timeout=_NEVER,
        consumer_auto_offset_reset="earliest",
        stream_buffer_maxsize=worker.buffer,
        stream_wait_empty=False,
        producer_acks=-1,
        producer_compression_type="gzip",
        producer_max_request_size=MAX_LETTER_BYTES,
        producer_request_timeout=PRODUCE_SECONDS,
        store="memory://",
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        stream_recovery_delay=0.0,
    )
    app.hooks = hooks

    async def learn_positions(*_: Any, **__: Any) -> None:
        await hooks.assigned(set(app.consumer.assignment()))

    app.on_rebalance_complete.connect(learn_positions)
    return app


def add_agent(
    app: WorkerApp,
    topic: str,
    limits: tuple[int, float],
    take: Callable[[list[Any]], Awaitable[None]],
) -> None:
    """Feeds `take` with lists of at most `limits[0]` events, waiting `limits[1]` seconds."""
    source = app.topic(
        topic, key_type=bytes, key_serializer="raw", value_type=bytes, value_serializer="raw"
    )

    async def agent(stream: Any) -> None:
        async for events in stream.noack_take(*limits):
            await take(events)

    app.agent(source, name=f"voc.{topic}")(agent)


def _credentials(kafka: KafkaSettings) -> Any:
    context = _ssl_context(kafka) if "ssl" in kafka.security_protocol else None
    if kafka.security_protocol.startswith("sasl"):
        return faust.SASLCredentials(
            username=kafka.username,
            password=kafka.password.get_secret_value(),
            mechanism=kafka.sasl_mechanism,
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context else None


def _ssl_context(kafka: KafkaSettings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(kafka.ca_file) if kafka.ca_file else None)
    if kafka.cert_file:
        context.load_cert_chain(str(kafka.cert_file), str(kafka.key_file))
    return context
