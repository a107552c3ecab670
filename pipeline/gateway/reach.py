"""Whether Kafka was reachable lately."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.clock import Clock, SystemClock
from pipeline.errors import KafkaError

log = logging.getLogger(__name__)

Probe = Callable[[], None]
"""Asks a broker something small; blocks, and raises a KafkaError where none answers."""


@dataclass
class Reach:
    """Remembers when Kafka last answered; asks it every `pause` seconds when nobody else does."""

    probe: Probe
    clock: Clock = field(default_factory=SystemClock)
    limit: float = 30.0
    pause: float = 10.0
    leaving: bool = False
    trouble: str = "Kafka has not answered yet"
    _seen: float | None = None

    def seen(self) -> None:
        """Kafka answered."""
        self._seen = self.clock.monotonic()
        self.trouble = "Kafka has not answered lately"

    @property
    def age(self) -> float | None:
        """Seconds since Kafka answered; None if it never did."""
        return None if self._seen is None else self.clock.monotonic() - self._seen

    @property
    def ready(self) -> bool:
        """Whether contacts sent now are likely to be accepted."""
        return not self.leaving and self.age is not None and self.age <= self.limit

    @property
    def words(self) -> str:
        """The state in one line."""
        if self.leaving:
            return "leaving: no new requests"
        return "ready" if self.ready else f"not ready: {self.trouble}"

    async def watch(self) -> None:
        """Probes until cancelled."""
        while True:
            await self.ask_if_due()
            await asyncio.sleep(self.pause)

    async def ask_if_due(self) -> None:
        """Asks a broker unless one answered within the last `pause` seconds."""
        if self.age is not None and self.age < self.pause:
            return
        try:
            await asyncio.to_thread(self.probe)
        except KafkaError as error:
            if self.ready or self._seen is None:
                log.warning("Kafka does not answer: %s", error.message)
            self.trouble = error.message
        else:
            self.seen()
