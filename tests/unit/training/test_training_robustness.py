from __future__ import annotations

import random

import pytest

from models.training import robustness
from models.training.data import Example

TEXT = "The courier left the parcel in the rain and nobody answered my calls about it."


def _changed(change: robustness.Change, text: str, lang: str) -> str:
    return change(Example(text, lang, "x"), random.Random(4))


def test_typos_change_a_little() -> None:
    found = _changed(robustness.typos, TEXT, "en")
    assert found != TEXT
    assert abs(len(found) - len(TEXT)) < 8


def test_korean_typos_stay_syllables() -> None:
    text = "배송이 너무 늦어서 정말 실망했습니다 다시는 주문하지 않겠습니다" * 3
    found = _changed(robustness.typos, text, "ko")
    assert found != text
    assert all("가" <= letter <= "힣" for letter in found if not letter.isspace())


@pytest.mark.parametrize(
    ("change", "lang", "text", "expected"),
    [
        (robustness.no_spaces, "ko", "배송이 너무 늦어요", "배송이너무늦어요"),
        (robustness.full_width, "en", "No. 1", "\uff2e\uff4f\uff0e \uff11"),
        (robustness.half_width, "zh-Hans", "太慢，不买！", "太慢,不买!"),
        (robustness.other_characters, "zh-Hans", "软件更新", "軟體更新"),
        (robustness.other_characters, "zh-Hant", "軟體更新", "软件更新"),
        (robustness.capitals, "en", "too slow", "TOO SLOW"),
    ],
)
def test_changes(change: robustness.Change, lang: str, text: str, expected: str) -> None:
    assert _changed(change, text, lang) == expected


@pytest.mark.parametrize("name", robustness.WRITTEN)
def test_written_texts_cover_every_script_once_each(name: str) -> None:
    examples = robustness.read(name)
    assert {e.lang for e in examples} == set(robustness.EVERY)
    assert len({e.text for e in examples}) == len(examples)
