"""Complaint spikes: counts of a slice against what its own past lets expect.

Sudden jumps are found by limits in the way of Farrington et al. 1996 and Noufaily et al. 2013: a
quasi-Poisson mean with a weekly profile, past outbreaks weighted down, and as limit the quantile of
a negative binomial with that mean and dispersion.  Slow rises are found by a negative-binomial
CUSUM (Höhle and Paul 2008).  The past is cut into windows (hours); the mean is the product

    mu(t) = level * day(weekday) * hour(kind of day, window of the day)

fitted by iterative proportional scaling.  A day's windows are judged by a fit on the days before.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from pipeline.analysis.few import TooFew

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

WEEKDAYS, WEEKEND, HOLIDAY = range(3)
_BUSY, _THIN_SHARE, _THIN_RISE = 20.0, 0.15, 3.0
"""Below 20 expected counts the dispersion is hard to learn: the rules get stricter, down to 0.15 of
the jump's chance and 3 nats more for the rise. Tuned with `make bench-spikes`."""

_LOUD, _LOUD_RISE = 60.0, 2.0
"""Above 60 expected counts power is plenty, and what is left of the profile's error weighs more
than chance: the rules get stricter again, up to a quarter of the chance and 2.8 nats."""

_OUTLIER = 2.58
"""Anscombe residuals above this are weighted down (Noufaily et al. 2013)."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How sure the detector wants to be, and how it remembers.

    `jump_alpha` is the chance that a quiet window passes its limit, split over the window alone and
    together with the one before; `rise_threshold` the CUSUM's (in nats) and `rise_ratio` the rise
    it listens for. `history_days` and `min_history_days` bound what is fitted; `half_life_days`
    lets the level forget. `min_observed` and `min_excess` keep low counts quiet. A spike closes
    after `quiet_windows` windows below the `close_alpha` quantile.
    """

    jump_alpha: float = 1.2e-4
    rise_threshold: float = 9.2
    rise_ratio: float = 1.5
    history_days: int = 56
    min_history_days: int = 14
    half_life_days: float = 28.0
    min_observed: int = 5
    min_excess: float = 4.0
    close_alpha: float = 0.1
    quiet_windows: int = 3


@dataclass(frozen=True, slots=True)
class Calendar:
    """The local date and time of each window of a series.

    `weekday` [n] from 0 (Monday), `slot` [n] the window's number in its day, `day` [n] the day's
    number in the series, `kind` [n] WEEKDAYS, WEEKEND or HOLIDAY, `slots` windows a day.
    """

    weekday: Ints
    slot: Ints
    day: Ints
    kind: Ints
    slots: int

    @classmethod
    def hourly(
        cls, first: date, hour: int, windows: int, holidays: Sequence[date] = ()
    ) -> Calendar:
        """Hours from `hour` of the day `first` on. Holidays have a profile of their own."""
        index = np.arange(windows) + hour
        day = index // 24
        weekday = (first.weekday() + day) % 7
        kind = np.where(weekday >= 5, WEEKEND, WEEKDAYS)
        known = {(each - first).days for each in holidays}
        kind = np.where(np.isin(day, sorted(known)), HOLIDAY, kind)
        return cls(weekday, index % 24, day, kind, 24)


@dataclass(frozen=True, slots=True)
class Baseline:
    """A fitted past.

    `day_spread` and `slot_spread` are the variances of the factors' estimates, relative to their
    squares: a Sunday hour has been seen a fifth as often as a weekday's.
    """

    level: float
    by_day: Floats
    by_slot: Floats
    dispersion: float
    day_spread: Floats
    slot_spread: Floats

    def spread(self, calendar: Calendar, at: Ints) -> Floats:
        """Variance of the expected counts, relative to their squares."""
        weekday, kind, slot = calendar.weekday[at], calendar.kind[at], calendar.slot[at]
        by_day = np.where(kind == HOLIDAY, self.day_spread[7], self.day_spread[weekday])
        return np.minimum(by_day + self.slot_spread[kind, slot], 1.0)

    def mean(self, calendar: Calendar, at: Ints) -> Floats:
        """Expected counts of the windows `at`."""
        weekday, kind, slot = calendar.weekday[at], calendar.kind[at], calendar.slot[at]
        by_day = np.where(kind == HOLIDAY, self.by_day[7], self.by_day[weekday])
        return np.maximum(self.level * by_day * self.by_slot[kind, slot], 1e-6)


