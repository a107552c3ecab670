"""NPS, top boxes, loyalty and the questionnaire's own bias."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import pytest

from pipeline import resources
from pipeline.analysis import ratings
from pipeline.analysis.few import TooFew
from pipeline.analysis.intervals import Estimate
from pipeline.analysis.layout import LayoutBias, layouts
from pipeline.domain.scales import Scales

SCALES = Scales.load(resources.schemas() / "scales.yaml")


def _rows(kind: str, scale: str, values: list[float], **more: Any) -> dict[str, list[Any]]:
    n = len(values)
    return {
        "contact_id": [f"{kind}{i}" for i in range(n)],
        "kind": [kind] * n,
        "dimension": [""] * n,
        "scale": [scale] * n,
        "value": values,
        "score": [SCALES[scale].scores.get(v, float("nan")) for v in values],
        **{name: [value] * n for name, value in more.items()},
    }


def _join(*parts: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {name: [v for part in parts for v in part[name]] for name in parts[0]}


def test_nps_with_the_adjusted_wald_interval_by_hand() -> None:
    """60 promoters, 15 passives, 25 detractors: 35 points; p' = 60.75/103, d' = 25.75/103,
    SE = √((p' + d' - (p' - d')²)/103) = 0.0838 (Rocks 2016, adjusted Wald with 3 added answers)."""
    p, d = 60.75 / 103, 25.75 / 103
    error = sqrt((p + d - (p - d) ** 2) / 103)
    found = ratings.nps(60, 25, 100)
    assert found.value == pytest.approx(35.0)
    half = 1.959964 * error
    assert (found.low, found.high) == pytest.approx((100 * (p - d - half), 100 * (p - d + half)))


def test_nps_reads_the_classes_of_the_scale() -> None:
    values = [10.0] * 6 + [9.0] * 6 + [8.0] * 4 + [7.0] * 4 + [6.0] * 4 + [0.0] * 6
    found = ratings.scorecard(_rows("nps", "nps-0-10", values), SCALES)
    assert isinstance(found.nps, ratings.Nps)
    assert (found.nps.promoters, found.nps.passives, found.nps.detractors) == (12, 8, 10)
    assert found.nps.score.value == pytest.approx(100 * 2 / 30)
    assert found.csat == TooFew("ratings", 0, ratings.MIN_RATINGS)


def test_top_boxes_of_opposite_scales_are_counted_alike() -> None:
    """1 is best on one keypad and worst on the five-point scale: 15 and 10 of 30 are satisfied."""
    keypad = _rows("csat", "keypad-1-2-3", [1.0] * 15 + [3.0] * 15)
    points = _rows("csat", "satisfaction-1-5", [1.0] * 20 + [5.0] * 10)
    found = ratings.scorecard(_join(keypad, points), SCALES).csat
    assert isinstance(found, ratings.TopBox)
    assert found.share.value == pytest.approx(25 / 60)
    assert found.mean.value == pytest.approx(25 / 60)


def test_what_cannot_be_read_is_counted() -> None:
    rows = _join(
        _rows("nps", "satisfaction-1-5", [5.0] * 25), _rows("csat", "satisfaction-1-5", [9.0] * 3)
    )
    found = ratings.scorecard(rows, SCALES)
    assert found.unusable == {"nps": 25, "csat": 3}
    assert found.nps == TooFew("ratings", 0, ratings.MIN_RATINGS)


def test_ratings_of_one_attribute_are_not_the_whole() -> None:
    rows = _rows("csat", "satisfaction-1-5", [5.0] * 30)
    rows["dimension"] = ["food"] * 30
    assert isinstance(ratings.scorecard(rows, SCALES).csat, TooFew)


def test_groups_have_their_own_scorecards() -> None:
    rows = _join(
        _rows("csat", "satisfaction-1-5", [5.0] * 25, team="north"),
        _rows("csat", "satisfaction-1-5", [1.0] * 25, team="south"),
        _rows("csat", "satisfaction-1-5", [1.0] * 25, team=""),
    )
    found = {group.name: group.scores.csat for group in ratings.by_group(rows, SCALES, "team")}
    assert set(found) == {"north", "south"}
    assert [score.share.value for score in found.values() if isinstance(score, ratings.TopBox)] == [
        1.0,
        0.0,
    ]


def test_changes_of_scores() -> None:
    now = ratings.Nps(ratings.nps(60, 20, 100), 60, 20, 20)
    before = ratings.Nps(ratings.nps(40, 40, 100), 40, 20, 40)
    change = ratings.nps_difference(now, before)
    assert change.value == pytest.approx(40.0)
    assert change.above(0)
    back = ratings.nps_difference(before, now)
    assert (back.value, back.low, back.high) == pytest.approx(
        (-change.value, -change.high, -change.low)
    )
    tops = [
        ratings.scorecard(_rows("csat", "satisfaction-1-5", v), SCALES).csat
        for v in ([5.0] * 30 + [1.0] * 10, [5.0] * 20 + [1.0] * 20)
    ]
    assert isinstance(tops[0], ratings.TopBox)
    assert isinstance(tops[1], ratings.TopBox)
    assert ratings.top_box_difference(tops[0], tops[1]).value == pytest.approx(0.25)


def test_the_loyalty_index_by_hand() -> None:
    """10 customers top in all three, 10 with a middling answer, 10 with a low one, 2 incomplete."""
    answers = [(5, 90, 10)] * 10 + [(5, 50, 10)] * 10 + [(5, 90, 3)] * 10
    names = [f"p{n}" for n in range(30)]
    parts = [
        _rows(kind, scale, [float(row[i]) for row in answers]) | {"contact_id": names}
        for i, (kind, scale) in enumerate(
            (("csat", "satisfaction-1-5"), ("repurchase", "percent-0-100"), ("nps", "nps-0-10"))
        )
    ]
    found = ratings.loyalty(_join(*parts, _rows("csat", "satisfaction-1-5", [5.0, 5.0])), SCALES)
    assert isinstance(found, ratings.Loyalty)
    shares = found.secure.value, found.middle.value, found.at_risk.value
    assert shares == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert found.excluded == 2
    assert isinstance(ratings.loyalty(_rows("csat", "satisfaction-1-5", [5.0]), SCALES), TooFew)


def _keypads(bias: float, n: int = 1500, seed: int = 6) -> dict[str, list[Any]]:
    """Two layouts; the reference serves the worse channel more often, so raw means mislead."""
    random = np.random.default_rng(seed)
    chat = random.random(n) < 0.5
    second = random.random(n) < np.where(chat, 0.7, 0.2)
    mood = np.where(chat, 0.3, 0.0) + random.uniform(0.1, 0.6, n) + bias * second
    score = np.clip(np.round(mood * 2) / 2, 0, 1)
    scale = np.where(second, "keypad-1-2-3", "keypad-5-3-1")
    value = [
        next(k for k, s in SCALES[name].scores.items() if s == v)
        for name, v in zip(scale, score, strict=True)
    ]
    return {
        "contact_id": [f"c{i}" for i in range(n)],
        "kind": ["csat"] * n,
        "dimension": [""] * n,
        "scale": scale.tolist(),
        "value": value,
        "score": score.tolist(),
        "channel": np.where(chat, "chat", "call").tolist(),
    }


def test_mix_is_not_taken_for_bias() -> None:
    """Raw means differ by a tenth every time; a bias is claimed at the test's 5 %, no more."""
    claims, biases = 0, []
    for seed in range(40):
        found = layouts(_keypads(0.0, seed=seed), SCALES)
        assert isinstance(found, LayoutBias)
        assert found.adjusted_for == ("channel",)
        other = found.layouts[1]
        assert isinstance(other.bias, Estimate)
        assert other.mean.value - found.layouts[0].mean.value > 0.05
        biases.append(other.bias.value)
        claims += other.biased
    assert claims <= 40 * 0.05 + 4 * (40 * 0.05 * 0.95) ** 0.5
    assert abs(float(np.mean(biases))) < 4 * float(np.std(biases)) / 40**0.5


