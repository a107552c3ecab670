"""Did the fix work?  Before and after, against something that it did not touch.

Difference in differences on rates.  With T and C the problem contacts of the target and of the
comparison, before (0) and after (1), the effect is a ratio of ratios:

    effect = (T1/C1) / (T0/C0)         log effect has variance φ·(1/T0 + 1/T1 + 1/C0 + 1/C1)

This is the treatment term of the quasi-Poisson model log μ = group + day + effect·target·after:
given each day's total, the target's count is binomial, and whatever moves both alike (season,
weekday, growth) falls out.  φ is the Pearson dispersion of the days, or of the weeks if that is
larger (neighbouring days are not independent), 1 or more; bounds by Student's t.  Sources: Card and
Krueger 1994 (difference in differences); McCullagh and Nelder 1989, sections 6.4 and 4.5.

The comparison is, in this order: the slice that the initiative names; the same topics outside its
own slice; other topics in its slice; none (then before/after alone, and the season is in the
effect).  Before and after are equally long where the data allow it.

Verdict, at the 5 % level (with Holm's correction in `judge_all`): worked (surely below 1), got
worse (surely above 1), too early (fewer than 14 days since the start, or too few contacts to have
seen a fall of 30 % with 80 % power while fewer than 90 days have passed), else no effect seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

import numpy as np
from scipy import stats

from pipeline.analysis.columns import Bools, Columns, Floats, groups, numbers, texts, times, weights
from pipeline.analysis.few import TooFew
from pipeline.analysis.gaps import trend
from pipeline.analysis.intervals import Estimate, Unit, holm
from pipeline.analysis.period import DAY, seconds
from pipeline.domain.contact import Initiative

MIN_DAYS_AFTER = 14
MIN_HISTORY = 7
"""Days before the start that an effect needs."""
PATIENCE_DAYS = 90
"""After so many days an effect that cannot be seen is called not seen, however few the contacts."""
MAX_DAYS = 182
"""Longer windows mix in what else has happened since."""
MIN_COUNT = 10
"""Problem contacts before and after together, in target and in comparison, that a ratio needs."""
NOTABLE = 0.7
"""The ratio that a useful test should be able to see: a fall of 30 %."""
ALPHA = 0.05


class Verdict(StrEnum):
    """What can be said about an initiative."""

    WORKED = "worked"
    NO_EFFECT_SEEN = "no_effect_seen"
    GOT_WORSE = "got_worse"
    TOO_EARLY = "too_early"


class Comparison(StrEnum):
    """What the target is compared with."""

    NAMED = "named"
    OUTSIDE_SLICE = "outside_slice"
    OTHER_TOPICS = "other_topics"
    NONE = "none"


class Caution(StrEnum):
    """Why a verdict should be read with care."""

    NO_COMPARISON = "no_comparison"  # season and growth are in the effect
    NOT_PARALLEL = "not_parallel"  # target and comparison drifted apart before the start
    SHORT_BEFORE = "short_before"  # less history than 28 days, or than the time since the start
    FEW_COMPARISON = "few_comparison"  # the comparison has too few contacts; it was left out
    NAMED_EMPTY = "named_empty"  # the named comparison has none; another was taken
    SEASON = "season"  # without a comparison, the same season of another year was not seen


@dataclass(frozen=True, slots=True)
class Counts:
    """Problem contacts before and after, with the days of each window."""

    before: float
    after: float
    days_before: float
    days_after: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one initiative.

    `effect` is a ratio (0.8: a fall of 20 % beyond the comparison's); `p_value` tests 1;
    `detectable` is the ratio below 1 that these data would have shown with 80 % power; `prevented`
    problem contacts since the start (negative: added). `dispersion` φ.
    """

    initiative_id: str
    verdict: Verdict
    effect: Estimate | TooFew
    p_value: float
    detectable: float | None
    prevented: Estimate | None
    target: Counts
    comparison: Counts | None
    compared_with: Comparison
    dispersion: float
    cautions: tuple[Caution, ...]


def judge_all(
    initiatives: Sequence[Initiative], columns: Columns, now: datetime
) -> tuple[Judgement, ...]:
    """Judges every initiative, with Holm's correction for how many there are."""
    judged = [judge(initiative, columns, now) for initiative in initiatives]
    if not judged:
        return ()
    p_values = holm(np.array([one.p_value for one in judged]))
    days = [_days_after(initiative, now) for initiative in initiatives]
    rows = zip(judged, p_values, days, strict=True)
    return tuple(_reworded(one, float(p_value), since) for one, p_value, since in rows)


