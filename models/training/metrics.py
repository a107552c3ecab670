"""Figures of merit of the training, on what `pipeline.language.evaluation` measures with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.training.calibrate import Floats, Truth, cautious, sigmoid, softmax
from models.training.infer import Logits
from pipeline.language.evaluation import (
    accuracy,
    binary,
    expected_calibration_error,
    macro_f1,
    micro_f1,
    resampled,
)


def micro(
    guess: NDArray[np.bool_], real: NDArray[np.bool_], agree: NDArray[np.bool_] | None = None
) -> float:
    return round(micro_f1(guess, real, agree), 4)


class Answers:
    """Decisions and confidences of logits under a calibration."""

    def __init__(self, logits: Logits, calibration: Mapping[str, Any]) -> None:
        heat, cut = calibration["temperature"], calibration["threshold"]
        self.feeling = softmax(logits["sentiment"] / heat["sentiment"])
        self.sentiment = cautious(self.feeling, cut["sentiment"])
        self.complaining = sigmoid(logits["complaint"] / heat["complaint"])
        self.complaint = self.complaining >= cut["complaint"]
        self.leaving = sigmoid(logits["churn"] / heat["churn"])
        self.churn = self.leaving >= cut["churn"]
        self.likely = sigmoid(logits["topic"] / heat["topic"])
        self.topic = self.likely >= np.array(list(cut["topic"].values()))
        self.polarity = logits["polarity"].argmax(-1)

    def join(self, other: Answers, mine: NDArray[np.bool_]) -> Answers:
        """Rows of self where `mine`, else of `other`."""
        for name, value in vars(self).items():
            shape = (-1,) + (1,) * (value.ndim - 1)
            setattr(self, name, np.where(mine.reshape(shape), value, getattr(other, name)))
        return self


def reliability(confidence: Floats, right: NDArray[np.bool_], bins: int = 10) -> list[list[float]]:
    """[mean confidence, share right, texts] of each bin of confidence that holds any."""
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    return [
        [
            round(float(confidence[place == b].mean()), 4),
            round(float(right[place == b].mean()), 4),
            int((place == b).sum()),
        ]
        for b in range(bins)
        if (place == b).any()
    ]


def report(found: Answers, known: Truth, rows: NDArray[np.int64]) -> dict[str, Any]:
    """All figures on some rows."""
    topics, real = found.topic[rows], known.topic[rows] == 1
    signs = found.polarity[rows] == known.polarity[rows]
    sentiment, target = found.sentiment[rows], known.sentiment[rows]
    feeling = found.feeling[rows]
    both = topics & real
    return {
        "n": len(rows),
        "sentiment_accuracy": accuracy(sentiment == target),
        "sentiment_macro_f1": round(macro_f1(sentiment, target), 4),
        "sentiment_macro_f1_interval": resampled(
            lambda at: macro_f1(sentiment[at], target[at]), len(rows)
        ),
        "sentiment_ece": expected_calibration_error(feeling.max(-1), feeling.argmax(-1) == target),
        "unsure_share": round(float((feeling.max(-1) < 0.5).mean()), 4),
        "complaint": binary(found.complaint[rows], known.complaint[rows]),
        "complaint_interval": resampled(
            lambda at: binary(found.complaint[rows][at], known.complaint[rows][at])["f1"], len(rows)
        ),
        "complaint_ece": expected_calibration_error(
            found.complaining[rows], known.complaint[rows] == 1
        ),
        "churn_ece": expected_calibration_error(found.leaving[rows], known.churn[rows] == 1),
        "churn": binary(found.churn[rows], known.churn[rows]),
        "topics_micro_f1": micro(topics, real),
        "topics_micro_f1_interval": resampled(lambda at: micro(topics[at], real[at]), len(rows)),
        "topics_polarity_micro_f1": micro(topics, real, signs),
        "topics_polarity_micro_f1_interval": resampled(
            lambda at: micro(topics[at], real[at], signs[at]), len(rows)
        ),
        "polarity_accuracy_on_found": round(float(signs[both].mean()), 4) if both.any() else 0.0,
        "topics_ece": expected_calibration_error(found.likely[rows].reshape(-1), real.reshape(-1)),
    }


def per_topic(found: Answers, known: Truth, names: list[str]) -> dict[str, Any]:
    """Precision, recall, F1 of each topic over all rows."""
    return {n: binary(found.topic[:, i], known.topic[:, i]) for i, n in enumerate(names)}
