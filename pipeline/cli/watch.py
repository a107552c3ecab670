"""`voc watch`: complaint spikes and trailing figures, every minute."""

# Imports inside functions keep `voc --help` fast: scipy, ClickHouse and Kafka take a second.
# ruff: noqa: PLC0415
from __future__ import annotations

import signal
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from pipeline import logs, resources
from pipeline.cli.console import err, print_json
from pipeline.cli.options import AsJson, ConfigFile
from pipeline.clock import SystemClock
from pipeline.health import Pulse, serve
from pipeline.settings import Settings, load

if TYPE_CHECKING:
    from pipeline.domain.spike import Spike
    from pipeline.kafka.producer import Producer
    from pipeline.warehouse import Warehouse
    from pipeline.watch.watcher import Publish, Watcher

_BASELINE = timedelta(days=28)

_GRACE = 2.0
"""The producer gives an event up itself, and says why; only if it does not, we do."""


def watch(
    once: Annotated[bool, typer.Option("--once", help="Look once and end.")] = False,
    quiet: Annotated[
        bool, typer.Option("--no-alerts", help="Store spikes, but publish nothing to Kafka.")
    ] = False,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """Find complaint spikes, say what caused them, export trailing figures.

    Stores spikes in ClickHouse, publishes them to the alerts topic, and serves /metrics.

    Examples:
        voc watch
        voc watch --once --no-alerts --json
        VOC_WATCH__ZONE=Asia/Seoul VOC_WATCH__INTERVAL=30 voc watch
    """
    from pipeline.cli import wiring
    from pipeline.warehouse import require_migrated

    settings = load(config)
    logs.setup(settings.log.level, settings.log.format)
    with wiring.warehouse(settings) as store:
        require_migrated(store)
        producer = None if quiet else _producer(settings)
        try:
            watcher = build(settings, store, producer)
            _once(watcher, as_json=json) if once else _forever(settings, watcher)
        finally:
            if producer is not None:
                producer.close()


def build(settings: Settings, store: Warehouse, producer: Producer | None) -> Watcher:
    """The watcher with everything it needs; without a producer nothing is published."""
    from pipeline.cli.wiring import columns_query
    from pipeline.contract import default_scales
    from pipeline.domain.taxonomy import Taxonomy
    from pipeline.warehouse.spikes import SpikeTable
    from pipeline.watch.watcher import Watcher

    taxonomy = Taxonomy.load(resources.taxonomy(settings.model.path))
    query = columns_query(store)

    def explain(spike: Spike) -> Spike:
        return explained(spike, query, taxonomy)

    pulse = Pulse(limit=max(300.0, 5 * settings.watch.interval))
    return Watcher(
        settings.watch,
        query,
        SpikeTable(store),
        taxonomy,
        default_scales(),
        explain,
        _publisher(settings, producer),
        SystemClock(),
        pulse,
    )


def _publisher(settings: Settings, producer: Producer | None) -> Publish:
    if producer is None:
        return lambda _spikes, _at: None
    return partial(
        published, producer, settings.kafka.topics.alerts, settings.gateway.ack_timeout + _GRACE
    )


def published(
    producer: Producer, topic: str, seconds: float, spikes: Sequence[Spike], at: datetime
) -> None:
    """Sends the spikes and waits until Kafka has all of them.

    Raises:
        KafkaUnavailable: not within `seconds`; what was sent may still arrive.
    """
    from pipeline.errors import KafkaUnavailable

    sent = [
        producer.send(topic, spike.spike_id.encode(), orjson.dumps(spike.event(at)), [])
        for spike in spikes
    ]
    try:
        for each in sent:
            each.result(seconds)
    except TimeoutError as error:
        raise KafkaUnavailable(
            f"{topic} was not confirmed within {seconds:g} s",
            fix="Look at the brokers; the spikes are published again at the next look.",
        ) from error


def explained(spike: Spike, query: Any, taxonomy: Any) -> Spike:
    """What the four weeks before say about a spike: sub-slices, topic, owner, verbatims."""
    from pipeline.explain import METRICS, Period, Question
    from pipeline.explain import explain as answer_of

    question = Question(
        METRICS["complaints"],
        Period(spike.opened_at - _BASELINE, spike.opened_at),
        Period(spike.opened_at, max(spike.window_end, spike.opened_at + timedelta(minutes=1))),
        spike.slice,
    )
    answer = answer_of(question, query, taxonomy)
    causes = [each for each in answer.causes if each.cause.change > 0]
    if not causes:
        return spike
    return replace(
        spike,
        topic=spike.topic or causes[0].topic,
        owner=spike.owner or causes[0].owner,
        explanation=tuple(_sentence(each.cause.slice, each.before, each.after) for each in causes),
        verbatims=tuple(v.text for v in causes[0].verbatims),
    )


def _sentence(chosen: Any, before: float, after: float) -> str:
    name = " ".join(f"{key}={value or '(none)'}" for key, value in chosen.items()) or "everywhere"
    return f"{name}: {after:.0f} complaints, {before:.1f} expected"


def _producer(settings: Settings) -> Producer:
    from pipeline.kafka.producer import Producer

    return Producer(settings.kafka, timeout=settings.gateway.ack_timeout)


def _once(watcher: Watcher, *, as_json: bool) -> None:
    judged = watcher.look()
    leads = [spike for spike in judged.spikes if not spike.part_of]
    if as_json:
        now = watcher.clock.now()
        print_json({"judged": judged.judged, "young": judged.young,
                    "spikes": [spike.event(now) for spike in leads]})  # fmt: skip
        return
    err.print(f"{judged.judged} slices judged, {judged.young} with too little history")
    for spike in leads:
        err.print(f"{spike.state}: {spike.name} since {spike.opened_at:%Y-%m-%d %H:%M} UTC,"
                  f" {spike.observed:.0f} complaints, {spike.expected:.1f} expected")  # fmt: skip


def _forever(settings: Settings, watcher: Watcher) -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    port, close = serve(settings.watch.host, settings.watch.port, watcher.pulse)
    err.print(f"watching; metrics on http://{settings.watch.host}:{port}/metrics")
    try:
        watcher.run(stop)
    finally:
        close()