def test_a_planted_bias_is_measured() -> None:
    found = layouts(_keypads(0.15, seed=1), SCALES)
    assert isinstance(found, LayoutBias)
    reference, other = found.layouts
    assert reference.scale == found.reference
    assert reference.bias is None
    assert isinstance(other.bias, Estimate)
    assert other.bias.low < 0.15 < other.bias.high
    assert other.biased


def test_within_strata_ols_equals_dummies() -> None:
    """Frisch and Waugh 1933: sweeping strata out gives the coefficient of the full regression."""
    rows = _keypads(0.1)
    score = np.array(rows["score"])
    other = (np.array(rows["scale"]) == layouts(rows, SCALES).layouts[1].scale).astype(float)  # type: ignore[union-attr]
    chat = (np.array(rows["channel"]) == "chat").astype(float)
    full = np.linalg.lstsq(np.column_stack([other, chat, 1 - chat]), score, rcond=None)[0]
    bias = layouts(rows, SCALES).layouts[1].bias  # type: ignore[union-attr]
    assert isinstance(bias, Estimate)
    assert bias.value == pytest.approx(float(full[0]))


def test_layouts_that_never_meet_cannot_be_compared() -> None:
    rows = _keypads(0.1)
    rows["channel"] = rows["scale"]
    found = layouts(rows, SCALES)
    assert isinstance(found, LayoutBias)
    assert found.overlap == 0.0
    assert isinstance(found.layouts[1].bias, TooFew)
    assert found.layouts[1].p_value is None


def test_one_layout_is_nothing_to_compare() -> None:
    assert layouts(_rows("csat", "keypad-1-2-3", [1.0] * 99), SCALES) == TooFew("layouts", 1, 2)


def test_primacy_is_the_excess_of_the_first_key() -> None:
    """The best answer stands first on one layout and last on the other: 70 % against 50 %."""
    first = _rows("csat", "keypad-1-2-3", [1.0] * 70 + [2.0] * 30)
    reverse = SCALES["keypad-1-2-3"]
    mirrored = type(reverse)(
        id="mirrored",
        description="worst first",
        keys=(3.0, 2.0, 1.0),
        orientation=reverse.orientation,
        scores=dict(reverse.scores),
        labels=reverse.labels,
        top_box=reverse.top_box,
        default_key=3.0,
    )
    second = dict(first) | {
        "scale": ["mirrored"] * 100,
        "value": [1.0] * 50 + [2.0] * 30 + [3.0] * 20,
        "score": [1.0] * 50 + [0.5] * 30 + [0.0] * 20,
    }
    found = layouts(_join(first, second), dict(SCALES) | {"mirrored": mirrored}, adjust=())
    assert isinstance(found, LayoutBias)
    by_name = {layout.scale: layout for layout in found.layouts}
    assert by_name["keypad-1-2-3"].first_excess is not None
    assert by_name["keypad-1-2-3"].first_excess.value == pytest.approx(0.2)
    assert by_name["keypad-1-2-3"].default_key is None
    assert by_name["mirrored"].default_key is not None
    assert by_name["mirrored"].default_key.value == pytest.approx(0.2)
