"""`voc worker` as a child of the local stack, told its settings by environment variables."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from pipeline.errors import LocalStackError
from pipeline.local.processes import HOST, Child, answers
from pipeline.settings import Settings

READY_SECONDS = 120.0
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

_FIRST_PAUSE, _LONGEST_PAUSE, _HEALTHY_SECONDS = 1.0, 30.0, 60.0
_HOPELESS = {78}
"""Exit statuses that a second start cannot change: wrong settings, damaged model."""
_BUCKET = re.compile(r'^voc_event_to_row_seconds_bucket\{le="([^"]+)"\} (\S+)$', re.MULTILINE)


def environment(settings: Settings) -> dict[str, str]:
    """The process's variables with `settings`, and nothing else, in those of the product."""
    found = {name: value for name, value in os.environ.items() if not name.startswith("VOC_")}
    found["VOC_CONFIG"] = os.devnull
    for section, values in settings:
        for field, value in values:
            found.update(_leaves(f"VOC_{section}__{field}".upper(), value))
    return found


def _leaves(name: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, BaseModel):
        return [leaf for k, v in value for leaf in _leaves(f"{name}__{k.upper()}", v)]
    if value is None or value in ({}, []):
        return []
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, dict | list):
        return [(name, json.dumps(value, default=_plain))]
    return [(name, str(value.value if isinstance(value, Enum) else value))]


def _plain(value: Any) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


class WorkerProcess:
    """A worker that is started again where it died, with growing pauses."""

    def __init__(self, settings: Settings, logs: Path) -> None:
        port = settings.worker.port
        assert port, "the worker's port has to be known before it starts"
        self.url = f"http://{HOST}:{port}"
        self.port = port
        self._drain = settings.worker.drain
        self.child = Child(
            "worker",
            [sys.executable, "-m", "pipeline", "worker"],
            logs / "worker.log",
            ready=lambda _: answers(port, _get("/readyz"), b" 200 "),
            env=environment(settings),
        )
        self._started = 0.0
        self._pause = _FIRST_PAUSE
        self._due = 0.0

    @property
    def metrics_url(self) -> str:
        """Where Prometheus would scrape it."""
        return f"{self.url}/metrics"

    def start(self) -> None:
        """Returns at once; see `wait`."""
        self._started = time.monotonic()
        self.child.start()

    def wait(self, seconds: float = READY_SECONDS) -> None:
        """Returns once the worker reads. Raises LocalStackError."""
        self.child.wait(seconds)

    def stop(self) -> None:
        """Lets it finish its blocks."""
        self.child.stop(self._drain + 3)

    def revive(self) -> str:
        """To be called often: starts it again once it is due. What happened, in words, or ""."""
        if self.child.alive:
            if time.monotonic() - self._started > _HEALTHY_SECONDS:
                self._pause = _FIRST_PAUSE
            return ""
        if self.child.status in _HOPELESS:
            raise self.child.death()
        if not self._due:
            self._due = time.monotonic() + self._pause
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)
            return str(self.child.death().message)
        if time.monotonic() < self._due:
            return ""
        self._due = 0.0
        self.start()
        return "the worker was started again"

    def delays(self) -> dict[float, int]:
        """Contacts by seconds from event to row at most: the cumulated buckets of its metric."""
        text = fetch(self.port, "/metrics")
        return {float(le.replace("+Inf", "inf")): int(float(n)) for le, n in _BUCKET.findall(text)}


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


def fetch(port: int, path: str) -> str:
    """The body of a page on loopback. Raises LocalStackError where nobody answers."""
    import urllib.request  # noqa: PLC0415 -- 30 ms that only this needs

    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}{path}", timeout=5) as page:
            return str(page.read().decode())
    except OSError as error:
        raise LocalStackError(f"nothing answers on port {port}: {error}") from error


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode()
