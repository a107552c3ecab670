"""SERVQUAL: how far the service falls short of what customers expect, by dimension.

gap = perception - expectation, per dimension the mean over answers; overall = Σ weight · gap with
weights that sum to 1.  Source: Parasuraman, Zeithaml and Berry 1988, SERVQUAL, Journal of Retailing
64(1); weighted score: Zeithaml, Parasuraman and Berry 1990, Delivering Quality Service, appendix A.

Scores are normalised to 0..1, so a gap lies in [-1, 1]; on a scale of seven multiply it by 6.
Where nobody was asked, `from_contacts` reads the dimensions from what contacts say.  That is no
gap: customers who write are not a sample, and their expectation is not observed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from pipeline.analysis.columns import Bools, Columns, Floats, groups, keys, numbers, texts
from pipeline.analysis.few import TooFew
from pipeline.analysis.intervals import Estimate, Unit, mean, normal, share, z_of
from pipeline.analysis.kano import by_contact
from pipeline.domain.taxonomy import Rater, Taxonomy

MIN_ANSWERS = 15
"""Answers to each side of a dimension that its gap needs."""
MIN_MENTIONS = 20
"""Mentions of a dimension in contacts that its mean polarity needs."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """One dimension: mean `expectation` and `perception` (0..1) and their `gap` (-1..1; negative:
    the service falls short). `paired`: the same contacts answered both, and the gap's interval uses
    it. `weight` is the dimension's part of the overall score."""

    name: str
    expectation: Estimate
    perception: Estimate
    gap: Estimate
    paired: bool
    weight: float


@dataclass(frozen=True, slots=True)
class Servqual:
    """Dimensions, the worst gap first, and the weighted `overall` gap. `weights_from` says where
    weights come from: given, importance (ratings), equal."""

    dimensions: tuple[Dimension, ...]
    few: Mapping[str, TooFew]
    overall: Estimate
    weights_from: str


@dataclass(frozen=True, slots=True)
class Voice:
    """What contacts say about one dimension: mean `polarity` (-1..1) and `negative` share."""

    name: str
    polarity: Estimate
    negative: Estimate


@dataclass(frozen=True, slots=True)
class Derived:
    """Dimensions read from contacts, most negative first: not asked, hence no gap scores."""

    dimensions: tuple[Voice, ...]
    few: Mapping[str, TooFew]


def servqual(
    columns: Columns,
    *,
    items: Mapping[str, str] | None = None,
    weights: Mapping[str, float] | None = None,
) -> Servqual | TooFew:
    """Gap scores from ratings of expectation and perception.

    Reads `contact_id`, `kind`, `dimension`, `score`. `items` maps a rating's dimension to the
    dimension it belongs to (default: itself). Weights are normalised to sum to 1; without them the
    mean ratings of kind importance are used where every dimension has some, else equal weights.
    Raises ValueError for a negative weight or weights that sum to 0.
    """
    answers = _Answers.of(columns, items or {})
    few, kept = {}, []
    for name in answers.names:
        have = answers.smaller(name)
        if have < MIN_ANSWERS:
            few[name] = TooFew("ratings", have, MIN_ANSWERS)
        else:
            kept.append(name)
    if not kept:
        return TooFew("ratings", max((t.have for t in few.values()), default=0), MIN_ANSWERS)
    chosen, source = _weights(answers, kept, weights)
    found = [_dimension(answers, name, chosen[name]) for name in kept]
    found.sort(key=lambda dimension: (dimension.gap.value, dimension.name))
    return Servqual(tuple(found), few, _overall(found), source)


def from_contacts(columns: Columns, taxonomy: Taxonomy) -> Derived | TooFew:
    """Mean polarity by RATER dimension. Reads `topic`, `polarity`; unknown topics are left out."""
    topics = groups(columns, "topic")
    named = np.array([taxonomy[t].rater if t in taxonomy else "" for t in topics.names], object)
    dimension = named[topics.codes] if len(topics) else np.zeros(0, object)
    polarity = numbers(columns, "polarity")
    mine = {str(rater): polarity[dimension == rater] for rater in Rater}
    few = {
        name: TooFew("mentions", len(values), MIN_MENTIONS)
        for name, values in mine.items()
        if len(values) < MIN_MENTIONS
    }
    if len(few) == len(mine):
        return TooFew("mentions", max(t.have for t in few.values()), MIN_MENTIONS)
    found = [_voice(name, values) for name, values in mine.items() if name not in few]
    found.sort(key=lambda voice: (voice.polarity.value, voice.name))
    return Derived(tuple(found), few)


