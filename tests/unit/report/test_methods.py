"""What the report adds to the analyses: hotspots, slow rises, checks of what changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from pipeline.analysis.change import Amounts, decompose
from pipeline.analysis.period import Period
from pipeline.explain import METRICS, Question
from pipeline.report.changes import compare
from pipeline.report.hotspots import hotspots
from pipeline.report.rises import rises
from pipeline.report.sections.rates import mix_matters, mover

Columns = Mapping[str, Sequence[Any]]


def spots(counts: Mapping[tuple[str, str], int], sizes: Mapping[str, int]) -> Any:
    problems = {
        "topic": [topic for topic, _ in counts],
        "dimension": ["region"] * len(counts),
        "value": [value for _, value in counts],
        "problems": list(counts.values()),
    }
    customers = {
        "dimension": ["region"] * len(sizes),
        "value": list(sizes),
        "customers": list(sizes.values()),
    }
    return hotspots(problems, customers)


def test_a_slice_that_names_a_problem_more_often_is_a_hotspot() -> None:
    sizes = {"north": 500, "south": 500, "": 100}
    found = spots({("delivery", "north"): 100, ("delivery", "south"): 30}, sizes)
    assert [(s.topic, s.value, s.problems) for s in found] == [("delivery", "north", 100)]
    assert found[0].share.value == pytest.approx(0.2)
    assert found[0].elsewhere == pytest.approx(30 / 600)
    assert found[0].ratio == pytest.approx(4.0)


def test_equal_shares_thin_slices_and_unknown_values_are_none() -> None:
    assert spots({("wait", "north"): 50, ("wait", "south"): 52}, {"north": 500, "south": 500}) == ()
    assert spots({("wait", "tiny"): 9, ("wait", "south"): 5}, {"tiny": 20, "south": 900}) == ()
    assert spots({("wait", ""): 300, ("wait", "south"): 5}, {"": 500, "south": 500}) == ()
    assert spots({}, {}) == ()


def test_hotspots_of_noise_are_rare() -> None:
    random = np.random.default_rng(3)
    claimed = 0
    for _ in range(60):
        sizes = {f"r{n}": 400 for n in range(6)}
        counts = {
            (f"t{t}", name): int(random.binomial(n, 0.06))
            for t in range(18)
            for name, n in sizes.items()
        }
        claimed += len(spots(counts, sizes))
    assert claimed <= 2


def weekly(counts: Sequence[int], totals: Sequence[int]) -> Any:
    weeks = len(counts)
    base = {
        "dimension": ["region"] * weeks,
        "value": ["north"] * weeks,
        "week": list(range(weeks))[::-1],
    }
    problems = {**base, "topic": ["delivery"] * weeks, "n": list(counts)}
    return rises(problems, {**base, "n": list(totals)}, weeks)


def test_a_steady_rise_is_found() -> None:
    found = weekly([5, 8, 10, 14, 17, 20, 22, 27], [100] * 8)
    assert [(rise.topic, rise.value) for rise in found] == [("delivery", "north")]
    assert found[0].slope.value == pytest.approx(0.0307, abs=0.002)
    assert found[0].first < found[0].last


def test_growth_of_the_slice_a_fall_and_a_jump_are_no_rise() -> None:
    grown = [50, 60, 70, 85, 100, 120, 150, 180]
    assert weekly([n // 10 for n in grown], grown) == ()
    assert weekly([27, 22, 20, 17, 14, 10, 8, 5], [100] * 8) == ()
    assert weekly([5, 6, 5, 6, 5, 6, 5, 40], [100] * 8) == ()
    assert weekly([5, 8, 10], [100] * 3) == ()


def question(metric: str) -> Question:
    days = [datetime(2026, 2, day, tzinfo=UTC) for day in (1, 8, 22)]
    return Question(METRICS[metric], Period(*days[:2]), Period(*days[1:]), dimensions=())


def answering(n0: float, y0: float, n1: float, y1: float, squares: float = 0.0) -> Any:
    row = {"before_count": [n0], "before_sum": [y0], "after_count": [n1], "after_sum": [y1]}
    return lambda *_: {**row, "squares": [squares]}


def test_counts_are_compared_by_day() -> None:
    # 14 days against 7: twice as many are no change.
    change, p_value = compare(question("complaints"), answering(50, 50, 100, 100), {})
    assert change is not None
    assert change.value == pytest.approx(1.0)
    assert p_value > 0.9
    change, p_value = compare(question("complaints"), answering(0, 0, 100, 100), {})
    assert change is not None
    assert np.isfinite(change.value)
    assert p_value < 1e-6


def test_shares_and_means_are_compared_with_their_own_past() -> None:
    change, p_value = compare(question("complaint-share"), answering(400, 100, 400, 104), {})
    assert change is not None
    assert change.low < 0 < change.high
    assert p_value > 0.5
    # Two groups of 0 and 1, means 0.5 and 0.8.
    change, p_value = compare(question("csat"), answering(200, 100, 200, 160, 260), {})
    assert change is not None
    assert change.value == pytest.approx(0.3)
    assert p_value < 1e-6


def test_nothing_is_compared_with_nothing() -> None:
    assert compare(question("complaints"), answering(0, 0, 2, 2), {}) == (None, 1.0)
    assert compare(question("csat"), answering(0, 0, 50, 20, 30), {}) == (None, 1.0)
    empty = {
        name: [] for name in ("before_count", "before_sum", "after_count", "after_sum", "squares")
    }
    assert compare(question("csat"), lambda *_: empty, {}) == (None, 1.0)


def test_a_shift_of_the_mix_is_told_from_a_change_inside() -> None:
    names = np.array(["a", "b"], object)
    shifted = decompose(
        "region",
        names,
        Amounts(*(np.array(v, float) for v in ([900, 100], [9, 10], [500, 500], [5, 50]))),
    )
    assert mix_matters(shifted)
    assert mover(shifted) == "b"
    inside = decompose(
        "region",
        names,
        Amounts(*(np.array(v, float) for v in ([500, 500], [5, 5], [500, 500], [20, 20]))),
    )
    assert not mix_matters(inside)
