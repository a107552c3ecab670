"""Kano classes from ordinary ratings: what is taken for granted, what pays, what delights.

Penalty-reward contrast: each attribute becomes two dummies, Low and High, and

    whole = b0 + Σ (p·Low + r·High) + e

p is what a bad attribute costs, r what a good one brings (Brandt 1987; Matzler and Sauerwein 2002).
Impact asymmetry IA = (r - |p|) / (r + |p|), range of impact r + |p| (Mikulić and Prebežac 2008).
Errors are heteroscedasticity-robust (HC3; MacKinnon and White 1985); p-values carry Holm's
correction for all the dummies together.  Ratings show how things hang together, not what would
happen: an attribute that nobody could rate low has no penalty to show.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy import stats

from pipeline.analysis.columns import (
    Bools,
    Columns,
    Floats,
    Groups,
    group,
    groups,
    keys,
    numbers,
    texts,
)
from pipeline.analysis.few import TooFew
from pipeline.analysis.intervals import Estimate, Unit, holm, normal, quantiles

MIN_ANSWERS = 50
"""Whole ratings that a contrast needs."""
MIN_SIDE = 10
"""Low, high, and middling (or no) ratings of an attribute that its contrast needs."""
ALPHA = 0.05
LOW, HIGH = 0.25, 0.75
"""Scores up to LOW are low, from HIGH high: 1-2 and 4-5 on a scale of five."""


class KanoClass(StrEnum):
    """What an attribute is to customers. The last two come from Kano questions only: wanted the
    other way round, and answers that contradict each other."""

    MUST_BE = "must_be"
    PERFORMANCE = "performance"
    ATTRACTIVE = "attractive"
    INDIFFERENT = "indifferent"
    REVERSE = "reverse"
    QUESTIONABLE = "questionable"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute's contrast, in units of the whole's score (0..1).

    `penalty` (0 or less if all is well) and `reward` (0 or more) are the coefficients, their
    p-values corrected; `asymmetry` in [-1, 1]: -1 only costs, 1 only brings, None where neither
    does; `impact` = r + |p|. `sure`: the class holds at the 5 % level, the contrast included.
    `low_share` and `high_share` say how often the attribute fails and shines.
    """

    name: str
    penalty: Estimate
    reward: Estimate
    penalty_p: float
    reward_p: float
    contrast_p: float
    asymmetry: Estimate | None
    impact: float
    kano_class: KanoClass
    sure: bool
    low_share: float
    high_share: float


@dataclass(frozen=True, slots=True)
class Kano:
    """The attributes, greatest impact first; `few` those too rarely low or high. `derived` is true
    where attributes were read from texts instead of asked. `r_squared` of the regression."""

    answers: int
    r_squared: float
    derived: bool
    attributes: tuple[Attribute, ...]
    few: Mapping[str, TooFew]


def kano(columns: Columns, *, whole: str = "csat") -> Kano | TooFew:
    """Penalty-reward contrast of rated attributes.

    Reads `contact_id`, `kind`, `dimension`, `score` (0..1). The whole is the rating of kind `whole`
    with dimension ""; attributes are ratings with a dimension of kind `whole`, perception, stars or
    other. A contact counts if it rates the whole; attributes that it does not rate are middling.
    """
    table = pivot(columns, whole)
    return contrast(table.whole, table.attributes)


def from_polarity(columns: Columns, whole: str = "score") -> Kano | TooFew:
    """The same from contacts: negative mention of a topic = Low, positive = High.

    Reads `topics`, `polarities` (lists of each contact) and the column `whole`: a satisfaction
    score in [0, 1], better a rating that the customer gave than the model's `score`, which reads
    the same words. Rows without it are left out.
    """
    satisfaction = numbers(columns, whole)
    known = np.flatnonzero(np.isfinite(satisfaction))
    lists = texts(columns, "topics"), texts(columns, "polarities")
    rows = np.repeat(np.arange(len(known)), [len(lists[0][i]) for i in known])
    flat = [name for i in known for name in lists[0][i]]
    polarity = np.array([p for i in known for p in lists[1][i]], np.float64)
    topics = group(flat)
    attributes = {}
    for code, name in enumerate(topics.names):
        column = np.full(len(known), np.nan)
        mine = topics.codes == code
        column[rows[mine]] = (polarity[mine] + 1) / 2
        attributes[name] = column
    return contrast(satisfaction[known], attributes, derived=True)


