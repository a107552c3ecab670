"""Numbers as each locale writes them."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest

from pipeline.analysis.intervals import Estimate, Unit
from pipeline.report.formats import Format


def estimate(value: float, low: float, high: float, unit: Unit) -> Estimate:
    return Estimate(value, low, high, 100, unit)


@pytest.mark.parametrize(
    ("unit", "numbers", "text"),
    [
        (Unit.SHARE, (0.123, 0.1, 0.15), "12.3% (10.0% to 15.0%)"),
        (Unit.SHARE_DIFFERENCE, (0.02, -0.01, 0.05), "+2.0 pp (−1.0 to +5.0 pp)"),
        (Unit.RATE, (2.346, 2.0, 3.0), "2.35 (2.00 to 3.00)"),
        (Unit.RATIO, (1.2, 1.0, 1.5), "×1.20 (1.00 to 1.50)"),
        (Unit.POINTS, (-38.86, -45.0, -31.0), "−38.9 (−45.0 to −31.0)"),
        (Unit.COUNT, (12345, 12000, 13000), "12,345 (12,000 to 13,000)"),
        (Unit.SCORE_DIFFERENCE, (-0.3, -0.33, -0.27), "−0.30 (−0.33 to −0.27)"),
    ],
)
def test_estimates_in_english(unit: Unit, numbers: tuple[float, float, float], text: str) -> None:
    assert Format("en").estimate(estimate(*numbers, unit)) == text


def test_locales_differ_where_they_should() -> None:
    money = estimate(125_500, 109_400, 156_300, Unit.MONEY)
    assert Format("zh-Hant").estimate(money) == "12.6萬 (10.9萬 至 15.6萬)"
    assert Format("zh-Hans").estimate(money) == "12.6万 (10.9万 至 15.6万)"
    assert Format("ko").estimate(money) == "12.6만 (10.9만 ~ 15.6만)"
    share = estimate(0.02, -0.01, 0.05, Unit.SHARE_DIFFERENCE)
    assert Format("ko").estimate(share) == "+2.0%p (−1.0 ~ +5.0%p)"


def test_a_ratio_reads_as_a_change_in_percent() -> None:
    ratio = estimate(0.525, 0.339, 0.813, Unit.RATIO)
    assert Format("en").percent_change(ratio) == "−48% (−66% to −19%)"
    endless = estimate(2.0, 1.5, math.inf, Unit.RATIO)
    assert Format("en").percent_change(endless) == "+100% (+50% to ∞)"


def test_a_rounded_zero_has_no_sign_and_no_number_is_a_dash() -> None:
    form = Format("en")
    assert form.decimal(-0.001, signed=True) == "0.00"
    assert form.decimal(math.nan) == "–"


def test_times_are_utc_and_midnight_is_a_day() -> None:
    form = Format("en")
    assert form.time(datetime(2026, 3, 2, tzinfo=UTC)) == "Mar 2, 2026"
    seoul = datetime(2026, 3, 2, 3, 30, tzinfo=timezone(timedelta(hours=9)))
    assert form.time(seoul) == "Mar 1, 2026 18:30 UTC"
    assert Format("ko").day(datetime(2026, 3, 2, tzinfo=UTC)) == "2026년 3월 2일"
