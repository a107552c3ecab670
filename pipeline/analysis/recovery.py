"""Service recovery: which steps followed a complaint, and what became of the customer.

The steps are admit, fix, empathy, compensate, follow up (Boshoff 1997; Tax, Brown and
Chandrashekaran 1998: outcome, procedure and interaction must all be right).  For each complaint of
a known customer three outcomes are looked for within a horizon of H days:

    sentiment   the score of the customer's next contact minus that of the complaint (-2..2)
    returned    whether the customer ordered again (a later contact with an order)
    repeated    whether the customer complained again

Effects come from one regression of each outcome on all steps and the complaint's score together
(OLS, a linear probability model for the yes-no outcomes, HC1 errors; White 1980), so that steps
that go together are told apart as far as the data can.  They are associations: agents choose steps
by the case, harder cases get more steps, and that can hide or feign an effect.  A trial would tell.
Complaints whose horizon is not over are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np
from scipy import stats

from pipeline.analysis.columns import (
    Bools,
    Columns,
    Floats,
    Ints,
    Texts,
    flags,
    keys,
    numbers,
    texts,
    times,
)
from pipeline.analysis.few import TooFew
from pipeline.analysis.intervals import (
    Estimate,
    Unit,
    holm,
    mean_or_few,
    normal,
    share,
    share_or_few,
)
from pipeline.analysis.period import DAY, seconds

STEPS = ("admit", "fix", "empathy", "compensate", "follow_up")
MIN_COMPLAINTS = 20
"""Complaints that the shares of steps need."""
MIN_SIDE = 15
"""Complaints with, and without, a step that its effect needs."""
ALPHA = 0.05


class Outcome(StrEnum):
    """What became of the customer."""

    SENTIMENT = "sentiment"
    RETURNED = "returned"
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True)
class Effect:
    """A step's association with an outcome, the other steps and the complaint's score held equal:
    `difference` in score or share, `p_value` with Holm's correction for all steps and outcomes."""

    difference: Estimate
    p_value: float

    @property
    def shown(self) -> bool:
        """Whether the association is surely not 0."""
        return self.p_value < ALPHA


@dataclass(frozen=True, slots=True)
class Step:
    """How often a step was taken (of all complaints), and what went with it."""

    name: str
    taken: Estimate
    effects: Mapping[Outcome, Effect | TooFew]


@dataclass(frozen=True, slots=True)
class Count:
    """Complaints with the same number of steps: what became of their customers."""

    steps: int
    complaints: int
    sentiment: Estimate | TooFew
    returned: Estimate | TooFew
    repeated: Estimate | TooFew


@dataclass(frozen=True, slots=True)
class Recovery:
    """`complaints` in all; `followed` are those of known customers whose horizon is over; `steps`
    in the order of STEPS; `counts` by number of steps taken, 0 first. Associations, not effects of
    a trial: see the module."""

    horizon_days: float
    complaints: int
    followed: int
    steps: tuple[Step, ...]
    counts: tuple[Count, ...]


def recovery(
    columns: Columns, *, horizon_days: float = 30.0, observed_until: datetime | None = None
) -> Recovery | TooFew:
    """Recovery steps and what followed.

    Reads `customer`, `occurred_at`, `complaint`, `score`, `recovery` (lists), `order_id`.
    `observed_until` is when the data end (default: the last row).
    """
    complaint = flags(columns, "complaint")
    if complaint.sum() < MIN_COMPLAINTS:
        return TooFew("complaints", int(complaint.sum()), MIN_COMPLAINTS)
    case = _Cases.of(columns, complaint, horizon_days, observed_until)
    steps = _steps(texts(columns, "recovery"), np.flatnonzero(complaint))
    known = steps[case.rows]
    outcomes = case.outcomes()
    effects = _effects(known, case.before, outcomes)
    n = int(complaint.sum())
    found = [
        Step(name, share(float(steps[:, s].sum()), n), {o: effects[o][s] for o in Outcome})
        for s, name in enumerate(STEPS)
    ]
    counts = tuple(_count(k, known.sum(1) == k, outcomes) for k in range(len(STEPS) + 1))
    followed = len(case.before)
    return Recovery(
        horizon_days, n, followed, tuple(found), tuple(c for c in counts if c.complaints)
    )


@dataclass(frozen=True, slots=True)
class _Cases:
    """Complaints that can be followed: `rows` are their places among all complaints."""

    rows: Ints
    before: Floats
    sentiment: Floats  # change, NaN without a next contact in the horizon
    returned: Floats
    repeated: Floats

    @classmethod
    def of(
        cls, columns: Columns, complaint: Bools, horizon: float, until: datetime | None
    ) -> _Cases:
        when, score = times(columns, "occurred_at"), numbers(columns, "score")
        end = seconds(until) if until else float(when.max())
        who = texts(columns, "customer")
        person = keys(who).codes
        order = np.lexsort((when, person))
        reach = horizon * DAY
        usable = complaint & (who != "") & (when + reach <= end)
        later = _next(person, when, order, np.ones(len(when), bool))
        ordered = _next(person, when, order, texts(columns, "order_id") != "")
        again = _next(person, when, order, complaint)
        chosen = np.flatnonzero(usable)

        def within(found: Ints) -> Bools:
            hit = found[chosen]
            near: Bools = (hit >= 0) & (when[np.maximum(hit, 0)] - when[chosen] <= reach)
            return near

        change = score[np.maximum(later[chosen], 0)] - score[chosen]
        place = np.cumsum(complaint) - 1
        return cls(
            rows=place[chosen],
            before=score[chosen],
            sentiment=np.where(within(later), change, np.nan),
            returned=within(ordered).astype(np.float64),
            repeated=within(again).astype(np.float64),
        )

    def outcomes(self) -> dict[Outcome, Floats]:
        return {
            Outcome.SENTIMENT: self.sentiment,
            Outcome.RETURNED: self.returned,
            Outcome.REPEATED: self.repeated,
        }


