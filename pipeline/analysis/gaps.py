"""Where in the company a problem is made: gaps, pillars, touchpoints, and the moments of truth.

The taxonomy gives every topic a place in each facet: the gap of the service-quality model (1
knowledge, 2 standards, 3 delivery, 4 communication; Parasuraman, Zeithaml and Berry 1985), a pillar
(people, process, technology), a touchpoint (human, thing, information), a side, a RATER dimension,
an owner.  A class's share is its part of all negative mentions.  Gap 5, what the customer feels,
is what the four add up to: the negative share of all mentions, `Breakdown.negative`.

Moments of truth (Normann 1984; Carlzon 1987) are the contacts that decide whether a customer stays:

    swing = P(churn intent | negative about it) - P(churn intent | not negative about it)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from scipy import stats

from pipeline.analysis.columns import (
    Bools,
    Columns,
    Floats,
    Groups,
    Ints,
    flags,
    groups,
    keys,
    numbers,
    texts,
    times,
    weights,
)
from pipeline.analysis.few import TooFew
from pipeline.analysis.intervals import (
    Estimate,
    Unit,
    normal,
    share,
    share_difference,
    share_or_few,
)
from pipeline.analysis.period import Period
from pipeline.domain.taxonomy import Gap, Pillar, Rater, Side, Taxonomy, Topic, Touchpoint

MIN_MENTIONS = 20
"""Negative mentions that shares need."""
MIN_WEEKS = 6
"""Whole weeks that a trend needs."""


class Facet(StrEnum):
    """A way in which the taxonomy divides the topics."""

    GAP = "gap"
    PILLAR = "pillar"
    TOUCHPOINT = "touchpoint"
    SIDE = "side"
    RATER = "rater"
    OWNER = "owner"


CLASSES: Mapping[Facet, tuple[str, ...]] = {
    Facet.GAP: tuple(Gap),
    Facet.PILLAR: tuple(Pillar),
    Facet.TOUCHPOINT: tuple(Touchpoint),
    Facet.SIDE: tuple(Side),
    Facet.RATER: tuple(Rater),
}
"""The classes of each facet; owners are those of the taxonomy."""


@dataclass(frozen=True, slots=True)
class Part:
    """One class of a facet.

    `share` of the negative mentions; `change` against the previous period (a difference of shares),
    None if none was asked; `trend` the change of the share per week; `negative` the class's own
    negative share among all its mentions; `topics` its topics by negative mentions.
    """

    name: str
    mentions: int
    share: Estimate
    change: Estimate | TooFew | None
    trend: Estimate | TooFew
    negative: Estimate | TooFew
    topics: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Breakdown:
    """The classes of a facet, the largest first; shares sum to 1. `negative` is the negative share
    of all mentions (gap 5), `previous_negative` that of the period before."""

    facet: Facet
    mentions: int
    negative: Estimate
    previous_negative: Estimate | None
    parts: tuple[Part, ...]


def class_of(topic: Topic, facet: Facet) -> str:
    """The topic's class in a facet."""
    return str(getattr(topic, facet.value))


def with_class(columns: Columns, taxonomy: Taxonomy, facet: Facet | str) -> dict[str, Any]:
    """The columns with one more, named as the facet: the class of each row's `topic`, "" if none.

    Makes a skyline by owner: `skyline(with_class(rows, taxonomy, "owner"), period, by="owner")`.
    """
    facet = Facet(facet)
    topics = groups(columns, "topic")
    known = [class_of(taxonomy[t], facet) if t in taxonomy else "" for t in topics.names]
    named = np.array([*known, ""], object)
    return {**columns, facet.value: named[topics.codes]}


