"""The value-irritant matrix: which contacts to eliminate, simplify, automate or leverage.

Each topic has a value to the customer and one to the company, both in [-1, 1]:

    customer -, company -   eliminate   both would rather not have the contact
    customer -, company +   simplify    the company needs it, the customer is annoyed
    customer +, company -   automate    the customer wants it, a machine can give it
    customer +, company +   leverage    both gain: take time for it

Source: Price and Jaffe 2008, The Best Service Is No Service, chapter 2 (figure 2.2).

Scores mix a default and the data:  score = (K·default + Σ evidence) / (K + n),  K = 20 contacts.

* Evidence of the value to the customer is the polarity of the topic in the contact (-1, 0, 1).
* Evidence of the value to the company is 1 for a contact that carries business (a campaign that
  was answered, or praise: a reason to buy that costs nothing), -1 for failure demand (a complaint;
  Seddon 2003: demand caused by not doing something, or not right), 0 otherwise.
* Defaults come from the topic's meaning in the taxonomy. Customer: asking for information 0.3,
  meeting people 0, things that should work by themselves -0.3. Company: gap knowledge 0.4 (it
  tells what customers want), standards -0.2, delivery -0.4, communication -0.2; topics of the
  assurance dimension (identity, trust, price) 0.4, whatever their gap, as the company needs them.
  They are opinions, written down: pass `defaults` to replace them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from pipeline.analysis.columns import Columns, Floats, Groups, flags, groups, length, numbers, texts
from pipeline.analysis.few import TooFew
from pipeline.analysis.intervals import Estimate, Unit, normal
from pipeline.domain.taxonomy import Gap, Rater, Taxonomy, Topic, Touchpoint

PRIOR_CONTACTS = 20.0
"""How many contacts a default weighs as much as."""
MIN_CONTACTS = 10
"""Contacts of a topic below which only the default could speak."""

_CUSTOMER = {Touchpoint.INFORMATION: 0.3, Touchpoint.HUMAN: 0.0, Touchpoint.THING: -0.3}
_COMPANY = {Gap.KNOWLEDGE: 0.4, Gap.STANDARDS: -0.2, Gap.DELIVERY: -0.4, Gap.COMMUNICATION: -0.2}
_ASSURANCE = 0.4


class Quadrant(StrEnum):
    """What to do about a kind of contact."""

    ELIMINATE = "eliminate"
    SIMPLIFY = "simplify"
    AUTOMATE = "automate"
    LEVERAGE = "leverage"


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a topic is worth before any contact is read, to the customer and to the company."""

    customer: float
    company: float


@dataclass(frozen=True, slots=True)
class Worth:
    """A topic in the matrix. `customer` and `company` are in [-1, 1] with the interval that the
    contacts leave; `sure` is false where an interval reaches over the border at 0. `share` is the
    topic's part of all mentions."""

    topic: str
    contacts: int
    share: float
    customer: Estimate
    company: Estimate
    defaults: Defaults
    quadrant: Quadrant
    sure: bool


@dataclass(frozen=True, slots=True)
class Portfolio:
    """The topics, the most frequent first; `few` are those with too few contacts; `shares` are the
    parts of the placed mentions by quadrant and sum to 1."""

    topics: tuple[Worth, ...]
    few: Mapping[str, TooFew]
    shares: Mapping[Quadrant, float]


def defaults_of(topic: Topic) -> Defaults:
    """The defaults that a topic's meaning suggests; see the module."""
    company = _ASSURANCE if topic.rater is Rater.ASSURANCE else _COMPANY[topic.gap]
    return Defaults(_CUSTOMER[topic.touchpoint], company)


def quadrants(
    columns: Columns, taxonomy: Taxonomy, *, defaults: Mapping[str, Defaults] | None = None
) -> Portfolio | TooFew:
    """Places each topic. Reads `topic`, `polarity`, `complaint` and, if there, `campaign`.

    Topics that the taxonomy does not know have defaults of 0.
    """
    if length(columns) < MIN_CONTACTS:
        return TooFew("contacts", length(columns), MIN_CONTACTS)
    topics = groups(columns, "topic")
    known = {code: defaults_of(topic) for code, topic in taxonomy.items()} | dict(defaults or {})
    priors = [known.get(name, Defaults(0.0, 0.0)) for name in topics.names]
    customer = _scores(topics, numbers(columns, "polarity"), [p.customer for p in priors])
    company = _scores(topics, _business(columns), [p.company for p in priors])
    counts = topics.count()
    order = sorted(range(len(topics)), key=lambda i: (-counts[i], topics.names[i]))
    placed = [i for i in order if counts[i] >= MIN_CONTACTS]
    few = {topics.names[i]: int(counts[i]) for i in order if counts[i] < MIN_CONTACTS}
    total = counts.sum()
    worths = [
        _worth(topics.names[i], counts[i] / total, customer[i], company[i], priors[i])
        for i in placed
    ]
    missing = {name: TooFew("contacts", have, MIN_CONTACTS) for name, have in few.items()}
    return Portfolio(tuple(worths), missing, _shares(worths))


def _business(columns: Columns) -> Floats:
    """1 for contacts that carry business, -1 for failure demand, 0 for the rest."""
    failure = flags(columns, "complaint")
    gain = numbers(columns, "polarity") > 0
    if "campaign" in columns:
        gain |= texts(columns, "campaign") != ""
    return np.where(failure, -1.0, np.where(gain, 1.0, 0.0))


def _scores(topics: Groups, evidence: Floats, priors: list[float]) -> list[Estimate]:
    """Shrunken means; the error is that of the data's part: √(n·variance) / (K + n)."""
    n, total, squares = topics.count(), topics.count(evidence), topics.count(evidence**2)
    safe = np.maximum(n, 1)
    spread = np.maximum(squares / safe - (total / safe) ** 2, 0.0)
    # Two contacts that agree do not prove that all do: one contrary contact is added to the spread.
    spread = (spread * safe + 1.0) / (safe + 1.0)
    values = (PRIOR_CONTACTS * np.asarray(priors) + total) / (PRIOR_CONTACTS + n)
    errors = np.sqrt(n * spread) / (PRIOR_CONTACTS + n)
    return [
        _clipped(normal(float(v), float(e), int(k), Unit.SCORE))
        for v, e, k in zip(values, errors, n, strict=True)
    ]


def _clipped(estimate: Estimate) -> Estimate:
    low, high = max(estimate.low, -1.0), min(estimate.high, 1.0)
    return Estimate(estimate.value, low, high, estimate.n, estimate.unit, estimate.level)


def _worth(
    topic: str, part: float, customer: Estimate, company: Estimate, prior: Defaults
) -> Worth:
    sure = all(score.above(0) or score.below(0) for score in (customer, company))
    return Worth(
        topic=topic,
        contacts=customer.n,
        share=float(part),
        customer=customer,
        company=company,
        defaults=prior,
        quadrant=quadrant(customer.value, company.value),
        sure=sure,
    )


def quadrant(customer: float, company: float) -> Quadrant:
    """The quadrant of two values; 0 counts as no value."""
    if customer > 0:
        return Quadrant.LEVERAGE if company > 0 else Quadrant.AUTOMATE
    return Quadrant.SIMPLIFY if company > 0 else Quadrant.ELIMINATE


def _shares(worths: list[Worth]) -> dict[Quadrant, float]:
    total = sum(worth.contacts for worth in worths)
    return {
        kind: sum(w.contacts for w in worths if w.quadrant is kind) / total if total else 0.0
        for kind in Quadrant
    }
