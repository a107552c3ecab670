"""The analyser before a classifier that tells on it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.analysis import ClauseReading, TopicMention
from pipeline.domain.contact import Channel, Contact, Language, Speaker, Turn
from pipeline.language.aggregate import Thresholds
from pipeline.language.analyser import ContactAnalyser
from pipeline.language.clauses import MAX_CLAUSES
from pipeline.language.mask import Masker
from pipeline.language.pseudonym import Pseudonyms

PERSONAL = re.compile(
    r"1380013\s?8000|010-1234-5678|@|11010519491231002|4111|王小明|김철수|John Doe"
)


@dataclass
class Witness:
    """Reads "bad" as a complaint about delivery; fails when it is shown personal data."""

    revision: str = "witness-1"
    taxonomy_version: int = 3
    topics: tuple[str, ...] = ("delivery", "price")
    max_tokens: int = 24
    read_texts: list[str] = field(default_factory=list)

    def read(self, clauses: Sequence[str]) -> list[ClauseReading]:
        return [self._reading(clause) for clause in clauses]

    def likelihoods(self, clauses: Sequence[str]) -> list[list[list[float]]]:
        self._look(clauses)
        return [[[0.9, 0.1, 0.0] if "bad" in clause else [0.0, 0.1, 0.0]] * 2 for clause in clauses]

    def _reading(self, clause: str) -> ClauseReading:
        self._look([clause])
        if "bad" in clause:
            return ClauseReading(
                (0.9, 0.08, 0.02),
                0.95,
                0.8,
                (TopicMention("delivery", -1, 0.9),),
                len(clause) > 300,
            )
        return ClauseReading((0.05, 0.9, 0.05), 0.1, 0.1, ())

    def _look(self, clauses: Sequence[str]) -> None:
        self.read_texts += clauses
        for clause in clauses:
            assert clause
            assert not PERSONAL.search(clause), "personal data reached the classifier"


def _analyser(witness: Witness | None = None, **more: Any) -> ContactAnalyser:
    return ContactAnalyser(witness or Witness(), Masker(), Pseudonyms(b"0123456789abcdef"), **more)


def _contact(text: str = "", **more: Any) -> Contact:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    return Contact("c-1", at, Channel.CHAT, **{"text": text, **more})


def test_everything_is_masked_before_it_is_read_or_kept() -> None:
    witness = Witness()
    text = (
        "我叫王小明，bad service! 电话13800138000，身份证11010519491231002X。"
        " 김철수님 010-1234-5678. My name is John Doe, a@example.com, card 4111 1111 1111 1111"
    )
    analyser = _analyser(witness)
    (found,) = analyser.analyse([_contact(text)])
    kept = repr(found) + repr(analyser.cache._readings)
    assert not PERSONAL.search(kept)
    assert witness.read_texts
    assert found.masked == {"NAME": 3, "PHONE": 2, "ID": 1, "EMAIL": 1, "CARD": 1}
    assert found.text.startswith("我叫<NAME>，bad service!")


def test_attributes_are_masked_too() -> None:
    given = {"reach": "010-1234-5678", "note": "mail a@example.com", "carrier": "north"}
    (found,) = _analyser().analyse([_contact("fine", attributes=given)])
    assert found.attributes == {"reach": "<PHONE>", "note": "mail <EMAIL>", "carrier": "north"}


def test_only_the_customers_turns_are_read() -> None:
    witness = Witness()
    turns = (
        Turn(Speaker.AGENT, "that is bad, I am sorry"),
        Turn(Speaker.CUSTOMER, "hello there"),
        Turn(Speaker.BOT, "bad bot"),
        Turn(Speaker.SYSTEM, "bad transfer"),
    )
    (found,) = _analyser(witness).analyse([_contact(turns=turns)])
    assert found.sentiment == "neutral"
    assert not found.complaint
    assert found.text == "hello there"
    assert "bad" not in " ".join(witness.read_texts)


@pytest.mark.parametrize("text", ["", "  \n ", "\u200b", "<br/>"])
def test_nothing_said(text: str) -> None:
    witness = Witness()
    (found,) = _analyser(witness).analyse([_contact(text)])
    assert (found.clauses, found.sentiment, found.confidence) == ((), "neutral", 0.0)
    assert (found.complaint, found.churn, found.uncertain) == (False, False, False)
    assert found.topics == ()
    assert found.language is Language.UND
    assert witness.read_texts == []


def test_nothing_said_is_no_complaint_whatever_the_thresholds() -> None:
    thresholds = Thresholds(complaint=0.0, churn=0.0)
    (found,) = _analyser(thresholds=thresholds).analyse([_contact()])
    assert not found.complaint
    assert not found.churn


def test_a_complaint_with_its_topic_evidence_and_versions() -> None:
    (found,) = _analyser().analyse(
        [_contact("Thanks for the call. The delivery was bad!", customer_id="k", agent_id="k")]
    )
    assert found.sentiment == "negative"
    assert found.complaint
    assert found.churn
    assert [(m.topic, m.polarity) for m in found.topics] == [("delivery", -1)]
    assert found.evidence == {"delivery": "The delivery was bad!"}
    assert (found.model_revision, found.taxonomy_version) == ("witness-1", 3)
    assert len(found.customer_hash) == len(found.agent_hash) == 32
    assert found.customer_hash != found.agent_hash


def test_the_evidence_is_masked_and_as_the_customer_wrote_it() -> None:
    (found,) = _analyser().analyse([_contact("ＢＡＤ bad 电话 13800138000！！！！！！")])
    assert found.evidence == {"delivery": "ＢＡＤ bad 电话 <PHONE>！！！！！！"}


def test_endless_texts_are_cut_and_counted() -> None:
    text = "\n".join(f"clause number {n} is here" for n in range(MAX_CLAUSES + 50))
    (found,) = _analyser().analyse([_contact(text)])
    assert len(found.clauses) == MAX_CLAUSES
    assert found.truncated_clauses == 50
    assert found.text == text


def test_every_clause_has_its_language() -> None:
    text = "배송이 너무 늦어요. The parcel is late. 服務態度很差。"
    (found,) = _analyser().analyse([_contact(text)])
    assert [clause.language for clause in found.clauses] == [
        Language.KO,
        Language.EN,
        Language.ZH_HANT,
    ]


def test_repeated_texts_are_read_once() -> None:
    witness = Witness()
    analyser = _analyser(witness)
    analyser.analyse([_contact("thank you"), _contact("thank  you"), _contact("ｔｈａｎｋ you")])
    analyser.analyse([_contact("thank you")])
    assert witness.read_texts == ["thank you"]
    assert (analyser.cache.hits, analyser.cache.misses) == (1, 1)


texts = st.lists(
    st.sampled_from(
        ["bad thing. ", "good. ", "배송이 늦어요. ", "很好。", "13800138000 ", "😀", "\n"]
    ),
    max_size=30,
).map("".join)


@settings(max_examples=60)
@given(st.lists(texts, max_size=6))
def test_a_contact_reads_the_same_whatever_stands_beside_it(found: list[str]) -> None:
    alone = [_analyser().analyse([_contact(text)])[0] for text in found]
    assert _analyser().analyse([_contact(text) for text in found]) == alone
    assert _analyser(cache_size=0).analyse([_contact(text) for text in found]) == alone


def test_errors_of_the_classifier_pass_through() -> None:
    class Broken(Witness):
        def read(self, clauses: Sequence[str]) -> list[ClauseReading]:
            raise RuntimeError("no session")

    analyser = _analyser(Broken())
    with pytest.raises(RuntimeError, match="no session"):
        analyser.analyse([_contact("hello there")])
    assert analyser.cache.lookup(["hello there"]) == {}
