"""How good a classifier is on annotated contacts: proportions with intervals, F1, calibration.

Pure functions on arrays, used by `voc model eval` and by the training. Shapes: N texts, n topics.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from math import sqrt
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.analysis import SENTIMENTS, ContactAnalysis

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Interval = tuple[float, float]

_Z = 1.96
_ROUNDS = 300


@dataclass(frozen=True, slots=True)
class Truth:
    """What people say: [N], [N], [N], [N, n], and polarity [N, n] in {-1, 0, 1} where a topic is.

    `sentiment` is a position in SENTIMENTS.
    """

    sentiment: Ints
    complaint: Bools
    churn: Bools
    topic: Bools
    polarity: Ints

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]], topics: Sequence[str]) -> Self:
        """Arrays of rows {sentiment, complaint, churn, topics: [[topic, polarity], ...]}.

        A topic that `topics` does not have stays out: nobody could say it.
        """
        place = {topic: at for at, topic in enumerate(topics)}
        topic = np.zeros((len(rows), len(topics)), bool)
        polarity = np.zeros(topic.shape, np.int64)
        for at, row in enumerate(rows):
            for name, sign in row["topics"]:
                if name in place:
                    topic[at, place[name]], polarity[at, place[name]] = True, sign
        return cls(
            sentiment=np.array([SENTIMENTS.index(row["sentiment"]) for row in rows], np.int64),
            complaint=np.array([row["complaint"] for row in rows], bool),
            churn=np.array([row["churn"] for row in rows], bool),
            topic=topic,
            polarity=polarity,
        )


@dataclass(frozen=True, slots=True)
class Answers:
    """What a classifier says, in the shapes of `Truth`.

    `confidence` [N] is the probability of the sentiment said, `complaint_probability` [N] that of
    a complaint.
    """

    sentiment: Ints
    confidence: Floats
    complaint: Bools
    complaint_probability: Floats
    churn: Bools
    topic: Bools
    polarity: Ints

    @classmethod
    def of(cls, analyses: Sequence[ContactAnalysis], topics: Sequence[str]) -> Self:
        """Arrays of what the analyser says, which is what the product stores."""
        place = {topic: at for at, topic in enumerate(topics)}
        topic = np.zeros((len(analyses), len(topics)), bool)
        polarity = np.zeros(topic.shape, np.int64)
        for at, analysis in enumerate(analyses):
            for mention in analysis.topics:
                column = place[mention.topic]
                topic[at, column], polarity[at, column] = True, mention.polarity
        return cls(
            sentiment=np.array([SENTIMENTS.index(a.sentiment) for a in analyses], np.int64),
            confidence=np.array([a.confidence for a in analyses]),
            complaint=np.array([a.complaint for a in analyses], bool),
            complaint_probability=np.array([a.complaint_confidence for a in analyses]),
            churn=np.array([a.churn for a in analyses], bool),
            topic=topic,
            polarity=polarity,
        )


def some(value: Any, rows: NDArray[Any]) -> Any:
    """`value` (Truth or Answers) of `rows` alone."""
    return type(value)(*(getattr(value, field.name)[rows] for field in fields(value)))


def wilson(hits: int, total: int) -> Interval:
    """95 % interval of a proportion (Wilson 1927)."""
    if not total:
        return 0.0, 1.0
    share, square = hits / total, _Z * _Z
    middle = (share + square / (2 * total)) / (1 + square / total)
    half = _Z / (1 + square / total)
    half *= sqrt(share * (1 - share) / total + square / (4 * total * total))
    return round(max(middle - half, 0.0), 4), round(min(middle + half, 1.0), 4)


def accuracy(right: Bools) -> dict[str, Any]:
    """Share of hits with its interval."""
    hits, total = int(right.sum()), len(right)
    low, high = wilson(hits, total)
    return {"n": total, "value": round(hits / max(total, 1), 4), "low": low, "high": high}


def f1(hits: float, said: float, real: float) -> float:
    """2·hits / (said + real); 0 where there is neither."""
    return 2 * hits / (said + real) if said + real else 0.0


def macro_f1(guess: Ints, target: Ints, classes: int = 3) -> float:
    """Mean F1 of the classes."""
    return float(np.mean([_class_f1(guess == c, target == c) for c in range(classes)]))


def _class_f1(guess: Bools, target: Bools) -> float:
    return f1(float((guess & target).sum()), float(guess.sum()), float(target.sum()))


def binary(guess: Bools, target: NDArray[Any]) -> dict[str, Any]:
    """Precision, recall and F1 of the yes class; `target` in {False, True} or {0, 1}."""
    real = target == 1
    hits, said, there = float((guess & real).sum()), float(guess.sum()), float(real.sum())
    return {
        "positives": int(there),
        "precision": round(hits / said, 4) if said else 0.0,
        "recall": round(hits / there, 4) if there else 0.0,
        "f1": round(f1(hits, said, there), 4),
    }


def micro_f1(guess: Bools, real: Bools, agree: Bools | None = None) -> float:
    """F1 over all cells; with `agree`, a hit must agree too (in polarity)."""
    hits = guess & real if agree is None else guess & real & agree
    return f1(float(hits.sum()), float(guess.sum()), float(real.sum()))


def expected_calibration_error(confidence: Floats, right: Bools, bins: int = 15) -> float:
    """Mean gap between confidence and hits over equal-width bins, weighted by their size."""
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(float(confidence[place == b].mean()) - float(right[place == b].mean()))
        * float((place == b).mean())
        for b in range(bins)
        if (place == b).any()
    ]
    return round(sum(gaps), 4)


def resampled(score: Callable[[Ints], float], rows: int, rounds: int = _ROUNDS) -> Interval:
    """95 % interval of `score(indices)` by resampling texts (percentile bootstrap, seed 0)."""
    if not rows:
        return 0.0, 1.0
    chance = np.random.default_rng(0)
    values = [score(chance.integers(0, rows, rows)) for _ in range(rounds)]
    low, high = np.percentile(values, [2.5, 97.5])
    return round(float(low), 4), round(float(high), 4)


def report(said: Answers, known: Truth) -> dict[str, Any]:
    """Every figure of merit on the rows given."""
    rows = len(known.sentiment)
    signs = said.polarity == known.polarity
    both = said.topic & known.topic
    return {
        "n": rows,
        "sentiment_accuracy": accuracy(said.sentiment == known.sentiment),
        "sentiment_macro_f1": round(macro_f1(said.sentiment, known.sentiment), 4),
        "sentiment_macro_f1_interval": resampled(
            lambda at: macro_f1(said.sentiment[at], known.sentiment[at]), rows
        ),
        "sentiment_ece": expected_calibration_error(
            said.confidence, said.sentiment == known.sentiment
        ),
        "complaint": binary(said.complaint, known.complaint)
        | {
            "interval": resampled(
                lambda at: _class_f1(said.complaint[at], known.complaint[at]), rows
            )
        },
        "complaint_ece": expected_calibration_error(said.complaint_probability, known.complaint),
        "churn": binary(said.churn, known.churn)
        | {"interval": resampled(lambda at: _class_f1(said.churn[at], known.churn[at]), rows)},
        "topics_micro_f1": round(micro_f1(said.topic, known.topic), 4),
        "topics_micro_f1_interval": resampled(
            lambda at: micro_f1(said.topic[at], known.topic[at]), rows
        ),
        "topics_polarity_micro_f1": round(micro_f1(said.topic, known.topic, signs), 4),
        "topics_polarity_micro_f1_interval": resampled(
            lambda at: micro_f1(said.topic[at], known.topic[at], signs[at]), rows
        ),
        "polarity_accuracy_on_found": round(float(signs[both].mean()), 4) if both.any() else 0.0,
    }


def by_topic(said: Answers, known: Truth, topics: Sequence[str]) -> dict[str, Any]:
    """Precision, recall and F1 of each topic."""
    return {topic: binary(said.topic[:, at], known.topic[:, at]) for at, topic in enumerate(topics)}


def by_group(said: Answers, known: Truth, groups: Sequence[str]) -> dict[str, dict[str, Any]]:
    """`report` for each group (language, source) of the texts, in the groups' order."""
    labels = np.asarray(groups)
    return {
        group: report(some(said, labels == group), some(known, labels == group))
        for group in dict.fromkeys(groups)
    }
