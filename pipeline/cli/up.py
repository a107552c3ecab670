"""`voc up`: the local stack for one's own data, kept running and kept between runs."""

# The parts load inside the functions that need them: `voc --help` must stay fast.
# ruff: noqa: PLC0415
from __future__ import annotations

import contextlib
import json
import secrets
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline import settings as loading
from pipeline.cli import wiring
from pipeline.cli.console import err, out
from pipeline.cli.options import ConfigFile
from pipeline.health import Pulse, serve
from pipeline.settings import Settings

if TYPE_CHECKING:
    from pipeline.local.stack import LocalStack

CHECK_SECONDS = 0.5
USUAL = {"kafka": 9092, "clickhouse": 9000, "worker": 9101, "watch": 9102, "stack": 9103}


def up(
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder of the data. Default: local.data, .voc.")
    ] = None,
    kafka_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the broker. 0: as last time, or 9092.")
    ] = 0,
    clickhouse_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the warehouse. 0: likewise, or 9000.")
    ] = 0,
    worker_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of /metrics. 0: likewise, or 9101.")
    ] = 0,
    config: ConfigFile = None,
) -> None:
    """Run a broker, a warehouse, a worker and the watcher on this machine for your own data.

    Everything is kept in one folder and is there again after a restart. Ports that are taken are
    replaced by free ones. Ctrl-C stops everything; a worker or watcher that dies is started again.

    Examples:
        voc up
        voc up --data ~/voc-data --kafka-port 19092
    """
    from pipeline.local.stack import LocalStack
    from pipeline.local.worker import QUICK, WatcherProcess, WorkerProcess

    wanted = {"kafka": kafka_port, "clickhouse": clickhouse_port, "worker": worker_port}
    folder = (data or loading.load(config).local.data).absolute()
    with terminating():
        stack = LocalStack(folder, durable=True, choose=lambda f: _ports(f, wanted))
        with err.status("starting the broker and the warehouse"):
            stack.start()
        with stack:
            settings = _settings(stack, config, QUICK)
            _prepare(settings)
            worker, watcher = (
                WorkerProcess(settings, stack.logs),
                WatcherProcess(settings, stack.logs),
            )
            for service in (worker, watcher):
                stack.attach(service)
                service.start()
            with err.status("loading the model and joining the group"):
                worker.wait()
            point(stack, stack.ports["stack"])
            supervise(stack, stack.ports["stack"])


def _ports(folder: Path, wanted: dict[str, int]) -> dict[str, int]:
    """Each as wanted; else as last time, or the usual one, where it is free; else any free one."""
    from pipeline.local.processes import free_port, is_free

    path = folder / "ports.json"
    last: dict[str, int] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    chosen = {}
    for name, usual in USUAL.items():
        candidates = [last.get(name, usual), usual]
        free = next((port for port in candidates if is_free(port)), None)
        chosen[name] = wanted.get(name) or free or free_port()
    path.write_text(json.dumps(chosen), encoding="utf-8")
    return chosen


def _settings(stack: LocalStack, config: Path | None, quick: dict[str, Any]) -> Settings:
    """The user's settings, pointed at this stack; with a key of the folder's if they have none."""
    given = loading.load(config)
    overrides: dict[str, Any] = {
        **stack.overrides,
        "worker": {**quick["worker"], "port": stack.ports["worker"]},
        "watch": {"port": stack.ports["watch"]},
    }
    overrides["warehouse"] = {**stack.overrides["warehouse"], **quick["warehouse"]}
    if not given.privacy.secret.get_secret_value() and given.privacy.secret_file is None:
        overrides["privacy"] = {"secret_file": str(_key_file(stack.folder))}
    return loading.load(config, overrides)


def _key_file(folder: Path) -> Path:
    path = folder / "secret"
    if not path.is_file():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32), encoding="utf-8")
    return path


def _prepare(settings: Settings) -> None:
    from pipeline.kafka import create_topics
    from pipeline.warehouse import migrate

    with wiring.warehouse(settings) as warehouse:
        migrate(warehouse, settings)
    create_topics(settings.kafka)


def point(stack: LocalStack, port: int) -> None:
    """Says how to reach the running stack, ready to be pasted; `port` is of its own metrics."""
    exports = " ".join(f"{name}={value}" for name, value in stack.environment.items())
    query = 'voc query "SELECT language, sum(contacts) FROM contact_hours GROUP BY language"'
    urls = [(service.name, service.metrics_url) for service in stack.services]
    lines = (
        "\n[italic]In another terminal[/italic]",
        f"      export {exports}",
        f"      {query}",
        "      voc send contacts.csv --map text=comment",
        "      voc report",
        "\n[italic]Metrics[/italic]",
        *(f"      {name:<8}{url}" for name, url in [*urls, ("stack", _metrics_url(port))]),
        f"[italic]Logs[/italic]    {stack.logs}",
        "\nCtrl-C stops everything.",
    )
    for line in lines:
        out.print(line, soft_wrap=True)


def _metrics_url(port: int) -> str:
    return f"http://127.0.0.1:{port}/metrics"


def supervise(stack: LocalStack, port: int) -> None:
    """Until Ctrl-C: starts dead services again, and serves the stack's metrics on `port`.

    Raises LocalStackError for a server that died: its data are what everything else is for.
    """
    pulse = Pulse(10, ready=True)
    _, stop = serve("127.0.0.1", port, pulse)
    try:
        while True:
            stack.check()
            for service in stack.services:
                if news := service.revive():
                    err.print(news, markup=False)
            pulse.beat("watching")
            time.sleep(CHECK_SECONDS)
    finally:
        stop()


@contextlib.contextmanager
def terminating() -> Iterator[None]:
    """Lets SIGTERM end the block as Ctrl-C does, so that everything is stopped in order."""

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
