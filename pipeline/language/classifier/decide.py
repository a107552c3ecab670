"""Logits to readings: temperatures make probabilities of them, thresholds make topics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.analysis import POLARITIES, ClauseReading, TopicMention
from pipeline.language.classifier.directory import Calibration

Floats = NDArray[np.float64]


def softmax(logits: NDArray[Any]) -> Floats:
    """Probabilities over the last axis."""
    high = np.exp(logits.astype(np.float64) - logits.max(-1, keepdims=True))
    result: Floats = high / high.sum(-1, keepdims=True)
    return result


def sigmoid(logits: NDArray[Any]) -> Floats:
    """1 / (1 + exp(-x)), elementwise; never overflows."""
    result: Floats = 0.5 * (1 + np.tanh(0.5 * logits.astype(np.float64)))
    return result


def readings(
    logits: Mapping[str, NDArray[np.float32]],
    truncated: Sequence[bool],
    topics: Sequence[str],
    calibration: Calibration,
) -> list[ClauseReading]:
    """One reading per row of `logits`.

    A topic is said where its probability reaches its own threshold; its polarity is the likeliest
    of that topic's three.
    """
    heat = calibration.temperatures
    sentiment = softmax(logits["sentiment"] / heat["sentiment"]).tolist()
    complaint = sigmoid(logits["complaint"] / heat["complaint"]).reshape(-1).tolist()
    churn = sigmoid(logits["churn"] / heat["churn"]).reshape(-1).tolist()
    likely = sigmoid(logits["topic"] / heat["topic"])
    mentions = _mentions(likely, logits["polarity"], topics, calibration.cuts)
    return [
        ClauseReading((p[0], p[1], p[2]), complaint[n], churn[n], mentions[n], truncated[n])
        for n, p in enumerate(sentiment)
    ]


def _mentions(
    likely: Floats, polarity: NDArray[np.float32], topics: Sequence[str], cuts: Floats
) -> list[tuple[TopicMention, ...]]:
    found: list[list[TopicMention]] = [[] for _ in likely]
    rows, columns = np.nonzero(likely >= cuts)
    signs = polarity[rows, columns].argmax(-1)
    sure = likely[rows, columns]
    for row, column, sign, confidence in zip(
        rows.tolist(), columns.tolist(), signs.tolist(), sure.tolist(), strict=True
    ):
        found[row].append(TopicMention(topics[column], POLARITIES[sign], confidence))
    return [tuple(mentions) for mentions in found]
