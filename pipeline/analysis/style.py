"""Service style of teams: how well they do things, and how well they treat people.

Each topic belongs to the procedural side (things get done, in time, by clear rules) or to the
personal side (warmth, attention).  A team's score on a side is the positive share of its positive
and negative mentions there.  The border is the company's own score, or one that is given:

    procedural -, personal -   cold          neither works
    procedural +, personal -   factory       it works, nobody cares
    procedural -, personal +   folksy        kind, and it does not work
    procedural +, personal +   satisfying

Source: Martin 1986, Quality Service (and Cornell HRA Quarterly 26(4)): freezer, factory, friendly
zoo, quality customer service.

Small teams are drawn towards the company: a beta prior is fitted to the teams' shares by moments
(empirical Bayes; Casella 1985), a team's score is then Beta(a + positive, b + negative).  A team
near a border has several styles with a probability each, and is called unclear.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy import stats

from pipeline.analysis.columns import Bools, Columns, Floats, groups, numbers
from pipeline.analysis.few import TooFew
from pipeline.analysis.intervals import Estimate, Unit
from pipeline.domain.taxonomy import Side, Taxonomy

MIN_MENTIONS = 10
"""Positive and negative mentions on each side that a team needs."""
SURE = 0.8
"""Probability of a style from which a team is said to have it."""


class Style(StrEnum):
    """The quadrants of the quality service matrix."""

    COLD = "cold"
    FACTORY = "factory"
    FOLKSY = "folksy"
    SATISFYING = "satisfying"


@dataclass(frozen=True, slots=True)
class TeamStyle:
    """A team's scores (0..1, drawn towards the company) with 95 % credible intervals.

    `style` is the likeliest of `chances`, which sum to 1; `sure` is false near a border.
    """

    name: str
    procedural: Estimate
    personal: Estimate
    style: Style
    chances: Mapping[Style, float]
    sure: bool


@dataclass(frozen=True, slots=True)
class Styles:
    """The teams, the most mentions first. `procedural_border` and `personal_border` are the scores
    that divide; `relative` says that they are the company's own, so that some teams are always
    below. `few` are the teams with too few mentions on a side."""

    procedural_border: float
    personal_border: float
    relative: bool
    teams: tuple[TeamStyle, ...]
    few: Mapping[str, TooFew]


def styles(
    columns: Columns, taxonomy: Taxonomy, *, by: str = "team", border: float | None = None
) -> Styles | TooFew:
    """The style of each team.  Reads `topic`, `polarity`, `by`; rows without a team are left out.

    `border` is the score (0..1) that divides on both sides; None: the company's own scores.
    """
    teams, topics = groups(columns, by), groups(columns, "topic")
    sides = np.array([taxonomy[t].side if t in taxonomy else "" for t in topics.names], object)
    side = sides[topics.codes] if len(topics) else np.zeros(0, object)
    polarity = numbers(columns, "polarity")

    def score(wanted: Side) -> _Scores:
        mine: Bools = side == wanted
        return _Scores(teams.count(mine & (polarity > 0)), teams.count(mine & (polarity < 0)))

    procedural, personal = score(Side.PROCEDURAL), score(Side.PERSONAL)
    fewest = np.minimum(procedural.n, personal.n)
    enough = [i for i, name in enumerate(teams.names) if name and fewest[i] >= MIN_MENTIONS]
    few = {
        name: TooFew("mentions", int(fewest[i]), MIN_MENTIONS)
        for i, name in enumerate(teams.names)
        if name and i not in enough
    }
    if not enough:
        return TooFew("mentions", max((t.have for t in few.values()), default=0), MIN_MENTIONS)
    borders = (
        procedural.pooled if border is None else border,
        personal.pooled if border is None else border,
    )
    posteriors = procedural.posteriors(enough), personal.posteriors(enough)
    enough_names = [teams.names[i] for i in enough]
    found = [
        _team(name, posteriors[0][n], posteriors[1][n], borders)
        for n, name in enumerate(enough_names)
    ]
    found.sort(key=lambda team: (-team.procedural.n - team.personal.n, team.name))
    return Styles(*borders, border is None, tuple(found), few)


@dataclass(frozen=True, slots=True)
class _Beta:
    a: float
    b: float
    n: int

    def estimate(self) -> Estimate:
        low, high = stats.beta.ppf([0.025, 0.975], self.a, self.b)
        return Estimate(self.a / (self.a + self.b), float(low), float(high), self.n, Unit.SCORE)

    def above(self, border: float) -> float:
        """The probability of a score above the border."""
        return float(stats.beta.sf(border, self.a, self.b))


@dataclass(frozen=True, slots=True)
class _Scores:
    """Positive and negative mentions [teams] of one side."""

    good: Floats
    bad: Floats

    @property
    def n(self) -> Floats:
        return self.good + self.bad

    @property
    def pooled(self) -> float:
        """The share over all teams."""
        return float(self.good.sum() / max(self.n.sum(), 1))

    def posteriors(self, teams: list[int]) -> list[_Beta]:
        good, n = self.good[teams], self.n[teams]
        strength, centre = prior_strength(good, n), good.sum() / n.sum()
        a, b = strength * centre, strength * (1 - centre)
        # Half a mention each way keeps a side that was never praised from being certain.
        return [_Beta(a + g + 0.5, b + m - g + 0.5, int(m)) for g, m in zip(good, n, strict=True)]


def prior_strength(good: Floats, n: Floats) -> float:
    """How many mentions the company's score weighs against a team's own, from 2 to 1,000.

    The variance of the shares beyond chance is that of a beta: M = p(1 - p)/variance - 1, moments
    weighted by n (Kleinman 1973).
    """
    teams, total = len(n), n.sum()
    p = good.sum() / total
    if teams < 3 or p in {0.0, 1.0}:
        return 10.0
    scatter = float((n * (good / n - p) ** 2).sum())
    room = total - (n**2).sum() / total
    between = (scatter - (teams - 1) * p * (1 - p)) / (room - (teams - 1))
    if between <= 0:
        return 1000.0
    return float(np.clip(p * (1 - p) / between - 1, 2.0, 1000.0))


def _team(name: str, procedural: _Beta, personal: _Beta, borders: tuple[float, float]) -> TeamStyle:
    works, warm = procedural.above(borders[0]), personal.above(borders[1])
    chances = {
        Style.COLD: (1 - works) * (1 - warm),
        Style.FACTORY: works * (1 - warm),
        Style.FOLKSY: (1 - works) * warm,
        Style.SATISFYING: works * warm,
    }
    style = max(chances, key=chances.__getitem__)
    sure = chances[style] >= SURE
    return TeamStyle(name, procedural.estimate(), personal.estimate(), style, chances, sure)
