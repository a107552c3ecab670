from __future__ import annotations

import numpy as np
import pytest

from pipeline.domain.analysis import TopicMention
from pipeline.language.aggregate import Thresholds
from pipeline.language.classifier.decide import readings, sigmoid, softmax
from pipeline.language.classifier.directory import QUESTIONS, Calibration


def calibration(temperature: float = 1.0, cuts: tuple[float, ...] = (0.5, 0.5)) -> Calibration:
    return Calibration(dict.fromkeys(QUESTIONS, temperature), Thresholds(), np.array(cuts))


def logits(topic: list[float], polarity: list[list[float]]) -> dict[str, np.ndarray]:
    return {
        "sentiment": np.array([[2.0, 0.0, -2.0]], np.float32),
        "complaint": np.array([1.0], np.float32),
        "churn": np.array([-1.0], np.float32),
        "topic": np.array([topic], np.float32),
        "polarity": np.array([polarity], np.float32),
    }


def test_a_topic_is_said_from_its_own_threshold() -> None:
    raw = logits([1.0, 1.0], [[3.0, 0.0, 0.0], [0.0, 0.0, 3.0]])
    found = readings(raw, [False], ("wait", "delivery"), calibration(cuts=(0.7, 0.75)))
    likely = 1 / (1 + np.exp(-1.0))
    assert found[0].topics == (TopicMention("wait", -1, pytest.approx(likely)),)


def test_the_polarity_is_the_likeliest() -> None:
    raw = logits([9.0, 9.0], [[0.0, 3.0, 0.0], [0.0, 0.0, 3.0]])
    found = readings(raw, [True], ("wait", "delivery"), calibration())
    assert [mention.polarity for mention in found[0].topics] == [0, 1]
    assert found[0].truncated


def test_a_higher_temperature_is_less_sure() -> None:
    raw = logits([1.0, -1.0], [[0.0] * 3] * 2)
    cold, hot = (readings(raw, [False], ("a", "b"), calibration(t))[0] for t in (1.0, 4.0))
    assert cold.sentiment[0] > hot.sentiment[0] > 1 / 3
    assert cold.complaint > hot.complaint > 0.5
    assert cold.churn < hot.churn < 0.5


def test_large_logits_do_not_overflow() -> None:
    with np.errstate(over="raise", invalid="raise"):
        assert sigmoid(np.array([-1000.0, 1000.0])).tolist() == [0.0, 1.0]
        assert softmax(np.array([[1000.0, 0.0]])).tolist() == [[1.0, 0.0]]
