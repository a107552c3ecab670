"""When a worker counts as alive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline import metrics
from pipeline.health import Pulse
from pipeline.stream.ends import Ends
from pipeline.stream.lane import Lane


@dataclass
class Heart:
    """Beats for a worker that has nothing to do; one that has must move to stay alive.

    So the probe fails for a stuck event loop (nobody calls `beat`), for a batch that never ends,
    and for a consumer that fetches nothing although events wait.
    """

    pulse: Pulse
    lanes: Mapping[str, Lane[Any]]
    ends: Ends
    measure: Callable[[], None]

    def beat(self) -> None:
        """To be called about once a second by the event loop."""
        metrics.HEARTBEAT.set_to_current_time()
        waiting = self.ends.measure()
        if not waiting and not any(lane.busy for lane in self.lanes.values()):
            self.pulse.beat()
        self.measure()
