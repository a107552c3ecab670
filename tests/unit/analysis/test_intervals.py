"""Intervals against published tables."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from pipeline.analysis import intervals
from pipeline.analysis.few import TooFew
from pipeline.analysis.intervals import Estimate, Unit


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_newcombe_1998_table_1_method_3(
    k: int, n: int, low: float, high: float
) -> None:
    """Newcombe 1998, Statistics in Medicine 17:857-872, table I."""
    assert intervals.wilson(k, n) == pytest.approx((low, high), abs=5e-5)


def test_wilson_agrees_with_statsmodels_on_arrays() -> None:
    k, n = np.array([0, 3, 17, 40]), np.array([5, 30, 17, 41])
    low, high = intervals.wilson(k, n)
    expected = proportion_confint(k, n, method="wilson")
    np.testing.assert_allclose(low, expected[0], atol=1e-12)
    np.testing.assert_allclose(high, expected[1], atol=1e-12)


def test_wilson_of_nothing_is_everything() -> None:
    assert intervals.wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((5, 56), (0, 29), -0.0381, 0.1926),
    ],
)
def test_newcombe_gives_the_1998_table_2_method_10(
    first: tuple[int, int], second: tuple[int, int], low: float, high: float
) -> None:
    """Newcombe 1998, Statistics in Medicine 17:873-890, table II."""
    assert intervals.newcombe(*first, *second) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("count", "low", "high"), [(0, 0.0, 3.689), (5, 1.623, 11.668), (10, 4.795, 18.390)]
)
def test_poisson_gives_garwood_1936(count: int, low: float, high: float) -> None:
    """Garwood 1936, Biometrika 28:437-442, as tabulated in every textbook since."""
    assert intervals.poisson(count) == pytest.approx((low, high), abs=1e-3)


def test_byar_is_within_a_part_in_a_thousand_of_exact() -> None:
    counts = np.arange(10, 500)
    for byar, exact in zip(intervals.byar(counts), intervals.poisson(counts), strict=True):
        np.testing.assert_allclose(byar, exact, rtol=2e-3)


def test_byar_by_hand() -> None:
    """Breslow and Day 1987, p. 69, for 100: 100·(1 - 1/900 - 1.96/30)³ and 101·(...)³."""
    low = 100 * (1 - 1 / 900 - 1.959964 / 30) ** 3
    high = 101 * (1 - 1 / 909 + 1.959964 / (3 * 101**0.5)) ** 3
    assert intervals.byar(100) == pytest.approx((low, high), rel=1e-6)


def test_rate_ratio_of_the_breast_cancer_cohort() -> None:
    """Boice and Monson 1977: 41 cases in 28,010 woman-years against 15 in 19,017; the exact bounds
    are those of Rothman's textbook example (1.86; 1.006, 3.609)."""
    ratio = intervals.rate_ratio(41, 28_010, 15, 19_017)
    assert ratio.value == pytest.approx(1.855759, abs=1e-6)
    assert (ratio.low, ratio.high) == pytest.approx((1.006, 3.609), abs=5e-4)
    assert ratio.above(1)
    assert not ratio.below(1)


def test_a_dispersion_widens_a_ratio_about_the_same_value() -> None:
    plain = intervals.rate_ratio(40, 1, 20, 1)
    wide = intervals.rate_ratio(40, 1, 20, 1, dispersion=4)
    assert wide.value == plain.value
    assert wide.low < plain.low < plain.high < wide.high


def test_rate_is_scaled_and_keeps_its_count() -> None:
    found = intervals.rate(10, 2_000, per=1_000)
    assert found == Estimate(
        5.0, pytest.approx(2.3977, abs=1e-3), pytest.approx(9.195, abs=1e-3), 10, Unit.RATE
    )


def test_mean_is_students() -> None:
    values = np.array([1.0, 2, 3, 4, 5])
    half = stats.t.ppf(0.975, 4) * np.sqrt(2.5 / 5)
    found = intervals.mean(values)
    assert (found.value, found.low, found.high) == pytest.approx((3, 3 - half, 3 + half))


GUINNESS = (
    np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]),
    np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]),
)
"""Hours of sleep gained by ten patients under two drugs: Student 1908, The Probable Error of a
Mean, Biometrika 6:1-25, section IX."""


def test_mean_gives_students_sleep_data() -> None:
    """The mean difference is 1.58 hours, 95 % from 0.700 to 2.460."""
    found = intervals.mean(GUINNESS[1] - GUINNESS[0])
    assert (found.value, found.low, found.high) == pytest.approx((1.58, 0.7001142, 2.4598858))


def test_bootstrap_is_seeded_and_brackets_the_mean() -> None:
    values = np.random.default_rng(7).normal(5, 1, 400)
    first = intervals.bootstrap(values, lambda v: float(v.mean()))
    assert first == intervals.bootstrap(values, lambda v: float(v.mean()))
    theory = intervals.mean(values)
    assert first == pytest.approx((theory.low, theory.high), abs=0.02)
    assert first != intervals.bootstrap(values, lambda v: float(v.mean()), seed=1)


def test_holm_agrees_with_statsmodels() -> None:
    p_values = np.array([0.04, 0.001, 0.02, 0.9, 0.02])
    expected = multipletests(p_values, method="holm")[1]
    np.testing.assert_allclose(intervals.holm(p_values), expected)
    assert len(intervals.holm(np.zeros(0))) == 0


def test_too_few_stands_where_a_number_would() -> None:
    assert intervals.share_or_few(1, 3, 5, "contacts") == TooFew("contacts", 3, 5)
    assert isinstance(intervals.share_or_few(1, 5, 5, "contacts"), Estimate)
    assert intervals.mean_or_few(np.array([1.0]), 0, "ratings") == TooFew("ratings", 1, 2)
