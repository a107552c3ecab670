"""From the readings of clauses to what a contact says."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.domain.analysis import SENTIMENTS, Clause, TopicMention

_NEGATIVE, _NEUTRAL, _POSITIVE = range(3)
_FILLER = 0.05
_CONCLUSION = 1.5
_MAX_LETTERS = 64
_SUMMING_UP = re.compile(
    r"(?:总之|總之|总的来说|總的來說|总体|總體|总而言之|總而言之|整体来说|整體來說|综上|綜上|결론|전체적으로|전반적으로|총평|요약하"
    r"|overall\b|all in all\b|in short\b|in conclusion\b|to sum up\b|bottom line\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Probabilities from which a contact is a complaint, announces leaving, has a sentiment."""

    complaint: float = 0.5
    churn: float = 0.5
    sentiment: float = 0.5


@dataclass(frozen=True, slots=True)
class Mood:
    """A contact's sentiment; see `ContactAnalysis` for the fields."""

    sentiment: str
    score: float
    confidence: float
    uncertain: bool


def mood(clauses: Sequence[Clause], minimum: float) -> Mood:
    """The sentiment of a contact from its clauses' probabilities p = (neg, neu, pos).

    P = Σ w·p / Σ w, with w = √letters · (0.05 + 0.95·(1 − p_neu)²) · (1.5 for a conclusion).
    Greetings and facts are neutral and weigh a twentieth of a clear opinion, so that one complaint
    among ten of them still decides; if everything is neutral, so is P. The root keeps a long story
    from drowning a short verdict, and at 64 letters length stops counting. A conclusion is the last
    clause of several, or one that sums up ("总之", "overall"). A contact of one clause has exactly
    the clause's probabilities. Below `minimum` the answer is neutral and uncertain, and
    `confidence` then is that of neutral.
    """
    if not clauses:
        return Mood("neutral", 0.0, 0.0, uncertain=False)
    weights = [_weight(clause, last=clause is clauses[-1]) for clause in clauses]
    total = math.fsum(weights)
    mixed = [
        math.fsum(
            w * clause.reading.sentiment[n] for w, clause in zip(weights, clauses, strict=True)
        )
        / total
        for n in range(3)
    ]
    # On an exact tie neutral wins: the order of the candidates, not of the labels.
    best = max((_NEUTRAL, _NEGATIVE, _POSITIVE), key=mixed.__getitem__)
    uncertain = mixed[best] < minimum
    shown = _NEUTRAL if uncertain else best
    return Mood(SENTIMENTS[shown], mixed[_POSITIVE] - mixed[_NEGATIVE], mixed[shown], uncertain)


def _weight(clause: Clause, *, last: bool) -> float:
    letters = sum(map(str.isalnum, clause.text))
    strength = (1 - clause.reading.sentiment[_NEUTRAL]) ** 2
    weight = math.sqrt(min(max(letters, 1), _MAX_LETTERS)) * (_FILLER + (1 - _FILLER) * strength)
    return weight * _CONCLUSION if last or _SUMMING_UP.match(clause.text) else weight


def topics(clauses: Sequence[Clause]) -> tuple[tuple[TopicMention, ...], dict[str, str]]:
    """The topics of a contact, the surest first, and for each the clause that shows it best.

    Confidence is the highest of the clauses; polarity the sign of Σ confidence · polarity, 0 on a
    tie. The evidence is the surest clause that has the contact's polarity, else the surest.
    """
    mentions: dict[str, list[tuple[TopicMention, str]]] = {}
    for clause in clauses:
        for mention in clause.reading.topics:
            mentions.setdefault(mention.topic, []).append((mention, clause.text))
    merged = [_merged(topic, found) for topic, found in mentions.items()]
    merged.sort(key=lambda mention: (-mention.confidence, mention.topic))
    return tuple(merged), {m.topic: _evidence(m, mentions[m.topic]) for m in merged}


def _merged(topic: str, found: Sequence[tuple[TopicMention, str]]) -> TopicMention:
    vote = math.fsum(mention.confidence * mention.polarity for mention, _ in found)
    confidence = max(mention.confidence for mention, _ in found)
    return TopicMention(topic, (vote > 0) - (vote < 0), confidence)


def _evidence(merged: TopicMention, found: Sequence[tuple[TopicMention, str]]) -> str:
    agrees = [item for item in found if item[0].polarity == merged.polarity]
    return max(agrees or found, key=lambda item: item[0].confidence)[1]
