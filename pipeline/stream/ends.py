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
    """

    def __init__(self, app: Any, lanes: Mapping[str, Lane[Any]]) -> None:
        self._app = app
        self._lanes = lanes
        self._known: dict[TP, int] = {}
        self._shown: set[tuple[str, int]] = set()

    def measure(self) -> int:
        """Sets the lag of every partition; returns their sum."""
        total = 0
        shown = set()
        for topic, lane in self._lanes.items():
            for partition, done in lane.done.items():
                lag = max(0, self._end(TP(topic, partition)) - done)
                metrics.LAG.labels(topic, partition).set(lag)
                shown.add((topic, partition))
                total += lag
        for gone in self._shown - shown:
            metrics.LAG.remove(*gone)
        self._shown = shown
        return total

    def forget(self) -> None:
        """Drops what is known: the partitions may go to another worker."""
        self._known = {}

    async def watch(self) -> None:
        """Asks the broker now and then; never returns."""
        while True:
            await asyncio.sleep(ASK_SECONDS)
            mine = {TP(topic, p) for topic, lane in self._lanes.items() for p in lane.done}
            try:
                owned = mine & {TP(*tp) for tp in self._app.consumer.assignment()}
                if owned:
                    answer = await asyncio.wait_for(self._app.consumer.highwaters(*owned), 5)
                    self._known |= {TP(*tp): int(end or 0) for tp, end in answer.items()}
            except Exception:  # noqa: BLE001, S112 -- a gauge is not worth the stream; the next round asks again
                continue

    def _end(self, tp: TP) -> int:
        seen = self._app.monitor.tp_end_offsets.get(tp) or 0
        return max(seen, self._known.get(tp, 0))
