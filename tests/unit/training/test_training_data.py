from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from models.training import data, labels, robustness
from pipeline import resources
from pipeline.domain.taxonomy import Taxonomy


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "wt", encoding="utf-8") as lines:
        for row in rows:
            lines.write(json.dumps(row, ensure_ascii=False) + "\n")


def _annotated(number: int, text: str) -> dict[str, Any]:
    return {
        "id": str(number),
        "text": text,
        "lang": "en",
        "source": "play_review_4class",
        "sentiment": "negative",
        "complaint": True,
        "churn": False,
        "topics": [["delivery", -1]],
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Every declared source, empty, but one with texts; annotations of two texts."""
    for name, spec in data.declared(permissive_only=False).items():
        _write(tmp_path / "pool" / spec["lang"] / f"{name}.jsonl.gz", [])
    _write(tmp_path / "annotated" / "train.jsonl", [_annotated(1, "The parcel came open.")])
    _write(tmp_path / "annotated" / "dev.jsonl", [_annotated(2, "The box was wet, again!")])
    reviews = [
        {"text": f"App crashes on page {word}.", "label": {"class": "bug report"}}
        for word in ("one", "two", "three")
    ]
    copy = {"text": "the BOX was wet again", "label": {"class": "bug report"}}
    _write(tmp_path / "pool" / "en" / "play_review_4class.jsonl.gz", [*reviews, copy, reviews[0]])
    return tmp_path


def test_near_duplicates_of_dev_and_repeats_are_not_trained_on(folder: Path) -> None:
    loaded = data.load(folder, seed=1)
    assert sorted(e.text for e in loaded.weak) == [
        "App crashes on page one.",
        "App crashes on page three.",
        "App crashes on page two.",
    ]
    given = [e for e in loaded.annotated if e.source == "play_review_4class"]
    assert [e.topics for e in given] == [{"delivery": -1}]


def test_permissive_training_reads_no_source_without_a_licence(folder: Path) -> None:
    loaded = data.load(folder, seed=1, permissive_only=True)
    assert loaded.weak == []
    assert all(spec["licence"] for spec in loaded.sources.values())


def test_every_source_declares_a_licence_and_a_known_reader() -> None:
    for name, spec in data.declared(permissive_only=False).items():
        assert spec["reader"] in labels.READERS, name
        assert isinstance(spec["licence"], str), name


LONG = "We waited an hour. The soup was cold. Nobody said sorry. We left early."


@pytest.fixture
def labelled(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Labels by id for two texts of a pool, one of them for its second and third clause."""
    spec = data.declared(permissive_only=False)["cars4u_feedback"]
    pool = [{"id": "a", "text": LONG}, {"id": "b", "text": "The car was clean, thank you."}]
    _write(folder / "pool" / spec["lang"] / "cars4u_feedback.jsonl.gz", pool)
    known = {"sentiment": "negative", "complaint": True, "churn": False, "topics": {"wait": -1}}
    entries = [
        {"id": "a", "clauses": [1, 3], "sum": data.checksum(data.part(LONG, [1, 3])), **known},
        {"id": "b", "sum": "00000000", **known},
    ]
    monkeypatch.setattr(data, "ANNOTATIONS", tmp_path / "annotations")
    _write(tmp_path / "annotations" / "en.jsonl", entries)
    return folder


def test_a_label_by_id_finds_its_clauses(labelled: Path) -> None:
    found = data.load(labelled, seed=1)
    (example,) = [e for e in (*found.annotated, *found.choice) if e.source == "cars4u_feedback"]
    assert example.text == "The soup was cold. Nobody said sorry."
    assert example.careful
    assert example.topics == {"wait": -1}


def test_a_label_whose_text_has_changed_is_left_out(labelled: Path) -> None:
    found = data.load(labelled, seed=1)
    texts = [e.text for e in (*found.annotated, *found.choice) if e.source == "cars4u_feedback"]
    assert not any("thank you" in text for text in texts)


def test_written_texts_are_labelled_with_known_topics_and_are_distinct() -> None:
    topics = Taxonomy.load(resources.schemas() / "taxonomy.yaml").codes
    texts = data.written()
    assert len({e.text for e in texts}) == len(texts)
    for example in texts:
        assert set(example.topics or ()) <= set(topics), example.text
        assert example.text.strip() == example.text
        assert example.lang in {"zh-Hans", "zh-Hant", "ko", "en"}


def test_written_texts_are_not_those_that_test() -> None:
    tested = [row["text"] for path in robustness.TEXTS.glob("*.jsonl") for row in data.rows(path)]
    marks = {data.fingerprint(text) for text in tested}
    assert not marks & {data.fingerprint(e.text) for e in data.written()}


def test_converted_texts_are_traditional_and_only_a_share_of_them() -> None:
    texts = [data.Example(f"客户服务没有回复{n}", "zh-Hans", "x") for n in range(200)]
    shown = data.traditional(texts, 0.4, seed=3)
    changed = [e for e in shown if e.lang == "zh-Hant"]
    assert 50 < len(changed) < 110
    assert all("務" in e.text and "沒" in e.text for e in changed)


@pytest.mark.parametrize(
    ("reader", "label", "known"),
    [
        ("film_rating", {"rating10": 4}, {"sentiment": 0}),
        ("film_rating", {"rating10": 9}, {"sentiment": 2}),
        ("film_rating", {"rating10": 6}, {}),
        ("stars", {"star": 1}, {"sentiment": 0, "complaint": 1}),
        ("stars", {"star": 3}, {}),
        ("airline", {"polarity": "neg", "negativereason": "Can't Tell"}, {"sentiment": 0}),
        ("valence", {"mean_valence": 5.0}, {"sentiment": 1}),
        ("sentiment5", {"sentiment5": 5}, {"sentiment": 0}),
        ("aspects", {"aspects": {"food": "pos", "price": "neg"}}, {}),
    ],
)
def test_readers_say_what_the_label_says(
    reader: str, label: dict[str, Any], known: dict[str, int]
) -> None:
    assert labels.READERS[reader]({"label": label}) == known


def test_a_label_that_names_no_topic_says_nothing() -> None:
    spec = {"by": "intent", "topics": {"card_arrival": "delivery"}}
    assert labels.stated_topics({"label": {"intent": "card_arrival"}}, spec, {}) == {
        "delivery": labels.UNSIGNED
    }
    assert labels.stated_topics({"label": {"intent": "atm_support"}}, spec, {}) is None
