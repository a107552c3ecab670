"""Contacts per X and the skyline: how many contacts each topic, owner or slice costs per order.

CPX = contacts / X, X being a business volume (orders, customers, shipments ...).  A rate and not a
count: a company that sells twice as much may hear twice as much and be no worse.  The skyline shows
CPX by topic as towers.  Source: Price and Jaffe 2008, The Best Service Is No Service, chapter 2.

Contacts come in bursts, so their counts vary more than Poisson counts.  The dispersion φ is
estimated from the days of the period and widens every interval: exact Poisson bounds of count/φ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from pipeline.analysis.columns import Columns, Floats, Groups, groups, numbers, times, weights
from pipeline.analysis.few import TooFew
from pipeline.analysis.intervals import Estimate, holm, rate, rate_ratio, share
from pipeline.analysis.period import DAY, Period

MIN_CONTACTS = 20
"""Contacts that a skyline needs; below, towers are noise."""
MIN_BOTH = 10
"""Contacts of both periods together that a comparison needs."""
MIN_DAYS = 14
"""Days that an estimate of the dispersion needs; with fewer, it is taken to be 1."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """What the contacts are divided by: `value` of `name`; `coverage` is the part of the period
    that volume records cover. Without volumes: days, fully covered."""

    name: str
    value: float
    coverage: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One tower. `rate` is contacts per `Skyline.per` units of the exposure, `share` of all
    contacts; `ratio` compares the rate with the previous period's, `p_value` tests it with Holm's
    correction for all bars, `changed` is p below 0.05. None where no previous period was asked."""

    name: str
    contacts: int
    rate: Estimate
    share: Estimate
    previous: Estimate | None
    ratio: Estimate | TooFew | None
    p_value: float | None

    @property
    def changed(self) -> bool:
        """Whether the rate surely differs from the previous period's."""
        return self.p_value is not None and self.p_value < 0.05


@dataclass(frozen=True, slots=True)
class Skyline:
    """Contacts per `per` units of `exposure`, by group, the highest first; `total` over all."""

    per: float
    exposure: Exposure
    previous: Exposure | None
    dispersion: float
    total: Bar
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class WeekBar:
    """The rate of one group in one week; `rate` is None in a week without volume records."""

    name: str
    week: Period
    contacts: int
    rate: Estimate | None


def skyline(
    columns: Columns,
    period: Period,
    *,
    by: str = "topic",
    volumes: Columns | None = None,
    previous: Period | None = None,
    per: float = 1000.0,
) -> Skyline | TooFew:
    """The skyline of a period, against `previous` if it is given.

    Reads `occurred_at`, `by` and, where rows are summed, `contacts`; of `volumes` (one name only)
    `name`, `period_start`, `period_end`, `value`. Without volumes rates are per day. Each row of
    contact_topics is one contact with one topic, so bars overlap and `total` counts mentions.
    """
    when, amount, slices = times(columns, "occurred_at"), weights(columns), groups(columns, by)
    inside = period.holds(when)
    now = slices.count(amount * inside)
    if now.sum() < MIN_CONTACTS:
        return TooFew("contacts", int(now.sum()), MIN_CONTACTS)
    exposure = _exposure(volumes, period)
    if exposure.value <= 0:
        return TooFew("volume", 0, 1)
    per = per if volumes is not None else 1.0
    spread = dispersion(slices, when, amount, period)
    before, old = _before(slices, when, amount, previous, volumes)
    names = (*slices.names, "")
    here, there = np.append(now, now.sum()), np.append(before, before.sum())
    shared = _Shared(per, exposure, old, spread, float(now.sum()))
    bars = _bars(names, here, there, shared)
    ordered = sorted(bars[:-1], key=lambda bar: (-bar.rate.value, bar.name))
    kept = tuple(bar for bar in ordered if bar.contacts or (bar.previous and bar.previous.n))
    return Skyline(per, exposure, old, spread, bars[-1], kept)


def weekly(
    columns: Columns,
    period: Period,
    *,
    by: str = "topic",
    volumes: Columns | None = None,
    per: float = 1000.0,
) -> tuple[WeekBar, ...]:
    """The rates of each whole week of the period, by group, oldest first. Reads as `skyline`."""
    when, amount, slices = times(columns, "occurred_at"), weights(columns), groups(columns, by)
    per = per if volumes is not None else 1.0
    spread = dispersion(slices, when, amount, period)
    found = []
    for week in period.weeks():
        exposure = _exposure(volumes, week)
        counts = slices.count(amount * week.holds(when))
        for name, count in zip(slices.names, counts, strict=True):
            known = exposure.value > 0
            height = rate(count, exposure.value, per=per, dispersion=spread) if known else None
            found.append(WeekBar(name, week, int(count), height))
    return tuple(found)


def exposure_of(volumes: Columns, period: Period) -> tuple[float, float]:
    """The volume that falls in a period and the part of it that is covered by records.

    A record that overlaps the period counts by the overlapping part of its time.
    """
    start, end = times(volumes, "period_start"), times(volumes, "period_end")
    length = np.maximum(end - start, 1e-9)
    inside = np.minimum(end, period.last) - np.maximum(start, period.first)
    part = np.clip(inside / length, 0, 1)
    value = float((numbers(volumes, "value") * part).sum())
    return value, _covered(start, end, period)