def judge(initiative: Initiative, columns: Columns, now: datetime) -> Judgement:
    """Judges one initiative at `now` (the end of the data).

    Reads `topic`, `polarity`, `occurred_at`, the dimensions of its slices and, where rows are
    summed, `contacts`. Problem contacts are negative mentions. Pass all topics and slices from
    twice the time since the start: the comparison is cut from the same rows. Each mention counts.
    """
    window = _Window.of(initiative, columns, now)
    rows = _Rows.of(initiative, columns)
    target = window.series(rows.when[rows.target], rows.amount[rows.target])
    compared, other, cautions = _comparison(initiative, rows, window)
    cautions += window.cautions(compared)
    counts = target.counts(window)
    effect, dispersion = _effect(target, other, window)
    if other is not None and not _parallel(target, other, window):
        cautions.append(Caution.NOT_PARALLEL)
    p_value, detectable = _tests(effect)
    judged = Judgement(
        initiative_id=initiative.initiative_id,
        verdict=Verdict.TOO_EARLY,
        effect=effect.estimate if effect else _too_few(counts, window),
        p_value=p_value,
        detectable=detectable,
        prevented=_prevented(effect, counts),
        target=counts,
        comparison=other.counts(window) if other is not None else None,
        compared_with=compared,
        dispersion=dispersion,
        cautions=tuple(cautions),
    )
    return _reworded(judged, p_value, _days_after(initiative, now))


def _reworded(judged: Judgement, p_value: float, days: float) -> Judgement:
    return replace(judged, p_value=p_value, verdict=_verdict(judged, p_value, days))


def _verdict(judged: Judgement, p_value: float, days: float) -> Verdict:
    if days < MIN_DAYS_AFTER:
        return Verdict.TOO_EARLY
    if isinstance(judged.effect, TooFew):
        return Verdict.TOO_EARLY if days < PATIENCE_DAYS else Verdict.NO_EFFECT_SEEN
    if p_value < ALPHA:
        return Verdict.WORKED if judged.effect.value < 1 else Verdict.GOT_WORSE
    blind = judged.detectable is None or judged.detectable < NOTABLE
    return Verdict.TOO_EARLY if blind and days < PATIENCE_DAYS else Verdict.NO_EFFECT_SEEN


def _days_after(initiative: Initiative, now: datetime) -> float:
    return (seconds(now) - seconds(initiative.started_at)) / DAY


@dataclass(frozen=True, slots=True)
class _Window:
    """Days on both sides of the start, whole weeks from two on, so that weekdays weigh alike."""

    start: float
    before: int
    after: int

    @classmethod
    def of(cls, initiative: Initiative, columns: Columns, now: datetime) -> _Window:
        start = seconds(initiative.started_at)
        when = times(columns, "occurred_at")
        oldest = float(when.min()) if len(when) else start
        ended = initiative.ended_at
        until = min(seconds(now), seconds(ended) if ended else math.inf)
        after = _weeks(min(max(until - start, 0.0) / DAY, MAX_DAYS))
        # The oldest row's whole day counts: data begin at midnight, rows do not.
        history = math.ceil(max(start - oldest, 0.0) / DAY)
        return cls(start, _weeks(min(history, max(after, 28), MAX_DAYS)), after)

    def series(self, when: Floats, amount: Floats) -> _Series:
        """Counts by day; what lies outside the window is dropped."""
        day = np.floor((when - self.start) / DAY).astype(np.int64) + self.before
        size = self.before + self.after
        inside = (day >= 0) & (day < size)
        return _Series(np.bincount(day[inside], amount[inside], size).astype(np.float64))

    def cautions(self, compared: Comparison) -> list[Caution]:
        found = []
        if self.before < max(28, self.after):
            found.append(Caution.SHORT_BEFORE)
        if compared is Comparison.NONE:
            found += [Caution.NO_COMPARISON, Caution.SEASON]
        return found


