"""Pseudonyms, the cache of readings, and from readings to what a contact says."""

from __future__ import annotations

import hashlib
import hmac
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.analysis import Clause, ClauseReading, TopicMention
from pipeline.domain.contact import Language
from pipeline.errors import ConfigError
from pipeline.language.aggregate import mood, topics
from pipeline.language.cache import ReadingCache
from pipeline.language.pseudonym import Pseudonyms

SECRET = b"0123456789abcdef"


# --- pseudonyms


def test_the_pseudonym_is_the_documented_hmac() -> None:
    wanted = hmac.new(SECRET, b"customer:k-1", hashlib.sha256).hexdigest()[:32]
    assert Pseudonyms(SECRET).customer("k-1") == wanted


def test_kinds_secrets_and_ids_are_told_apart() -> None:
    ours, theirs = Pseudonyms(SECRET), Pseudonyms(SECRET + b"!")
    found = {ours.customer("a"), ours.agent("a"), ours.customer("b"), theirs.customer("a")}
    assert len(found) == 4
    assert ours.customer("a") == Pseudonyms(SECRET).customer("a")


def test_no_id_has_no_pseudonym() -> None:
    assert Pseudonyms(SECRET).customer("") == Pseudonyms(SECRET).agent("") == ""


def test_short_secrets_are_refused() -> None:
    with pytest.raises(ConfigError, match="16"):
        Pseudonyms(b"short")


@given(st.text())
def test_every_id_has_a_pseudonym(identity: str) -> None:
    assert len(Pseudonyms(SECRET).customer(identity)) == (32 if identity else 0)


# --- the cache


def _reading(mark: float = 0.0) -> ClauseReading:
    return ClauseReading((mark, 1 - mark, 0.0), 0.0, 0.0, ())


def test_the_least_recently_used_reading_goes_first() -> None:
    cache = ReadingCache(2)
    cache.store({"a": _reading(0.1), "b": _reading(0.2)})
    assert cache.lookup(["a"]) == {"a": _reading(0.1)}
    cache.store({"c": _reading(0.3)})
    assert set(cache.lookup(["a", "b", "c"])) == {"a", "c"}
    assert (cache.hits, cache.misses) == (3, 1)


def test_a_cache_of_size_zero_keeps_nothing() -> None:
    cache = ReadingCache(0)
    cache.store({"a": _reading()})
    assert cache.lookup(["a"]) == {}


@given(st.lists(st.lists(st.text("abcdef", min_size=1, max_size=1), max_size=5)), st.integers(0, 4))
def test_the_cache_never_answers_for_another_clause(batches: list[list[str]], size: int) -> None:
    cache = ReadingCache(size)
    for batch in batches:
        for clause, reading in cache.lookup(batch).items():
            assert reading == _reading(ord(clause) / 1000)
        cache.store({clause: _reading(ord(clause) / 1000) for clause in batch})


# --- the mood


def _clause(
    negative: float, positive: float, text: str = "十个字的一句话是这样", **more: object
) -> Clause:
    sentiment = (negative, 1 - negative - positive, positive)
    return Clause(
        text,
        Language.ZH_HANS,
        ClauseReading(sentiment, 0.0, 0.0, (), **more),  # type: ignore[arg-type]
    )


def test_one_clause_is_the_contact() -> None:
    found = mood([_clause(0.7, 0.1)], 0.5)
    assert (found.sentiment, found.uncertain) == ("negative", False)
    assert found.score == pytest.approx(-0.6)
    assert found.confidence == pytest.approx(0.7)


def test_a_worked_example_of_two_clauses() -> None:
    # Both of 16 letters: sqrt = 4. The first is surely negative (p_neu 0.1), the second neutral
    # (p_neu 0.9) and last, so it counts half more.
    first = _clause(0.8, 0.1, "a" * 16)
    last = _clause(0.05, 0.05, "b" * 16)
    w1 = 4 * (0.05 + 0.95 * 0.9**2)
    w2 = 4 * (0.05 + 0.95 * 0.1**2) * 1.5
    negative = (w1 * 0.8 + w2 * 0.05) / (w1 + w2)
    positive = (w1 * 0.1 + w2 * 0.05) / (w1 + w2)
    found = mood([first, last], 0.5)
    assert found.confidence == pytest.approx(negative)
    assert found.score == pytest.approx(positive - negative)
    assert found.sentiment == "negative"


def test_one_complaint_among_greetings_decides() -> None:
    greetings = [_clause(0.02, 0.03)] * 10
    assert mood([*greetings[:5], _clause(0.95, 0.02), *greetings[5:]], 0.5).sentiment == "negative"


def test_the_conclusion_weighs_more_than_what_comes_before() -> None:
    good, bad = _clause(0.1, 0.8), _clause(0.8, 0.1)
    assert mood([good, bad], 0.3).score < 0 < mood([bad, good], 0.3).score
    summary = _clause(0.8, 0.1, "总之这个东西非常失望啊")
    assert mood([summary, good, good], 0).score < mood([bad, good, good], 0).score


