"""One look after another: fetch, judge, explain, export, publish, store."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from pipeline import metrics
from pipeline.analysis.spikes import Policy
from pipeline.clock import Clock
from pipeline.domain.scales import Scales
from pipeline.domain.spike import Known, Spike, SpikeState
from pipeline.domain.taxonomy import Taxonomy
from pipeline.errors import VocError
from pipeline.health import Pulse
from pipeline.settings import WatchSettings
from pipeline.watch import figures
from pipeline.watch.changes import announced, changes, current
from pipeline.watch.judge import Judgement, judge
from pipeline.watch.series import Query, fetch

log = logging.getLogger(__name__)

EXPLAINED = 5
"""Spikes explained in one look at most: an explanation reads contacts, not rollups."""


class SpikeStore(Protocol):
    """Where spikes are kept."""

    def active(self) -> Mapping[str, Known]:
        """The stored spikes that are not closed, by id."""
        ...

    def save(self, spikes: Sequence[Spike], at: datetime) -> None:
        """Stores new states; storing the same again changes nothing."""
        ...


Explain = Callable[[Spike], Spike]
"""Fills in topic, owner, explanation and verbatims."""

Publish = Callable[[Sequence[Spike], datetime], None]
"""Tells the alerts topic; returns when it is confirmed."""


@dataclass
class Watcher:
    """Looks at the warehouse every `settings.interval` seconds."""

    settings: WatchSettings
    query: Query
    store: SpikeStore
    taxonomy: Taxonomy
    scales: Scales
    explain: Explain
    publish: Publish
    clock: Clock
    pulse: Pulse
    policy: Policy = field(default_factory=Policy)

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set. What fails for a passing reason is tried again at the next look.

        Raises:
            VocError: whatever is not retryable.
        """
        while not stop.is_set():
            try:
                self.look()
            except VocError as error:
                metrics.WATCHES.labels("failed").inc()
                if not error.retryable:
                    raise
                log.warning("%s; looking again in %g s", error.message, self.settings.interval)
                self.pulse.beat(f"waiting: {error.message}")
            stop.wait(self.settings.interval)

    def look(self) -> Judgement:
        """One look. Idempotent: a second one with the same data changes nothing."""
        now = self.clock.now()
        with metrics.WATCH_SECONDS.time():
            judged = self._judge(now)
            known = self.store.active()
            told = self._explained(changes(now, judged.spikes, known), known)
            # Prometheus hears of a spike although Kafka is away, and Kafka although a figure fails.
            self._export(current(judged.spikes, known, told))
            try:
                self._tell(now, told, known)
            finally:
                self._refresh(now)
        metrics.WATCHES.labels("ok").inc()
        metrics.WATCHED_AT.set(now.timestamp())
        self.pulse.ready = True
        self.pulse.beat("watching")
        return judged

    def _judge(self, now: datetime) -> Judgement:
        series = fetch(
            self.query,
            now,
            self.policy.history_days + 2,
            self.settings.slices,
            ZoneInfo(self.settings.zone),
            self.settings.holidays,
            self.settings.max_slices,
        )
        judged = judge(series, self.taxonomy, now, self.policy)
        metrics.WATCHED_SLICES.labels("judged").set(judged.judged)
        metrics.WATCHED_SLICES.labels("young").set(judged.young)
        if judged.few is not None and not judged.judged:
            few = judged.few
            log.info(
                "%d days of history, %d are needed before spikes are judged", few.have, few.needed
            )
        return judged

    def _refresh(self, now: datetime) -> None:
        chosen = self.settings
        figures.refresh(self.query, now, chosen.windows, chosen.repeat_days, self.scales)

    def _tell(self, now: datetime, told: Sequence[Spike], known: Mapping[str, Known]) -> None:
        # Published before it is stored: a crash in between says it twice, never not at all.
        self.publish(announced(told, known), now)
        self.store.save(told, now)
        for spike in told:
            metrics.SPIKE_CHANGES.labels(spike.state, spike.severity).inc()
            log.info("spike %s: %s, %.0f complaints, %.1f expected", spike.state, spike.name,
                     spike.observed, spike.expected)  # fmt: skip

    def _explained(self, changed: Sequence[Spike], known: Mapping[str, Known]) -> list[Spike]:
        """New leads are explained; others keep what was said of them."""
        told, left = [], EXPLAINED
        for spike in changed:
            stored = known.get(spike.spike_id)
            if stored is not None and stored.spike.explanation:
                told.append(_remembered(spike, stored.spike))
            elif spike.state is not SpikeState.CLOSED and not spike.part_of and left:
                left -= 1
                told.append(self.explain(spike))
            else:
                told.append(spike)
        return told

    def _export(self, spikes: Sequence[Spike]) -> None:
        """Open leads as metrics, the surest and no more than `max_active`."""
        active = [s for s in spikes if s.state is not SpikeState.CLOSED and not s.part_of]
        active.sort(key=lambda spike: -spike.score)
        shown = active[: self.settings.max_active]
        gauges = metrics.SPIKE_OBSERVED, metrics.SPIKE_EXPECTED, metrics.SPIKE
        metrics.refill(gauges, (figure for spike in shown for figure in _figures(spike)))


def _figures(spike: Spike) -> Iterator[metrics.Figure]:
    labels = spike.name, spike.topic, spike.owner, spike.severity.value
    yield metrics.SPIKE_OBSERVED, labels, spike.observed
    yield metrics.SPIKE_EXPECTED, labels, spike.expected
    yield metrics.SPIKE, labels, 1.0


def _remembered(spike: Spike, stored: Spike) -> Spike:
    return replace(
        spike,
        topic=stored.topic,
        owner=stored.owner,
        explanation=stored.explanation,
        verbatims=stored.verbatims,
    )
