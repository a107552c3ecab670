"""Scale-layout bias: how much of a score is the questionnaire's and not the service's.

Two keypads that ask the same thing (1 = satisfied first, or 5 = very satisfied first) get different
answers from equally satisfied customers: whoever hurries takes the first key or the default one.
The bias of a layout is the difference of its mean normalised score from the reference layout's
within strata of equal mix (channel, language, product, team ...):

    score = layout + stratum + e

fitted by OLS with stratum effects swept out (Frisch and Waugh 1933) and robust errors (HC1; White
1980).  Only strata that saw both layouts can say anything; `overlap` is their part of the answers.
Without random assignment what the strata do not hold stays in the bias.  Sources: Krosnick and
Alwin 1987 (primacy); Holbrook et al. 2007 (response order on the telephone); Johnson and Goldstein
2003 (defaults).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from pipeline.analysis.columns import (
    Bools,
    Columns,
    Floats,
    Groups,
    Ints,
    cross,
    group,
    groups,
    numbers,
    only,
    take,
    texts,
)
from pipeline.analysis.few import TooFew
from pipeline.analysis.intervals import (
    Estimate,
    Unit,
    holm,
    mean,
    normal,
    share,
    share_difference,
)
from pipeline.domain.scales import Scale

MIN_ANSWERS = 50
"""Answers on a layout that its bias needs."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One layout. `mean` is its raw mean score (0..1); `bias` how much higher it scores than the
    reference among like answers (None for the reference itself), `p_value` with Holm's correction.

    `first_key` is the share of the key that is shown or read out first, `first_excess` how much
    more often that *meaning* is chosen than on layouts that do not show it first (primacy; None
    where all show it first). `default_key` is the share of the key that is recorded when nobody
    chooses (None: no default).
    """

    scale: str
    answers: int
    mean: Estimate
    bias: Estimate | TooFew | None
    p_value: float | None
    first_key: Estimate
    first_excess: Estimate | None
    default_key: Estimate | None

    @property
    def biased(self) -> bool:
        """Whether the layout surely scores differently from the reference."""
        return self.p_value is not None and self.p_value < 0.05


@dataclass(frozen=True, slots=True)
class LayoutBias:
    """The layouts of one kind of rating, the reference (most answers) first. `adjusted_for` are
    the columns that make the strata, `overlap` the share of answers in strata with two layouts or
    more."""

    kind: str
    reference: str
    adjusted_for: tuple[str, ...]
    overlap: float
    layouts: tuple[Layout, ...]


def layouts(
    columns: Columns,
    scales: Mapping[str, Scale],
    *,
    kind: str = "csat",
    adjust: Sequence[str] = ("channel", "language", "product", "team"),
) -> LayoutBias | TooFew:
    """Compares the layouts on which one kind of whole rating was asked.

    Reads `kind`, `dimension`, `scale`, `value`, `score` and those columns of `adjust` that exist.
    TooFew where fewer than two known layouts have answers enough.
    """
    whole = (texts(columns, "kind") == kind) & (texts(columns, "dimension") == "")
    used = tuple(name for name in adjust if name in columns)
    rows = take(only(columns, "scale", "value", "score", *used), whole & _known(columns))
    counts = groups(rows, "scale")
    enough = [
        name
        for name, count in zip(counts.names, counts.count(), strict=True)
        if name in scales and count >= MIN_ANSWERS
    ]
    if len(enough) < 2:
        return TooFew("layouts", len(enough), 2)
    rows = take(rows, groups(rows, "scale").among(*enough))
    named = groups(rows, "scale")
    answers = _Answers(named, numbers(rows, "value"), numbers(rows, "score"), _strata(rows, used))
    reference = int(np.argmax(named.count()))
    biases, overlap = _biases(answers, reference)
    found = [_layout(answers, code, scales, biases.get(code)) for code in range(len(named))]
    found.sort(key=lambda layout: (layout.scale != named.names[reference], -layout.answers))
    return LayoutBias(kind, named.names[reference], used, overlap, tuple(found))


@dataclass(frozen=True, slots=True)
class _Answers:
    layout: Groups
    value: Floats
    score: Floats
    stratum: Ints


@dataclass(frozen=True, slots=True)
class _Bias:
    estimate: Estimate | TooFew
    p_value: float | None


def _known(columns: Columns) -> Bools:
    return np.isfinite(numbers(columns, "score"))


def _strata(rows: Columns, names: tuple[str, ...]) -> Ints:
    size = len(rows["score"])
    return cross(*(groups(rows, name).codes for name in names)) if names else np.zeros(size, int)


def _biases(answers: _Answers, reference: int) -> tuple[dict[int, _Bias], float]:
    """The bias of every layout but the reference, and the share of answers that can tell."""
    layout, stratum = answers.layout.codes, answers.stratum
    width = int(stratum.max()) + 1
    table = np.zeros((width, len(answers.layout)))
    np.add.at(table, (stratum, layout), 1.0)
    telling = (table > 0).sum(1)[stratum] >= 2
    others = [code for code in range(len(answers.layout)) if code != reference]
    enough = np.bincount(layout[telling], minlength=len(answers.layout)) >= MIN_ANSWERS
    kept = [code for code in others if enough[code] and enough[reference]]
    few = {
        code: _Bias(TooFew("answers", int((telling & (layout == code)).sum()), MIN_ANSWERS), None)
        for code in others
        if code not in kept
    }
    fitted = _fit(answers, telling, kept) if kept else {}
    return few | fitted, float(telling.mean())


def _fit(answers: _Answers, rows: Bools, codes: list[int]) -> dict[int, _Bias]:
    """OLS of the scores on layout dummies within strata; HC1 errors."""
    stratum = group(answers.stratum[rows]).codes
    layout, score = answers.layout.codes[rows], answers.score[rows]
    design = np.column_stack([_within(layout == code, stratum) for code in codes])
    inverse = np.linalg.pinv(design.T @ design)
    values = inverse @ (design.T @ _within(score, stratum))
    residual = _within(score, stratum) - design @ values
    freedom = max(len(score) - len(codes) - int(stratum.max()) - 1, 1)
    meat = (design * residual[:, None]).T @ (design * residual[:, None])
    covariance = inverse @ meat @ inverse * len(score) / freedom
    errors = np.sqrt(np.maximum(np.diag(covariance), 1e-18))
    p_values = holm(2 * stats.norm.sf(np.abs(values) / errors))
    counts = [int((layout == code).sum()) for code in codes]
    return {
        code: _Bias(
            normal(float(values[n]), float(errors[n]), counts[n], Unit.SCORE_DIFFERENCE),
            float(p_values[n]),
        )
        for n, code in enumerate(codes)
    }


def _within(values: Floats | Bools, stratum: Ints) -> Floats:
    """Values minus the mean of their stratum."""
    numeric = values.astype(np.float64)
    means = np.bincount(stratum, numeric) / np.bincount(stratum)
    centred: Floats = numeric - means[stratum]
    return centred


def _layout(
    answers: _Answers, code: int, scales: Mapping[str, Scale], bias: _Bias | None
) -> Layout:
    name = answers.layout.names[code]
    scale, mine = scales[name], answers.layout.codes == code
    value, n = answers.value[mine], int(mine.sum())
    default = scale.default_key
    return Layout(
        scale=name,
        answers=n,
        mean=mean(answers.score[mine]),
        bias=None if bias is None else bias.estimate,
        p_value=None if bias is None else bias.p_value,
        first_key=share(float((value == scale.keys[0]).sum()), n),
        first_excess=_excess(answers, code, scales),
        default_key=None if default is None else share(float((value == default).sum()), n),
    )


def _excess(answers: _Answers, code: int, scales: Mapping[str, Scale]) -> Estimate | None:
    """How much more often the first key's meaning is chosen than where it is not first."""
    meaning = _first(scales[answers.layout.names[code]])
    elsewhere = [
        other
        for other, name in enumerate(answers.layout.names)
        if other != code
        and _first(scales[name]) != meaning
        and len(scales[name].keys) == len(scales[answers.layout.names[code]].keys)
    ]
    there = np.isin(answers.layout.codes, elsewhere)
    if not there.any():
        return None
    here = answers.layout.codes == code
    chosen = np.isclose(answers.score, meaning)
    counts = [float((chosen & rows).sum()) for rows in (here, there)]
    return share_difference(counts[0], here.sum(), counts[1], there.sum())


def _first(scale: Scale) -> float:
    return scale.scores[scale.keys[0]]
