"""Snowballs and first-contact resolution: who had to come back about the same thing.

A *snowball* is a contact of a customer who was in touch about the same topic within W days before.
An *episode* begins with a contact that is none and takes in all snowballs that follow it, each
within W days of the last.  FCR = share of episodes without a snowball.  Source: Price and Jaffe
2008, chapter 3 (snowballs, "melting"); W = 7 days is the common choice for FCR.

The end of the data hides what comes next: an episode counts for FCR only if W days have passed
since its first contact (right-censored ones are counted and left out).  The start hides what went
before: contacts of the first W days of the data are taken for history if the data begin before the
period; `history` says whether they did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from pipeline.analysis.columns import (
    Bools,
    Columns,
    Floats,
    Ints,
    cross,
    groups,
    keys,
    take,
    texts,
    times,
)
from pipeline.analysis.few import TooFew
from pipeline.analysis.intervals import Estimate, Unit, share_or_few
from pipeline.analysis.period import DAY, Period, seconds

MIN_EPISODES = 20
"""Episodes that a resolution rate needs."""


@dataclass(frozen=True, slots=True)
class Group:
    """Episodes of one group. `fcr` is the share that needed no second contact; `repeats` the
    snowballs in the period, `contacts` all contacts, `size` contacts per episode."""

    by: str
    name: str
    contacts: int
    episodes: int
    repeats: int
    size: float
    fcr: Estimate | TooFew


@dataclass(frozen=True, slots=True)
class Snowballs:
    """Repeat contacts of a period. `total` over all topics, `groups` by the columns asked for,
    most repeats first. `anonymous` contacts have no customer and are left out; `censored` episodes
    are too young for FCR. `repeat_contacts` are distinct contacts that repeat an earlier one on
    some topic, `cost` what they cost (None without a cost per contact), its bounds those of their
    share among the contacts."""

    window_days: float
    history: bool
    anonymous: int
    censored: int
    repeat_contacts: int
    repeat_share: Estimate
    cost: Estimate | None
    total: Group
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class _Chains:
    """Rows in the order of (customer, topic, time): who repeats, who is repeated."""

    repeat: Bools
    followed: Bools


def snowballs(
    columns: Columns,
    period: Period,
    *,
    window_days: float = 7.0,
    by: Sequence[str] = ("topic",),
    observed_until: datetime | None = None,
    cost_per_contact: float | None = None,
) -> Snowballs | TooFew:
    """The snowballs of a period.

    Reads `contact_id`, `customer` (hash, "" unknown), `topic`, `occurred_at` and the columns of
    `by`. Rows outside the period serve as history and follow-up: pass W days more on both sides.
    `observed_until` is when the data end (default: the period's end or the last row, the later).
    """
    known = texts(columns, "customer") != ""
    when = times(columns, "occurred_at")
    inside_all = period.holds(when)
    anonymous = int((inside_all & ~known).sum())
    wanted = {"contact_id", "customer", "topic", *by}
    rows = take({name: columns[name] for name in wanted}, known)
    when = when[known]
    customer, topic = keys(texts(rows, "customer")).codes, groups(rows, "topic").codes
    chains = _chains(customer, topic, when, window_days)
    inside = period.holds(when)
    starts = inside & ~chains.repeat
    if not starts.any():
        return TooFew("customers", 0, MIN_EPISODES)
    newest = float(when.max())
    until = seconds(observed_until) if observed_until else max(period.last, newest)
    ripe = starts & (when + window_days * DAY <= until)
    contacts, repeats = _distinct(rows, inside, chains.repeat)
    view = _View(inside, starts, ripe, chains)
    rate = share_or_few(repeats, contacts, 1, "contacts")
    assert isinstance(rate, Estimate)
    return Snowballs(
        window_days=window_days,
        history=bool(when.min() < period.first),
        anonymous=anonymous,
        censored=int((starts & ~ripe).sum()),
        repeat_contacts=repeats,
        repeat_share=rate,
        cost=None if cost_per_contact is None else _cost(rate, contacts, cost_per_contact),
        total=_summary("", "", np.array([part.sum() for part in _parts(view)], np.float64)),
        groups=tuple(_grouped(rows, by, view)),
    )


@dataclass(frozen=True, slots=True)
class _View:
    inside: Bools
    starts: Bools
    ripe: Bools
    chains: _Chains


def _chains(customer: Ints, topic: Ints, when: Floats, window_days: float) -> _Chains:
    """Marks rows that follow, and are followed by, one of the same customer and topic in time."""
    key = cross(customer, topic)
    order = np.lexsort((when, key))
    same = key[order][1:] == key[order][:-1]
    near = same & (np.diff(when[order]) <= window_days * DAY)
    repeat, followed = np.zeros(len(when), bool), np.zeros(len(when), bool)
    repeat[order[1:]] = near
    followed[order[:-1]] = near
    return _Chains(repeat, followed)


def _distinct(rows: Columns, inside: Bools, repeat: Bools) -> tuple[int, int]:
    """Contacts of the period, and those that repeat on some topic: each contact once."""
    ids = keys(texts(rows, "contact_id")[inside])
    return len(ids), int((ids.count(repeat[inside]) > 0).sum())


def _grouped(rows: Columns, by: Sequence[str], view: _View) -> list[Group]:
    found = []
    for name in by:
        slices = groups(rows, name)
        # One pass by counting, not one mask per value: there may be thousands of sites.
        counts = np.stack([slices.count(part) for part in _parts(view)], 1)
        parts = [
            _summary(name, value, row) for value, row in zip(slices.names, counts, strict=True)
        ]
        found += sorted((p for p in parts if p.contacts), key=lambda p: (-p.repeats, p.name))
    return found


def _parts(view: _View) -> tuple[Bools, ...]:
    """Rows that are contacts of the period, episodes, repeats, ripe episodes, resolved ones."""
    chains = view.chains
    return (
        view.inside,
        view.starts,
        view.inside & chains.repeat,
        view.ripe,
        view.ripe & ~chains.followed,
    )


def _summary(by: str, name: str, counts: Floats) -> Group:
    contacts, episodes, repeats, ripe, resolved = (float(count) for count in counts)
    return Group(
        by=by,
        name=name,
        contacts=int(contacts),
        episodes=int(episodes),
        repeats=int(repeats),
        size=contacts / episodes if episodes else 1.0,
        fcr=share_or_few(resolved, ripe, MIN_EPISODES, "episodes"),
    )


def _cost(rate: Estimate, contacts: int, price: float) -> Estimate:
    scale = contacts * price
    return replace(
        rate,
        value=rate.value * scale,
        low=rate.low * scale,
        high=rate.high * scale,
        unit=Unit.MONEY,
    )
