from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.training import variation
from models.training.data import Example

LANGS = ("zh-Hans", "zh-Hant", "ko", "en")


@given(st.text(min_size=1), st.sampled_from(LANGS), st.integers(0, 1000))
def test_a_varied_text_keeps_its_labels_and_is_never_empty(text: str, lang: str, seed: int) -> None:
    (found,) = variation.varied([Example(text, lang, "x", sentiment=2, topics={"wait": 1})], seed)
    assert found.text
    assert (found.sentiment, found.topics, found.lang) == (2, {"wait": 1}, lang)


def test_most_texts_stay_and_every_pass_varies_anew() -> None:
    texts = [Example(f"The parcel number {n} came late", "en", "x") for n in range(1000)]
    first, again, other = (variation.varied(texts, seed) for seed in (1, 1, 2))
    assert first == again != other
    changed = sum(a.text != b.text for a, b in zip(texts, first, strict=True))
    assert 250 < changed < 450


@pytest.mark.parametrize("lang", LANGS)
def test_fillers_stand_around_the_text(lang: str) -> None:
    text = "x" * 20
    for seed in range(20):
        assert text in variation.padded(Example(text, lang, "x"), random.Random(seed))


def test_slips_leave_most_letters() -> None:
    text = "the quick brown fox jumps over the lazy dog " * 20
    slipped = variation.slips(Example(text, "en", "x"), random.Random(3))
    assert slipped != text
    assert abs(len(slipped) - len(text)) < len(text) / 10
