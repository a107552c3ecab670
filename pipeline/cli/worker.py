"""`voc worker`: Kafka in, ClickHouse out."""

from __future__ import annotations

import logging
import signal
from typing import Annotated

import typer

from pipeline import health, logs, settings
from pipeline.cli import wiring
from pipeline.cli.options import ConfigFile
from pipeline.settings import Settings

log = logging.getLogger(__name__)


def worker(
    config: ConfigFile = None,
    port: Annotated[
        int | None,
        typer.Option(help="Port of /metrics, /healthz and /readyz; 0 takes a free one."),
    ] = None,
) -> None:
    """Read contacts from Kafka, classify them, and store each in ClickHouse once.

    Loads the model and checks the database and the topics before it joins the others; then it
    runs until SIGTERM or Ctrl-C, which finish what is under way. A second Ctrl-C leaves at once.
    Start as many as there are partitions.

    Examples:
        voc worker
        VOC_KAFKA=broker:9092 VOC_CLICKHOUSE=clickhouse://db:9000/voc voc worker --port 9101
        voc worker --config /etc/voc.toml
    """
    given = {} if port is None else {"port": port}
    loaded = settings.load(config, {"worker": given})
    logs.setup(loaded.log.level, loaded.log.format)
    if _run(loaded) == signal.SIGINT:
        raise typer.Exit(130)


def _run(loaded: Settings) -> int:
    """Returns the signal that ended it."""
    pulse = health.Pulse(loaded.worker.stall)
    bound, stop = health.serve(loaded.worker.host, loaded.worker.port, pulse)
    log.info("metrics on http://%s:%d/metrics", loaded.worker.host, bound)
    try:
        return _read(loaded, pulse)
    finally:
        stop()


def _read(loaded: Settings, pulse: health.Pulse) -> int:
    # Kafka, ClickHouse and Faust together take a second to import: `voc --help` must not pay it.
    from pipeline.kafka.admin import require_topics  # noqa: PLC0415
    from pipeline.stream.worker import StreamWorker  # noqa: PLC0415
    from pipeline.warehouse import require_migrated  # noqa: PLC0415

    pulse.beat("loading the model")
    reader = wiring.analyser(loaded)
    with wiring.warehouse(loaded) as warehouse:
        require_migrated(warehouse)
        handlers = wiring.handlers(loaded, reader, warehouse)
        require_topics(loaded.kafka, [*handlers, loaded.kafka.topics.dead])
        pulse.beat("joining the group")
        measure = wiring.cache_measure(reader)
        return StreamWorker(loaded, handlers, pulse, measure=measure).run()
