"""Change localisation: the planted slice is named, noise is not, rates guard against the mix."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.analysis.change import Amounts, decompose, rate_cells
from pipeline.analysis.localise import Cells, Options, localise, member

SIZES = {"region": 6, "product": 8, "channel": 5}


def _table(seed: int) -> tuple[dict[str, list[str]], np.ndarray]:
    chance = np.random.default_rng(seed)
    grids = np.meshgrid(*[np.arange(n) for n in SIZES.values()], indexing="ij")
    columns = {
        name: [f"{name}{v}" for v in grid.ravel()] for name, grid in zip(SIZES, grids, strict=True)
    }
    return columns, chance.uniform(5, 60, grids[0].size)


def _slices(cells: Cells) -> set[frozenset[tuple[str, str]]]:
    return {frozenset(cause.slice.items()) for cause in localise(cells).causes}


def _inside(columns: dict[str, list[str]], **chosen: str) -> np.ndarray:
    return np.all([np.array(columns[name]) == value for name, value in chosen.items()], 0)


@pytest.mark.parametrize(
    "planted",
    [
        {"region": "region2"},
        {"region": "region2", "product": "product5"},
        {"region": "region1", "product": "product0", "channel": "channel3"},
    ],
)
def test_one_planted_slice_is_named_and_nothing_else(planted: dict[str, str]) -> None:
    columns, base = _table(3)
    chance = np.random.default_rng(4)
    moved = np.where(_inside(columns, **planted), base * 4, base)
    cells = Cells.of(columns, chance.poisson(moved), chance.poisson(base))
    found = localise(cells)
    assert [dict(cause.slice) for cause in found.causes] == [planted]
    assert found.causes[0].seen > 3 * found.causes[0].expected
    assert found.causes[0].p_value < 0.001


def test_two_causes_of_different_width_are_both_named() -> None:
    columns, base = _table(5)
    wide = _inside(columns, channel="channel1")
    narrow = _inside(columns, region="region4", product="product7")
    moved = base * np.where(wide, 2.0, 1.0) * np.where(narrow & ~wide, 5.0, 1.0)
    chance = np.random.default_rng(6)
    cells = Cells.of(columns, chance.poisson(moved), chance.poisson(base))
    assert _slices(cells) == {
        frozenset({("channel", "channel1")}),
        frozenset({("region", "region4"), ("product", "product7")}),
    }


def test_causes_in_opposite_directions_do_not_hide_each_other() -> None:
    columns, base = _table(7)
    up, down = _inside(columns, region="region0"), _inside(columns, product="product3")
    moved = base * np.where(up, 2.2, 1.0) * np.where(down & ~up, 0.2, 1.0)
    chance = np.random.default_rng(8)
    cells = Cells.of(columns, chance.poisson(moved), chance.poisson(base))
    assert _slices(cells) == {
        frozenset({("region", "region0")}),
        frozenset({("product", "product3")}),
    }


def test_a_rise_everywhere_is_called_that() -> None:
    columns, base = _table(9)
    chance = np.random.default_rng(10)
    cells = Cells.of(columns, chance.poisson(base * 1.5), chance.poisson(base))
    assert [dict(cause.slice) for cause in localise(cells).causes] == [{}]


def test_a_rise_everywhere_does_not_hide_a_slice_that_rose_more() -> None:
    columns, base = _table(11)
    factor = np.where(_inside(columns, product="product1"), 4.0, 1.3)
    chance = np.random.default_rng(12)
    cells = Cells.of(columns, chance.poisson(base * factor), chance.poisson(base))
    assert {"product": "product1"} in [dict(cause.slice) for cause in localise(cells).causes]


def test_noise_is_rarely_called_a_cause() -> None:
    columns, base = _table(13)
    chance = np.random.default_rng(14)
    claims = sum(
        bool(localise(Cells.of(columns, chance.poisson(base), chance.poisson(base))).causes)
        for _ in range(100)
    )
    assert claims <= 5


def test_a_slice_below_the_minimum_count_is_left_out() -> None:
    cells = Cells.of({"a": ["x", "y"]}, [9.0, 400.0], [0.0, 400.0])
    assert not localise(cells, Options(minimum_count=10)).causes
    assert localise(cells, Options(minimum_count=5)).causes


@pytest.mark.parametrize("cells", [Cells.of({}, [], []), Cells.of({"a": ["x"]}, [0.0], [0.0])])
def test_nothing_gives_nothing(cells: Cells) -> None:
    found = localise(cells)
    assert (found.causes, found.explained) == ((), 0.0)


def test_equal_cells_are_merged() -> None:
    cells = Cells.of({"a": ["x", "y", "x"]}, [1, 2, 4], [1, 1, 1])
    assert cells.values == (("x", "y"),)
    assert cells.seen.tolist() == [5, 2]
    assert member(cells, {"a": "y"}).tolist() == [False, True]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.permutations(range(240)))
def test_the_order_of_cells_does_not_matter(seed: int, order: list[int]) -> None:
    columns, base = _table(seed % 17)
    chance = np.random.default_rng(seed)
    after, before = chance.poisson(base * 2), chance.poisson(base)
    shuffled = {name: [values[i] for i in order] for name, values in columns.items()}
    one = localise(Cells.of(columns, after, before))
    other = localise(Cells.of(shuffled, after[order], before[order]))
    assert [c.slice for c in one.causes] == [c.slice for c in other.causes]
    assert one.explained == pytest.approx(other.explained)


def _amounts(n0: list[float], y0: list[float], n1: list[float], y1: list[float]) -> Amounts:
    return Amounts(*(np.array(each, float) for each in (n0, y0, n1, y1)))


def test_berkeley_like_paradox_is_called_mix() -> None:
    # Both regions improve (20 % -> 18 %, 5 % -> 4 %), the whole gets worse: the bad one grew.
    amounts = _amounts([1000, 9000], [200, 450], [6000, 4000], [1080, 160])
    found = decompose("region", ["north", "south"], amounts)
    assert (found.before, found.after) == pytest.approx((0.065, 0.124))
    assert found.within < 0 < found.mix
    assert found.paradox


def test_a_change_inside_the_slices_is_no_paradox() -> None:
    amounts = _amounts([500, 500], [50, 50], [500, 500], [100, 100])
    found = decompose("region", ["north", "south"], amounts)
    assert (found.within, found.mix) == pytest.approx((0.1, 0.0))
    assert not found.paradox


def test_rate_cells_expect_the_past_rate_at_the_new_number() -> None:
    amounts = _amounts([4000, 4000], [800, 200], [8000, 2000], [1600, 100])
    cells = rate_cells({"region": ["north", "south"]}, amounts)
    assert cells.expected == pytest.approx([1600, 100], rel=0.01)
    assert not localise(cells).causes


def test_a_rate_that_rose_in_one_slice_is_found_though_the_mix_moved() -> None:
    columns, base = _table(21)
    chance = np.random.default_rng(22)
    n0 = chance.poisson(base * 10).astype(float)
    grows = _inside(columns, region="region5")
    n1 = chance.poisson(base * 10 * np.where(grows, 3, 1)).astype(float)
    base_rate = np.where(grows, 0.25, 0.1)
    rate = base_rate * np.where(_inside(columns, channel="channel2"), 2.5, 1.0)
    y0 = chance.binomial(n0.astype(int), base_rate).astype(float)
    y1 = chance.binomial(n1.astype(int), rate).astype(float)
    cells = rate_cells(columns, Amounts(n0, y0, n1, y1))
    assert _slices(cells) == {frozenset({("channel", "channel2")})}


_counts = st.lists(st.integers(1, 500), min_size=3, max_size=3)


@given(_counts, _counts, st.lists(st.floats(0, 1), min_size=6, max_size=6))
def test_the_parts_add_up_and_turn_around(n0: list[int], n1: list[int], r: list[float]) -> None:
    y0 = [n * rate for n, rate in zip(n0, r[:3], strict=True)]
    y1 = [n * rate for n, rate in zip(n1, r[3:], strict=True)]
    values = ["a", "b", "c"]
    there = decompose("x", values, _amounts(n0, y0, n1, y1))
    back = decompose("x", values, _amounts(n1, y1, n0, y0))
    assert there.within + there.mix == pytest.approx(there.after - there.before, abs=1e-9)
    assert back.within == pytest.approx(-there.within, abs=1e-9)
    assert back.mix == pytest.approx(-there.mix, abs=1e-9)


def test_a_cause_is_found_among_many_dimensions_of_thin_cells() -> None:
    # 12,000 contacts over eight dimensions: hardly a cell has two, none says anything alone.
    chance = np.random.default_rng(31)
    sizes = (18, 5, 6, 9, 6, 12, 4, 3)
    columns, seen = {}, []
    codes = [chance.integers(0, size, 12_000) for size in sizes]
    spike = chance.random(12_000) < 0.03
    codes[0][spike], codes[2][spike] = 7, 2
    later = (chance.random(12_000) < 0.5) | spike
    for number, values in enumerate(codes):
        columns[f"d{number}"] = [str(value) for value in values]
    seen = later.astype(float)
    found = localise(Cells.of(columns, seen, 1 - seen))
    assert [dict(cause.slice) for cause in found.causes] == [{"d0": "7", "d2": "2"}]


def test_thin_cells_of_dimensions_that_depend_on_each_other_claim_no_rate() -> None:
    claims = 0
    for seed in range(20):
        chance = np.random.default_rng(seed)
        region = chance.integers(0, 6, 20_000)
        team = region * 2 + chance.integers(0, 2, 20_000)
        product = chance.integers(0, 10, 20_000)
        rate = 0.02 + 0.03 * (region % 3) + 0.04 * ((product + region) % 4 == 0)
        bad = chance.random(20_000) < rate
        later = chance.random(20_000) < np.where(region == 5, 0.8, 0.5)
        columns = {
            "region": [str(v) for v in region],
            "team": [str(v) for v in team],
            "product": [str(v) for v in product],
            "channel": [str(v) for v in chance.integers(0, 8, 20_000)],
            "language": [str(v) for v in chance.integers(0, 5, 20_000)],
        }
        one = np.ones(20_000)
        amounts = Amounts(one * ~later, bad * ~later * one, one * later, bad * later * one)
        claims += bool(localise(rate_cells(columns, amounts)).causes)
    assert claims <= 2
