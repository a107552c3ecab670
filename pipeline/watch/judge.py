"""Which spikes there are now: every slice judged, the shadows of a spike put under it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from pipeline.analysis.few import TooFew
from pipeline.analysis.spikes import Calendar, Episode, Policy, Scores, episodes, score
from pipeline.domain.spike import Severity, Spike, SpikeState, slice_name, spike_id
from pipeline.domain.taxonomy import Taxonomy
from pipeline.watch.series import HOUR, Floats, Series

THIN = 0.5
"""Complaints an hour below which a slice is judged by the day: an hour says too little there."""

RECENT = timedelta(days=2)
"""Spikes that ended longer ago are history: they were closed by an earlier look."""

_PAGE_RATIO, _PAGE_EXCESS = 3.0, 15.0


@dataclass(frozen=True, slots=True)
class Judgement:
    """The spikes that are open or ended recently; slices judged, and those too young or empty."""

    spikes: tuple[Spike, ...]
    judged: int
    young: int
    few: TooFew | None = None


def judge(series: Series, taxonomy: Taxonomy, now: datetime, policy: Policy) -> Judgement:
    """Judges every slice. Thin slices are pooled to days; what they belong to is judged by hour."""
    found: list[Spike] = []
    young, few = 0, None
    for key, counts in series.slices.items():
        judged = _judge_slice(series, key, counts, now, policy)
        if isinstance(judged, TooFew):
            young, few = young + 1, judged
        else:
            found += [_owned(spike, taxonomy) for spike in judged]
    return Judgement(tuple(lead(found)), len(series.slices) - young, young, few)


def _judge_slice(
    series: Series, key: tuple[tuple[str, str], ...], counts: Floats, now: datetime, policy: Policy
) -> list[Spike] | TooFew:
    calendar, begin, width = series.calendar, series.start, HOUR
    if np.nanmean(counts) < THIN:
        counts, calendar = by_day(counts, calendar)
        width = timedelta(days=1)
    scores = score(counts, calendar, policy)
    if isinstance(scores, TooFew):
        return scores
    windows = [(begin + n * width, each) for n, each in _recent(scores, policy, begin, width, now)]
    return [_spike(dict(key), at, each, scores, begin, width, now) for at, each in windows]


def by_day(counts: Floats, calendar: Calendar) -> tuple[Floats, Calendar]:
    """The series in days; a day with a gap in it is a gap."""
    days = int(calendar.day[-1]) + 1 if len(counts) else 0
    sums = np.bincount(calendar.day, np.nan_to_num(counts), days)
    gaps = np.bincount(calendar.day, np.isnan(counts), days) > 0
    first = np.searchsorted(calendar.day, np.arange(days))
    made = Calendar(
        calendar.weekday[first],
        np.zeros(days, np.int64),
        np.arange(days),
        calendar.kind[first],
        1,
    )
    return np.where(gaps, np.nan, sums), made


def _recent(
    scores: Scores, policy: Policy, begin: datetime, width: timedelta, now: datetime
) -> list[tuple[int, Episode]]:
    return [
        (each.first, each)
        for each in episodes(scores, policy)
        if each.open or begin + (each.last + 1) * width > now - RECENT
    ]


def _spike(
    chosen: Mapping[str, str],
    opened: datetime,
    each: Episode,
    scores: Scores,
    begin: datetime,
    width: timedelta,
    now: datetime,
) -> Spike:
    ratio = each.observed / max(each.expected, 1.0)
    loud = ratio >= _PAGE_RATIO and each.observed - each.expected >= _PAGE_EXCESS
    return Spike(
        spike_id=spike_id(chosen, opened),
        slice=chosen,
        state=SpikeState.OPENED if each.open else SpikeState.CLOSED,
        kind=each.kind,
        severity=Severity.CRITICAL if loud else Severity.WARNING,
        opened_at=opened,
        window_end=min(begin + (each.last + 1) * width, now),
        expected=each.expected,
        observed=each.observed,
        limit=float(scores.limit[each.peak]),
        score=each.score,
    )


def _owned(spike: Spike, taxonomy: Taxonomy) -> Spike:
    topic = spike.slice.get("topic", "")
    owner = taxonomy[topic].owner if topic in taxonomy else ""
    return replace(spike, topic=topic, owner=owner)


def lead(spikes: Sequence[Spike]) -> list[Spike]:
    """Puts the shadows of a spike under it, so that one cause pages once.

    Spikes of everything, of a topic, of a region ... at the same time are mostly one. The surest of
    those that overlap in time and do not contradict each other leads; of two as sure the one with
    more dimensions, since it says more.
    """
    ranked = sorted(spikes, key=lambda s: (-round(s.score), -len(s.slice), slice_name(s.slice)))
    leads: list[Spike] = []
    result = []
    for spike in ranked:
        above = next((each for each in leads if _shadow(spike, each)), None)
        if above is None:
            leads.append(spike)
            result.append(spike)
        else:
            result.append(replace(spike, part_of=above.spike_id))
    return result


def _shadow(spike: Spike, above: Spike) -> bool:
    together = spike.opened_at < above.window_end and above.opened_at < spike.window_end
    shared = spike.slice.keys() & above.slice.keys()
    return together and all(spike.slice[name] == above.slice[name] for name in shared)