def test_below_the_threshold_it_is_neutral_and_says_so() -> None:
    found = mood([_clause(0.45, 0.35)], 0.5)
    assert (found.sentiment, found.uncertain) == ("neutral", True)
    assert found.confidence == pytest.approx(0.2)
    assert found.score == pytest.approx(-0.1)


def test_ties_are_neutral() -> None:
    tie = Clause("text", Language.EN, ClauseReading((0.4, 0.4, 0.2), 0.0, 0.0, ()))
    assert mood([tie], 0).sentiment == "neutral"
    assert mood([_clause(0.5, 0.5)], 0.5).score == 0


def test_nothing_said_is_neutral_without_confidence() -> None:
    found = mood([], 0.5)
    assert (found.sentiment, found.score, found.confidence) == ("neutral", 0.0, 0.0)
    assert not found.uncertain


probabilities = st.tuples(st.floats(0.01, 1), st.floats(0.01, 1), st.floats(0.01, 1)).map(
    lambda p: (p[0] / sum(p), p[2] / sum(p))
)
clauses = st.lists(
    st.builds(lambda p, text: _clause(p[0], p[1], text), probabilities, st.text(max_size=90)),
    min_size=1,
    max_size=12,
)


@given(clauses, st.floats(0, 1))
def test_the_mood_is_a_mean(found: list[Clause], minimum: float) -> None:
    made = mood(found, minimum)
    scores = [c.reading.sentiment[2] - c.reading.sentiment[0] for c in found]
    assert min(scores) - 1e-9 <= made.score <= max(scores) + 1e-9
    assert 0 <= made.confidence <= 1 + 1e-9
    assert not made.uncertain or made.sentiment == "neutral"


@given(clauses, st.integers(0, 11), st.floats(0.05, 0.95))
def test_a_more_negative_clause_never_lifts_the_score(
    found: list[Clause], at: int, share: float
) -> None:
    """Moves probability from positive to negative; the weights, made of neutral, stay."""
    at %= len(found)
    negative, neutral, positive = found[at].reading.sentiment
    moved = positive * share
    worse = ClauseReading((negative + moved, neutral, positive - moved), 0.0, 0.0, ())
    changed = [*found[:at], Clause(found[at].text, found[at].language, worse), *found[at + 1 :]]
    assert mood(changed, 0).score < mood(found, 0).score


# --- the topics


def _saying(text: str, *mentions: tuple[str, int, float]) -> Clause:
    found = tuple(TopicMention(*mention) for mention in mentions)
    return Clause(text, Language.EN, ClauseReading((0, 1, 0), 0.0, 0.0, found))


def test_a_worked_example_of_topics() -> None:
    merged, evidence = topics(
        [
            _saying("late again", ("delivery", -1, 0.6), ("wait", -1, 0.5)),
            _saying("nice courier", ("delivery", 1, 0.9)),
            _saying("and so late", ("delivery", -1, 0.7)),
        ]
    )
    # delivery: 0.9 - 0.6 - 0.7 < 0, so negative; its surest clause says the opposite.
    assert merged == (TopicMention("delivery", -1, 0.9), TopicMention("wait", -1, 0.5))
    assert evidence == {"delivery": "and so late", "wait": "late again"}


def test_opposite_votes_of_equal_weight_are_neutral() -> None:
    merged, evidence = topics(
        [_saying("good", ("price", 1, 0.8)), _saying("bad", ("price", -1, 0.8))]
    )
    assert merged == (TopicMention("price", 0, 0.8),)
    assert evidence["price"] in {"good", "bad"}


def test_no_topics() -> None:
    assert topics([]) == topics([_saying("x")]) == ((), {})


mentions = st.lists(
    st.tuples(st.sampled_from("pqrs"), st.sampled_from([-1, 0, 1]), st.floats(0.01, 1)), max_size=4
)


@given(st.lists(mentions, max_size=6))
def test_topics_are_each_there_once_the_surest_first(
    found: list[list[tuple[str, int, float]]],
) -> None:
    said = [_saying(f"clause {n}", *each) for n, each in enumerate(found)]
    merged, evidence = topics(said)
    assert {m.topic for m in merged} == {topic for each in found for topic, _, _ in each}
    assert len({m.topic for m in merged}) == len(merged)
    assert [m.confidence for m in merged] == sorted((m.confidence for m in merged), reverse=True)
    assert set(evidence) == {m.topic for m in merged}
    for mention in merged:
        votes = [(c, p) for each in found for t, p, c in each if t == mention.topic]
        total = math.fsum(c * p for c, p in votes)
        assert mention.polarity == (total > 0) - (total < 0)
        assert mention.confidence == max(c for c, _ in votes)