@dataclass(frozen=True, slots=True)
class Scores:
    """Judgement of each window [n]; windows with too little past have `judged` False.

    `limit` is the count from which a window alone is a jump, `p_value` the chance of a count as
    large if nothing happened, `rise` the CUSUM, `jumped` and `rising` which rule fired.
    """

    observed: Floats
    expected: Floats
    limit: Floats
    p_value: Floats
    rise: Floats
    jumped: Bools
    rising: Bools
    calm: Bools
    judged: Bools
    dispersion: Floats


@dataclass(frozen=True, slots=True)
class Episode:
    """A spike: windows `first` to `last` of the series, both included; `open` while it lasts.

    `observed` and `expected` are sums from `first` to the last window above expectation, `peak` the
    window with the largest excess, `score` the largest -log10 p, `kind` "jump" or "rise".
    """

    first: int
    last: int
    peak: int
    observed: float
    expected: float
    score: float
    kind: str
    open: bool


@dataclass(slots=True)
class _Fit:
    """Arrays of a fit in progress."""

    y: Floats
    weekday: Ints
    kind: Ints
    slot: Ints
    slots: int
    age: Floats
    robust: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.robust = np.ones_like(self.y)


def negative_binomial_limit(
    mean: Floats, dispersion: Floats | float, alpha: Floats | float
) -> Floats:
    """The smallest count with a chance of at most `alpha`; the variance is dispersion * mean."""
    phi = np.broadcast_to(np.asarray(dispersion, np.float64), mean.shape)
    poisson = phi <= 1.0 + 1e-6
    size = mean / np.maximum(phi - 1.0, 1e-6)
    limit = stats.nbinom.isf(alpha, size, 1.0 / np.maximum(phi, 1.0 + 1e-6))
    return np.asarray(np.where(poisson, stats.poisson.isf(alpha, mean), limit) + 1.0)


def tail(observed: Floats, mean: Floats, dispersion: Floats | float) -> Floats:
    """The chance of a count of at least `observed`."""
    phi = np.broadcast_to(np.asarray(dispersion, np.float64), mean.shape)
    size = mean / np.maximum(phi - 1.0, 1e-6)
    chance = stats.nbinom.sf(observed - 1, size, 1.0 / np.maximum(phi, 1.0 + 1e-6))
    return np.asarray(np.where(phi <= 1.0 + 1e-6, stats.poisson.sf(observed - 1, mean), chance))


def fit(counts: Floats, calendar: Calendar, policy: Policy, windows: Ints) -> Baseline:
    """The baseline of the windows `windows`; needs at least one week of them.

    NaN counts are gaps in the data and take no part.
    """
    used = windows[~np.isnan(counts[windows])]
    last_day = int(calendar.day[windows[-1]])
    age = (last_day - calendar.day[used]).astype(np.float64)
    work = _Fit(
        counts[used],
        calendar.weekday[used],
        calendar.kind[used],
        calendar.slot[used],
        calendar.slots,
        0.5 ** (age / policy.half_life_days),
    )
    level, by_day, by_slot, mean = 0.0, np.ones(8), np.ones((3, calendar.slots)), work.y
    dispersion = 1.0
    for _ in range(3):
        level, by_day, by_slot, mean = _scale(work)
        dispersion = _dispersion(work, mean)
        work.robust = _downweight(work.y, mean, dispersion)
    day = np.where(work.kind == HOLIDAY, 7, work.weekday)
    cell = work.kind * work.slots + work.slot
    day_spread = _spread(work, mean, dispersion, day, 8)
    slot_spread = _spread(work, mean, dispersion, cell, 3 * work.slots).reshape(3, work.slots)
    return Baseline(level, by_day, by_slot, dispersion, day_spread, slot_spread)


def _spread(work: _Fit, mean: Floats, dispersion: float, group: Ints, size: int) -> Floats:
    """phi sum w^2 mu / (sum w mu + prior)^2 of each group: the variance of its factor."""
    weight = work.age * work.robust
    squares = np.bincount(group, weight**2 * mean, size)
    return np.asarray(dispersion * squares / (np.bincount(group, weight * mean, size) + 4.0) ** 2)


