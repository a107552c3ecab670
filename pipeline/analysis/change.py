"""Changes of rates and means: expected amounts per cell, and what is only a shift of the mix.

A company-wide rate can rise although it rises nowhere: it is enough that a slice with a high rate
grows (Simpson's paradox).  `rate_cells` therefore compares every cell with its own past, and
`decompose` splits a difference of rates into what changed inside the slices and what their weights
did:  R1 - R0 = sum w (r1 - r0) + sum r (w1 - w0),  w and r averaged over both periods
(Marshall-Edgeworth weights, as in Kitagawa 1955).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.analysis.localise import Cells, Texts

Floats = NDArray[np.float64]

PRIOR_EVENTS = 12.0
"""Weight of the main effects in a cell's past rate, in contacts: a cell with none has only them."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """Per cell and period [n]: how many contacts, and the sum of what is averaged over them.

    `variance` is that of one contact's value; None for a rate, whose values are 0 and 1.
    """

    before_count: Floats
    before_sum: Floats
    after_count: Floats
    after_sum: Floats
    variance: float | None = None


@dataclass(frozen=True, slots=True)
class Decomposition:
    """A difference of rates along one dimension: `within` + `mix` = `after` - `before`.

    `within` is the part that would be there had the weights not moved, `mix` the part of the
    weights. `by_value` gives (value, within, mix).
    """

    dimension: str
    before: float
    after: float
    within: float
    mix: float
    by_value: tuple[tuple[str, float, float], ...]

    @property
    def paradox(self) -> bool:
        """The slices moved against the whole, or hardly at all: the mix made the change."""
        total = self.after - self.before
        return abs(total) > 0 and (self.within * total <= 0 or abs(self.mix) > abs(self.within))


def rate_cells(columns: Mapping[str, Texts], amounts: Amounts) -> Cells:
    """Cells whose `expected` is what the later contacts would sum to at their cell's earlier rate.

    The earlier rate is shrunk towards the product of the main effects of its dimensions' values,
    with the weight of PRIOR_EVENTS contacts (empirical Bayes), so that thin and new cells do not
    claim a past they have not got.
    """
    prior = _main_effects(columns, amounts)
    weight = amounts.before_count + PRIOR_EVENTS
    rate = (amounts.before_sum + PRIOR_EVENTS * prior) / weight
    expected = amounts.after_count * rate
    spread = _spread(amounts, rate)
    variance = spread * (amounts.after_count + amounts.after_count**2 / weight)
    present = amounts.after_count > 0
    rates = np.stack(
        [amounts.before_count, amounts.before_sum, amounts.after_count, amounts.after_sum]
    )
    # Cells of the past alone expect nothing, but they are part of their slices' plain rates.
    return Cells.of(
        columns,
        np.where(present, amounts.after_sum, 0.0),
        np.where(present, expected, 0.0),
        np.where(present, variance, 0.0),
        rates,
        amounts.variance,
    )


def _spread(amounts: Amounts, rate: Floats) -> Floats:
    if amounts.variance is not None:
        return np.full_like(rate, amounts.variance)
    total = amounts.before_count.sum() + amounts.after_count.sum()
    overall = (amounts.before_sum.sum() + amounts.after_sum.sum()) / max(total, 1.0)
    mixed = np.clip((rate + overall) / 2, 0.5 / max(total, 1.0), 1.0)
    return np.asarray(mixed * np.clip(1 - mixed, 1e-3, 1.0))


def _main_effects(columns: Mapping[str, Texts], amounts: Amounts) -> Floats:
    """Overall rate times the relative rates of the values, each shrunk to 1."""
    count, total = amounts.before_count, amounts.before_sum
    overall = float(total.sum()) / max(float(count.sum()), 1.0)
    prior = np.full(len(count), overall)
    for values in columns.values():
        codes, found = pd.factorize(np.asarray(values, dtype=object))
        number = np.bincount(codes, count, len(found))
        amount = np.bincount(codes, total, len(found))
        relative = (amount + PRIOR_EVENTS * overall) / (number + PRIOR_EVENTS) / (overall or 1.0)
        prior *= relative[codes]
    return np.minimum(prior, 1.0) if amounts.variance is None else prior


def decompose(dimension: str, values: Texts, amounts: Amounts) -> Decomposition:
    """The change of the overall rate along one dimension.

    A value that is in one period only has its rate there in both, so that it counts as mix alone.
    Empty periods give zeros.
    """
    codes, found = pd.factorize(np.asarray(values, dtype=object), sort=True)
    n0, n1, y0, y1 = (
        np.bincount(codes, each, len(found))
        for each in (
            amounts.before_count, amounts.after_count, amounts.before_sum, amounts.after_sum,
        )
    )  # fmt: skip
    if not n0.sum() or not n1.sum():
        return Decomposition(dimension, 0.0, 0.0, 0.0, 0.0, ())
    w0, w1 = n0 / n0.sum(), n1 / n1.sum()
    r0 = np.where(n0 > 0, y0 / np.maximum(n0, 1e-12), y1 / np.maximum(n1, 1e-12))
    r1 = np.where(n1 > 0, y1 / np.maximum(n1, 1e-12), r0)
    within = (w0 + w1) / 2 * (r1 - r0)
    before, after = float(y0.sum() / n0.sum()), float(y1.sum() / n1.sum())
    # Weights sum to 1 in both periods, so any constant may be taken off the rates: taking off the
    # mean makes a value's mix effect say whether it is better or worse than the rest.
    mix = ((r0 + r1) / 2 - (before + after) / 2) * (w1 - w0)
    by_value = tuple(
        (str(value), float(a), float(b)) for value, a, b in zip(found, within, mix, strict=True)
    )
    return Decomposition(dimension, before, after, float(within.sum()), float(mix.sum()), by_value)
