from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.language import evaluation as ev

ROWS: list[dict[str, Any]] = [
    {"sentiment": "negative", "complaint": True, "churn": True, "topics": [["wait", -1]]},
    {"sentiment": "positive", "complaint": False, "churn": False, "topics": [["price", 1]]},
    {"sentiment": "neutral", "complaint": False, "churn": False, "topics": []},
    {"sentiment": "negative", "complaint": True, "churn": False, "topics": [["wait", 0], ["?", 1]]},
]
TOPICS = ("wait", "price")


def answers(**changes: Any) -> ev.Answers:
    known = ev.Truth.of(ROWS, TOPICS)
    right = {
        "sentiment": known.sentiment, "confidence": np.ones(4), "complaint": known.complaint,
        "complaint_probability": known.complaint.astype(float), "churn": known.churn,
        "topic": known.topic, "polarity": known.polarity,
    }  # fmt: skip
    return ev.Answers(**(right | changes))


def test_a_perfect_answer() -> None:
    found = ev.report(answers(), ev.Truth.of(ROWS, TOPICS))
    assert found["sentiment_accuracy"]["value"] == found["sentiment_macro_f1"] == 1
    assert found["complaint"]["f1"] == found["churn"]["f1"] == 1
    assert found["topics_micro_f1"] == found["topics_polarity_micro_f1"] == 1
    assert found["sentiment_ece"] == found["complaint_ece"] == 0


def test_a_wrong_polarity_counts_for_the_topic_alone() -> None:
    found = ev.report(answers(polarity=np.ones((4, 2), int)), ev.Truth.of(ROWS, TOPICS))
    assert found["topics_micro_f1"] == 1
    assert found["topics_polarity_micro_f1"] == pytest.approx(1 / 3, abs=1e-4)


def test_half_of_the_topics() -> None:
    """Two of three said, one said too much: 2·2 / (3 + 3)."""
    said = np.array([[True, True], [False, True], [False, False], [False, False]])
    found = ev.report(answers(topic=said), ev.Truth.of(ROWS, TOPICS))
    assert found["topics_micro_f1"] == pytest.approx(2 / 3, abs=1e-4)
    by_topic = ev.by_topic(answers(topic=said), ev.Truth.of(ROWS, TOPICS), TOPICS)
    assert by_topic["wait"] == {"positives": 2, "precision": 1.0, "recall": 0.5, "f1": 0.6667}


def test_wilson_of_a_textbook() -> None:
    """81 of 263: Newcombe, Statistics in Medicine 17 (1998), 857, gives 0.2553 to 0.3662."""
    assert ev.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert ev.wilson(0, 0) == (0.0, 1.0)


@given(st.integers(0, 50), st.integers(0, 50))
def test_an_interval_holds_its_share(hits: int, misses: int) -> None:
    total = hits + misses
    low, high = ev.wilson(hits, total)
    share = hits / total if total else 0.5
    assert 0 <= low <= share + 1e-4
    assert share - 1e-4 <= high <= 1


def test_the_calibration_error_of_a_boast() -> None:
    """Always 0.9 sure, right half the time."""
    right = np.array([True, False] * 50)
    assert ev.expected_calibration_error(np.full(100, 0.9), right) == pytest.approx(0.4)


def test_groups_are_told_apart() -> None:
    sentiment = np.array([0, 2, 1, 2])
    found = ev.by_group(
        answers(sentiment=sentiment), ev.Truth.of(ROWS, TOPICS), ["ko", "ko", "en", "en"]
    )
    assert list(found) == ["ko", "en"]
    assert found["ko"]["sentiment_accuracy"]["value"] == 1
    assert found["en"]["sentiment_accuracy"] == {
        "n": 2,
        "value": 0.5,
        "low": 0.0945,
        "high": 0.9055,
    }


def test_no_texts_of_a_kind() -> None:
    nothing = np.zeros(0, int)
    known = ev.some(ev.Truth.of(ROWS, TOPICS), nothing)
    assert ev.report(ev.some(answers(), nothing), known)["n"] == 0
