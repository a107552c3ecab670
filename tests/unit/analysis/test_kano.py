"""Kano classes: planted ones are found, absent ones are not claimed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm

from pipeline.analysis.boundary import Boundary, boundary, resource_boundaries
from pipeline.analysis.few import TooFew
from pipeline.analysis.intervals import Estimate
from pipeline.analysis.kano import Kano, KanoClass, classify, contrast, from_polarity, kano
from pipeline.analysis.kano_grid import Vavra, VavraCell, vavra
from pipeline.analysis.kano_questions import EVALUATION, Timko, timko

LEVELS = np.array([0.0, 0.25, 0.5, 0.75, 1.0])


def _planted(n: int = 2000, seed: int = 5) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """A whole that loses 0.3 by `clean`, gains 0.3 by `gift`, and half of both by `speed`."""
    random = np.random.default_rng(seed)
    rated = {name: random.choice(LEVELS, n) for name in ("clean", "gift", "speed", "carpet")}
    low = {name: values <= 0.25 for name, values in rated.items()}
    high = {name: values >= 0.75 for name, values in rated.items()}
    whole = 0.5 - 0.3 * low["clean"] + 0.3 * high["gift"]
    whole = whole - 0.15 * low["speed"] + 0.15 * high["speed"]
    return np.clip(whole + random.normal(0, 0.1, n), -1, 2), rated


def _fit(n: int = 2000) -> Kano:
    found = contrast(*_planted(n))
    assert isinstance(found, Kano)
    return found


def test_planted_classes_are_found() -> None:
    classes = {a.name: (a.kano_class, a.sure) for a in _fit().attributes}
    assert classes == {
        "clean": (KanoClass.MUST_BE, True),
        "gift": (KanoClass.ATTRACTIVE, True),
        "speed": (KanoClass.PERFORMANCE, True),
        "carpet": (KanoClass.INDIFFERENT, True),
    }


def test_coefficients_and_errors_are_statsmodels_ols_with_hc3() -> None:
    whole, rated = _planted(300)
    columns = [side for values in rated.values() for side in (values <= 0.25, values >= 0.75)]
    design = np.column_stack([np.ones(len(whole)), *columns]).astype(float)
    reference = sm.OLS(whole, design).fit(cov_type="HC3")
    found = contrast(whole, rated)
    assert isinstance(found, Kano)
    clean = next(a for a in found.attributes if a.name == "clean")
    assert clean.penalty.value == pytest.approx(reference.params[1])
    assert clean.penalty.low == pytest.approx(reference.conf_int()[1][0], rel=1e-3)


def test_impact_asymmetry_is_mikulic_and_prebezacs() -> None:
    """IA = (r - |p|) / (r + |p|): near -1 for a must-be, 1 for an attractive, 0 for performance."""
    found = {a.name: a for a in _fit().attributes}
    for name in ("clean", "gift", "speed"):
        p, r = max(-found[name].penalty.value, 0), max(found[name].reward.value, 0)
        asymmetry = found[name].asymmetry
        assert asymmetry is not None
        assert asymmetry.value == pytest.approx((r - p) / (r + p))
        assert asymmetry.low <= asymmetry.value <= asymmetry.high
    assert found["clean"].asymmetry.value < -0.8  # type: ignore[union-attr]
    assert found["gift"].asymmetry.value > 0.8  # type: ignore[union-attr]
    assert abs(found["speed"].asymmetry.value) < 0.2  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("penalty", "reward", "p_values", "expected"),
    [
        (-0.3, 0.0, (0.001, 0.9, 0.001), (KanoClass.MUST_BE, True)),
        (-0.3, 0.2, (0.001, 0.2, 0.3), (KanoClass.MUST_BE, False)),
        (0.0, 0.3, (0.9, 0.001, 0.001), (KanoClass.ATTRACTIVE, True)),
        (-0.3, 0.29, (0.001, 0.001, 0.8), (KanoClass.PERFORMANCE, True)),
        (-0.6, 0.1, (0.001, 0.001, 0.001), (KanoClass.MUST_BE, True)),
        (-0.1, 0.1, (0.5, 0.5, 0.9), (KanoClass.INDIFFERENT, True)),
        (0.3, 0.0, (0.001, 0.9, 0.001), (KanoClass.INDIFFERENT, True)),
    ],
)
def test_the_rule_of_the_classes(
    penalty: float,
    reward: float,
    p_values: tuple[float, float, float],
    expected: tuple[KanoClass, bool],
) -> None:
    names = ("penalty_p", "reward_p", "contrast_p")
    assert classify(penalty, reward, **dict(zip(names, p_values, strict=True))) == expected


def test_noise_is_indifferent() -> None:
    """Two unrelated attributes, 100 data sets: Holm keeps any claim at 5 %, four errors allowed."""
    random, claims = np.random.default_rng(2), 0
    for _ in range(100):
        rated = {name: random.choice(LEVELS, 200) for name in ("a", "b")}
        found = contrast(random.uniform(0, 1, 200), rated)
        assert isinstance(found, Kano)
        claims += any(a.kano_class is not KanoClass.INDIFFERENT for a in found.attributes)
    assert claims <= 5 + 4 * (100 * 0.05 * 0.95) ** 0.5


def _ratings(whole: np.ndarray, rated: dict[str, np.ndarray]) -> dict[str, list[Any]]:
    n = len(whole)
    blocks = [("csat", "", whole)] + [("perception", name, v) for name, v in rated.items()]
    return {
        "contact_id": [f"c{i}" for _ in blocks for i in range(n)],
        "kind": [kind for kind, _, _ in blocks for _ in range(n)],
        "dimension": [name for _, name, _ in blocks for _ in range(n)],
        "score": [float(v) for _, _, values in blocks for v in values],
    }


def test_rating_rows_give_the_same_as_arrays() -> None:
    whole, rated = _planted(400)
    assert kano(_ratings(whole, rated)) == contrast(whole, dict(sorted(rated.items())))


def test_the_order_of_rows_is_nothing() -> None:
    rows = _ratings(*_planted(300))
    order = np.random.default_rng(1).permutation(len(rows["kind"]))
    mixed = {name: [column[i] for i in order] for name, column in rows.items()}
    first, second = kano(rows), kano(mixed)
    assert isinstance(first, Kano)
    assert isinstance(second, Kano)
    for one, other in zip(first.attributes, second.attributes, strict=True):
        assert (one.name, one.kano_class) == (other.name, other.kano_class)
        assert one.penalty.value == pytest.approx(other.penalty.value)


def test_polarity_of_topics_stands_for_low_and_high() -> None:
    random = np.random.default_rng(3)
    polarity = random.choice([-1, 0, 1], 600)
    rows = {
        "topics": [["wait"] if p else [] for p in polarity],
        "polarities": [[int(p)] if p else [] for p in polarity],
        "rating": list(0.6 - 0.4 * (polarity < 0) + random.normal(0, 0.05, 600)),
    }
    found = from_polarity(rows, "rating")
    assert isinstance(found, Kano)
    assert found.derived
    assert found.attributes[0].kano_class is KanoClass.MUST_BE
    assert found.attributes[0].penalty.value == pytest.approx(-0.4, abs=0.02)


def test_few_answers_and_one_sided_attributes_are_said() -> None:
    assert isinstance(contrast(np.zeros(10), {"a": np.zeros(10)}), TooFew)
    assert isinstance(contrast(np.zeros(0), {}), TooFew)
    whole, rated = _planted(400)
    found = contrast(whole, rated | {"roof": np.full(400, 1.0)})
    assert isinstance(found, Kano)
    assert found.few == {"roof": TooFew("ratings", 0, 10)}


def test_attributes_that_cannot_be_told_apart_are_said() -> None:
    """A twin adds nothing; yes-no answers have no middle to stand out from."""
    whole, rated = _planted(400)
    yes = np.where(rated["clean"] > 0.5, 1.0, 0.0)
    found = contrast(whole, rated | {"twin": rated["clean"], "yes": yes})
    assert isinstance(found, Kano)
    assert found.few == {
        "twin": TooFew("distinct ratings", 0, 1),
        "yes": TooFew("middling ratings", 0, 10),
    }
    assert contrast(whole, {"yes": yes}) == TooFew("middling ratings", 0, 10)


def test_vavras_grid() -> None:
    """Stated high and derived low is basic, the reverse exciting (Vavra 1997)."""
    whole, rated = _planted(600)
    rows = _ratings(whole, rated)
    stated = {"clean": 1.0, "gift": 0.25, "speed": 1.0, "carpet": 0.75}
    for name, value in stated.items():
        for n in range(20):
            rows["contact_id"].append(f"v{n}")
            rows["kind"].append("importance")
            rows["dimension"].append(name)
            rows["score"].append(value)
    contrasts = kano(rows)
    assert isinstance(contrasts, Kano)
    found = vavra(rows, contrasts)
    assert isinstance(found, Vavra)
    cells = {point.name: point.cell for point in found.points}
    assert cells["gift"] is VavraCell.EXCITING
    assert cells["speed"] is VavraCell.KEY
    assert cells["carpet"] is VavraCell.BASIC
    assert isinstance(vavra(_ratings(whole, rated), contrasts), TooFew)
    assert vavra(rows, TooFew("ratings", 1, 50)) == TooFew("ratings", 1, 50)


def _answers(pairs: dict[tuple[int, int], int], name: str = "clip") -> dict[str, list[Any]]:
    rows: dict[str, list[Any]] = {"contact_id": [], "kind": [], "dimension": [], "value": []}
    flat = [pair for pair, count in pairs.items() for _ in range(count)]
    for n, pair in enumerate(flat):
        for kind, value in zip(("kano_functional", "kano_dysfunctional"), pair, strict=True):
            rows["contact_id"].append(f"c{n}")
            rows["kind"].append(kind)
            rows["dimension"].append(name)
            rows["value"].append(value)
    return rows


def test_the_evaluation_table_is_that_of_berger_1993() -> None:
    table = "\n".join("".join(str(cell)[0] for cell in row) for row in EVALUATION)
    assert table == "qaaap\nriiim\nriiim\nriiim\nrrrrq"  # p: performance, the table's O


def test_timkos_coefficients_by_hand() -> None:
    """12 A, 18 O, 24 M, 6 I: better 30/60, worse -42/60, class M; Fong: |24 - 18| = 6 is under
    1.65·√(42·78/120) = 8.6, so it is not sure."""
    found = timko(_answers({(1, 3): 12, (1, 5): 18, (3, 5): 24, (3, 3): 6}))
    assert isinstance(found, Timko)
    point = found.points[0]
    assert (point.better.value, point.worse.value) == pytest.approx((0.5, -0.7))
    assert -1 <= point.worse.low < -0.7 < point.worse.high <= 0
    assert (point.kano_class, point.sure) == (KanoClass.MUST_BE, False)


def test_a_clear_majority_is_sure_and_reverse_answers_do_not_count() -> None:
    found = timko(_answers({(1, 3): 40, (3, 3): 5, (5, 1): 5}))
    assert isinstance(found, Timko)
    assert (found.points[0].kano_class, found.points[0].sure) == (KanoClass.ATTRACTIVE, True)
    assert found.points[0].better.n == 45
    assert isinstance(timko(_answers({(1, 3): 4})), TooFew)


def test_a_planted_boundary_is_found() -> None:
    random = np.random.default_rng(4)
    x = random.choice(np.linspace(0, 1, 11), 3000)
    y = 0.2 + 0.8 * np.minimum(x, 0.6) + random.normal(0, 0.1, 3000)
    found = boundary("speed", x, y)
    assert isinstance(found, Boundary)
    assert isinstance(found.at, Estimate)
    assert found.at.low - 1e-9 <= 0.6 <= found.at.high
    assert found.at.value == pytest.approx(0.6, abs=0.05)
    assert found.below.value == pytest.approx(0.8, abs=0.05)
    assert found.beyond.low <= 0 <= found.beyond.high
    assert found.reached == pytest.approx(float((x >= found.at.value - 1e-9).mean()))


def test_a_straight_line_has_no_boundary() -> None:
    random, claims = np.random.default_rng(8), 0
    for seed in range(60):
        x = random.choice(LEVELS, 300)
        found = boundary("speed", x, 0.5 * x + random.normal(0, 0.2, 300), seed=seed)
        assert isinstance(found, Boundary)
        claims += found.at is not None
    assert claims <= 60 * 0.05 + 4 * (60 * 0.05 * 0.95) ** 0.5


def test_boundaries_from_rating_rows() -> None:
    whole, rated = _planted(300)
    names = [name for name, _ in resource_boundaries(_ratings(whole, rated))]
    assert names == sorted(rated)
    assert isinstance(boundary("x", np.zeros(9), np.zeros(9)), TooFew)
    assert boundary("x", np.tile([0.0, 1.0], 99), np.zeros(198)) == TooFew("levels", 2, 4)