def _next(person: Ints, when: Floats, order: Ints, wanted: Bools) -> Ints:
    """For each row the same person's first later row that is wanted, -1 where there is none."""
    found = np.full(len(when), -1, np.int64)
    if not len(order):
        return found
    targets = np.where(wanted[order], np.arange(len(order)), len(order))
    # The nearest wanted place at or after each place, from the back.
    nearest = np.minimum.accumulate(targets[::-1])[::-1]
    after = np.append(nearest[1:], len(order))
    place = np.minimum(after, len(order) - 1)
    same = (after < len(order)) & (person[order[place]] == person[order])
    found[order[same]] = order[place[same]]
    return found


def _steps(lists: Texts, rows: Ints) -> Floats:
    """Dummies [complaints, steps]."""
    table = np.zeros((len(rows), len(STEPS)))
    number = {name: index for index, name in enumerate(STEPS)}
    for place, row in enumerate(rows):
        for name in lists[row]:
            if name in number:
                table[place, number[name]] = 1.0
    return table


def _effects(
    steps: Floats, before: Floats, outcomes: Mapping[Outcome, Floats]
) -> dict[Outcome, list[Effect | TooFew]]:
    raw = {outcome: _fit(steps, before, values, outcome) for outcome, values in outcomes.items()}
    flat = [(o, s) for o, row in raw.items() for s, e in enumerate(row) if isinstance(e, Effect)]
    p_values = np.array([_p_of(raw[o][s]) for o, s in flat])
    for (outcome, step), p_value in zip(flat, holm(p_values), strict=True):
        effect = raw[outcome][step]
        if isinstance(effect, Effect):
            raw[outcome][step] = Effect(effect.difference, float(p_value))
    return raw


def _p_of(effect: Effect | TooFew) -> float:
    return effect.p_value if isinstance(effect, Effect) else 1.0


def _fit(steps: Floats, before: Floats, values: Floats, outcome: Outcome) -> list[Effect | TooFew]:
    """One regression; a step that is too rare, or too common, is left out of it."""
    known = np.isfinite(values) & np.isfinite(before)
    x, y = steps[known], values[known]
    sides = np.minimum(x.sum(0), len(x) - x.sum(0))
    kept = [s for s in range(len(STEPS)) if sides[s] >= MIN_SIDE]
    found: list[Effect | TooFew] = [TooFew("complaints", int(s), MIN_SIDE) for s in sides]
    if not kept:
        return found
    design = np.column_stack([np.ones(len(y)), before[known], x[:, kept]])
    values_, errors, freedom = ols(design, y)
    unit = Unit.SCORE_DIFFERENCE if outcome is Outcome.SENTIMENT else Unit.SHARE_DIFFERENCE
    for place, step in enumerate(kept):
        value, error = float(values_[2 + place]), float(errors[2 + place])
        p_value = float(2 * stats.t.sf(abs(value) / max(error, 1e-12), freedom))
        found[step] = Effect(normal(value, error, len(y), unit), p_value)
    return found


def ols(design: Floats, outcome: Floats) -> tuple[Floats, Floats, int]:
    """Coefficients, their HC1 errors, and degrees of freedom."""
    inverse = np.linalg.pinv(design.T @ design)
    values = inverse @ (design.T @ outcome)
    pull = design * (outcome - design @ values)[:, None]
    freedom = max(len(outcome) - design.shape[1], 1)
    covariance = inverse @ (pull.T @ pull) @ inverse * len(outcome) / freedom
    return values, np.sqrt(np.maximum(np.diag(covariance), 0.0)), freedom


def _count(steps: int, rows: Bools, outcomes: Mapping[Outcome, Floats]) -> Count:
    sentiment = outcomes[Outcome.SENTIMENT][rows]
    returned, repeated = outcomes[Outcome.RETURNED][rows], outcomes[Outcome.REPEATED][rows]
    n = int(rows.sum())
    change = mean_or_few(
        sentiment[np.isfinite(sentiment)], MIN_SIDE, "complaints", Unit.SCORE_DIFFERENCE
    )
    return Count(
        steps=steps,
        complaints=n,
        sentiment=change,
        returned=share_or_few(float(returned.sum()), n, MIN_SIDE, "complaints"),
        repeated=share_or_few(float(repeated.sum()), n, MIN_SIDE, "complaints"),
    )
