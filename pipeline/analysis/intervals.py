"""Intervals for shares, rates, means and their differences.

Functions work on numbers and on arrays alike. `level` is the coverage, 0.95 unless told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from pipeline.analysis.few import TooFew

Floats = NDArray[np.float64]
Numbers = float | Floats
Bounds = tuple[Any, Any]

LEVEL = 0.95


class Unit(StrEnum):
    """What an estimate counts in, for whoever formats it."""

    SHARE = "share"  # 0..1
    SHARE_DIFFERENCE = "share_difference"  # -1..1
    RATE = "rate"  # events per unit of exposure, as the result says
    RATIO = "ratio"  # of two rates or counts; 1 means no change
    SCORE = "score"  # a normalised rating, 0..1, or a mean polarity, -1..1
    SCORE_DIFFERENCE = "score_difference"
    POINTS = "points"  # net promoter score, -100..100
    COUNT = "count"
    MONEY = "money"  # in the currency of the events
    INDEX = "index"  # a pure number, as the result says


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval; `n` is how many observations it rests on."""

    value: float
    low: float
    high: float
    n: int
    unit: Unit
    level: float = LEVEL

    def above(self, border: float) -> bool:
        """Whether the whole interval lies above `border`."""
        return self.low > border

    def below(self, border: float) -> bool:
        """Whether the whole interval lies below `border`."""
        return self.high < border


def z_of(level: float) -> float:
    """The two-sided normal quantile, 1.96 for 0.95."""
    return float(stats.norm.ppf(0.5 + level / 2))


def wilson(successes: Numbers, n: Numbers, level: float = LEVEL) -> Bounds:
    """Score interval of a share; (0, 1) where n is 0.

    (p + z²/2n ± z·√(p(1-p)/n + z²/4n²)) / (1 + z²/n).  Wilson 1927; Newcombe 1998a, method 3.
    """
    z = z_of(level)
    n = np.asarray(n, np.float64)
    safe = np.where(n > 0, n, 1.0)
    p = np.asarray(successes, np.float64) / safe
    centre = p + z**2 / (2 * safe)
    half = z * np.sqrt(np.maximum(p * (1 - p), 0) / safe + z**2 / (4 * safe**2))
    scale = 1 + z**2 / safe
    # The ends are exact: rounding must not put the bound of 0 of n above 0.
    low = np.where(p <= 0, 0.0, np.maximum((centre - half) / scale, 0))
    high = np.where((p >= 1) | (n <= 0), 1.0, np.minimum((centre + half) / scale, 1))
    return low[()], high[()]


def newcombe(k1: Numbers, n1: Numbers, k2: Numbers, n2: Numbers, level: float = LEVEL) -> Bounds:
    """Interval of k1/n1 - k2/n2 for independent samples, from two Wilson intervals.

    Newcombe 1998b, method 10: d - √((p1-l1)² + (u2-p2)²), d + √((u1-p1)² + (p2-l2)²).
    """
    low1, high1 = wilson(k1, n1, level)
    low2, high2 = wilson(k2, n2, level)
    p1, p2 = np.asarray(k1) / np.maximum(n1, 1e-300), np.asarray(k2) / np.maximum(n2, 1e-300)
    below = np.sqrt((p1 - low1) ** 2 + (high2 - p2) ** 2)
    above = np.sqrt((high1 - p1) ** 2 + (p2 - low2) ** 2)
    return (p1 - p2 - below)[()], (p1 - p2 + above)[()]


def poisson(count: Numbers, level: float = LEVEL) -> Bounds:
    """Exact interval of a Poisson mean: chi-square quantiles / 2.  Garwood 1936."""
    count = np.asarray(count, np.float64)
    tail = (1 - level) / 2
    low = np.where(count > 0, stats.chi2.ppf(tail, 2 * np.maximum(count, 1e-300)) / 2, 0.0)
    return low[()], (stats.chi2.isf(tail, 2 * (count + 1)) / 2)[()]


def byar(count: Numbers, level: float = LEVEL) -> Bounds:
    """Byar's approximation to the exact interval of a Poisson mean; the upper end from count + 1.

    c·(1 - 1/(9c) ± z/(3√c))³.  Breslow and Day 1987, p. 69.  Within 0.1 % of exact from 10 up.
    """
    z = z_of(level)
    count = np.asarray(count, np.float64)
    c = np.maximum(count, 1e-9)
    low = np.where(count > 0, c * np.maximum(1 - 1 / (9 * c) - z / (3 * np.sqrt(c)), 0) ** 3, 0.0)
    d = count + 1
    return low[()], (d * (1 - 1 / (9 * d) + z / (3 * np.sqrt(d))) ** 3)[()]


