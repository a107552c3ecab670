"""The customer pyramid and the value at risk: whom it hurts, and what that may cost.

    value at risk = N · P(problem) · Σ P(state | problem) · P(leave | state) · CLV        per tier

N customers of the tier, CLV their mean lifetime value.  The states that a problem leaves a customer
in are: resolved, unresolved, unknown (nobody noted whether).  P(problem) is the share of the tier's
customers who complained, the states those of their last complaint, P(leave | state) by default the
share who say that they will leave: intent, not departure; pass `leave` where departures are known.

Sources: Zeithaml, Rust and Lemon 2001, The Customer Pyramid, California Management Review 43(4);
market damage: Goodman 2009, Strategic Customer Service, chapter 3 (TARP's formula).

Intervals are simulated: P(problem) and P(leave | state) from beta, states from Dirichlet posteriors
with Jeffreys priors, the mean CLV from a normal distribution; seeded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from pipeline.analysis.columns import (
    Bools,
    Columns,
    Floats,
    Ints,
    Texts,
    flags,
    group,
    keys,
    numbers,
    texts,
    times,
)
from pipeline.analysis.few import TooFew
from pipeline.analysis.intervals import Estimate, Unit, mean_or_few, quantiles, share

MIN_CUSTOMERS = 20
"""Known customers of a tier that its shares need."""
MIN_HURT = 5
"""Customers with a problem from whom it can be told how many would leave."""
DRAWS = 4000


class State(StrEnum):
    """Where a problem has left the customer."""

    RESOLVED = "resolved"
    UNRESOLVED = "unresolved"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One state: its `share` among customers with a problem and P(leave | state)."""

    state: State
    share: float
    leave: float


@dataclass(frozen=True, slots=True)
class Tier:
    """One tier.

    `seen` customers were in touch; `customers` is how many the tier has (the same, unless given).
    `problem` is the share with a complaint, `leaving` the share of those who would leave,
    `value` the mean lifetime value, `at_risk` money, None where `value` or `leaving` is unknown.
    """

    name: str
    seen: int
    customers: float
    contacts: int
    problem: Estimate
    outcomes: tuple[Outcome, ...]
    leaving: Estimate | TooFew
    value: Estimate | TooFew
    at_risk: Estimate | None


@dataclass(frozen=True, slots=True)
class Pyramid:
    """Tiers by mean value, the highest first (those without values last, by name).

    `by_value`: the events carry no tier, so tiers are the top 20 %, next 30 % and last 50 % of the
    customers by value. `seen_only`: N is the customers who were in touch, as no tier's size was
    given; the silent ones are then missing. `assumed`: P(leave | state) was given.
    `anonymous` contacts belong to nobody. `at_risk` sums the tiers.
    """

    tiers: tuple[Tier, ...]
    few: Mapping[str, TooFew]
    by_value: bool
    seen_only: bool
    assumed: bool
    anonymous: int
    at_risk: Estimate | None


def value_at_risk(
    customers: float, problem: float, outcomes: Sequence[Outcome], value: float
) -> float:
    """N · P(problem) · Σ P(state)·P(leave | state) · CLV, in the currency of `value`."""
    return customers * problem * sum(o.share * o.leave for o in outcomes) * value


def pyramid(
    columns: Columns,
    *,
    customers: Mapping[str, float] | None = None,
    leave: Mapping[State, float] | None = None,
    seed: int = 0,
) -> Pyramid | TooFew:
    """The pyramid of a period's contacts.

    Reads `customer`, `customer_tier`, `customer_value`, `complaint`, `churn`, `resolved`,
    `occurred_at`. `customers` gives the size of tiers, `leave` P(leave | state).
    """
    people = _People.of(columns)
    if len(people.value) < MIN_CUSTOMERS:
        return TooFew("customers", len(people.value), MIN_CUSTOMERS)
    tier, by_value = people.tiers()
    names = group(tier)
    found, few, drawn = [], {}, []
    for code, name in enumerate(names.names):
        mine = names.codes == code
        if mine.sum() < MIN_CUSTOMERS:
            few[name] = TooFew("customers", int(mine.sum()), MIN_CUSTOMERS)
            continue
        draw = _Draw(np.random.default_rng([seed, code]), leave)
        one, simulated = _tier(name, people.pick(mine), (customers or {}).get(name), draw)
        found.append(one)
        drawn += [simulated] if simulated is not None else []
    if not found:
        return TooFew("customers", max(t.have for t in few.values()), MIN_CUSTOMERS)
    found.sort(key=_rank)
    return Pyramid(
        tiers=tuple(found),
        few=few,
        by_value=by_value,
        seen_only=not customers,
        assumed=leave is not None,
        anonymous=people.anonymous,
        at_risk=_total(found, drawn),
    )