@dataclass(frozen=True, slots=True)
class Table:
    """Ratings by contact: the whole [n] and each attribute [n], NaN where not rated; in 0..1."""

    whole: Floats
    attributes: Mapping[str, Floats]


_ATTRIBUTE_KINDS = ("perception", "stars", "other")


def pivot(columns: Columns, whole: str = "csat") -> Table:
    """Rating rows as one row for each contact that rates the whole; see `kano` for the columns."""
    kind, dimension = groups(columns, "kind"), texts(columns, "dimension")
    score, contact = numbers(columns, "score"), keys(texts(columns, "contact_id"))
    is_whole = kind.among(whole) & (dimension == "")
    total = by_contact(contact, is_whole, score)
    rows = np.isfinite(total)
    fitting = kind.among(whole, *_ATTRIBUTE_KINDS) & (dimension != "")
    names = sorted(str(name) for name in set(dimension[fitting]))
    found = {n: by_contact(contact, fitting & (dimension == n), score)[rows] for n in names}
    return Table(total[rows], found)


def contrast(
    whole: Floats,
    attributes: Mapping[str, Floats],
    *,
    low: float = LOW,
    high: float = HIGH,
    derived: bool = False,
) -> Kano | TooFew:
    """Penalty-reward contrast of `attributes` (name to scores [n], NaN unrated) on `whole` [n]."""
    sides = {name: (values <= low, values >= high) for name, values in attributes.items()}
    few = {name: thin for name, pair in sides.items() if (thin := _thin(pair)) is not None}
    kept = [name for name in sides if name not in few]
    needed = max(MIN_ANSWERS, 10 * (2 * len(kept) + 1))
    if len(whole) < needed:
        return TooFew("ratings", len(whole), needed)
    kept = _independent(kept, sides)
    few |= {n: TooFew("distinct ratings", 0, 1) for n in sides if n not in few and n not in kept}
    if not kept:
        return max(few.values(), key=lambda thin: thin.have, default=TooFew("attributes", 0, 1))
    fit = _regress(whole, [side for name in kept for side in sides[name]])
    p_values = holm(np.array([fit.tail(n) for n in range(1, len(fit.values))]))
    found = [_attribute(name, n, fit, p_values, sides[name]) for n, name in enumerate(kept)]
    found.sort(key=lambda attribute: (-attribute.impact, attribute.name))
    return Kano(len(whole), fit.r_squared, derived, tuple(found), few)


def _independent(names: list[str], sides: Mapping[str, tuple[Bools, Bools]]) -> list[str]:
    """The attributes that are no combination of those before them: of twins the first."""
    kept: list[str] = []
    for name in names:
        columns = [side for other in (*kept, name) for side in sides[other]]
        design = np.column_stack([np.ones(len(columns[0])), *columns])
        # Columns are 0 and 1, so the squares' matrix is exact.
        if np.linalg.matrix_rank(design.T @ design) == design.shape[1]:
            kept.append(name)
    return kept


@dataclass(frozen=True, slots=True)
class _Fit:
    """Coefficients [k], their robust covariance [k, k]."""

    values: Floats
    covariance: Floats
    freedom: int
    r_squared: float

    def error(self, weights: Floats) -> float:
        """Standard error of a linear combination."""
        return math.sqrt(max(float(weights @ self.covariance @ weights), 0.0))

    def tail(self, index: int) -> float:
        """Two-sided p-value of one coefficient."""
        error = math.sqrt(self.covariance[index, index])
        return _two_sided(float(self.values[index]), error, self.freedom)


def _regress(whole: Floats, dummies: list[Bools]) -> _Fit:
    """OLS with HC3 errors."""
    # Only this method needs it, and it takes a second to import.
    from statsmodels.regression.linear_model import OLS  # noqa: PLC0415

    design = np.column_stack([np.ones(len(whole)), *dummies]).astype(np.float64)
    model = OLS(whole, design).fit(cov_type="HC3")
    covariance = np.asarray(model.cov_params(), np.float64)
    r_squared = float(model.rsquared) if np.ptp(whole) > 0 else 0.0
    return _Fit(np.asarray(model.params), covariance, int(model.df_resid), r_squared)