def _scale(work: _Fit) -> tuple[float, Floats, Floats, Floats]:
    """Level, weekday and slot factors by iterative proportional scaling of weighted counts.

    Thin cells are pulled to 1 by a prior worth of 4 counts, so that an hour without a single
    complaint in the past does not expect none for ever.
    """
    weight = work.age * work.robust
    level = float((weight * work.y).sum() / max(weight.sum(), 1e-9))
    by_day, by_slot = np.ones(8), np.ones((3, work.slots))
    day = np.where(work.kind == HOLIDAY, 7, work.weekday)
    cell = work.kind * work.slots + work.slot
    for _ in range(4):
        rest = level * by_slot[work.kind, work.slot]
        by_day = _ratio(day, weight, work.y, rest, 8)
        rest = level * by_day[day]
        by_slot = _ratio(cell, weight, work.y, rest, 3 * work.slots).reshape(3, work.slots)
    mean = np.maximum(level * by_day[day] * by_slot[work.kind, work.slot], 1e-6)
    return level, by_day, by_slot, mean


def _ratio(group: Ints, weight: Floats, y: Floats, rest: Floats, size: int) -> Floats:
    seen = np.bincount(group, weight * y, size)
    expected = np.bincount(group, weight * rest, size)
    return np.asarray((seen + 4.0) / (expected + 4.0))


def _dispersion(work: _Fit, mean: Floats) -> float:
    """Pearson's dispersion, at least 1; outliers count with their weight."""
    weight = work.age * work.robust
    parameters = 1 + 6 + 2 * (work.slots - 1)
    freedom = float(weight.sum()) * max(1 - parameters / max(len(mean), 1), 0.3)
    return max(1.0, float((weight * (work.y - mean) ** 2 / mean).sum()) / max(freedom, 1e-9))


def _downweight(y: Floats, mean: Floats, dispersion: float) -> Floats:
    """Anscombe residuals s; weight 1 up to 2.58 and (s/2.58)^-2 above (Farrington et al. 1996)."""
    residual = 1.5 * (y ** (2 / 3) - mean ** (2 / 3)) / (mean ** (1 / 6) * math.sqrt(dispersion))
    return np.asarray(np.where(residual > _OUTLIER, (_OUTLIER / np.maximum(residual, 1)) ** 2, 1.0))


def score(counts: Floats, calendar: Calendar, policy: Policy | None = None) -> Scores | TooFew:
    """Judges every window that has enough days before it.

    `counts` [n] are complaints per window, NaN where the data have a gap; the last window may still
    be running: its count can only grow, so passing the limit early is a finding, not an error.
    """
    policy = policy or Policy()
    days = int(calendar.day[-1]) + 1 if len(counts) else 0
    if days <= policy.min_history_days:
        return TooFew("days", days, policy.min_history_days + 1)
    expected, dispersion = np.zeros(len(counts)), np.ones(len(counts))
    judged = np.zeros(len(counts), bool)
    for today, past in _days(calendar, policy, days):
        known = past[~np.isnan(counts[past])]
        if len(known) < policy.min_history_days * calendar.slots // 2:
            continue
        base = fit(counts, calendar, policy, past)
        mean = base.mean(calendar, today)
        expected[today], judged[today] = mean, True
        # The fitted mean is itself uncertain: var(y - mean) = phi mean + spread mean^2.
        dispersion[today] = base.dispersion + base.spread(calendar, today) * mean
    return _judge(counts, expected, dispersion, judged & ~np.isnan(counts), policy)


def _days(calendar: Calendar, policy: Policy, days: int) -> Iterator[tuple[Ints, Ints]]:
    """Each day's windows with those of the days before it."""
    index = np.arange(len(calendar.day))
    for day in range(policy.min_history_days, days):
        first = day - policy.history_days
        past = index[(calendar.day < day) & (calendar.day >= first)]
        today = index[calendar.day == day]
        if len(past) and len(today):
            yield today, past


