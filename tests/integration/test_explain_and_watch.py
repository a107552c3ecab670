"""`voc explain` and `voc watch` on a real warehouse: what was planted is found and explained."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from pipeline import metrics, resources
from pipeline.analysis.spikes import Policy
from pipeline.cli.watch import explained
from pipeline.cli.wiring import columns_query
from pipeline.clock import ManualClock
from pipeline.contract import default_scales
from pipeline.domain.spike import Severity, Spike, SpikeState
from pipeline.domain.taxonomy import Taxonomy
from pipeline.explain import METRICS, Period, Question, explain
from pipeline.health import Pulse
from pipeline.settings import WatchSettings
from pipeline.warehouse import Warehouse
from pipeline.warehouse.spikes import SpikeTable
from pipeline.watch.watcher import Watcher

pytestmark = pytest.mark.local

NOW = datetime(2026, 3, 30, 15, 20, tzinfo=UTC)
SPIKE = datetime(2026, 3, 30, 12, tzinfo=UTC)
TOPICS = ("delivery", "billing_payment", "wait")
REGIONS = ("seoul", "taipei", "london")
COLUMNS = (
    *("contact_id", "occurred_at", "loaded_at", "channel", "language", "text", "sentiment"),
    *("complaint", "product", "region", "topics", "polarities", "topic_confidences", "evidence"),
    *("kafka_topic", "kafka_partition", "kafka_offset", "wait_seconds"),
)


def contacts(seed: int = 3) -> list[tuple[object, ...]]:
    """Five weeks, 40 contacts an hour; three hours of double charging in Seoul at the end."""
    chance = np.random.default_rng(seed)
    start = (NOW - timedelta(days=35)).replace(hour=0, minute=0)
    rows: list[tuple[object, ...]] = []
    for hour in range(int((NOW - start) / timedelta(hours=1)) + 1):
        at = start + timedelta(hours=hour)
        for _ in range(chance.poisson(40)):
            topic, region = TOPICS[chance.integers(3)], REGIONS[chance.integers(3)]
            rows.append(_row(len(rows), at, chance, topic, region, bool(chance.random() < 0.3)))
        if SPIKE <= at < SPIKE + timedelta(hours=3):
            rows += [
                _row(len(rows) + n, at, chance, "billing_payment", "seoul", True) for n in range(40)
            ]
    return [row for row in rows if row[1] <= NOW]  # type: ignore[operator]


def _row(
    number: int, at: datetime, chance: np.random.Generator, topic: str, region: str, bad: bool
) -> tuple[object, ...]:
    moment = at + timedelta(seconds=float(chance.uniform(0, 3599)))
    text = (
        f"두 번 결제됐어요 {number % 7}"
        if topic == "billing_payment"
        else f"late again {number % 7}"
    )
    polarity = -1 if bad else 0
    return (
        *(f"c{number}", moment, moment, "app", "ko", text, "negative" if bad else "neutral"),
        *(int(bad), f"p{number % 4}", region, [topic], [polarity], [0.9], [text]),
        *("contacts.v1", 0, number, 60.0 if region != "london" else 60.0 + 600.0 * (at >= SPIKE)),
    )


@pytest.fixture
def filled(warehouse: Warehouse) -> Warehouse:
    warehouse.insert("contact_rows", COLUMNS, contacts())
    return warehouse


def taxonomy() -> Taxonomy:
    return Taxonomy.load(resources.schemas() / "taxonomy.yaml")


def question(metric: str, where: dict[str, str] | None = None) -> Question:
    return Question(
        METRICS[metric],
        Period(SPIKE - timedelta(days=14), SPIKE),
        Period(SPIKE, SPIKE + timedelta(hours=3)),
        where or {},
    )


def test_the_planted_cause_of_more_complaints_is_named_with_owner_and_voices(
    filled: Warehouse,
) -> None:
    answer = explain(question("complaints"), columns_query(filled), taxonomy())
    assert answer.after > 2 * answer.before
    cause = answer.causes[0]
    assert dict(cause.cause.slice) == {"topic": "billing_payment", "region": "seoul"}
    assert cause.owner == taxonomy()["billing_payment"].owner
    assert cause.verbatims
    assert all("두 번 결제" in voice.text for voice in cause.verbatims)
    assert cause.after == pytest.approx(120, abs=25)
    assert "channel" in answer.unseen


def test_a_mean_that_moved_in_one_region_is_named(filled: Warehouse) -> None:
    answer = explain(question("wait"), columns_query(filled), taxonomy())
    assert [dict(each.cause.slice) for each in answer.causes] == [{"region": "london"}]
    assert answer.causes[0].after > 500


def test_a_share_inside_a_slice_can_be_asked_for(filled: Warehouse) -> None:
    asked = question("complaint-share", {"region": "taipei"})
    answer = explain(asked, columns_query(filled), taxonomy())
    assert answer.causes == ()
    assert answer.after == pytest.approx(0.3, abs=0.12)


def test_a_slice_without_contacts_is_too_few(filled: Warehouse) -> None:
    answer = explain(
        question("complaints", {"region": "nowhere"}), columns_query(filled), taxonomy()
    )
    assert answer.few is not None


class Published:
    """Collects what would go to the alerts topic."""

    def __init__(self) -> None:
        self.spikes: list[Spike] = []

    def __call__(self, spikes: Sequence[Spike], at: datetime) -> None:
        self.spikes += spikes


def watcher(warehouse: Warehouse, clock: ManualClock, published: Published) -> Watcher:
    query, known = columns_query(warehouse), taxonomy()
    return Watcher(
        settings=WatchSettings(zone="Asia/Seoul"),
        query=query,
        store=SpikeTable(warehouse),
        taxonomy=known,
        scales=default_scales(),
        explain=lambda spike: explained(spike, query, known),
        publish=published,
        clock=clock,
        pulse=Pulse(limit=60, clock=clock),
        policy=Policy(),
    )


def test_the_planted_spike_opens_once_is_explained_and_closes(filled: Warehouse) -> None:
    clock, published = ManualClock(at=SPIKE + timedelta(minutes=70)), Published()
    watching = watcher(filled, clock, published)
    watching.look()
    (spike,) = [s for s in published.spikes if s.state is SpikeState.OPENED]
    assert spike.slice == {"topic": "billing_payment", "region": "seoul"}
    assert spike.severity is Severity.CRITICAL
    assert spike.owner == taxonomy()["billing_payment"].owner
    assert spike.verbatims
    exported = metrics.exposition().decode()
    assert 'voc_spike_active{owner="' in exported
    assert 'slice="region=seoul topic=billing_payment"' in exported

    before = len(published.spikes)
    watching.look()
    watcher(filled, clock, published).look()
    assert len(published.spikes) == before, "a second look, or a second watcher, says nothing new"

    clock.advance(7 * 3600)
    filled.insert("contact_rows", COLUMNS, _calm(SPIKE + timedelta(hours=3), 6))
    watching.look()
    assert [s.state for s in published.spikes][-1] is SpikeState.CLOSED
    assert SpikeTable(filled).active() == {}
    assert "voc_spike_active{" not in metrics.exposition().decode()


def _calm(start: datetime, hours: int) -> list[tuple[object, ...]]:
    chance = np.random.default_rng(9)
    return [
        _row(900_000 + 100 * hour + n, start + timedelta(hours=hour), chance,
             TOPICS[chance.integers(3)], REGIONS[chance.integers(3)], bool(chance.random() < 0.3))
        for hour in range(hours)
        for n in range(40)
    ]  # fmt: skip


def test_trailing_figures_are_exported(filled: Warehouse) -> None:
    watcher(filled, ManualClock(at=NOW), Published()).look()
    exported = metrics.exposition().decode()
    assert 'voc_trailing_contacts{channel="app",days="7",language="ko"}' in exported
    assert 'voc_trailing_topic_complaints{days="1",topic="billing_payment"}' in exported
    assert "voc_newest_contact_timestamp_seconds 1.77" in exported


def test_without_history_nothing_is_judged_and_nothing_fails(warehouse: Warehouse) -> None:
    published = Published()
    judged = watcher(warehouse, ManualClock(at=NOW), published).look()
    assert (judged.judged, published.spikes) == (0, [])
