from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.training import calibrate, evaluate, metrics, package
from models.training.data import Example

NAMES = ["delivery", "price_value"]


def _logits(examples: list[Example], strength: float) -> dict[str, np.ndarray]:
    """What a classifier says that is right and `strength` sure."""
    known = calibrate.truth(examples, NAMES)
    side = np.eye(3)[known.sentiment] * strength
    return {
        "sentiment": side,
        "complaint": (known.complaint * 2 - 1) * strength,
        "churn": (known.churn * 2 - 1) * strength,
        "topic": (known.topic * 2 - 1) * strength,
        "polarity": np.eye(3)[np.maximum(known.polarity, 0)] * strength,
    }


@pytest.fixture
def examples() -> list[Example]:
    return [
        Example(
            f"text {n}", "en", "x", n % 3, n % 2, int(n % 5 == 0), {NAMES[n % 2]: n % 3 - 1},
            careful=True,
        )
        for n in range(60)
    ]  # fmt: skip


def test_right_answers_score_one_under_cross_fitting(examples: list[Example]) -> None:
    logits = _logits(examples, 4.0)
    known = calibrate.truth(examples, NAMES)
    found = evaluate.cross_fitted(logits, known, NAMES)
    report = metrics.report(found, known, np.arange(len(examples)))
    assert report["sentiment_macro_f1"] == 1.0
    assert report["complaint"]["f1"] == 1.0
    assert report["topics_polarity_micro_f1"] == 1.0


def test_a_temperature_tempers_false_certainty() -> None:
    target = np.array([0, 1] * 100)
    logits = np.eye(2)[np.where(np.arange(200) % 5 == 0, 1 - target, target)] * 20.0
    heat = calibrate.class_temperature(logits, target)
    sure = calibrate.softmax(logits / heat).max(-1)
    right = logits.argmax(-1) == target
    before = metrics.expected_calibration_error(calibrate.softmax(logits).max(-1), right)
    assert heat > 2
    assert metrics.expected_calibration_error(sure, right) < before


def test_reliability_bins_hold_every_answer() -> None:
    sure = np.linspace(0, 1, 101)
    bins = metrics.reliability(sure, sure > 0.5)
    assert sum(n for _, _, n in bins) == 101
    assert all(0 <= share <= 1 for _, share, _ in bins)


def test_targets_say_what_is_not_reached() -> None:
    pools = {
        "waimai_10k, zh-Hans": {"value": 0.93, "low": 0.91, "high": 0.94},
        "waimai_10k, zh-Hant (converted)": {"value": 0.90, "low": 0.88, "high": 0.92},
    }
    score = {"f1": 0.95}
    every = {
        "complaint": score, "complaint_interval": (0.94, 0.96),
        "topics_polarity_micro_f1": 0.6, "topics_polarity_micro_f1_interval": (0.58, 0.62),
        "sentiment_ece": 0.02, "complaint_ece": 0.02, "churn_ece": 0.01, "topics_ece": 0.05,
    }  # fmt: skip
    dev = {
        "all": every,
        "languages": {"ko": {"sentiment_macro_f1": 0.8, "sentiment_macro_f1_interval": (0.7, 0.9)}},
    }
    missed = {t["name"] for t in evaluate.targets(dev, pools) if not t["reached"]}
    assert missed == {
        "sentiment macro-F1, annotated, ko",
        "topics micro-F1 with polarity, annotated",
        "calibration error, topics",
        "loss in Traditional, waimai_10k",
    }


def test_a_revision_names_what_answers_depend_on(tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(b"one")
    first = package.revision("2026-01-01", [model], {"temperature": 1.0})
    assert first == package.revision("2026-01-01", [model], {"temperature": 1.0})
    assert first.startswith("2026-01-01.")
    assert first != package.revision("2026-01-01", [model], {"temperature": 1.1})
    model.write_bytes(b"two")
    assert first != package.revision("2026-01-01", [model], {"temperature": 1.0})
