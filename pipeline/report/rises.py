"""Slow rises: a topic's problems that grow week by week in one slice, without any jump to see.

The share of the slice's contacts that name the problem is followed over the whole weeks of both
periods (`gaps.trend`: a weighted line with a dispersion), so growth of the slice itself is no rise.
Slopes are tested with Holm's correction for all that were followed; 1 % level.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from pipeline.analysis.few import TooFew
from pipeline.analysis.gaps import trend
from pipeline.analysis.intervals import Estimate, holm, z_of
from pipeline.report.model import Rise

MIN_PROBLEMS = 20
ALPHA = 0.01

Columns = Mapping[str, Sequence[Any]]
Floats = NDArray[np.float64]


def rises(problems: Columns, contacts: Columns, weeks: int) -> tuple[Rise, ...]:
    """The slow rises, the steepest first.

    `problems` has `topic`, `dimension`, `value`, `week` (0 the newest) and counts `n`, `contacts`
    the same without `topic`. Slices with fewer than MIN_PROBLEMS are left out.
    """
    totals = _series(contacts, ("dimension", "value"), weeks)
    counts = _series(problems, ("topic", "dimension", "value"), weeks)
    found = []
    for key, series in sorted(counts.items()):
        total = totals.get(key[1:])
        if total is None or not key[2] or series.sum() < MIN_PROBLEMS:
            continue
        slope = trend(np.minimum(series, total), total)
        if not isinstance(slope, TooFew):
            found.append((key, slope, series, total))
    p_values = holm(np.array([_p_value(slope) for _, slope, _, _ in found]))
    kept = [
        _rise(key, slope, float(p), series / np.maximum(total, 1))
        for (key, slope, series, total), p in zip(found, p_values, strict=True)
        if p < ALPHA and slope.value > 0
    ]
    return tuple(sorted(kept, key=lambda rise: -rise.slope.value))


def _series(columns: Columns, names: Sequence[str], weeks: int) -> dict[tuple[str, ...], Floats]:
    """Counts [weeks] by key, oldest first."""
    found: dict[tuple[str, ...], Floats] = defaultdict(lambda: np.zeros(weeks))
    rows = zip(*(columns[name] for name in names), columns["week"], columns["n"], strict=True)
    for *key, week, number in rows:
        if 0 <= week < weeks:
            found[tuple(key)][weeks - 1 - int(week)] += float(number)
    return found


def _p_value(slope: Estimate) -> float:
    """Two-sided; the interval's half width is the quantile times the error."""
    error = (slope.high - slope.low) / 2 / z_of(slope.level)
    return float(2 * stats.norm.sf(abs(slope.value) / error)) if error > 0 else 1.0


def _rise(key: tuple[str, ...], slope: Estimate, p_value: float, shares: Floats) -> Rise:
    topic, dimension, value = key
    edge = max(len(shares) // 4, 1)
    first, last = float(shares[:edge].mean()), float(shares[-edge:].mean())
    return Rise(topic, dimension, value, slope, first, last, p_value)
