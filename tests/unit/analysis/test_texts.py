"""Verbatims, naming terms and emerging topics, in all four scripts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from pipeline.analysis import ngrams
from pipeline.analysis.emerging import Emerging, emerging, kmeans
from pipeline.analysis.few import TooFew
from pipeline.analysis.intervals import Estimate
from pipeline.analysis.period import Period
from pipeline.analysis.verbatims import How, select, showable

START = datetime(2026, 3, 2, tzinfo=UTC)

LATE = [
    "the parcel came three days late again",
    "my parcel came four days late",
    "parcel is late again, three days",
    "the parcel was two days late",
]
COLD = ["the soup was stone cold", "cold soup and cold rice", "our soup came cold"]
ODD = "the lift music is far too loud"


def _rows(texts: list[str], language: str = "en") -> dict[str, list[Any]]:
    return {
        "contact_id": [f"c{n:04}" for n in range(len(texts))],
        "occurred_at": [START + timedelta(hours=n) for n in range(len(texts))],
        "evidence": texts,
        "text": texts,
        "language": [language] * len(texts),
    }


def test_typical_takes_the_big_groups_first() -> None:
    chosen = select(_rows([*LATE, *COLD, ODD]), number=2)
    assert chosen[0].text in LATE
    assert chosen[1].text in COLD
    assert sum(verbatim.covers for verbatim in chosen) == pytest.approx(1.0)
    assert chosen[0].covers > chosen[1].covers


def test_greedy_facility_location_is_near_the_best_pair() -> None:
    """Nemhauser, Wolsey and Fisher 1978: at least 1 - 1/e of the best; here all pairs are tried."""
    texts = [*LATE, *COLD, ODD]
    alike = ngrams.similarities(ngrams.vectors(texts))

    def covered(rows: tuple[int, ...]) -> float:
        return float(alike[:, list(rows)].max(1).sum())

    chosen = tuple(texts.index(verbatim.text) for verbatim in select(_rows(texts), number=2))
    best = max(covered((a, b)) for a in range(8) for b in range(a))
    assert covered(chosen) >= (1 - 1 / np.e) * best


def test_recent_is_newest_first_without_repeats() -> None:
    texts = [ODD, *COLD, LATE[0], LATE[0], "The parcel came three days late again"]
    found = [verbatim.text for verbatim in select(_rows(texts), how="recent", number=2)]
    assert found == [texts[-1], COLD[-1]]


def test_diverse_leaves_near_duplicates_out() -> None:
    texts = ["the soup was stone cold!", *COLD, *LATE, ODD]
    found = [verbatim.text for verbatim in select(_rows(texts), how=How.DIVERSE, number=9)]
    assert len([text for text in found if "stone cold" in text]) == 1
    assert ODD in found


def test_the_order_of_rows_is_nothing() -> None:
    rows = _rows([*LATE, *COLD, ODD])
    order = np.random.default_rng(0).permutation(8)
    mixed = {name: [column[n] for n in order] for name, column in rows.items()}
    for how in How:
        first = [verbatim.contact_id for verbatim in select(rows, how=how)]
        assert first == [verbatim.contact_id for verbatim in select(mixed, how=how)]


def test_embeddings_are_used_where_there_are_some() -> None:
    vectors = np.zeros((8, 4), np.float32)
    vectors[:5, 0] = 1.0
    vectors[5:, 1] = 1.0
    chosen = select(
        _rows([f"text number {word}" for word in "abcdefgh"]), number=5, vectors=vectors
    )
    assert len(chosen) == 2
    assert [verbatim.row < 5 for verbatim in chosen] == [True, False]


@pytest.mark.parametrize(
    "text",
    [
        "write to kim@example.com please",
        "call 555 010 4477 now",
        "卡号 6222 0000 1111",
        "!!",
        "",
        "啊",
    ],
)
def test_what_masking_should_have_taken_is_never_shown(text: str) -> None:
    assert not showable(text)
    assert select(_rows([text])) == ()


def test_masked_texts_of_every_script_are_shown() -> None:
    texts = [
        "<PHONE> 一直没人接电话",
        "<NAME> 的態度很差勁",
        "환불이 2주째 안 돼요",
        "refund after 14 days",
    ]
    assert {verbatim.text for verbatim in select(_rows(texts), number=4)} == set(texts)


def test_many_rows_are_thinned_and_nothing_is_fine() -> None:
    texts = [f"the parcel of order number {n} was late" for n in range(9000)]
    assert len(select(_rows(texts), number=3, how="recent")) >= 1
    assert select(_rows([])) == ()
    assert select(_rows([ODD]), number=0) == ()
    assert select(_rows([ODD]))[0].covers == 1.0


def test_vectors_have_length_one_and_ignore_width_case_and_placeholders() -> None:
    table = ngrams.vectors(["Late PARCEL", "late parcel", "late <PHONE> parcel", "", "退款太慢"])
    alike = ngrams.similarities(table)
    assert np.diag(alike) == pytest.approx([1, 1, 1, 0, 1])
    assert alike[0, 1] == pytest.approx(1.0)
    assert alike[0, 2] == pytest.approx(1.0)
    assert alike[0, 4] == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize(
    ("group", "rest", "expected"),
    [
        (["the charger overheats", "charger overheats a lot"], ["the food is good"] * 9, "charger"),
        (["充电器发烫", "这个充电器很烫"], ["味道很好", "送餐很快"] * 5, "充电器"),
        (["충전기 과열 문제", "충전기 뜨거워요"], ["맛있어요 정말", "배송 빨라요"] * 5, "충전기"),
        (["充電器會發燙", "充電器好燙"], ["味道很好", "外送很快"] * 5, "充電器"),
    ],
)
def test_distinctive_terms_name_a_group(group: list[str], rest: list[str], expected: str) -> None:
    assert expected in ngrams.distinctive(group, rest, 3)


def test_laughter_and_addresses_are_no_name() -> None:
    texts = ["ㅋㅋㅋㅋ 충전기 https://example.com/a", "哈哈哈 충전기 https://example.com/b"]
    assert set(ngrams.distinctive(texts, ["배송 빨라요"] * 5, 5)) == {"충전기"}


def test_nothing_has_no_name() -> None:
    assert ngrams.distinctive([], ["text"]) == ()


def _clouds(sizes: tuple[int, ...], noise: int, width: int = 32, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    middles = random.normal(size=(len(sizes), width)) * 3
    points = [middles[n] + random.normal(size=(size, width)) * 0.8 for n, size in enumerate(sizes)]
    return np.vstack([*points, random.normal(size=(noise, width)) * 3])


def test_planted_groups_are_found_and_named() -> None:
    vectors = _clouds((60, 40), 60)
    texts = (
        [f"charger gets hot {n}" for n in range(60)]
        + [f"parking gate stays shut {n}" for n in range(40)]
        + [f"word{n} other{n}" for n in range(60)]
    )
    rows = _rows(texts)
    rows["occurred_at"] = [START + timedelta(days=n % 40) for n in range(60)]
    rows["occurred_at"] += [START + timedelta(days=30 + n % 10) for n in range(40)]
    rows["occurred_at"] += [START + timedelta(days=n % 40) for n in range(60)]
    recent = Period(START + timedelta(days=30), START + timedelta(days=40))
    found = emerging(rows, vectors, recent=recent)
    assert isinstance(found, Emerging)
    chargers = next(c for c in found.clusters if "charger" in c.terms["en"])
    gates = next(c for c in found.clusters if {"gate", "parking"} & set(c.terms["en"]))
    assert len(found.clusters) == 2
    assert sum(row < 60 for row in chargers.rows) >= 54
    assert sum(60 <= row < 100 for row in gates.rows) >= 36
    assert gates.growth == TooFew("earlier contacts", 0, 1)
    assert found.loose == found.contacts - sum(c.contacts for c in found.clusters)
    assert all(cluster.stability >= 0.75 for cluster in found.clusters)


def test_growth_is_the_ratio_of_shares() -> None:
    """20 of 80 contacts in the recent ten days, 40 of 240 before: 0.25 / 0.1667 = 1.5."""
    vectors = _clouds((60,), 260, seed=3)
    when = [START + timedelta(days=n) for n in range(40)]
    rows = _rows([f"{'charger' if n < 60 else 'other'} text {n}" for n in range(320)])
    rows["occurred_at"] = [when[35]] * 20 + [when[5]] * 40 + [when[36]] * 60 + [when[6]] * 200
    recent = Period(when[30], when[39])
    found = emerging(rows, vectors, recent=recent)
    assert isinstance(found, Emerging)
    top = max(found.clusters, key=lambda cluster: sum(row < 60 for row in cluster.rows))
    inside = set(top.rows)
    k1 = sum(n in inside for n in [*range(20), *range(60, 120)])
    k0 = sum(n in inside for n in [*range(20, 60), *range(120, 320)])
    assert isinstance(top.growth, Estimate)
    assert top.growth.value == pytest.approx((k1 / 80) / (k0 / 240))


def test_structureless_data_have_no_groups() -> None:
    for seed in range(3):
        vectors = np.random.default_rng(seed).normal(size=(400, 32))
        found = emerging(_rows([f"text {n}" for n in range(400)]), vectors)
        assert isinstance(found, Emerging)
        assert found.clusters == ()
        assert found.loose == 400


def test_a_group_is_of_matter_and_not_of_language() -> None:
    """Two languages far apart, the same two matters in both: the groups are the matters."""
    random = np.random.default_rng(4)
    matter = np.repeat([0, 1, 0, 1], 50)
    language = np.repeat([0, 1], 100)
    base = random.normal(size=(2, 32)) * 3
    shift = random.normal(size=(2, 32)) * 9
    vectors = base[matter] + shift[language] + random.normal(size=(200, 32)) * 0.5
    names = {(0, 0): "charger", (1, 0): "parking", (0, 1): "충전기", (1, 1): "주차장"}
    pairs = zip(matter.tolist(), language.tolist(), strict=True)
    rows = _rows([f"{names[pair]} {n}" for n, pair in enumerate(pairs)])
    rows["language"] = ["ko" if code else "en" for code in language]
    found = emerging(rows, vectors)
    assert isinstance(found, Emerging)
    assert len(found.clusters) == 2
    assert {c.terms["ko"][0] for c in found.clusters} == {"충전기", "주차장"}
    for cluster in found.clusters:
        assert len({int(matter[row]) for row in cluster.rows}) == 1
        assert {rows["language"][row] for row in cluster.rows} == {"ko", "en"}


def test_a_group_that_nothing_names_is_not_reported() -> None:
    """Close in the embedding, but without a word in common: a mood, not a matter."""
    rows = _rows([f"word{n} other{n}" for n in range(160)])
    found = emerging(rows, _clouds((60, 40), 60))
    assert isinstance(found, Emerging)
    assert found.clusters == ()


def test_mood_makes_no_group() -> None:
    """Two moods far apart in the embedding: once the sentiment is known, nothing is left."""
    random = np.random.default_rng(5)
    mood = np.repeat([0, 1], 80)
    vectors = random.normal(size=(2, 32))[mood] * 5 + random.normal(size=(160, 32))
    words = ["awful" if code else "lovely" for code in mood]
    rows = _rows([f"{word} thing {n}" for n, word in enumerate(words)])
    without = emerging(rows, vectors)
    rows["sentiment"] = ["negative" if code else "positive" for code in mood]
    found = emerging(rows, vectors)
    assert isinstance(without, Emerging)
    assert isinstance(found, Emerging)
    assert len(without.clusters) == 2
    assert found.clusters == ()


def test_texts_alone_will_do() -> None:
    texts = [f"充电器用了{n}天就发烫冒烟了" for n in range(40)]
    texts += [f"停车场的闸机坏了{n}次出不去" for n in range(40)]
    found = emerging(_rows(texts, "zh-Hans"))
    assert isinstance(found, Emerging)
    assert len(found.clusters) == 2
    names = {term for cluster in found.clusters for term in cluster.terms["zh-Hans"]}
    assert any("充电器" in name for name in names)


def test_few_contacts_are_said() -> None:
    assert emerging(_rows(["a", "b"])) == TooFew("contacts", 2, 30)
    repeated = emerging(_rows(["the same advert"] * 60), np.ones((60, 8)))
    assert isinstance(repeated, Emerging)
    assert repeated.clusters == ()


def test_kmeans_finds_separate_clouds() -> None:
    points = _clouds((30, 30, 30), 0, seed=6)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    owner = (points @ kmeans(points, 3, np.random.default_rng(0)).T).argmax(1)
    assert [len(set(owner[n : n + 30])) for n in (0, 30, 60)] == [1, 1, 1]
    assert len(set(owner)) == 3
