"""The time between an assignment of partitions and their revocation."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field

from pipeline.stream.partition import PartitionLog


class Abandoned(Exception):
    """The partitions were taken away or the worker stops: leave without acknowledging."""


@dataclass(eq=False)
class Lease:
    """What a lane may do, and for how long.

    Whatever is under way keeps the lease that it started with. Once `over`, it starts no insert and
    acknowledges nothing, even if the same partitions are assigned again in the meantime.
    `done` holds the offset after the last settled one, by partition.
    """

    logs: dict[int, PartitionLog] = field(default_factory=dict)
    done: dict[int, int] = field(default_factory=dict)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    over: threading.Event = field(default_factory=threading.Event)

    def end(self) -> None:
        """Callable from any thread, and repeatedly."""
        self.over.set()

    def check(self) -> None:
        """Raises Abandoned once the lease is over."""
        if self.over.is_set():
            raise Abandoned

    async def wait(self, seconds: float) -> bool:
        """Whether everything under way ended within `seconds`."""
        if self.tasks and seconds > 0:
            await asyncio.wait(set(self.tasks), timeout=seconds)
        return not self.tasks
