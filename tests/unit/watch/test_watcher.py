"""One look of the watcher, with a warehouse and a Kafka that can be away."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from prometheus_client import Gauge

from pipeline import metrics, resources
from pipeline.clock import ManualClock
from pipeline.contract import default_scales
from pipeline.domain.spike import Known, Spike, SpikeState
from pipeline.domain.taxonomy import Taxonomy
from pipeline.errors import KafkaUnavailable, WarehouseUnavailable
from pipeline.health import Pulse
from pipeline.settings import WatchSettings
from pipeline.watch import figures
from pipeline.watch.judge import Judgement
from pipeline.watch.watcher import Watcher

from .test_changes import NOW, spike

WAIT = spike({"topic": "wait"}, topic="wait", owner="operations", explanation=("everywhere",))
ACTIVE = ("wait", "wait", "operations", "warning")


class World:
    """What the watcher meets: its spikes, the warehouse, the alerts topic."""

    def __init__(self) -> None:
        self.found: list[Spike] = []
        self.stored: dict[str, Known] = {}
        self.heard: list[Spike] = []
        self.contacts = 7
        self.kafka = self.ratings = True
        self.shown_while_asked: list[float | None] = []

    def active(self) -> Mapping[str, Known]:
        return {i: k for i, k in self.stored.items() if k.spike.state is not SpikeState.CLOSED}

    def save(self, spikes: Sequence[Spike], at: datetime) -> None:
        self.stored |= {each.spike_id: Known(each, at) for each in spikes}

    def publish(self, spikes: Sequence[Spike], _at: datetime) -> None:
        if not self.kafka:
            raise KafkaUnavailable("no broker answers")
        self.heard += spikes

    def query(self, sql: str, _parameters: Mapping[str, Any]) -> Mapping[str, Sequence[Any]]:
        self.shown_while_asked.append(trailing())
        if "FROM ratings" in sql and not self.ratings:
            raise WarehouseUnavailable("timeout")
        nothing = ("topic", "number", "kind", "scale", "value")
        return {
            **dict.fromkeys(nothing, ()),
            "language": ["ko"],
            "channel": ["app"],
            "all_contacts": [self.contacts],
            "all_complaints": [1],
            "all_negative": [1],
            "contacts": [0],
            "repeated": [0],
            "rows": [0],
        }


class Seeing(Watcher):
    """Finds what the world says instead of judging counts."""

    world: World

    def _judge(self, _now: datetime) -> Judgement:
        return Judgement(tuple(self.world.found), 1, 0)


def trailing() -> float | None:
    labels = {"days": "7", "language": "ko", "channel": "app"}
    return metrics.REGISTRY.get_sample_value("voc_trailing_contacts", labels)


def shown(name: str) -> float | None:
    names = "slice", "topic", "owner", "severity"
    labels = dict(zip(names, ("topic=wait", *ACTIVE[1:]), strict=True))
    return metrics.REGISTRY.get_sample_value(name, labels)


def shown_by(gauges: Sequence[Gauge]) -> list[tuple[dict[str, str], float]]:
    samples = [s for gauge in gauges for family in gauge.collect() for s in family.samples]
    return [(sample.labels, sample.value) for sample in samples]


@pytest.fixture
def world() -> Iterator[World]:
    yield World()
    for gauge in (metrics.SPIKE, metrics.SPIKE_OBSERVED, metrics.SPIKE_EXPECTED):
        gauge.clear()
    for gauge in figures._GAUGES:
        gauge.clear()


def watcher(world: World, clock: ManualClock | None = None) -> Seeing:
    clock = clock or ManualClock(at=NOW)
    made = Seeing(
        settings=WatchSettings(windows=[7], interval=1),
        query=world.query,
        store=world,
        taxonomy=Taxonomy.load(resources.schemas() / "taxonomy.yaml"),
        scales=default_scales(),
        explain=lambda spike: spike,
        publish=world.publish,
        clock=clock,
        pulse=Pulse(limit=60, clock=clock),
    )
    made.world = world
    return made


def test_without_kafka_a_spike_is_on_metrics_and_told_when_kafka_is_back(world: World) -> None:
    world.found, world.kafka = [WAIT], False
    watching = watcher(world)
    with pytest.raises(KafkaUnavailable):
        watching.look()
    assert shown("voc_spike_active") == 1
    assert trailing() == 7
    assert world.stored == {}, "stored only when it was told"
    world.kafka = True
    watching.look()
    assert [each.state for each in world.heard] == [SpikeState.OPENED]


def test_a_watcher_without_kafka_goes_on_and_says_what_it_waits_for(world: World) -> None:
    class Twice(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            assert "no broker answers" in watching.pulse.doing
            self.set()
            return True

    world.found, world.kafka = [WAIT], False
    watching = watcher(world)
    watching.run(Twice())


def test_a_figure_that_fails_keeps_no_spike_from_kafka(world: World) -> None:
    world.found, world.ratings = [WAIT], False
    with pytest.raises(WarehouseUnavailable):
        watcher(world).look()
    assert [each.state for each in world.heard] == [SpikeState.OPENED]
    assert list(world.stored) == [WAIT.spike_id]


def test_an_open_spike_shows_the_present_counts_though_nothing_is_told(world: World) -> None:
    clock = ManualClock(at=NOW)
    watching = watcher(world, clock)
    world.found = [WAIT]
    watching.look()
    clock.advance(60)
    world.found = [replace(WAIT, observed=55.0, expected=6.0, topic="", owner="")]
    watching.look()
    assert len(world.heard) == 1
    assert shown("voc_spike_observed_complaints") == 55
    assert shown("voc_spike_expected_complaints") == 6
    assert world.stored[WAIT.spike_id].spike.observed == WAIT.observed


def test_a_spike_that_closed_is_gone_from_metrics(world: World) -> None:
    watching = watcher(world)
    world.found = [WAIT]
    watching.look()
    world.found = [replace(WAIT, state=SpikeState.CLOSED)]
    watching.look()
    assert shown("voc_spike_active") is None
    assert shown("voc_spike_observed_complaints") is None


def test_who_reads_the_topic_sees_one_lead_close_and_the_other_open(world: World) -> None:
    clock = ManualClock(at=NOW)
    watching = watcher(world, clock)
    other = spike({"region": "seoul"}, explanation=("everywhere",))
    shadow = replace(WAIT, part_of=other.spike_id)
    for found in (
        [WAIT, replace(other, part_of=WAIT.spike_id)],
        [shadow, other],
        [replace(shadow, state=SpikeState.CLOSED), other],
    ):
        clock.advance(60)
        world.found = found
        watching.look()
    assert [(each.spike_id, each.state) for each in world.heard] == [
        (WAIT.spike_id, SpikeState.OPENED),
        (WAIT.spike_id, SpikeState.CLOSED),
        (other.spike_id, SpikeState.OPENED),
    ]
    assert world.stored[other.spike_id].spike.state is SpikeState.UPDATED


def test_figures_stay_while_new_ones_are_asked_for_and_when_a_query_fails(world: World) -> None:
    watching = watcher(world)
    watching.look()
    world.shown_while_asked.clear()
    world.contacts = 9
    watching.look()
    assert set(world.shown_while_asked) == {7}
    assert trailing() == 9
    world.ratings = False
    with pytest.raises(WarehouseUnavailable):
        watching.look()
    assert trailing() == 9


def test_figures_without_rows_any_more_are_dropped() -> None:
    gauges = metrics.TRAILING_TOPIC, metrics.CSAT
    for gauge in gauges:
        gauge.clear()
    old, new = ("7", "wait"), ("7", "delivery")
    metrics.refill(gauges, [(metrics.TRAILING_TOPIC, old, 3.0), (metrics.CSAT, ("7",), 0.5)])
    metrics.refill(gauges, [(metrics.TRAILING_TOPIC, new, 4.0)])
    assert shown_by(gauges) == [({"days": "7", "topic": "delivery"}, 4.0)]
    metrics.refill(gauges, [])
    assert shown_by(gauges) == []


def test_the_store_hears_of_growth_once_an_hour(world: World) -> None:
    clock = ManualClock(at=NOW)
    watching = watcher(world, clock)
    world.found = [WAIT]
    watching.look()
    clock.advance(timedelta(hours=1).total_seconds())
    world.found = [replace(WAIT, observed=70.0)]
    watching.look()
    assert world.stored[WAIT.spike_id].spike.observed == 70
    assert [each.state for each in world.heard] == [SpikeState.OPENED, SpikeState.UPDATED]