@dataclass(frozen=True, slots=True)
class _People:
    """One row for each known customer: what the contacts of the period say of them."""

    value: Floats  # latest known, NaN unknown
    tier: Texts  # latest known, "" unknown
    contacts: Floats
    complained: Floats
    state: Ints  # of the last complaint: 0 resolved, 1 unresolved, 2 unknown
    leaving: Floats  # 1 if a complaint, or a later contact, says so
    anonymous: int

    @classmethod
    def of(cls, columns: Columns) -> _People:
        who = texts(columns, "customer")
        known = np.flatnonzero(who != "")
        order = known[np.argsort(times(columns, "occurred_at")[known], kind="stable")]
        person = keys(who[order])
        code, size = person.codes, len(person)
        complaint, churn = flags(columns, "complaint")[order], flags(columns, "churn")[order]
        resolved = numbers(columns, "resolved")[order]
        state = np.where(np.isnan(resolved), 2, np.where(resolved > 0, 0, 1))
        value = numbers(columns, "customer_value")[order]
        tier = texts(columns, "customer_tier")[order]
        last = _last(code, size, complaint)
        after = np.arange(len(code)) >= last[code]
        return cls(
            value=_latest(code, size, value, np.isfinite(value), np.nan),
            tier=_latest(code, size, tier, tier != "", ""),
            contacts=person.count(),
            complained=(person.count(complaint) > 0).astype(np.float64),
            state=np.where(last < len(code), state[np.minimum(last, len(code) - 1)], 2)
            if len(code)
            else np.zeros(0, np.int64),
            leaving=(person.count(churn & (after | complaint)) > 0).astype(np.float64),
            anonymous=len(who) - len(known),
        )

    def tiers(self) -> tuple[Texts, bool]:
        """The tier of each customer, and whether it was cut by value."""
        names = np.asarray(self.tier, object)
        if (names != "").any() or not np.isfinite(self.value).any():
            return names, False
        known = np.isfinite(self.value)
        cuts = np.quantile(self.value[known], [0.5, 0.8])
        cut = np.array(["base", "middle", "top"], object)[
            np.searchsorted(cuts, self.value, "right").clip(0, 2)
        ]
        cut[~known] = ""
        return cut, True

    def pick(self, rows: Bools) -> _People:
        tier = np.asarray(self.tier, object)[rows]
        columns = (self.contacts, self.complained)
        contacts, complained = (column[rows] for column in columns)
        return _People(
            self.value[rows], tier, contacts, complained, self.state[rows], self.leaving[rows], 0
        )


@dataclass(frozen=True, slots=True)
class _Draw:
    random: np.random.Generator
    leave: Mapping[State, float] | None


