"""What the labels of a foreign checkpoint mean: negative, neutral or positive."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pipeline.domain.analysis import SENTIMENTS
from pipeline.errors import ModelError

_WORDS = {
    "negative": re.compile(r"neg|負|负|부정|差评|差評|\bbad\b", re.IGNORECASE),
    "neutral": re.compile(r"neu|mixed|中立|中性|중립|보통", re.IGNORECASE),
    "positive": re.compile(r"pos|正|긍정|好评|好評|\bgood\b", re.IGNORECASE),
}
_STARS = re.compile(r"([1-5])\s*[-_ ]?(?:stars?|★|星|점)?", re.IGNORECASE)
_NUMBERED = re.compile(r"LABEL_(\d+)")
_BY_COUNT = {
    2: ("negative", "positive"),
    3: SENTIMENTS,
    5: ("negative", "negative", "neutral", "positive", "positive"),
}
"""Unnamed classes are read as an ascending scale, which is how such data sets number them."""


def meanings(id2label: Mapping[int, str], given: Mapping[str, str] | None = None) -> list[int]:
    """For each class of a checkpoint the position in SENTIMENTS of what it means.

    `given` (model.labels) wins. Without it: words in the labels' names, stars from 1 to 5, or the
    unnamed LABEL_0, LABEL_1 ... of 2, 3 or 5 classes. Raises ModelError where none of these fits.
    """
    labels = [str(id2label[at]) for at in sorted(id2label)]
    names = _given(labels, given) if given else _guessed(labels)
    found = [SENTIMENTS.index(name) for name in names]
    if not {0, 2} <= set(found):
        raise _unclear(labels)
    return found


def _given(labels: list[str], given: Mapping[str, str]) -> list[str]:
    missing = [label for label in labels if label not in given]
    if missing:
        raise ModelError(
            f"model.labels does not say what {', '.join(missing)} means",
            fix=f"Give negative, neutral or positive for each of {', '.join(labels)}.",
        )
    return [given[label] for label in labels]


def _guessed(labels: list[str]) -> list[str]:
    if all(_NUMBERED.fullmatch(label) for label in labels):
        if len(labels) in _BY_COUNT:
            return list(_BY_COUNT[len(labels)])
        raise _unclear(labels)
    stars = [_STARS.fullmatch(label.strip()) for label in labels]
    if all(stars):
        return [_BY_COUNT[5][int(match[1]) - 1] for match in stars if match]
    return [_by_word(label, labels) for label in labels]


def _by_word(label: str, labels: list[str]) -> str:
    fitting = [name for name, words in _WORDS.items() if words.search(label)]
    if len(fitting) != 1:
        raise _unclear(labels)
    return fitting[0]


def _unclear(labels: list[str]) -> ModelError:
    return ModelError(
        f"what the labels {', '.join(labels)} mean is not clear",
        fix="Say it in model.labels: one of negative, neutral, positive for each label.",
    )
