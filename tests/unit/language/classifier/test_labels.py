from __future__ import annotations

import pytest

from pipeline.errors import ModelError
from pipeline.language.classifier.labels import meanings


def of(*labels: str, **given: str) -> list[int]:
    return meanings(dict(enumerate(labels)), given or None)


@pytest.mark.parametrize(
    ("labels", "meaning"),
    [
        (("NEGATIVE", "POSITIVE"), [0, 2]),
        (("positive", "neutral", "negative"), [2, 1, 0]),
        (("pos", "neg"), [2, 0]),
        (("负面", "中性", "正面"), [0, 1, 2]),
        (("부정", "긍정"), [0, 2]),
        (("LABEL_0", "LABEL_1"), [0, 2]),
        (("LABEL_0", "LABEL_1", "LABEL_2"), [0, 1, 2]),
        (("1 star", "2 stars", "3 stars", "4 stars", "5 stars"), [0, 0, 1, 2, 2]),
        (("Very Negative", "Negative", "Neutral", "Positive", "Very Positive"), [0, 0, 1, 2, 2]),
        (("star 1 (negative)", "star 5 (positive)"), [0, 2]),
    ],
)
def test_names_that_say_what_they_mean(labels: tuple[str, ...], meaning: list[int]) -> None:
    assert of(*labels) == meaning


@pytest.mark.parametrize(
    "labels",
    [
        ("sports", "politics"),
        ("LABEL_0", "LABEL_1", "LABEL_2", "LABEL_3"),
        ("negative", "neutral"),
        ("negative or positive", "neutral"),
        ("LABEL_0",),
    ],
)
def test_names_that_do_not_are_refused(labels: tuple[str, ...]) -> None:
    with pytest.raises(ModelError, match="not clear") as caught:
        of(*labels)
    assert "model.labels" in caught.value.fix


def test_a_given_map_wins() -> None:
    assert of("NEGATIVE", "POSITIVE", NEGATIVE="positive", POSITIVE="negative") == [2, 0]


def test_a_given_map_must_be_complete() -> None:
    with pytest.raises(ModelError, match="what joy means"):
        of("anger", "joy", anger="negative")
