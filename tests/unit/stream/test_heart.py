"""When the probe fails: a stuck loop, a batch without end, a consumer that fetches nothing."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types.tuples import TP

from pipeline import metrics
from pipeline.clock import ManualClock
from pipeline.health import Pulse
from pipeline.stream.ends import Ends
from pipeline.stream.heart import Heart


def _heart(*, busy: bool = False, done: int = 5, end: int = 5) -> tuple[Heart, ManualClock]:
    clock = ManualClock()
    lane: Any = SimpleNamespace(busy=busy, done={0: done})
    app: Any = SimpleNamespace(monitor=SimpleNamespace(tp_end_offsets=Counter({TP("t", 0): end})))
    lanes = {"t": lane}
    return Heart(Pulse(60, clock), lanes, Ends(app, lanes), lambda: None), clock


@pytest.mark.parametrize(
    ("given", "stalled"),
    [
        ({}, False),
        ({"busy": True}, True),
        ({"end": 9}, True),
    ],
    ids=["nothing to do", "a batch without end", "events wait and none is fetched"],
)
def test_only_an_idle_worker_is_alive_without_moving(given: dict[str, Any], stalled: bool) -> None:
    heart, clock = _heart(**given)
    for _ in range(100):
        clock.advance(1)
        heart.beat()
    assert heart.pulse.stalled is stalled


class _Consumer:
    """Assigned one partition, at a position."""

    def __init__(self, position: int, end: int, unacked: set[str]) -> None:
        self._position, self._end, self.unacked = position, end, unacked

    async def highwaters(self, *tps: TP) -> dict[TP, int]:
        return dict.fromkeys(tps, self._end)

    async def position(self, tp: TP) -> int:
        assert tp == TP("t", 0)
        return self._position


@pytest.mark.parametrize(
    ("position", "unacked", "lag"),
    [(7, set(), 0), (7, {"a message"}, 2), (5, set(), 2)],
    ids=["an end without events", "events are open", "events wait and none is fetched"],
)
async def test_what_the_consumer_went_past_is_done_if_nothing_is_open(
    position: int, unacked: set[str], lag: int
) -> None:
    heart, _ = _heart(done=5, end=5)
    heart.ends._app.consumer = _Consumer(position, 7, unacked)
    await heart.ends._ask({TP("t", 0)})
    assert heart.ends.measure() == lag
    heart.ends.forget()
    assert heart.ends.measure() == 0


def test_a_loop_that_does_not_run_is_stalled() -> None:
    heart, clock = _heart()
    heart.beat()
    clock.advance(61)
    assert heart.pulse.stalled


def test_the_lag_is_what_lies_between_stored_and_end_and_goes_with_the_partition() -> None:
    heart, _ = _heart(done=3, end=10)
    heart.beat()
    labels = {"topic": "t", "partition": "0"}
    assert metrics.REGISTRY.get_sample_value("voc_lag_events", labels) == 7
    heart.lanes["t"].done.clear()  # type: ignore[attr-defined]
    heart.beat()
    assert metrics.REGISTRY.get_sample_value("voc_lag_events", labels) is None
