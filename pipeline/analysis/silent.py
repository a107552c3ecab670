"""Silent customers and word of mouth: how many more have the problem than say so.

    unhappy = complainants · (1 + silent per complaint)        told = unhappy · people told

The multipliers are published, old, and contradict each other, so the result is a range from the
lowest of everything to the highest, never one number; the customers of the period cap it.  Replace
`assumptions` by what a survey of your own customers says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.analysis.columns import Columns, flags, keys, texts
from pipeline.analysis.few import TooFew
from pipeline.analysis.intervals import Estimate, Unit, poisson

MIN_COMPLAINANTS = 5
"""Complainants below which a multiple of them is a multiple of chance."""


@dataclass(frozen=True, slots=True)
class Assumption:
    """A number from outside the data: its range and where it comes from."""

    name: str
    low: float
    high: float
    source: str


SILENT = "silent_per_complaint"
TOLD = "told_per_unhappy_customer"

PUBLISHED = (
    Assumption(SILENT, 6.0, 26.0, "published multipliers, 6 to 26; the 26 is TARP 1986"),
    Assumption(TOLD, 9.0, 15.0, "TARP 1986 (9 to 10); American Express 2017 (15)"),
)
"""Ranges of published figures, which no study of this company confirms."""


@dataclass(frozen=True, slots=True)
class Range:
    """From `low` to `high`; there is no best guess between them."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Silence:
    """`complainants` are customers who complained (with a Poisson interval), counted once each
    where they are known and by contact where not (`anonymous` of them). `silent` customers had the
    problem and said nothing, `unhappy` is both, `told` the people who heard of it. `capped`: the
    customers of the period cut the range off."""

    complainants: Estimate
    anonymous: int
    silent: Range
    unhappy: Range
    told: Range
    capped: bool
    assumptions: tuple[Assumption, ...]


def silent(
    columns: Columns,
    *,
    customers: float | None = None,
    assumptions: Sequence[Assumption] = PUBLISHED,
) -> Silence | TooFew:
    """The range of silent customers.  Reads `customer` ("" unknown) and `complaint`.

    `customers` is the number of customers of the period, if it is known. Raises ValueError if an
    assumption is missing or its low end exceeds its high one.
    """
    quiet, told = (_named(assumptions, name) for name in (SILENT, TOLD))
    customer = texts(columns, "customer")[flags(columns, "complaint")]
    anonymous = int((customer == "").sum())
    count = len(keys(customer[customer != ""])) + anonymous
    if count < MIN_COMPLAINANTS:
        return TooFew("complainants", count, MIN_COMPLAINANTS)
    low, high = (float(bound) for bound in poisson(count))
    cap = np.inf if customers is None else max(float(customers), float(count))
    unhappy = Range(min(low * (1 + quiet.low), cap), min(high * (1 + quiet.high), cap))
    # The complainants that were counted are no estimate: what is silent is what exceeds them.
    hidden = Range(max(unhappy.low - count, 0.0), max(unhappy.high - count, 0.0))
    return Silence(
        complainants=Estimate(count, low, high, count, Unit.COUNT),
        anonymous=anonymous,
        silent=hidden,
        unhappy=unhappy,
        told=Range(unhappy.low * told.low, unhappy.high * told.high),
        capped=high * (1 + quiet.high) > cap,
        assumptions=tuple(assumptions),
    )


def _named(assumptions: Sequence[Assumption], name: str) -> Assumption:
    for assumption in assumptions:
        if assumption.name == name:
            if not 0 <= assumption.low <= assumption.high:
                raise ValueError(f"{name}: {assumption.low} to {assumption.high} is no range")
            return assumption
    raise ValueError(f"the assumption {name} is missing")