def breakdown(
    columns: Columns,
    taxonomy: Taxonomy,
    facet: Facet | str,
    period: Period,
    *,
    previous: Period | None = None,
) -> Breakdown | TooFew:
    """Negative mentions by the classes of a facet.

    Reads `topic`, `polarity`, `occurred_at` and, where rows are summed, `contacts`. Topics that the
    taxonomy does not know are left out.
    """
    facet = Facet(facet)
    view = _View.of(columns, taxonomy, facet)
    now = _Side.of(view, period)
    if now.total < MIN_MENTIONS:
        return TooFew("mentions", int(now.total), MIN_MENTIONS)
    before = _Side.of(view, previous) if previous else None
    weeks = np.stack([_Side.of(view, week).negative for week in period.weeks()] or [now.negative])
    parts = [
        _part(view, number, now, before, weeks)
        for number, name in enumerate(view.classes)
        if now.negative[number] or (before and before.negative[number]) or facet is not Facet.OWNER
    ]
    parts.sort(key=lambda part: (-part.mentions, part.name))
    return Breakdown(
        facet=facet,
        mentions=int(now.total),
        negative=share(now.total, now.all.sum()),
        previous_negative=_overall(before),
        parts=tuple(parts),
    )


@dataclass(frozen=True, slots=True)
class _View:
    """Mentions with their class (a code of `classes`) and topic; those of no class are dropped."""

    classes: tuple[str, ...]
    code: Ints
    topics: Groups
    negative: Bools
    when: Floats
    amount: Floats
    inverse: Mapping[str, str]

    @classmethod
    def of(cls, columns: Columns, taxonomy: Taxonomy, facet: Facet) -> _View:
        topics = groups(columns, "topic")
        inverse = {code: class_of(topic, facet) for code, topic in taxonomy.items()}
        classes = CLASSES.get(facet) or tuple(sorted(set(inverse.values())))
        number = {name: index for index, name in enumerate(classes)}
        codes = np.array([number.get(inverse.get(t, ""), -1) for t in topics.names], np.int64)
        code = codes[topics.codes] if len(topics) else np.zeros(0, np.int64)
        return cls(
            classes=classes,
            code=code,
            topics=topics,
            negative=numbers(columns, "polarity") < 0,
            when=times(columns, "occurred_at"),
            amount=weights(columns),
            inverse=inverse,
        )


@dataclass(frozen=True, slots=True)
class _Side:
    """Counts [classes] of one period."""

    negative: Floats
    all: Floats
    topics: Floats

    @classmethod
    def of(cls, view: _View, period: Period) -> _Side:
        rows = period.holds(view.when) & (view.code >= 0)
        code = view.code[rows]
        amount, bad = view.amount[rows], view.negative[rows]
        width = len(view.classes)
        return cls(
            negative=_sum(code, amount * bad, width),
            all=_sum(code, amount, width),
            topics=_sum(view.topics.codes[rows], amount * bad, len(view.topics)),
        )

    @property
    def total(self) -> float:
        return float(self.negative.sum())


def _sum(code: Ints, amount: Floats, width: int) -> Floats:
    return np.bincount(code, amount, width).astype(np.float64)


def _overall(side: _Side | None) -> Estimate | None:
    return share(side.total, side.all.sum()) if side and side.all.sum() else None


def _part(view: _View, number: int, now: _Side, before: _Side | None, weeks: Floats) -> Part:
    name = view.classes[number]
    mine = [(t, int(c)) for t, c in zip(view.topics.names, now.topics, strict=True)]
    topics = [(t, count) for t, count in mine if count and view.inverse.get(t) == name]
    return Part(
        name=name,
        mentions=int(now.negative[number]),
        share=share(now.negative[number], now.total),
        change=None if before is None else _change(number, now, before),
        trend=trend(weeks[:, number], weeks.sum(1)),
        negative=share_or_few(now.negative[number], now.all[number], MIN_MENTIONS, "mentions"),
        topics=tuple(sorted(topics, key=lambda pair: (-pair[1], pair[0]))),
    )


def _change(number: int, now: _Side, before: _Side) -> Estimate | TooFew:
    if before.total < MIN_MENTIONS:
        return TooFew("mentions", int(before.total), MIN_MENTIONS)
    return share_difference(now.negative[number], now.total, before.negative[number], before.total)