def _tier(
    name: str, people: _People, size: float | None, draw: _Draw
) -> tuple[Tier, Floats | None]:
    seen, hurt = len(people.value), people.complained > 0
    # Customers who were not in touch did not complain: the tier's size is what they are out of.
    customers = float(seen) if size is None else max(float(size), float(seen))
    problem = share(float(hurt.sum()), customers)
    counts = np.bincount(people.state[hurt], minlength=3).astype(np.float64)
    leaving = np.bincount(people.state[hurt], people.leaving[hurt], 3).astype(np.float64)
    outcomes = _outcomes(counts, leaving, draw.leave)
    lost = _leave_draws(counts, leaving, draw)
    left = sum(outcome.share * outcome.leave for outcome in outcomes)
    values = people.value[np.isfinite(people.value)]
    worth = mean_or_few(values, 2, "customers", Unit.MONEY)
    at_risk, simulated = None, None
    if isinstance(worth, Estimate) and hurt.sum() >= MIN_HURT:
        simulated = lost * _hurt_value(customers, float(hurt.sum()), values, draw)
        point = value_at_risk(customers, problem.value, outcomes, worth.value)
        at_risk = _around(point, simulated, seen, Unit.MONEY)
    tier = Tier(
        name=name,
        seen=seen,
        customers=customers,
        contacts=int(people.contacts.sum()),
        problem=problem,
        outcomes=outcomes,
        leaving=_leaving(left, lost, int(hurt.sum())),
        value=worth,
        at_risk=at_risk,
    )
    return tier, simulated


def _hurt_value(customers: float, hurt: float, values: Floats, draw: _Draw) -> Floats:
    """Draws of N · P(problem) · CLV."""
    problem = draw.random.beta(hurt + 0.5, customers - hurt + 0.5, DRAWS)
    error = values.std(ddof=1) / np.sqrt(len(values))
    means = np.maximum(draw.random.normal(values.mean(), error, DRAWS), 0)
    return np.asarray(customers * problem * means, np.float64)


def _outcomes(
    counts: Floats, leaving: Floats, leave: Mapping[State, float] | None
) -> tuple[Outcome, ...]:
    total = max(counts.sum(), 1.0)
    found = []
    for code, state in enumerate(State):
        observed = leaving[code] / counts[code] if counts[code] else 0.0
        given = observed if leave is None else leave[state]
        found.append(Outcome(state, float(counts[code] / total), float(given)))
    return tuple(found)


def _leave_draws(counts: Floats, leaving: Floats, draw: _Draw) -> Floats:
    """Draws of Σ P(state)·P(leave | state) over the states that occurred."""
    alpha = np.where(counts > 0, counts + 0.5, 1e-9 if counts.any() else 0.5)
    shares = draw.random.dirichlet(alpha, DRAWS)
    if draw.leave is not None:
        given = np.array([draw.leave[state] for state in State])
        return np.asarray(shares @ given, np.float64)
    chances = draw.random.beta(leaving + 0.5, counts - leaving + 0.5, (DRAWS, 3))
    return np.asarray((shares * chances).sum(1), np.float64)


def _total(tiers: list[Tier], drawn: list[Floats]) -> Estimate | None:
    known = [tier.at_risk for tier in tiers if tier.at_risk is not None]
    if not known:
        return None
    value = sum(estimate.value for estimate in known)
    n = sum(estimate.n for estimate in known)
    return _around(value, np.asarray(np.sum(drawn, axis=0), np.float64), n, Unit.MONEY)


def _leaving(value: float, draws: Floats, hurt: int) -> Estimate | TooFew:
    if hurt < MIN_HURT:
        return TooFew("complainants", hurt, MIN_HURT)
    return _around(value, draws, hurt, Unit.SHARE)


def _around(value: float, draws: Floats, n: int, unit: Unit) -> Estimate:
    """Simulated bounds, stretched to the value where a prior pushed them past an extreme one."""
    low, high = quantiles(draws)
    return Estimate(value, min(low, value), max(high, value), n, unit)


def _rank(tier: Tier) -> tuple[bool, float, str]:
    known = isinstance(tier.value, Estimate)
    return not known, -tier.value.value if isinstance(tier.value, Estimate) else 0.0, tier.name


def _last(code: Ints, size: int, chosen: Bools) -> Ints:
    """The last chosen row of each person in row order; the number of rows where there is none."""
    last = np.full(size, len(code), np.int64)
    rows = np.flatnonzero(chosen)
    last[code[rows]] = rows  # later rows overwrite earlier ones
    return last


def _latest(code: Ints, size: int, values: Texts, known: Bools, missing: object) -> Texts:
    """The latest known value of each person."""
    last = _last(code, size, known)
    found = np.full(size, missing, values.dtype)
    has = last < len(code)
    found[has] = values[last[has]]
    return found