def _attribute(
    name: str, number: int, fit: _Fit, p_values: Floats, sides: tuple[Bools, Bools]
) -> Attribute:
    low, high = 1 + 2 * number, 2 + 2 * number
    p, r = float(fit.values[low]), float(fit.values[high])
    both = np.zeros(len(fit.values))
    both[[low, high]] = 1.0
    contrast_p = _two_sided(p + r, fit.error(both), fit.freedom)
    penalty_p, reward_p = float(p_values[low - 1]), float(p_values[high - 1])
    kind, sure = classify(p, r, penalty_p=penalty_p, reward_p=reward_p, contrast_p=contrast_p)
    n = len(sides[0])
    return Attribute(
        name=name,
        penalty=_coefficient(fit, low, n),
        reward=_coefficient(fit, high, n),
        penalty_p=penalty_p,
        reward_p=reward_p,
        contrast_p=contrast_p,
        asymmetry=_asymmetry(fit, low, high, n),
        impact=max(r, 0.0) + max(-p, 0.0),
        kano_class=kind,
        sure=sure,
        low_share=float(sides[0].mean()),
        high_share=float(sides[1].mean()),
    )


def classify(
    penalty: float, reward: float, *, penalty_p: float, reward_p: float, contrast_p: float
) -> tuple[KanoClass, bool]:
    """The class, and whether it is sure.

    Only the penalty counts, and is larger than the reward: must-be. Only the reward: attractive.
    Both: performance, unless they surely differ: then the larger decides. Neither: indifferent.
    Where one side alone counts but the two do not surely differ, the class is not sure.
    """
    costs, brings = penalty < 0 and penalty_p < ALPHA, reward > 0 and reward_p < ALPHA
    differ = contrast_p < ALPHA
    if not costs and not brings:
        return KanoClass.INDIFFERENT, True
    if costs and brings and not differ:
        return KanoClass.PERFORMANCE, True
    kind = KanoClass.MUST_BE if -penalty > reward else KanoClass.ATTRACTIVE
    return kind, differ


def _coefficient(fit: _Fit, index: int, n: int) -> Estimate:
    error = float(np.sqrt(fit.covariance[index, index]))
    return normal(float(fit.values[index]), error, n, Unit.SCORE_DIFFERENCE)


def _asymmetry(fit: _Fit, low: int, high: int, n: int) -> Estimate | None:
    """IA with bounds from 2,000 draws of (p, r); wrong signs count as no effect."""
    p, r = max(-float(fit.values[low]), 0.0), max(float(fit.values[high]), 0.0)
    if p + r <= 1e-12:
        return None
    pick = np.ix_([low, high], [low, high])
    random = np.random.default_rng(0)
    pairs = random.multivariate_normal(
        fit.values[[low, high]], fit.covariance[pick], 2000, method="eigh"
    )
    costs, brings = np.maximum(-pairs[:, 0], 0), np.maximum(pairs[:, 1], 0)
    with np.errstate(invalid="ignore"):
        drawn = (brings - costs) / (brings + costs)
    bounds = quantiles(drawn)
    return Estimate((r - p) / (r + p), *bounds, n, Unit.INDEX)


def _two_sided(value: float, error: float, freedom: int) -> float:
    if error <= 0:
        return 1.0 if abs(value) < 1e-12 else 0.0
    return float(2 * stats.t.sf(abs(value) / error, max(freedom, 1)))


def _thin(sides: tuple[Bools, Bools]) -> TooFew | None:
    """Whether an attribute is too rarely low or high, or never in between: a contrast needs all."""
    ends = min(int(side.sum()) for side in sides)
    if ends < MIN_SIDE:
        return TooFew("ratings", ends, MIN_SIDE)
    middle = int((~sides[0] & ~sides[1]).sum())
    return TooFew("middling ratings", middle, MIN_SIDE) if middle < MIN_SIDE else None


def by_contact(contact: Groups, rows: Bools, score: Floats) -> Floats:
    """Mean score [contacts] of the chosen rows; NaN where a contact has none."""
    chosen = rows & np.isfinite(score)
    count = contact.count(chosen)
    total = contact.count(np.where(chosen, score, 0.0))
    means: Floats = np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
    return means
