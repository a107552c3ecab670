"""The product's own processes as children of the local stack, told their settings by variables."""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.request
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from pipeline.errors import LocalStackError
from pipeline.local.processes import HOST, Child, answers
from pipeline.settings import Settings

READY_SECONDS = 120.0
_FIRST_PAUSE, _LONGEST_PAUSE, _HEALTHY_SECONDS = 1.0, 30.0, 60.0
_HOPELESS = {78}
"""Exit statuses that a second start cannot change: wrong settings, damaged model."""


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


class Service:
    """`voc COMMAND` as a child; it is started again where it died, with growing pauses.

    `port` is where it serves /metrics, /healthz and /readyz; `patience` are the seconds it may
    take to end.
    """

    def __init__(
        self, command: str, settings: Settings, logs: Path, *, port: int, patience: float
    ) -> None:
        assert port, "the port has to be known before it starts"
        self.name = command
        self.port = port
        self._patience = patience
        self.child = Child(
            command,
            [sys.executable, "-m", "pipeline", command],
            logs / f"{command}.log",
            ready=lambda _: answers(port, _READY, b" 200 "),
            env=environment(settings),
        )
        self._started = 0.0
        self._pause = _FIRST_PAUSE
        self._due = 0.0

    @property
    def metrics_url(self) -> str:
        """Where Prometheus would scrape it."""
        return f"http://{HOST}:{self.port}/metrics"

    def start(self) -> None:
        """Returns at once; see `wait`."""
        self._started = time.monotonic()
        self.child.start()

    def wait(self, seconds: float = READY_SECONDS) -> None:
        """Returns once it is ready. Raises LocalStackError."""
        self.child.wait(seconds)

    def stop(self) -> None:
        """Lets it finish what it does."""
        self.child.stop(self._patience)

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
        return f"the {self.name} was started again"


def fetch(port: int, path: str) -> str:
    """The body of a page on loopback. Raises LocalStackError where nobody answers 200."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}{path}", timeout=5) as page:
            return str(page.read().decode())
    except OSError as error:
        raise LocalStackError(f"nothing answers on port {port}: {error}") from error


_READY = f"GET /readyz HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode()
