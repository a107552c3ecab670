"""Kano classes where the two Kano questions were asked: how would you feel with it, and without?

The evaluation table turns a pair of answers into a class (Kano et al. 1984).  Timko's coefficients
sum them up: better = (A+O)/(A+O+M+I), worse = -(O+M)/(A+O+M+I).  Source: Berger et al. 1993, Kano's
methods for understanding customer-defined quality, Center for Quality Management Journal 2(4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.analysis.columns import Columns, Ints, groups, keys, numbers, take, texts
from pipeline.analysis.few import TooFew
from pipeline.analysis.intervals import Estimate, Unit, share
from pipeline.analysis.kano import KanoClass, by_contact

MIN_KANO_ANSWERS = 30
"""Answered pairs that a class needs."""

_A, _O, _M = KanoClass.ATTRACTIVE, KanoClass.PERFORMANCE, KanoClass.MUST_BE
_I, _R, _Q = KanoClass.INDIFFERENT, KanoClass.REVERSE, KanoClass.QUESTIONABLE
EVALUATION = (
    (_Q, _A, _A, _A, _O),
    (_R, _I, _I, _I, _M),
    (_R, _I, _I, _I, _M),
    (_R, _I, _I, _I, _M),
    (_R, _R, _R, _R, _Q),
)
"""Berger et al. 1993, p. 6: rows the functional answer, columns the dysfunctional (1 like .. 5)."""


@dataclass(frozen=True, slots=True)
class TimkoPoint:
    """An attribute's Kano answers. `counts` by class; `better` (0..1) is how much having it raises
    satisfaction, `worse` (-1..0) how much lacking it lowers it. `sure`: the two most frequent
    classes differ at the 10 % level (Fong 1996)."""

    name: str
    answers: int
    counts: Mapping[KanoClass, int]
    better: Estimate
    worse: Estimate
    kano_class: KanoClass
    sure: bool


@dataclass(frozen=True, slots=True)
class Timko:
    """Attributes by how much lacking them hurts, the worst first."""

    points: tuple[TimkoPoint, ...]
    few: Mapping[str, TooFew]


def timko(columns: Columns) -> Timko | TooFew:
    """Better and worse of each attribute that both Kano questions were asked about.

    Reads `contact_id`, `kind` (kano_functional, kano_dysfunctional), `dimension`, `value` (1..5).
    """
    pairs = _pairs(columns)
    few = {
        n: TooFew("answers", len(p), MIN_KANO_ANSWERS)
        for n, p in pairs.items()
        if len(p) < MIN_KANO_ANSWERS
    }
    points = [_timko_point(name, table) for name, table in pairs.items() if name not in few]
    kept = [point for point in points if point is not None]
    if not kept:
        most = max((have.have for have in few.values()), default=0)
        return TooFew("answers", most, MIN_KANO_ANSWERS)
    kept.sort(key=lambda point: (point.worse.value, point.name))
    return Timko(tuple(kept), few)


def _pairs(columns: Columns) -> dict[str, Ints]:
    """By attribute, the answers [n, 2] (functional, dysfunctional) of contacts that gave both."""
    kind, dimension = texts(columns, "kind"), texts(columns, "dimension")
    asked = groups(columns, "kind").among("kano_functional", "kano_dysfunctional")
    rows: dict[str, Any] = take(columns, asked)
    contact, value = keys(rows["contact_id"]), numbers(rows, "value")
    kind, dimension = kind[asked], dimension[asked]
    found = {}
    for name in sorted(set(dimension)):
        sides = [
            by_contact(contact, (dimension == name) & (kind == side), value)
            for side in ("kano_functional", "kano_dysfunctional")
        ]
        both = np.isfinite(sides[0]) & np.isfinite(sides[1])
        found[str(name)] = np.column_stack([side[both] for side in sides]).round().astype(np.int64)
    return found


def _timko_point(name: str, answers: Ints) -> TimkoPoint | None:
    classes = [EVALUATION[f - 1][d - 1] for f, d in answers]
    counts = {kind: classes.count(kind) for kind in KanoClass}
    base = counts[_A] + counts[_O] + counts[_M] + counts[_I]
    if not base:
        return None
    up = share(counts[_A] + counts[_O], base)
    down = share(counts[_O] + counts[_M], base)
    worse = Estimate(-down.value, -down.high, -down.low, base, Unit.SHARE)
    kind, sure = _mode(counts, len(classes))
    return TimkoPoint(name, len(classes), counts, up, worse, kind, sure)


_RANK = (_M, _O, _A, _I, _R, _Q)
"""On a tie the stronger demand wins: M > O > A > I (Berger et al. 1993, p. 12)."""


def _mode(counts: Mapping[KanoClass, int], n: int) -> tuple[KanoClass, bool]:
    """The most frequent class; Fong's test |a - b| > 1.65·√((a + b)(2n - a - b) / 2n)."""
    first, second = sorted(_RANK, key=lambda kind: (-counts[kind], _RANK.index(kind)))[:2]
    a, b = counts[first], counts[second]
    border = 1.65 * np.sqrt((a + b) * (2 * n - a - b) / (2 * n))
    return first, bool(a - b > border)