@dataclass(frozen=True, slots=True)
class _Answers:
    """Answers by dimension and kind, as means of each contact [contacts], NaN where none."""

    names: tuple[str, ...]
    expectation: Mapping[str, Floats]
    perception: Mapping[str, Floats]
    importance: Mapping[str, Floats]

    @classmethod
    def of(cls, columns: Columns, items: Mapping[str, str]) -> _Answers:
        kind = groups(columns, "kind")
        raw = groups(columns, "dimension")
        renamed = np.array([items.get(name, name) for name in raw.names], object)
        dimension = renamed[raw.codes] if len(raw) else np.zeros(0, object)
        score, contact = numbers(columns, "score"), keys(texts(columns, "contact_id"))
        asked = kind.among("expectation", "perception") & (dimension != "")
        names = tuple(sorted({str(name) for name in dimension[asked]}))

        def side(wanted: str) -> dict[str, Floats]:
            rows = {name: kind.among(wanted) & (dimension == name) for name in names}
            return {name: by_contact(contact, mine, score) for name, mine in rows.items()}

        return cls(names, side("expectation"), side("perception"), side("importance"))

    def smaller(self, name: str) -> int:
        """Answers of the side that has fewer."""
        sides = self.expectation[name], self.perception[name]
        return min(int(np.isfinite(side).sum()) for side in sides)


def _dimension(answers: _Answers, name: str, weight: float) -> Dimension:
    expected, seen = answers.expectation[name], answers.perception[name]
    both = np.isfinite(expected) & np.isfinite(seen)
    e, p = expected[np.isfinite(expected)], seen[np.isfinite(seen)]
    paired = both.sum() >= max(MIN_ANSWERS, 0.9 * max(len(e), len(p)))
    gap = _paired(seen, expected, both) if paired else welch(p, e)
    return Dimension(name, mean(e), mean(p), gap, bool(paired), weight)


def _paired(seen: Floats, expected: Floats, both: Bools) -> Estimate:
    return mean(seen[both] - expected[both], Unit.SCORE_DIFFERENCE)


def welch(p: Floats, e: Floats) -> Estimate:
    """Difference of the means of two samples with Welch's interval (Welch 1947)."""
    a, b = p.var(ddof=1) / len(p), e.var(ddof=1) / len(e)
    value, error = float(p.mean() - e.mean()), math.sqrt(a + b)
    freedom = (a + b) ** 2 / (a**2 / (len(p) - 1) + b**2 / (len(e) - 1)) if a + b else 1.0
    half = float(stats.t.ppf(0.975, freedom)) * error
    return Estimate(value, value - half, value + half, len(p) + len(e), Unit.SCORE_DIFFERENCE)


def _weights(
    answers: _Answers, names: list[str], given: Mapping[str, float] | None
) -> tuple[dict[str, float], str]:
    if given is not None:
        return _normalised({name: given.get(name, 0.0) for name in names}), "given"
    rated = {name: values[np.isfinite(values)] for name, values in answers.importance.items()}
    if all(len(rated[name]) >= MIN_ANSWERS for name in names):
        means = {name: float(rated[name].mean()) for name in names}
        if sum(means.values()) > 0:
            return _normalised(means), "importance"
    return _normalised(dict.fromkeys(names, 1.0)), "equal"


def _normalised(weights: dict[str, float]) -> dict[str, float]:
    total = sum(weights.values())
    if total <= 0 or min(weights.values()) < 0:
        raise ValueError(f"weights must be 0 or more and not all 0: {weights}")
    return {name: weight / total for name, weight in weights.items()}


def _overall(dimensions: list[Dimension]) -> Estimate:
    """Σ w·gap. Dimensions are answered by the same people, so errors are added as if fully
    correlated: the interval is wide rather than narrow."""
    value = sum(d.weight * d.gap.value for d in dimensions)
    error = sum(d.weight * (d.gap.high - d.gap.low) / 2 for d in dimensions) / z_of(0.95)
    n = min(d.gap.n for d in dimensions)
    return normal(value, error, n, Unit.SCORE_DIFFERENCE)


def _voice(name: str, polarity: Floats) -> Voice:
    return Voice(name, mean(polarity), share(float((polarity < 0).sum()), len(polarity)))