def poisson_ratio(
    k1: Numbers, e1: Numbers, k2: Numbers, e2: Numbers, level: float = LEVEL
) -> Bounds:
    """Exact interval of the ratio of two Poisson rates k1/e1 and k2/e2.

    Given the sum, k1 is binomial; Clopper-Pearson bounds π become π/(1-π)·e2/e1.  Rothman,
    Greenland and Lash 2008, chapter 14.  Infinite above where k2 is 0.  Counts need not be whole:
    divide both by a dispersion to allow for it.
    """
    k1, k2 = np.asarray(k1, np.float64), np.asarray(k2, np.float64)
    tail = (1 - level) / 2
    low = np.where(k1 > 0, stats.beta.ppf(tail, np.maximum(k1, 1e-300), k2 + 1), 0.0)
    high = np.where(k2 > 0, stats.beta.isf(tail, k1 + 1, np.maximum(k2, 1e-300)), 1.0)
    scale = np.asarray(e2, np.float64) / np.asarray(e1, np.float64)
    with np.errstate(divide="ignore"):
        return (low / (1 - low) * scale)[()], (high / (1 - high) * scale)[()]


def bootstrap(
    values: NDArray[Any],
    statistic: Callable[[NDArray[Any]], float],
    *,
    draws: int = 1000,
    level: float = LEVEL,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile bounds of `statistic` over resampled rows of `values`.  Efron 1979; seeded."""
    random = np.random.default_rng(seed)
    n = len(values)
    found = [statistic(values[random.integers(0, n, n)]) for _ in range(draws)]
    return quantiles(np.asarray(found, np.float64), level)


def quantiles(draws: Floats, level: float = LEVEL) -> tuple[float, float]:
    """The central interval of simulated values; those that are not finite are left out."""
    finite = draws[np.isfinite(draws)]
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def share(successes: float, n: float, level: float = LEVEL) -> Estimate:
    """A share with its Wilson interval. `n` must be above 0."""
    low, high = wilson(successes, n, level)
    return Estimate(float(successes / n), float(low), float(high), round(n), Unit.SHARE, level)


def share_or_few(successes: float, n: float, minimum: int, what: str) -> Estimate | TooFew:
    """A share, or TooFew below `minimum` observations of `what`."""
    return share(successes, n) if n >= max(minimum, 1) else TooFew(what, round(n), minimum)


def share_difference(k1: float, n1: float, k2: float, n2: float, level: float = LEVEL) -> Estimate:
    """k1/n1 - k2/n2 with Newcombe's interval. Both n must be above 0."""
    low, high = newcombe(k1, n1, k2, n2, level)
    n = round(n1 + n2)
    value = float(k1 / n1 - k2 / n2)
    return Estimate(value, float(low), float(high), n, Unit.SHARE_DIFFERENCE, level)


def rate(count: float, exposure: float, *, per: float = 1.0, dispersion: float = 1.0) -> Estimate:
    """A rate `per` units of exposure: exact Poisson interval, widened by `dispersion`."""
    low, high = poisson(count / dispersion)
    scale = per / exposure
    bounds = float(low) * dispersion * scale, float(high) * dispersion * scale
    return Estimate(float(count * scale), *bounds, round(count), Unit.RATE)


def rate_ratio(
    k1: float, e1: float, k2: float, e2: float, *, dispersion: float = 1.0, level: float = LEVEL
) -> Estimate:
    """(k1/e1) / (k2/e2) with its exact interval, widened by `dispersion`. k2 must be above 0."""
    low, high = poisson_ratio(k1 / dispersion, e1, k2 / dispersion, e2, level)
    value = float(k1 * e2 / (k2 * e1))
    return Estimate(value, float(low), float(high), round(k1 + k2), Unit.RATIO, level)


def mean(values: Floats, unit: Unit = Unit.SCORE, level: float = LEVEL) -> Estimate:
    """A mean with Student's interval. Needs two values or more."""
    n = len(values)
    centre = float(values.mean())
    half = float(stats.t.ppf(0.5 + level / 2, n - 1) * values.std(ddof=1) / np.sqrt(n))
    return Estimate(centre, centre - half, centre + half, n, unit, level)


def mean_or_few(
    values: Floats, minimum: int, what: str, unit: Unit = Unit.SCORE
) -> Estimate | TooFew:
    """A mean, or TooFew below `minimum` values of `what`."""
    needed = max(minimum, 2)
    return mean(values, unit) if len(values) >= needed else TooFew(what, len(values), needed)


def normal(value: float, error: float, n: int, unit: Unit, level: float = LEVEL) -> Estimate:
    """An estimate with a normal interval of standard error `error`."""
    half = z_of(level) * error
    return Estimate(value, value - half, value + half, n, unit, level)


def holm(p_values: Floats) -> Floats:
    """P-values [n] adjusted so that the chance of any false claim stays below the level.

    max over j ≤ i of (n - j + 1)·p(j), at most 1.  Holm 1979.
    """
    n = len(p_values)
    order = np.argsort(p_values, kind="stable")
    raised = np.maximum.accumulate((n - np.arange(n)) * p_values[order])
    adjusted = np.empty(n)
    adjusted[order] = np.minimum(raised, 1.0)
    return adjusted
