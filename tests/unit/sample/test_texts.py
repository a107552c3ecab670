"""The sample's sentences: complete, fitting, varied, without a real person's data."""

from __future__ import annotations

import re
from collections import Counter
from random import Random

import pytest

from pipeline import resources
from pipeline.domain.taxonomy import Taxonomy
from pipeline.language.mask import Masker
from pipeline.language.mask.checksums import luhn
from pipeline.sample import Labelled, company, people
from pipeline.sample.noise import finished, roughened
from pipeline.sample.phrasebook import BOOKS, MOODS, Template, phrasebook

FULL = [name for name in BOOKS if name != "und"]
CELL = {"zh-Hant-HK": 4}
"""Sentences per topic and mood; Hong Kong's file is the second one for zh-Hant."""
CONTEXT = {"order", "carrier", "app", "first", "second", "phone", "email", "card"} | {
    "name", "surname", "address", "product",
}  # fmt: skip


def _text(made: Labelled) -> str:
    turns = made.event.get("turns", ())
    said = " ".join(turn["text"] for turn in turns if turn["speaker"] == "customer")
    return str(made.event.get("text", said))


def test_the_topics_are_those_of_the_taxonomy() -> None:
    taxonomy = Taxonomy.load(resources.schemas() / "taxonomy.yaml")
    assert set(company.TOPICS) == set(taxonomy)


@pytest.mark.parametrize("name", FULL)
def test_every_topic_has_enough_sentences_of_every_mood(name: str) -> None:
    book = phrasebook(name)
    assert set(book.topics) == set(company.TOPICS)
    for topic, moods in book.topics.items():
        assert set(moods) == set(MOODS), topic
        for mood, templates in moods.items():
            assert len({t.source for t in templates}) >= CELL.get(name, 8), f"{topic} {mood}"


@pytest.mark.parametrize("name", FULL)
def test_no_sentence_is_written_twice(name: str) -> None:
    book = phrasebook(name)
    sources = Counter(
        template.source
        for moods in book.topics.values()
        for templates in moods.values()
        for template in templates
    )
    assert [source for source, count in sources.items() if count > 1] == []


@pytest.mark.parametrize("name", FULL)
def test_every_product_has_a_sentence_for_every_topic_and_mood(name: str) -> None:
    book = phrasebook(name)
    for topic, moods in book.topics.items():
        keys = [product.key for product in company.PRODUCTS]
        keys += ["app"] if company.TOPICS[topic].app else []
        for mood, templates in moods.items():
            for key in keys:
                assert any(t.fits(key) for t in templates), f"{topic} {mood} {key}"


@pytest.mark.parametrize("name", FULL)
def test_every_slot_has_something_to_fill_it(name: str) -> None:
    book = phrasebook(name)
    known = CONTEXT | set(book.words) | {p.key for p in company.PRODUCTS}
    known |= {group for p in company.PRODUCTS for group in p.groups}
    templates = [t for m in book.topics.values() for ts in m.values() for t in ts]
    templates += [t for m in book.lists.values() for ts in m.values() for t in ts]
    for template in templates:
        assert _slots(template.parts) <= known, template.source


def _slots(parts: tuple[tuple[str, object], ...]) -> set[str]:
    found: set[str] = set()
    for kind, value in parts:
        if kind == "slot":
            found.add(str(value))
        elif kind == "choice":
            assert isinstance(value, tuple)
            found = found.union(*(_slots(option) for option in value))
    return found


def test_nothing_of_the_notation_reaches_a_contact(company: list[Labelled]) -> None:
    for made in company:
        text = _text(made)
        assert re.search(r"\$[a-z{]", text) is None, text
        assert "|" not in text
        assert "을(를)" not in text


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("밥솥을(를)", "밥솥을"),
        ("의자을(를)", "의자를"),
        ("이어폰이(가)", "이어폰이"),
        ("서울으로(로)", "서울로"),
        ("매장으로(로)", "매장으로"),
        ("케스트렐은(는)", "케스트렐은"),
        ("3일과(와)", "3일과"),
    ],
)
def test_korean_particles_fit_the_word_before(source: str, expected: str) -> None:
    assert Template.parse(source).fill({}, {}, Random(1)) == expected


def test_alternatives_and_slots_are_filled() -> None:
    template = Template.parse("a (b|$x) ${x}y")
    made = {template.fill({"x": "1"}, {}, Random(seed)) for seed in range(20)}
    assert made == {"a b 1y", "a 1 1y"}


def test_a_slot_narrows_the_products_a_sentence_fits() -> None:
    assert Template.parse("$wireless won't pair").fits("earbuds")
    assert not Template.parse("$wireless won't pair").fits("cooker")
    assert not Template.parse("$product is red").fits("app")
    assert Template.parse("too slow").fits("app")


def test_questions_end_as_questions_and_ends_are_kept() -> None:
    ends = {finished("几点开门？", "zh-Hans", "neutral", Random(n), last=True) for n in range(30)}
    assert {"几点开门？", "几点开门?", "几点开门"} >= ends > {"几点开门"}
    assert finished("几点开门？", "zh-Hans", "neutral", Random(1), last=False) == "几点开门？"
    assert finished("다 왔어요^^", "ko", "positive", Random(1), last=True) == "다 왔어요^^"
    assert finished("So slow", "en", "negative", Random(1), last=False) != "So slow"


def test_typing_errors_change_letters_not_lengths() -> None:
    sentence = "The delivery driver never rang the doorbell"
    made = {roughened(sentence, "en", Random(n)) for n in range(300)}
    assert len(made) > 5
    assert {len(text) for text in made} == {len(sentence)}


def test_contacts_read_like_different_people(demo: list[Labelled]) -> None:
    texts = [text for made in demo if len(text := _text(made)) > 14]
    assert len(set(texts)) > 0.98 * len(texts)


def test_no_sentence_dominates_a_language(company: list[Labelled]) -> None:
    for language in ("zh-Hans", "zh-Hant", "ko", "en"):
        texts = [_text(made) for made in company if made.intent.language == language]
        long = Counter(text for text in texts if len(text) > 14)
        assert max(long.values()) < 0.004 * len(texts)
        assert sum(n - 1 for n in long.values()) < 0.08 * len(texts)


@pytest.mark.parametrize("language", ["zh-Hans", "zh-Hant", "ko", "en"])
def test_each_script_has_personal_data_to_mask(company: list[Labelled], language: str) -> None:
    masker = Masker()
    found: Counter[str] = Counter()
    for made in company[:12_000]:
        if made.intent.language == language:
            found.update(masker.mask(_text(made)).counts)
    assert {"PHONE", "EMAIL", "CARD", "NAME", "ADDRESS"} <= set(found)


def test_personal_data_is_reserved_or_a_test_number() -> None:
    random = Random(1)
    assert {people.mail(random).split("@")[1] for _ in range(50)} == {"example.com"}
    for _ in range(50):
        assert luhn("".join(filter(str.isdigit, people.card(random))))


def test_sarcasm_churn_silence_and_one_word_occur(demo: list[Labelled]) -> None:
    assert sum(made.intent.churn for made in demo) > 20
    assert sum(not _text(made) for made in demo) > 20
    assert sum(0 < len(_text(made)) < 6 for made in demo) > 8
    mixed = [made for made in demo if len({p for _, p in made.intent.topics}) > 1]
    assert len(mixed) > 20
