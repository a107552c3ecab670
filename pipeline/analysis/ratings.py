"""Net promoter score, satisfaction, effort and loyalty, with intervals.

* NPS = 100·(promoters - detractors)/n.  Adjusted-Wald interval: n' = n + 3, p' = (P + ¾)/n',
  d' = (D + ¾)/n', p' - d' ± z·√((p' + d' - (p' - d')²)/n').  Reichheld 2003; interval: Rocks 2016,
  Interval Estimation for the Net Promoter Score, American Statistician 70(4).
* CSAT and CES are top-box shares: the part of answers on the scale's satisfied keys, with Wilson
  intervals.  Which keys those are is said by the scale.
* Loyalty index: the share of customers in the top box of satisfaction, repurchase and
  recommendation alike (secure customers; Brandt 1996).  Repurchase: above 70 % high, 30-70 middle,
  below 30 low.

Classes follow the scale that a rating was asked on; a rating whose scale is unknown, or has no NPS
classes, is counted in `unusable` and not guessed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.analysis.columns import (
    Bools,
    Columns,
    Floats,
    Groups,
    arrays,
    groups,
    keys,
    numbers,
    only,
    take,
    texts,
)
from pipeline.analysis.few import TooFew
from pipeline.analysis.intervals import (
    LEVEL,
    Estimate,
    Unit,
    mean,
    share,
    share_difference,
    z_of,
)
from pipeline.domain.scales import NpsClass, Scale

MIN_RATINGS = 20
"""Ratings that a score needs."""

Scales = Mapping[str, Scale]


@dataclass(frozen=True, slots=True)
class Nps:
    """The net promoter score in points (-100..100), and the counts behind it."""

    score: Estimate
    promoters: int
    passives: int
    detractors: int


@dataclass(frozen=True, slots=True)
class TopBox:
    """The share of answers in the top box, and the `mean` normalised score (0..1)."""

    share: Estimate
    mean: Estimate


@dataclass(frozen=True, slots=True)
class Scorecard:
    """The scores of whole ratings (dimension ""). `unusable` counts ratings by kind that no class
    could be read from."""

    nps: Nps | TooFew
    csat: TopBox | TooFew
    ces: TopBox | TooFew
    stars: TopBox | TooFew
    unusable: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class GroupScore:
    """The scorecard of one group."""

    name: str
    scores: Scorecard


@dataclass(frozen=True, slots=True)
class Loyalty:
    """Customers who answered all three questions: `secure` top in all, `at_risk` low in one or
    more, `middle` the rest; the three shares sum to 1. `excluded` contacts answered only some."""

    secure: Estimate
    middle: Estimate
    at_risk: Estimate
    excluded: int


def scorecard(columns: Columns, scales: Scales) -> Scorecard:
    """NPS, CSAT, CES and stars.  Reads `kind`, `dimension`, `value`, `scale`, `score`."""
    whole = texts(columns, "dimension") == ""
    rows = take(only(columns, *_READS), whole)
    kind = texts(rows, "kind")
    tops, classes = _top(rows, scales), _nps_classes(rows, scales)
    unusable = {
        "nps": int(((kind == "nps") & (classes == _NONE)).sum()),
        **{name: int(((kind == name) & np.isnan(tops)).sum()) for name in ("csat", "ces", "stars")},
    }
    score = numbers(rows, "score")
    return Scorecard(
        nps=_nps(classes[kind == "nps"]),
        csat=_top_box(tops, score, kind == "csat"),
        ces=_top_box(tops, score, kind == "ces"),
        stars=_top_box(tops, score, kind == "stars"),
        unusable={name: count for name, count in unusable.items() if count},
    )


def by_group(columns: Columns, scales: Scales, by: str) -> tuple[GroupScore, ...]:
    """The scorecard of each value of column `by`, by name; rows without a value are left out."""
    slices = groups(columns, by)
    columns = arrays(only(columns, *_READS))
    order = np.argsort(slices.codes, kind="stable")
    ends = np.cumsum(np.bincount(slices.codes, minlength=len(slices)))
    parts = np.split(order, ends[:-1]) if len(slices) else []
    return tuple(
        GroupScore(name, scorecard(take(columns, rows), scales))
        for name, rows in zip(slices.names, parts, strict=True)
        if name
    )


def nps(promoters: int, detractors: int, n: int, level: float = LEVEL) -> Estimate:
    """The net promoter score in points with its adjusted-Wald interval. `n` must be above 0."""
    p, d = (promoters + 0.75) / (n + 3), (detractors + 0.75) / (n + 3)
    error = math.sqrt((p + d - (p - d) ** 2) / (n + 3))
    low, high = (p - d) - z_of(level) * error, (p - d) + z_of(level) * error
    value = 100 * (promoters - detractors) / n
    return Estimate(value, max(100 * low, -100), min(100 * high, 100), n, Unit.POINTS, level)


def nps_difference(now: Nps, before: Nps) -> Estimate:
    """The change of the score in points; adjusted-Wald errors added in quadrature."""
    z = z_of(LEVEL)
    errors = [(side.score.high - side.score.low) / (2 * z) for side in (now, before)]
    value = now.score.value - before.score.value
    half = z * math.hypot(*errors)
    n = now.score.n + before.score.n
    return Estimate(value, value - half, value + half, n, Unit.POINTS)


def top_box_difference(now: TopBox, before: TopBox) -> Estimate:
    """The change of a top-box share, with Newcombe's interval."""
    k1, k2 = (round(side.share.value * side.share.n) for side in (now, before))
    return share_difference(k1, now.share.n, k2, before.share.n)


