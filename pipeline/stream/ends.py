"""How far the partitions reach, and so how far behind the worker is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from faust.types.tuples import TP

from pipeline import metrics
from pipeline.stream.lane import Lane

ASK_SECONDS = 10.0


class Ends:
    """Ends of the partitions: what the consumer saw, or the broker says, whichever is further.

    The high-water mark of the last fetch stands still while the worker waits for the warehouse and
    fetches nothing, so the broker is asked, too.  A broker may answer too low (Tansu counts
    batches), never too high.

    An end may hold no event: a transaction's marker, or events that Kafka has dropped since. So
    where nothing is open, all that the consumer went past counts as done.
    """

    def __init__(self, app: Any, lanes: Mapping[str, Lane[Any]]) -> None:
        self._app = app
        self._lanes = lanes
        self._known: dict[TP, int] = {}
        self._passed: dict[TP, int] = {}
        self._shown: set[tuple[str, int]] = set()

    def measure(self) -> int:
        """Sets the lag of every partition; returns their sum."""
        total = 0
        shown = set()
        for topic, lane in self._lanes.items():
            for partition, done in lane.done.items():
                tp = TP(topic, partition)
                passed = 0 if lane.busy else self._passed.get(tp, 0)
                lag = max(0, self._end(tp) - max(done, passed))
                metrics.LAG.labels(topic, partition).set(lag)
                shown.add((topic, partition))
                total += lag
        for gone in self._shown - shown:
            metrics.LAG.remove(*gone)
        self._shown = shown
        return total

    def forget(self) -> None:
        """Drops what is known: the partitions may go to another worker."""
        self._known, self._passed = {}, {}

    async def watch(self) -> None:
        """Asks the broker now and then; never returns."""
        while True:
            await asyncio.sleep(ASK_SECONDS)
            mine = {TP(topic, p) for topic, lane in self._lanes.items() for p in lane.done}
            try:
                owned = mine & {TP(*tp) for tp in self._app.consumer.assignment()}
                if owned:
                    await asyncio.wait_for(self._ask(owned), 5)
            except Exception:  # noqa: BLE001, S112 -- a gauge is not worth the stream; the next round asks again
                continue

    async def _ask(self, owned: set[TP]) -> None:
        consumer = self._app.consumer
        answer = await consumer.highwaters(*owned)
        self._known |= {TP(*tp): int(end or 0) for tp, end in answer.items()}
        passed = {tp: int(await consumer.position(tp) or 0) for tp in owned}
        # What is open may be behind the position but not yet with its lane.
        self._passed = {} if consumer.unacked else passed

    def _end(self, tp: TP) -> int:
        seen = self._app.monitor.tp_end_offsets.get(tp) or 0
        return max(seen, self._known.get(tp, 0))
