from __future__ import annotations

from pipeline.domain.analysis import ClauseReading, TopicMention
from pipeline.language.evidence import evidence, to_compare
from pipeline.language.passages import Passage

KEYS = ["a", "b", "c", "d"]
COLUMNS = {"wait": 0, "price": 1}


def reading(*topics: tuple[str, int, float]) -> ClauseReading:
    return ClauseReading((0.2, 0.6, 0.2), 0.1, 0.1, tuple(TopicMention(*t) for t in topics))


def likely(wait: float = 0.0, good_wait: float = 0.0) -> list[list[float]]:
    return [[wait, 0.0, good_wait], [0.0, 0.0, 0.0]]


def test_only_clauses_that_share_a_passage_with_topics_are_read_alone() -> None:
    passages = [Passage("ab", 0, 1), Passage("c", 2, 2), Passage("d", 3, 3)]
    readings = {"ab": reading(("wait", -1, 0.9)), "c": reading(("wait", -1, 0.8)), "d": reading()}
    assert to_compare(passages, KEYS, readings) == ["a", "b"]


def test_nothing_is_read_alone_where_no_topic_was_said() -> None:
    assert to_compare([Passage("abcd", 0, 3)], KEYS, {"abcd": reading()}) == []


def test_the_clause_that_says_the_topic_with_its_polarity() -> None:
    passages = [Passage("abcd", 0, 3)]
    readings = {"abcd": reading(("wait", -1, 0.9))}
    alone = {"a": likely(0.1), "b": likely(0.4, 0.5), "c": likely(0.6), "d": likely(0.6)}
    found = evidence([TopicMention("wait", -1, 0.9)], COLUMNS, passages, KEYS, readings, alone)
    assert found == {"wait": 2}


def test_a_passage_of_the_same_polarity_comes_before_a_surer_one() -> None:
    passages = [Passage("a", 0, 0), Passage("b", 1, 1), Passage("c", 2, 2)]
    readings = {
        "a": reading(("wait", 1, 0.95)),
        "b": reading(("wait", -1, 0.6)),
        "c": reading(("wait", -1, 0.7)),
    }
    mention = [TopicMention("wait", -1, 0.95)]
    assert evidence(mention, COLUMNS, passages, KEYS, readings, {}) == {"wait": 2}


def test_the_first_of_equals() -> None:
    passages = [Passage("a", 0, 0), Passage("b", 1, 1)]
    readings = {key: reading(("price", 1, 0.7)) for key in "ab"}
    mention = [TopicMention("price", 1, 0.7)]
    assert evidence(mention, COLUMNS, passages, KEYS, readings, {}) == {"price": 0}
