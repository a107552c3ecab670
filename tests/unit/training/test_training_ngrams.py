from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.training import hashing, ngrams

PIECES = ["<s>", "<pad>", "</s>", "<unk>", *(f"▁{a}{b}" for a in "abcdefg" for b in "hijklmn")]
LETTERS = hashing.spelling(PIECES)
TEXTS = st.lists(st.integers(4, len(PIECES) - 1), min_size=1, max_size=12)
ROWS = 4_093


@given(st.lists(TEXTS, min_size=1, max_size=6))
def test_known_ngrams_count_and_unknown_ones_add_nothing(texts: list[list[int]]) -> None:
    keys = ngrams.dictionary(texts, LETTERS, ROWS, least=1)
    counts = ngrams.features(texts, LETTERS, keys)
    assert np.all(counts.getnnz(axis=1) > 0)
    nothing = ngrams.features(texts, LETTERS, np.full(ROWS, -1, np.int32))
    assert nothing.nnz == 0


@given(TEXTS, TEXTS)
def test_ngrams_never_reach_into_the_next_text(left: list[int], right: list[int]) -> None:
    keys = ngrams.dictionary([left, right], LETTERS, ROWS, least=1)
    together = ngrams.features([left, right], LETTERS, keys)
    alone = ngrams.features([left], LETTERS, keys)
    assert np.allclose(together[0].toarray(), alone.toarray())


def test_letters_are_folded() -> None:
    letters = hashing.spelling(["A", "a", "Ａ", "體", "体", "<pad>", "x" * 20])
    assert letters[0, 0] == letters[1, 0] == letters[2, 0]
    assert letters[3, 0] == letters[4, 0] != letters[0, 0]
    assert not letters[5].any()
    assert (letters[6] > 0).all()


def test_a_text_is_scaled_by_the_root_of_its_known_ngrams() -> None:
    keys = ngrams.dictionary([[4], [4]], LETTERS, ROWS, least=2)
    counts = ngrams.features([[4]], LETTERS, keys)
    assert np.allclose(counts.data, 1 / np.sqrt(6))  # ▁ a h, ▁a ah, ▁ah


def test_rare_ngrams_get_no_row() -> None:
    keys = ngrams.dictionary([[4], [4], [52]], LETTERS, ROWS, least=3)
    assert ngrams.features([[52]], LETTERS, keys).getnnz() == 1  # the mark of a word's start


def test_sides_are_learnt() -> None:
    texts = [[10, 20], [11, 31], [12, 42]] * 30
    keys = ngrams.dictionary(texts, LETTERS, ROWS, least=2)
    counts = ngrams.features(texts, LETTERS, keys)
    target = np.array([0, 1, 2] * 30)
    weights, bias = ngrams.sides(counts, target, np.ones(len(target)))
    assert ((counts @ weights + bias).argmax(1) == target).all()


def test_questions_are_learnt_apart_and_one_without_a_yes_adds_nothing() -> None:
    texts = [[10, 20], [11, 31]] * 30
    counts = ngrams.features(texts, LETTERS, ngrams.dictionary(texts, LETTERS, ROWS, least=2))
    answers = np.array([[1, 0, 0], [0, 1, 0]] * 30)
    weights, bias = ngrams.questions(counts, answers)
    logits = counts @ weights + bias
    assert ((logits[:, :2] > 0) == (answers[:, :2] == 1)).all()
    assert not weights[:, 2].any()