def loyalty(columns: Columns, scales: Scales) -> Loyalty | TooFew:
    """The loyalty index.  Reads `contact_id`, `kind` (csat, repurchase, recommend or nps),
    `dimension`, `value`, `scale`, `score`."""
    whole = texts(columns, "dimension") == ""
    rows = take(only(columns, "contact_id", *_READS), whole)
    kind, contact = groups(rows, "kind"), keys(texts(rows, "contact_id"))
    level = _loyalty_levels(rows, kind.among("repurchase"), scales)
    asked = (("csat",), ("repurchase",), ("recommend", "nps"))
    answers = [_worst(contact, level, kind.among(*kinds)) for kinds in asked]
    table = np.stack(answers, 1) if len(contact) else np.zeros((0, 3))
    full = np.isfinite(table).all(1)
    n = int(full.sum())
    if n < MIN_RATINGS:
        return TooFew("customers", n, MIN_RATINGS)
    worst = table[full].min(1)
    excluded = int(np.isfinite(table).any(1).sum()) - n
    secure, risk = int((worst == 2).sum()), int((worst == 0).sum())
    return Loyalty(share(secure, n), share(n - secure - risk, n), share(risk, n), excluded)


_READS = ("kind", "dimension", "value", "scale", "score")
_NONE, _DETRACTOR, _PASSIVE, _PROMOTER = -1, 0, 1, 2
_CODES = {
    NpsClass.DETRACTOR: _DETRACTOR,
    NpsClass.PASSIVE: _PASSIVE,
    NpsClass.PROMOTER: _PROMOTER,
}


def _per_scale(columns: Columns, scales: Scales) -> list[tuple[Scale, Bools]]:
    named = groups(columns, "scale")
    known = [(scales.get(name), named.codes == code) for code, name in enumerate(named.names)]
    return [(scale, rows) for scale, rows in known if scale is not None]


def _top(columns: Columns, scales: Scales) -> Floats:
    """1 for answers in the top box, 0 for others, NaN where the scale is unknown."""
    value = numbers(columns, "value")
    found = np.full(len(value), np.nan)
    for scale, rows in _per_scale(columns, scales):
        inside = rows & np.isin(value, list(scale.keys))
        found[inside] = np.isin(value[inside], list(scale.top_box))
    return found


def _nps_classes(columns: Columns, scales: Scales) -> Floats:
    value = numbers(columns, "value")
    found = np.full(len(value), float(_NONE))
    for scale, rows in _per_scale(columns, scales):
        for key, kind in scale.nps.items():
            found[rows & (value == key)] = _CODES[kind]
    return found


def _nps(classes: Floats) -> Nps | TooFew:
    counts = [int((classes == code).sum()) for code in (_PROMOTER, _PASSIVE, _DETRACTOR)]
    n = sum(counts)
    if n < MIN_RATINGS:
        return TooFew("ratings", n, MIN_RATINGS)
    return Nps(nps(counts[0], counts[2], n), *counts)


def _top_box(tops: Floats, score: Floats, rows: Bools) -> TopBox | TooFew:
    known = rows & np.isfinite(tops) & np.isfinite(score)
    n = int(known.sum())
    if n < MIN_RATINGS:
        return TooFew("ratings", n, MIN_RATINGS)
    return TopBox(share(float(tops[known].sum()), n), mean(score[known]))


def _loyalty_levels(rows: Columns, repurchase: Bools, scales: Scales) -> Floats:
    """2 high, 1 middle, 0 low, NaN unknown; repurchase by its probability, the rest by class."""
    score, tops, classes = numbers(rows, "score"), _top(rows, scales), _nps_classes(rows, scales)
    level = np.where(tops == 1, 2.0, np.where(score >= 0.5, 1.0, 0.0))
    level[np.isnan(tops)] = np.nan
    level = np.where(classes >= 0, classes, level)
    chance = np.where(score > 0.7, 2.0, np.where(score < 0.3, 0.0, 1.0))
    return np.where(repurchase, np.where(np.isfinite(score), chance, np.nan), level)


def _worst(contact: Groups, level: Floats, rows: Bools) -> Floats:
    """The lowest level [contacts] of the chosen rows; NaN where a contact has none."""
    found = np.full(len(contact), np.inf)
    chosen = rows & np.isfinite(level)
    np.minimum.at(found, contact.codes[chosen], level[chosen])
    found[np.isinf(found)] = np.nan
    return found