def _weeks(days: float) -> int:
    return int(days // 7 * 7 if days >= 14 else days)


@dataclass(frozen=True, slots=True)
class _Series:
    days: Floats

    def split(self, window: _Window) -> tuple[float, float]:
        return float(self.days[: window.before].sum()), float(self.days[window.before :].sum())

    def counts(self, window: _Window) -> Counts:
        return Counts(*self.split(window), float(window.before), float(window.after))


@dataclass(frozen=True, slots=True)
class _Rows:
    """Negative mentions, and which of them belong to the target and to each comparison."""

    when: Floats
    amount: Floats
    target: Bools
    named: Bools
    outside: Bools
    others: Bools

    @classmethod
    def of(cls, initiative: Initiative, columns: Columns) -> _Rows:
        bad = numbers(columns, "polarity") < 0
        topic = np.ones(len(bad), bool)
        if initiative.topics:
            topic = groups(columns, "topic").among(*initiative.topics)
        inside = _slice(columns, initiative.slice)
        target = bad & topic & inside
        named = bad & topic & _slice(columns, initiative.comparison) & ~target
        return cls(
            when=times(columns, "occurred_at"),
            amount=weights(columns),
            target=target,
            named=named,
            outside=bad & topic & ~inside,
            others=bad & ~topic & inside,
        )


def _slice(columns: Columns, chosen: Mapping[str, str]) -> Bools:
    inside = np.ones(len(columns["polarity"]), bool)
    for name, value in chosen.items():
        inside &= np.asarray(texts(columns, name) == value, np.bool_)
    return inside


def _comparison(
    initiative: Initiative, rows: _Rows, window: _Window
) -> tuple[Comparison, _Series | None, list[Caution]]:
    """The first comparison with contacts enough, and what was passed over on the way."""
    choices = [(Comparison.NAMED, rows.named)] if initiative.comparison else []
    choices += [(Comparison.OUTSIDE_SLICE, rows.outside), (Comparison.OTHER_TOPICS, rows.others)]
    cautions: list[Caution] = []
    for kind, mine in choices:
        series = window.series(rows.when[mine], rows.amount[mine])
        if min(series.split(window)) >= MIN_COUNT:
            return kind, series, cautions
        if kind is Comparison.NAMED:
            cautions.append(Caution.NAMED_EMPTY)
        elif series.days.sum() > 0 and Caution.FEW_COMPARISON not in cautions:
            cautions.append(Caution.FEW_COMPARISON)
    return Comparison.NONE, None, cautions


@dataclass(frozen=True, slots=True)
class _Effect:
    estimate: Estimate
    error: float  # of the logarithm, dispersion included
    freedom: float


def _effect(
    target: _Series, other: _Series | None, window: _Window
) -> tuple[_Effect | None, float]:
    """The ratio of ratios, and the dispersion."""
    t0, t1 = target.split(window)
    if t0 + t1 < MIN_COUNT or t0 == 0 or window.before < MIN_HISTORY or window.after < 1:
        return None, 1.0
    c0, c1 = other.split(window) if other is not None else (math.inf, math.inf)
    growth = c1 / c0 if other is not None else window.after / window.before
    # Half a contact keeps the logarithm finite where the problem is gone altogether.
    ratio = (t1 / t0) / growth if t1 else (0.5 / t0) / growth
    spread = max(_dispersion(target, other, window, days) for days in (1, 7))
    error = math.sqrt(spread * (1 / t0 + 1 / max(t1, 0.5) + 1 / c0 + 1 / c1))
    freedom = max((window.before + window.after) / 7 - 2, 3.0)
    half = float(stats.t.ppf(0.975, freedom)) * error
    bounds = ratio * math.exp(-half), ratio * math.exp(half)
    return _Effect(Estimate(ratio, *bounds, round(t0 + t1), Unit.RATIO), error, freedom), spread


def _dispersion(target: _Series, other: _Series | None, window: _Window, days: int) -> float:
    """Pearson dispersion of blocks of `days`, 1 or more: of the target's share in each block's
    total, or without a comparison of its count; each window has its own mean."""
    chi, freedom = 0.0, 0
    for part in (slice(0, window.before), slice(window.before, None)):
        t = _blocks(target.days[part], days)
        total = t + _blocks(other.days[part], days) if other is not None else np.ones_like(t)
        used = total > 0
        if used.sum() < 2 or t[used].sum() == 0:
            continue
        mean = total[used] * t[used].sum() / total[used].sum()
        variance = mean * (1 - mean / total[used]) if other is not None else mean
        safe = np.maximum(variance, 1e-12)
        chi += float(((t[used] - mean) ** 2 / safe).sum())
        freedom += int(used.sum()) - 1
    return max(1.0, chi / freedom) if freedom >= 4 else 1.0


def _blocks(days: Floats, size: int) -> Floats:
    """Sums of whole blocks of days."""
    whole = len(days) // size * size
    return np.asarray(days[:whole].reshape(-1, size).sum(1), np.float64)


def _parallel(target: _Series, other: _Series, window: _Window) -> bool:
    """Whether target and comparison kept step before the start.

    Weighted slope of the target's share over the weeks before, as in `gaps.trend`; 5 % level.
    """
    t, c = (_blocks(s.days[: window.before], 7) for s in (target, other))
    slope = trend(t, t + c)
    return isinstance(slope, TooFew) or slope.low <= 0 <= slope.high


def _tests(effect: _Effect | None) -> tuple[float, float | None]:
    """P-value of a ratio of 1, and the fall that would have been seen with 80 % power."""
    if effect is None:
        return 1.0, None
    log = math.log(effect.estimate.value)
    p_value = float(2 * stats.t.sf(abs(log) / effect.error, effect.freedom))
    reach = float(stats.t.ppf(1 - ALPHA / 2, effect.freedom) + stats.t.ppf(0.8, effect.freedom))
    return p_value, math.exp(-reach * effect.error)


def _prevented(effect: _Effect | None, counts: Counts) -> Estimate | None:
    """Contacts that did not come: after · (1/effect - 1)."""
    if effect is None or not counts.after:
        return None
    ratio = effect.estimate
    value, low, high = (counts.after * (1 / x - 1) for x in (ratio.value, ratio.high, ratio.low))
    return Estimate(value, low, high, ratio.n, Unit.COUNT)


def _too_few(counts: Counts, window: _Window) -> TooFew:
    """Why there is no effect: see the conditions in `_effect`."""
    if window.before < MIN_HISTORY:
        return TooFew("days", window.before, MIN_HISTORY)
    if window.after < 1:
        return TooFew("days", 0, MIN_DAYS_AFTER)
    if counts.before + counts.after < MIN_COUNT:
        return TooFew("contacts", int(counts.before + counts.after), MIN_COUNT)
    return TooFew("earlier contacts", 0, 1)
