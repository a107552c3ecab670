"""Dead letters: what cannot be processed is kept, confirmed by Kafka, before its offset goes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pipeline import __version__, metrics
from pipeline.clock import Clock
from pipeline.contract import build_dead_letter
from pipeline.errors import KafkaUnavailable
from pipeline.stream.lease import Lease
from pipeline.stream.record import Rejection
from pipeline.stream.retry import pauses, report

log = logging.getLogger(__name__)

Send = Callable[[bytes, bytes], Awaitable[None]]
"""Sends (key, value) to the dead letter topic; returns when every in-sync replica has it.

Raises KafkaUnavailable where that may succeed later, KafkaRejected where it cannot.
"""


@dataclass
class DeadLetters:
    """Writes rejections to the dead letter topic."""

    send: Send
    clock: Clock
    beat: Callable[[str], None]

    async def keep(self, event: str, rejection: Rejection, lease: Lease) -> None:
        """Returns once the letter is confirmed; its id is the same whenever it is written again.

        Raises:
            Abandoned: the lease ended before Kafka confirmed it.
            KafkaRejected: the letter can never be delivered; the reading must stop.
        """
        source = rejection.record.source
        key = f"{source.topic}:{source.partition}:{source.offset}".encode()
        with metrics.STAGE_SECONDS.labels("dead_letter").time():
            await self._deliver(key, self._letter(rejection), lease)
        metrics.DEAD.labels(rejection.reason_code).inc()
        metrics.EVENTS.labels(event, "dead").inc()
        log.warning("dead letter %s:%d:%d: %s", *_place(rejection), rejection.reason)

    async def _deliver(self, key: bytes, letter: bytes, lease: Lease) -> None:
        for attempt, pause in enumerate(pauses(), start=1):
            lease.check()
            try:
                await self.send(key, letter)
            except KafkaUnavailable as error:
                report("kafka", error, attempt, self.beat)
            else:
                metrics.WAITING.labels("kafka").set(0)
                return
            await asyncio.sleep(pause)

    def _letter(self, rejection: Rejection) -> bytes:
        record = rejection.record
        return build_dead_letter(
            source=record.source,
            timestamp=record.at,
            key=record.key,
            payload=record.value,
            reason_code=rejection.reason_code,
            reason=rejection.reason,
            errors=rejection.errors,
            stage=rejection.stage,
            attempt=record.attempt,
            failed_at=self.clock.now(),
            version=__version__,
        )


def _place(rejection: Rejection) -> tuple[str, int, int]:
    source = rejection.record.source
    return source.topic, source.partition, source.offset