def dispersion(slices: Groups, when: Floats, amount: Floats, period: Period) -> float:
    """How much more the days' counts vary than Poisson counts, 1 or more.

    φ = Σ (x - μ)² / μ / degrees of freedom, μ = group mean x weekday factor over whole days, from
    groups with half a contact a day or more (McCullagh and Nelder 1989, section 4.5).
    """
    days = int(period.days)
    if days < MIN_DAYS or not len(slices):
        return 1.0
    table = _days(slices, when, amount, period, days)
    table = table[table.mean(1) >= 0.5]
    if not len(table):
        return 1.0
    weekday = np.arange(days) % 7
    factor = np.bincount(weekday, table.sum(0), 7) / np.bincount(weekday, minlength=7)
    profile = (factor / table.sum(0).mean())[weekday]
    fit = table.mean(1, keepdims=True) * profile
    chi = np.divide((table - fit) ** 2, fit, out=np.zeros_like(fit), where=fit > 0).sum()
    freedom = len(table) * (days - 1) - 6
    return max(1.0, float(chi) / freedom)


@dataclass(frozen=True, slots=True)
class _Shared:
    per: float
    exposure: Exposure
    previous: Exposure | None
    dispersion: float
    total: float


def _exposure(volumes: Columns | None, period: Period) -> Exposure:
    if volumes is None:
        return Exposure("days", period.days, 1.0)
    value, coverage = exposure_of(volumes, period)
    names = volumes.get("name", ())
    return Exposure(str(names[0]) if len(names) else "volume", value, coverage)


def _covered(start: Floats, end: Floats, period: Period) -> float:
    """The part of the period that the union of the records' times covers."""
    order = np.argsort(start, kind="stable")
    start = np.maximum(start[order], period.first)
    end = np.minimum(end[order], period.last)
    reached = np.maximum.accumulate(np.append(period.first, end))[:-1]
    fresh = np.maximum(end - np.maximum(start, reached), 0).sum()
    return float(fresh) / max(period.last - period.first, 1e-9)


def _before(
    slices: Groups,
    when: Floats,
    amount: Floats,
    previous: Period | None,
    volumes: Columns | None,
) -> tuple[Floats, Exposure | None]:
    if previous is None:
        return np.zeros(len(slices)), None
    exposure = _exposure(volumes, previous)
    counts = slices.count(amount * previous.holds(when))
    return counts, exposure if exposure.value > 0 else None


def _bars(names: tuple[str, ...], now: Floats, before: Floats, shared: _Shared) -> list[Bar]:
    tests = holm(np.array([_p_value(a, b, shared) for a, b in zip(now[:-1], before, strict=False)]))
    p_values = [*tests, _p_value(now[-1], before[-1], shared)]
    rows = zip(names, now, before, p_values, strict=True)
    return [_bar(name, a, b, p, shared) for name, a, b, p in rows]


def _bar(name: str, now: float, before: float, p_value: float, shared: _Shared) -> Bar:
    spread, compared = shared.dispersion, shared.previous is not None
    return Bar(
        name=name,
        contacts=int(now),
        rate=rate(now, shared.exposure.value, per=shared.per, dispersion=spread),
        share=share(now, shared.total),
        previous=_rate_before(before, shared),
        ratio=_ratio(now, before, shared),
        p_value=float(p_value) if compared else None,
    )


def _ratio(now: float, before: float, shared: _Shared) -> Estimate | TooFew | None:
    """Against the previous period; there is no ratio to nothing, though the test may be clear."""
    if shared.previous is None:
        return None
    if now + before < MIN_BOTH:
        return TooFew("contacts", int(now + before), MIN_BOTH)
    if before == 0:
        return TooFew("earlier contacts", 0, 1)
    exposures = shared.exposure.value, shared.previous.value
    return rate_ratio(now, exposures[0], before, exposures[1], dispersion=shared.dispersion)


def _rate_before(before: float, shared: _Shared) -> Estimate | None:
    if shared.previous is None:
        return None
    exposure = shared.previous.value
    return rate(before, exposure, per=shared.per, dispersion=shared.dispersion)


def _p_value(now: float, before: float, shared: _Shared) -> float:
    """Two-sided exact test that both rates are one: given their sum, counts are binomial."""
    if shared.previous is None or now + before == 0:
        return 1.0
    a, b = now / shared.dispersion, before / shared.dispersion
    chance = shared.exposure.value / (shared.exposure.value + shared.previous.value)
    below = stats.beta.sf(chance, a + 1, b) if b > 0 else 1.0
    above = stats.beta.cdf(chance, a, b + 1) if a > 0 else 1.0
    return float(min(1.0, 2 * min(below, above)))


def _days(slices: Groups, when: Floats, amount: Floats, period: Period, days: int) -> Floats:
    """Counts [groups, days] of the whole days of a period."""
    day = np.floor((when - period.first) / DAY).astype(np.int64)
    inside = (day >= 0) & (day < days)
    cell = slices.codes[inside] * days + day[inside]
    flat = np.bincount(cell, amount[inside], len(slices) * days)
    return flat.reshape(len(slices), days).astype(np.float64)
