"""The worker and the watcher of the local stack."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pipeline.local.service import Service, environment, fetch
from pipeline.settings import Settings

__all__ = ["QUICK", "WatcherProcess", "WorkerProcess", "environment", "fetch", "quantile"]

QUICK: dict[str, Any] = {
    "worker": {
        "session_timeout": 10,
        "heartbeat": 1,
        "rebalance_timeout": 6,
        "drain": 5,
        "commit_interval": 1,
    },
    "warehouse": {"insert_timeout": 4},
}
"""For `settings.load`: a group of one on loopback. Joining takes half of the rebalance timeout."""

_BUCKET = re.compile(r'^voc_event_to_row_seconds_bucket\{le="([^"]+)"\} (\S+)$', re.MULTILINE)


class WorkerProcess(Service):
    """`voc worker` with the port and the patience of its settings."""

    def __init__(self, settings: Settings, logs: Path) -> None:
        worker = settings.worker
        super().__init__("worker", settings, logs, port=worker.port, patience=worker.drain + 3)

    def delays(self) -> dict[float, int]:
        """Contacts by seconds from event to row at most: the cumulated buckets of its metric."""
        text = fetch(self.port, "/metrics")
        return {float(le.replace("+Inf", "inf")): int(float(n)) for le, n in _BUCKET.findall(text)}


class WatcherProcess(Service):
    """`voc watch` with the port of its settings."""

    def __init__(self, settings: Settings, logs: Path) -> None:
        super().__init__("watch", settings, logs, port=settings.watch.port, patience=10)


def quantile(buckets: dict[float, int], q: float) -> float | None:
    """The q-quantile of a cumulated histogram, linear inside a bucket; None without values."""
    total = max(buckets.values(), default=0)
    low, below = 0.0, 0
    for bound, cumulated in sorted(buckets.items()):
        if total and cumulated >= q * total:
            inside = cumulated - below
            share = (q * total - below) / inside if inside else 0.0
            return low if bound == float("inf") else low + (bound - low) * share
        low, below = bound, cumulated
    return None
