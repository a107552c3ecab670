from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.language.clauses import split
from pipeline.language.normalise import clean, normalise
from pipeline.language.passages import pack, tokens

SENTENCES = [
    "快递太慢了。", "客服也不回复！", "配送太慢了，打電話也沒人接。",
    "앱이 자꾸 튕겨요. ", "다시는 안 씁니다. ",
    "The parcel came late. ", "Nobody answered my mail! ", "12345 67890 12345. ", "\n\n", "  ",
]  # fmt: skip

stories = st.lists(st.sampled_from(SENTENCES), max_size=60).map("".join)


def packed(text: str, limit: int) -> tuple[list[str], list[str], list[tuple[int, int, str]]]:
    text = clean(text)
    clauses = [clause for clause in split(text) if normalise(clause)]
    keys = [normalise(clause) for clause in clauses]
    found = pack(text, clauses, keys, limit)
    return clauses, keys, [(p.first, p.last, p.key) for p in found]


@given(stories, st.integers(16, 256))
def test_every_clause_is_in_exactly_one_passage_in_order(text: str, limit: int) -> None:
    clauses, _, passages = packed(text, limit)
    covered = [at for first, last, _ in passages for at in range(first, last + 1)]
    assert covered == list(range(len(clauses)))


@given(stories, st.integers(16, 256))
def test_a_passage_holds_its_clauses_and_keeps_the_limit(text: str, limit: int) -> None:
    _, keys, passages = packed(text, limit)
    for first, last, key in passages:
        if first == last:
            assert key == keys[first]
        else:
            assert tokens(key) <= limit
            assert key.startswith(keys[first])
            assert key.endswith(keys[last])


def test_a_short_contact_is_one_passage() -> None:
    text = "快递太慢了。客服也不回复！ Never again."
    assert packed(text, 128)[2] == [(0, 2, normalise(text))]


def test_a_long_contact_is_cut_into_parts_of_like_size() -> None:
    """Ten equal clauses that take five passages' room and a bit must not leave a lonely rest."""
    _, _, passages = packed("The parcel came late and nobody ever answered my letters. " * 11, 64)
    sizes = [last - first + 1 for first, last, _ in passages]
    assert len(sizes) > 1
    assert max(sizes) - min(sizes) <= 1


def test_nothing_is_no_passage() -> None:
    assert packed("", 128)[2] == []
