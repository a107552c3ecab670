"""Vavra's grid: what customers say is important beside what moves their satisfaction.

Stated importance is a mean rating; derived importance the range of impact of a penalty-reward
contrast.  Stated high, derived low: basic (nobody praises it, everybody expects it).  Both high:
key.  Stated low, derived high: exciting.  Source: Vavra 1997, Improving Your Measurement of
Customer Satisfaction, chapter 12.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from pipeline.analysis.columns import Columns, numbers, texts
from pipeline.analysis.few import TooFew
from pipeline.analysis.intervals import Estimate, mean_or_few
from pipeline.analysis.kano import MIN_SIDE, Kano


class VavraCell(StrEnum):
    """Stated (explicit) beside derived (implicit) importance."""

    BASIC = "basic"  # stated high, derived low: must-be
    KEY = "key"  # both high: performance that matters most
    MINOR = "minor"  # both low
    EXCITING = "exciting"  # stated low, derived high: attractive


@dataclass(frozen=True, slots=True)
class VavraPoint:
    """An attribute in the grid: `stated` mean importance (0..1), `derived` range of impact."""

    name: str
    stated: Estimate
    derived: float
    cell: VavraCell


@dataclass(frozen=True, slots=True)
class Vavra:
    """The grid; borders are the attributes' means, so cells are relative to one another."""

    stated_border: float
    derived_border: float
    points: tuple[VavraPoint, ...]


def vavra(columns: Columns, contrasts: Kano | TooFew) -> Vavra | TooFew:
    """Vavra's importance grid.  Reads `kind`, `dimension`, `score`; uses ratings of importance.

    Derived importance is the attribute's range of impact in `contrasts`; too few ratings for those
    are too few here.
    """
    if isinstance(contrasts, TooFew):
        return contrasts
    kind, dimension = texts(columns, "kind"), texts(columns, "dimension")
    score = numbers(columns, "score")
    impact = {attribute.name: attribute.impact for attribute in contrasts.attributes}
    stated = {
        name: mean_or_few(
            score[(kind == "importance") & (dimension == name) & np.isfinite(score)],
            MIN_SIDE,
            "ratings",
        )
        for name in sorted(impact)
    }
    known = {name: value for name, value in stated.items() if isinstance(value, Estimate)}
    if len(known) < 2:
        return TooFew("attributes", len(known), 2)
    borders = (
        float(np.mean([value.value for value in known.values()])),
        float(np.mean([impact[name] for name in known])),
    )
    points = [
        VavraPoint(name, value, impact[name], _cell(value.value, impact[name], borders))
        for name, value in known.items()
    ]
    points.sort(key=lambda point: (-point.derived, point.name))
    return Vavra(*borders, tuple(points))


def _cell(stated: float, derived: float, borders: tuple[float, float]) -> VavraCell:
    explicit, implicit = stated >= borders[0], derived >= borders[1]
    if explicit:
        return VavraCell.KEY if implicit else VavraCell.BASIC
    return VavraCell.EXCITING if implicit else VavraCell.MINOR
