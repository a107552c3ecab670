"""Temperatures that make confidences honest, and thresholds that balance hits and misses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.training.data import Example
from models.training.infer import Logits
from pipeline.language.evaluation import f1, macro_f1

Floats = NDArray[np.float64]

_TEMPERATURES = np.exp(np.linspace(np.log(0.4), np.log(3.0), 60))
_CUTS = np.linspace(0.2, 0.75, 56)
"""Cuts beyond these would rest on a handful of texts."""

_PRIOR = 4.0
"""Texts' worth of belief that a topic's cut is as good as the common one."""


@dataclass(frozen=True)
class Truth:
    """Annotations as arrays: [N], [N], [N], [N, n] in {0, 1}, [N, n] in {-1 absent, 0, 1, 2}."""

    sentiment: NDArray[np.int64]
    complaint: NDArray[np.int64]
    churn: NDArray[np.int64]
    topic: NDArray[np.int64]
    polarity: NDArray[np.int64]


def truth(examples: Sequence[Example], names: Sequence[str]) -> Truth:
    """The annotations of `examples`."""
    signs = np.full((len(examples), len(names)), -1, np.int64)
    for row, example in enumerate(examples):
        for name, sign in (example.topics or {}).items():
            signs[row, names.index(name)] = sign + 1
    columns = ([getattr(e, name) for e in examples] for name in ("sentiment", "complaint", "churn"))
    return Truth(*(np.array(c, np.int64) for c in columns), (signs >= 0).astype(np.int64), signs)


def softmax(logits: NDArray[Any]) -> Floats:
    """Over the last axis."""
    high = np.exp(logits.astype(np.float64) - logits.max(-1, keepdims=True))
    result: Floats = high / high.sum(-1, keepdims=True)
    return result


def sigmoid(logits: NDArray[Any]) -> Floats:
    """Elementwise."""
    result: Floats = 1.0 / (1.0 + np.exp(-logits.astype(np.float64)))
    return result


def _log_loss(probability: Floats) -> float:
    return float(-np.log(np.clip(probability, 1e-9, 1)).mean())


def class_temperature(logits: NDArray[Any], target: NDArray[np.int64]) -> float:
    """The divisor of logits [N, k] under which the targets are likeliest."""
    at = np.arange(len(target))
    losses = [_log_loss(softmax(logits / t)[at, target]) for t in _TEMPERATURES]
    return round(float(_TEMPERATURES[int(np.argmin(losses))]), 4)


def binary_temperature(logits: NDArray[Any], target: NDArray[np.int64]) -> float:
    """The same for yes-no logits of any shape."""
    sign = np.where(target == 1, 1.0, -1.0)
    losses = [_log_loss(sigmoid(sign * logits / t)) for t in _TEMPERATURES]
    return round(float(_TEMPERATURES[int(np.argmin(losses))]), 4)


def _cut(probability: Floats, target: NDArray[np.int64], usual: float | None = None) -> float:
    best, value = 0.5, -1.0
    for cut in _CUTS:
        guess = probability >= cut
        score = f1(float((guess & (target == 1)).sum()), float(guess.sum()), float(target.sum()))
        if usual is not None:
            score -= _PRIOR / (target.sum() + _PRIOR) * abs(cut - usual)
        if score > value:
            best, value = float(cut), score
    return round(best, 3)


def cautious(probability: Floats, least: float) -> NDArray[np.int64]:
    """The likeliest sentiment, or neutral (1) where it is less likely than `least`."""
    guess = probability.argmax(-1)
    return np.where(probability.max(-1) >= least, guess, 1)


def _least(probability: Floats, target: NDArray[np.int64]) -> float:
    scores = {c: macro_f1(cautious(probability, c), target) for c in np.arange(0.34, 0.62, 0.02)}
    return round(float(max(scores, key=lambda c: scores[c])), 3)


def temperatures(logits: Logits, known: Truth) -> dict[str, float]:
    """One for each question."""
    present = known.topic == 1
    return {
        "sentiment": class_temperature(logits["sentiment"], known.sentiment),
        "complaint": binary_temperature(logits["complaint"], known.complaint),
        "churn": binary_temperature(logits["churn"], known.churn),
        "topic": binary_temperature(logits["topic"], known.topic),
        "polarity": class_temperature(logits["polarity"][present], known.polarity[present]),
    }


def calibrate(logits: Logits, known: Truth, names: Sequence[str]) -> dict[str, Any]:
    """`temperature` and `threshold` as config.json holds them."""
    heat = temperatures(logits, known)
    topics = sigmoid(logits["topic"] / heat["topic"])
    usual = _cut(topics.reshape(-1), known.topic.reshape(-1))
    threshold: Mapping[str, Any] = {
        "sentiment": _least(softmax(logits["sentiment"] / heat["sentiment"]), known.sentiment),
        "complaint": _cut(sigmoid(logits["complaint"] / heat["complaint"]), known.complaint),
        "churn": _cut(sigmoid(logits["churn"] / heat["churn"]), known.churn),
        "topic": {n: _cut(topics[:, i], known.topic[:, i], usual) for i, n in enumerate(names)},
    }
    return {"temperature": heat, "threshold": threshold}
