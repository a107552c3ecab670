"""The whole embedded stack as one context manager."""

from __future__ import annotations

import errno
import importlib.util
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pipeline import metrics
from pipeline.errors import LocalStackError
from pipeline.local.broker import EXTRA, Broker
from pipeline.local.lock import FolderLock
from pipeline.local.processes import HOST, Child, check_port
from pipeline.local.service import Service

START_SECONDS = 60.0
NEEDED_BYTES = 300 << 20
"""Free disk below which a start is refused: a broker and a warehouse that fill the disk while they
run leave a folder that is harder to repair than to grow."""

_LISTENING = re.compile(r"^listening \S+:(\d+)$", re.MULTILINE)


class LocalStack:
    """A broker and a warehouse on free ports of loopback, in `folder`.

    With `durable` the broker keeps its messages in the folder, too; without it they are in memory.
    `choose` is asked for ports once the folder is ours: `kafka`, `clickhouse`; any free one where
    it names none.
    Enter it from a thread that lives as long as the stack: the processes die with that thread.
    Raises LocalStackError for everything that keeps it from starting.
    """

    def __init__(
        self,
        folder: Path,
        *,
        durable: bool = False,
        database: str = "voc",
        choose: Callable[[Path], dict[str, int]] = lambda _: {},
    ) -> None:
        self.folder = folder
        self.database = database
        self.ports: dict[str, int] = {}
        self.services: list[Service] = []
        self._durable = durable
        self._choose = choose
        self._lock: FolderLock | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Returns once both answer; nothing is left running where it fails."""
        if self._lock is not None:
            return
        try:
            self._open()
        except BaseException:
            self.stop()
            raise

    # -- where everything is
    @property
    def kafka(self) -> str:
        """host:port of the broker."""
        return self.broker.address

    @property
    def clickhouse(self) -> str:
        """The warehouse as VOC_CLICKHOUSE takes it."""
        return f"clickhouse://{HOST}:{self.warehouse.port}/{self.database}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point every command at this stack."""
        return {"VOC_KAFKA": self.kafka, "VOC_CLICKHOUSE": self.clickhouse}

    @property
    def overrides(self) -> dict[str, Any]:
        """The same for `settings.load`."""
        at = {"host": HOST, "port": self.warehouse.port, "database": self.database}
        return {"kafka": {"bootstrap": self.kafka}, "warehouse": at}

    @property
    def logs(self) -> Path:
        """The folder of the processes' logs."""
        return self.folder / "logs"

    @property
    def children(self) -> list[Child]:
        """All processes of the stack."""
        return [*self.broker.children, self.warehouse.child]

    def attach(self, service: Service) -> None:
        """Makes a service part of the stack: it is stopped first, and its state is a metric."""
        self.services.append(service)

    def check(self) -> None:
        """Updates the metrics. Raises LocalStackError for a server that died."""
        for child in [*self.children, *(service.child for service in self.services)]:
            metrics.COMPONENT_UP.labels(child.name).set(child.alive)
        for child in self.children:
            if not child.alive:
                raise child.death()

    def stop(self) -> None:
        """Ends everything that runs; harmless when repeated."""
        for service in self.services:
            service.stop()
        for part in ("warehouse", "broker"):
            if hasattr(self, part):
                getattr(self, part).stop()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _open(self) -> None:
        _installed()
        _prepare(self.folder)
        self._lock = FolderLock(self.folder, "stack.lock", "another local stack")
        self.ports = self._choose(self.folder)
        at = self.ports.get
        self.broker = Broker(self.folder, self.logs, durable=self._durable, port=at("kafka", 0))
        self.warehouse = Front(self.folder / "warehouse", self.logs, port=at("clickhouse", 0))
        self.broker.start()
        self.warehouse.child.start()
        self.broker.wait(START_SECONDS)
        self.warehouse.wait(START_SECONDS)
        self.check()


class Front:
    """The embedded warehouse as a process. `port` stays the same through `restart`."""

    def __init__(self, folder: Path, logs: Path, port: int = 0) -> None:
        if port:
            check_port(port, "warehouse")
        self.port = port
        self._folder = folder
        self._logs = logs
        self.child = self._child()

    def wait(self, seconds: float) -> None:
        """Returns once clients are answered. Raises LocalStackError."""
        self.child.wait(seconds)
        found = _LISTENING.search(self.child.text())
        assert found is not None
        self.port = int(found[1])

    def restart(self, seconds: float = 30.0) -> None:
        """Starts it again after it died, on the same port and folder."""
        self.child = self._child()
        self.child.start()
        self.wait(seconds)

    def stop(self) -> None:
        """Lets running queries end, then ends the process."""
        self.child.stop(8.0)

    def _child(self) -> Child:
        module = [sys.executable, "-m", "pipeline.local.front"]
        return Child(
            "warehouse",
            [*module, "--data", str(self._folder), "--port", str(self.port)],
            self._logs / "warehouse.log",
            ready=lambda child: _LISTENING.search(child.text()) is not None,
        )


def _installed() -> None:
    for package in ("chdb", "clickhouse_cityhash", "lz4"):
        if importlib.util.find_spec(package) is None:
            raise LocalStackError(f"the embedded warehouse needs the package {package}", fix=EXTRA)


def _prepare(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".writable").touch()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        full = error.errno == errno.ENOSPC
        raise LocalStackError(
            f"the data folder {folder} cannot be written: {error.strerror}",
            fix="Free some disk space." if full else "Choose another folder.",
        ) from error
    if free < NEEDED_BYTES:
        raise LocalStackError(
            f"only {free >> 20} MB are free for {folder}; {NEEDED_BYTES >> 20} MB are needed",
            fix="Free some disk space, or choose a folder on another disk.",
        )
