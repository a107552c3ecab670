"""Whom it hurts: slices in which a topic's problem is named more often than elsewhere.

For topic T and slice S the share of S's customers who name the problem is compared with the share
of all other customers, by a two-sided z-test of two proportions, p-values corrected by Holm for
everything that was compared.  A hotspot is named at the 1 % level, if it is at least half as
frequent again as elsewhere and rests on 10 problems or more.  It says where a problem is, not
since when.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from pipeline.analysis.intervals import holm, share
from pipeline.report.model import Hotspot

MIN_PROBLEMS = 10
MIN_CUSTOMERS = 30
MIN_RATIO = 1.5
ALPHA = 0.01

Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class _Pair:
    """`k` of `n` customers in the slice name the problem, `rest_k` of `rest_n` elsewhere."""

    topic: str
    dimension: str
    value: str
    k: int
    n: int
    rest_k: int
    rest_n: int

    @property
    def ratio(self) -> float:
        elsewhere = max(self.rest_k, 0.5) / self.rest_n
        return self.k / self.n / elsewhere

    @property
    def p_value(self) -> float:
        pooled = (self.k + self.rest_k) / (self.n + self.rest_n)
        error = np.sqrt(pooled * (1 - pooled) * (1 / self.n + 1 / self.rest_n))
        gap = self.k / self.n - self.rest_k / self.rest_n
        return float(2 * stats.norm.sf(abs(gap) / error)) if error > 0 else 1.0


def hotspots(problems: Columns, customers: Columns) -> tuple[Hotspot, ...]:
    """The hotspots, the most surplus problems first.

    `problems` has `topic`, `dimension`, `value`, `problems`; `customers` has `dimension`, `value`,
    `customers`. Values "" (unknown) belong to what a slice is compared with.
    """
    pairs = _pairs(problems, customers)
    if not pairs:
        return ()
    p_values = holm(np.array([pair.p_value for pair in pairs]))
    found = [
        _hotspot(pair, float(p))
        for pair, p in zip(pairs, p_values, strict=True)
        if p < ALPHA and pair.ratio >= MIN_RATIO and pair.k >= MIN_PROBLEMS
    ]
    return tuple(sorted(found, key=lambda h: (-_surplus(h), h.topic, h.dimension, h.value)))


def _surplus(spot: Hotspot) -> float:
    return spot.problems * (1 - 1 / spot.ratio)


def _pairs(problems: Columns, customers: Columns) -> list[_Pair]:
    size: dict[tuple[str, str], int] = {}
    whole: dict[str, int] = defaultdict(int)
    rows = zip(customers["dimension"], customers["value"], customers["customers"], strict=True)
    for dimension, value, count in rows:
        size[dimension, value] = count
        whole[dimension] += count
    named = list(zip(*(problems[n] for n in ("topic", "dimension", "value")), strict=True))
    counts = dict(zip(named, problems["problems"], strict=True))
    total: dict[tuple[str, str], int] = defaultdict(int)
    for (topic, dimension, _), count in counts.items():
        total[topic, dimension] += count
    found = []
    for (topic, dimension, value), k in sorted(counts.items()):
        n = size.get((dimension, value), 0)
        rest = whole[dimension] - n
        if value and min(n, rest) >= MIN_CUSTOMERS:
            other = min(total[topic, dimension] - k, rest)
            found.append(_Pair(topic, dimension, value, min(k, n), n, other, rest))
    return found


def _hotspot(pair: _Pair, p_value: float) -> Hotspot:
    return Hotspot(
        topic=pair.topic,
        dimension=pair.dimension,
        value=pair.value,
        problems=pair.k,
        share=share(pair.k, pair.n),
        elsewhere=pair.rest_k / pair.rest_n,
        ratio=pair.ratio,
        p_value=p_value,
    )