def _judge(
    counts: Floats, expected: Floats, dispersion: Floats, judged: Bools, policy: Policy
) -> Scores:
    y = np.nan_to_num(counts)
    mean = np.where(judged, np.maximum(expected, 1e-6), 1e-6)
    busy = np.clip(mean / _BUSY, 0.0, 1.0)
    loud = np.clip(mean / _LOUD, 1.0, 4.0)
    half = policy.jump_alpha / 2 * np.maximum(busy, _THIN_SHARE) / loud
    limit = negative_binomial_limit(mean, dispersion, half)
    p_value = tail(y, mean, dispersion)
    pair = judged.copy()
    pair[1:] &= judged[:-1]
    pair[:1] = False
    both = y + np.roll(y, 1)
    both_mean = mean + np.roll(mean, 1)
    both_p = np.where(pair, tail(both, both_mean, dispersion), 1.0)
    enough = judged & (y >= policy.min_observed) & (y - mean >= policy.min_excess)
    jumped = enough & ((p_value < half) | (both_p < half))
    rise = _cusum(y, mean, dispersion, judged, policy)
    stricter = _THIN_RISE * (1 - busy) + _LOUD_RISE * np.log(loud)
    rising = enough & (rise > policy.rise_threshold + stricter)
    calm = ~judged | (tail(y, mean, dispersion) > policy.close_alpha)
    smallest = np.minimum(p_value, both_p)
    return Scores(
        y, expected, limit, smallest, rise, jumped, rising, calm, judged, dispersion
    )  # fmt: skip


def _cusum(y: Floats, mean: Floats, dispersion: Floats, judged: Bools, policy: Policy) -> Floats:
    """C = max(0, C + llr) of a mean `rise_ratio` times as large; starts anew once it fired.

    llr = y log(k (1 + a mu) / (1 + a k mu)) + log((1 + a mu) / (1 + a k mu)) / a, with a mu + 1 the
    dispersion (Höhle and Paul 2008, eq. 6).
    """
    k = policy.rise_ratio
    a = np.maximum(dispersion - 1.0, 1e-6) / mean
    shrink = np.log((1 + a * mean) / (1 + a * k * mean))
    llr = y * (math.log(k) + shrink) + shrink / a
    # One wild window is a jump, not a rise: it may add half the threshold at most.
    llr = np.where(judged, np.minimum(llr, policy.rise_threshold / 2), 0.0)
    total, out = 0.0, np.zeros(len(y))
    for index, step in enumerate(llr):
        total = max(0.0, total + float(step))
        out[index] = total
        total = min(total, 2 * policy.rise_threshold)
    return out


def episodes(scores: Scores, policy: Policy | None = None) -> list[Episode]:
    """The spikes in a judged series, oldest first.

    Opens when a rule fires; stays open, however the counts move, until `quiet_windows` windows in
    a row are calm (hysteresis), so that one spike is one alert.
    """
    policy = policy or Policy()
    found: list[Episode] = []
    first, quiet = -1, 0
    for index in range(len(scores.observed)):
        fired = bool(scores.jumped[index] or scores.rising[index])
        if first < 0:
            first, quiet = (index, 0) if fired and _fresh(scores, index, found) else (-1, 0)
            continue
        quiet = quiet + 1 if scores.calm[index] and not scores.jumped[index] else 0
        if quiet >= policy.quiet_windows:
            found.append(_episode(scores, first, index - quiet, still=False))
            first = -1
    if first >= 0:
        found.append(_episode(scores, first, len(scores.observed) - 1, still=True))
    return found


def _fresh(scores: Scores, index: int, found: Sequence[Episode]) -> bool:
    """A CUSUM that has not come down since the last spike does not open another."""
    if scores.jumped[index] or not found:
        return True
    since = scores.rise[found[-1].last : index]
    return bool(since.size and since.min() < scores.rise[index] / 2)


def _episode(scores: Scores, first: int, last: int, *, still: bool) -> Episode:
    inside = slice(first, last + 1)
    excess = scores.observed[inside] - scores.expected[inside]
    smallest = float(np.maximum(scores.p_value[inside], 1e-300).min())
    kind = "jump" if scores.jumped[inside].any() else "rise"
    return Episode(
        first,
        last,
        first + int(np.argmax(excess)),
        float(scores.observed[inside].sum()),
        float(scores.expected[inside].sum()),
        -math.log10(smallest),
        kind,
        still,
    )