def trend(counts: Floats, totals: Floats) -> Estimate | TooFew:
    """Change of a share per week, from counts and totals [weeks], oldest first.

    Weighted slope b = Σ n·(t - t̄)·(p - p̄) / Σ n·(t - t̄)², its variance φ·p̄(1 - p̄) / Σ n·(t - t̄)²
    with φ the Pearson dispersion about the line, 1 or more.  Armitage 1955 (φ = 1).
    """
    used = totals > 0
    n, k = totals[used], counts[used]
    if len(n) < MIN_WEEKS:
        return TooFew("weeks", len(n), MIN_WEEKS)
    value, error, dispersion = slope(k, n, np.flatnonzero(used).astype(np.float64))
    wide = float(stats.t.ppf(0.975, len(n) - 2)) / float(stats.norm.ppf(0.975))
    error *= math.sqrt(dispersion) * wide
    return normal(value, error, int(n.sum()), Unit.SHARE_DIFFERENCE)


def slope(counts: Floats, totals: Floats, at: Floats) -> tuple[float, float, float]:
    """Slope of counts/totals along `at`, its binomial standard error, and φ (1 or more).

    (slope / error)² is Armitage's chi-square for trend. All [n], totals above 0, n of 3 or more.
    """
    away = at - np.average(at, weights=totals)
    p, pooled = counts / totals, counts.sum() / totals.sum()
    spread, noise = float((totals * away**2).sum()), float(pooled * (1 - pooled))
    value = float((totals * away * (p - pooled)).sum()) / spread
    misfit = float((totals * (p - pooled - value * away) ** 2).sum())
    dispersion = max(1.0, misfit / noise / (len(at) - 2)) if noise > 0 else 1.0
    return value, math.sqrt(noise / spread), dispersion


@dataclass(frozen=True, slots=True)
class Moment:
    """A topic as a moment of truth: `swing` is how much more often a negative word about it comes
    with churn intent, `reach` its part of the contacts, `at_stake` swing times negative mentions:
    customers who may go because of it."""

    topic: str
    touchpoint: str
    reach: Estimate
    swing: Estimate
    at_stake: Estimate


@dataclass(frozen=True, slots=True)
class Moments:
    """Topics by what is at stake, the most first; `few` those too rarely negative."""

    contacts: int
    topics: tuple[Moment, ...]
    few: Mapping[str, TooFew]


def moments_of_truth(columns: Columns, taxonomy: Taxonomy) -> Moments | TooFew:
    """Which topics decide about staying.  Reads `contact_id`, `topic`, `polarity`, `churn`.

    A contact that is about several topics stands in each comparison with its one churn intent: the
    swing of a topic can be another's that goes with it.
    """
    topics, contact = groups(columns, "topic"), keys(texts(columns, "contact_id"))
    if len(contact) < MIN_MENTIONS:
        return TooFew("contacts", len(contact), MIN_MENTIONS)
    churn, bad = flags(columns, "churn"), numbers(columns, "polarity") < 0
    leaving = float((contact.count(churn) > 0).sum())
    negative, lost, mentions = topics.count(bad), topics.count(bad & churn), topics.count()
    found, few = [], {}
    for number, name in enumerate(topics.names):
        bads, rest = float(negative[number]), len(contact) - float(negative[number])
        if min(bads, rest) < MIN_MENTIONS:
            few[name] = TooFew("mentions", int(min(bads, rest)), MIN_MENTIONS)
            continue
        swing = share_difference(lost[number], bads, leaving - lost[number], rest)
        where = taxonomy[name].touchpoint if name in taxonomy else ""
        reach = share(mentions[number], len(contact))
        found.append(Moment(name, str(where), reach, swing, _at_stake(swing, bads)))
    found.sort(key=lambda moment: (-moment.at_stake.value, moment.topic))
    return Moments(len(contact), tuple(found), few)


def _at_stake(swing: Estimate, mentions: float) -> Estimate:
    bounds = max(swing.low, 0.0) * mentions, max(swing.high, 0.0) * mentions
    return Estimate(max(swing.value, 0.0) * mentions, *bounds, round(mentions), Unit.COUNT)
