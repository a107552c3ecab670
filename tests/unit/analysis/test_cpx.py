"""Contacts per X: figures by hand, and what changes are claimed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from pipeline.analysis import cpx
from pipeline.analysis.few import TooFew
from pipeline.analysis.intervals import Estimate
from pipeline.analysis.period import Period

START = datetime(2026, 3, 2, tzinfo=UTC)
NOW = Period(START, START + timedelta(days=28))


def _rows(counts: dict[str, int], period: Period = NOW) -> dict[str, list[Any]]:
    """Rows spread evenly over the period."""
    topics, when = [], []
    for topic, count in counts.items():
        for n in range(count):
            topics.append(topic)
            when.append(period.start + (period.end - period.start) * ((n + 0.5) / count))
    return {"topic": topics, "occurred_at": when}


def _volumes(value: float, days: int = 56, first: datetime | None = None) -> dict[str, list[Any]]:
    begin = first or START - timedelta(days=28)
    starts = [begin + timedelta(days=n) for n in range(days)]
    return {
        "name": ["orders"] * days,
        "period_start": starts,
        "period_end": [start + timedelta(days=1) for start in starts],
        "value": [value] * days,
    }


def _both(now: dict[str, int], before: dict[str, int]) -> dict[str, list[Any]]:
    here, there = _rows(now), _rows(before, NOW.previous)
    return {name: here[name] + there[name] for name in here}


def test_the_skyline_by_hand() -> None:
    """84 contacts about waiting on 2,800 orders are 30 per 1,000; Garwood's bounds of 84."""
    found = cpx.skyline(_rows({"wait": 84, "billing_payment": 28}), NOW, volumes=_volumes(100))
    assert isinstance(found, cpx.Skyline)
    assert [bar.name for bar in found.bars] == ["wait", "billing_payment"]
    tower = found.bars[0]
    assert tower.rate.value == pytest.approx(30.0)
    assert (tower.rate.low, tower.rate.high) == pytest.approx((23.93, 37.14), abs=0.01)
    assert tower.share.value == pytest.approx(0.75)
    assert found.total.rate.value == pytest.approx(40.0)
    assert found.exposure == cpx.Exposure("orders", 2800.0, 1.0)
    assert tower.ratio is None
    assert not tower.changed


def test_a_growing_business_is_not_a_growing_problem() -> None:
    """Twice the orders and twice the contacts: the count doubles, CPX stays."""
    volumes = _volumes(100, 28)
    later = _volumes(200, 28, START)
    volumes = {name: volumes[name] + later[name] for name in volumes}
    found = cpx.skyline(
        _both({"wait": 200}, {"wait": 100}), NOW, volumes=volumes, previous=NOW.previous
    )
    assert isinstance(found, cpx.Skyline)
    ratio = found.bars[0].ratio
    assert isinstance(ratio, Estimate)
    assert ratio.value == pytest.approx(1.0)
    assert not found.bars[0].changed


def test_a_real_change_is_named_and_the_others_are_not() -> None:
    rows = _both({"wait": 160, "billing_payment": 80}, {"wait": 80, "billing_payment": 80})
    found = cpx.skyline(rows, NOW, volumes=_volumes(100), previous=NOW.previous)
    assert isinstance(found, cpx.Skyline)
    assert {bar.name: bar.changed for bar in found.bars} == {"wait": True, "billing_payment": False}


def test_a_vanished_topic_still_has_its_bar() -> None:
    rows = _both({"wait": 40}, {"wait": 40, "promise": 60})
    found = cpx.skyline(rows, NOW, volumes=_volumes(100), previous=NOW.previous)
    assert isinstance(found, cpx.Skyline)
    gone = found.bars[-1]
    assert (gone.name, gone.contacts, gone.changed) == ("promise", 0, True)
    assert isinstance(gone.ratio, Estimate)
    assert gone.ratio.value == 0


def test_a_new_topic_is_a_change_without_a_ratio() -> None:
    rows = _both({"wait": 40, "promise": 30}, {"wait": 40})
    found = cpx.skyline(rows, NOW, volumes=_volumes(100), previous=NOW.previous)
    assert isinstance(found, cpx.Skyline)
    new = next(bar for bar in found.bars if bar.name == "promise")
    assert new.ratio == TooFew("earlier contacts", 0, 1)
    assert new.changed


def test_without_volumes_rates_are_per_day() -> None:
    found = cpx.skyline(_rows({"wait": 56}), NOW)
    assert isinstance(found, cpx.Skyline)
    assert (found.per, found.exposure.name, found.bars[0].rate.value) == (1.0, "days", 2.0)


def test_a_record_counts_by_the_part_of_its_time_in_the_period() -> None:
    month = {
        "period_start": [NOW.start - timedelta(days=14)],
        "period_end": [NOW.start + timedelta(days=14)],
        "value": [1000.0],
    }
    assert cpx.exposure_of(month, NOW) == pytest.approx((500.0, 0.5))


def test_overlapping_records_of_slices_do_not_cover_twice() -> None:
    two = {name: column * 2 for name, column in _volumes(50, 14, START).items()}
    assert cpx.exposure_of(two, NOW) == pytest.approx((1400.0, 0.5))


def test_no_volume_in_the_period_is_said() -> None:
    found = cpx.skyline(_rows({"wait": 56}), NOW, volumes=_volumes(100, 5))
    assert found == TooFew("volume", 0, 1)


def test_too_few_contacts_are_said() -> None:
    assert cpx.skyline(_rows({"wait": 3}), NOW) == TooFew("contacts", 3, cpx.MIN_CONTACTS)


def test_summed_rows_weigh_what_they_count() -> None:
    summed = {"topic": ["wait"], "occurred_at": [NOW.start], "contacts": [56]}
    found = cpx.skyline(summed, NOW)
    assert isinstance(found, cpx.Skyline)
    assert found.bars[0].contacts == 56


def test_bursts_widen_the_interval() -> None:
    """The same 112 contacts, spread or all on four days: φ grows, the interval with it."""
    burst = _rows({"wait": 112})
    burst["occurred_at"] = [NOW.start + timedelta(days=7 * (n % 4), hours=1) for n in range(112)]
    burst["occurred_at"][:56] = [NOW.start + timedelta(days=3, hours=1)] * 56
    spread, clumped = cpx.skyline(_rows({"wait": 112}), NOW), cpx.skyline(burst, NOW)
    assert isinstance(spread, cpx.Skyline)
    assert isinstance(clumped, cpx.Skyline)
    assert spread.dispersion == 1.0
    assert clumped.dispersion > 2
    assert clumped.bars[0].rate.low < spread.bars[0].rate.low


def test_dispersion_of_poisson_days_is_about_one_and_of_doubled_ones_two() -> None:
    random = np.random.default_rng(3)
    days = [START + timedelta(days=n) for n in range(364)]
    counts = random.poisson(20, 364)
    year = Period(START, START + timedelta(days=364))
    rows = {"topic": ["wait"] * 364, "occurred_at": days, "contacts": counts}
    doubled = rows | {"contacts": 2 * counts}
    one, two = cpx.skyline(rows, year), cpx.skyline(doubled, year)
    assert isinstance(one, cpx.Skyline)
    assert isinstance(two, cpx.Skyline)
    assert one.dispersion == pytest.approx(1.0, abs=0.2)
    assert two.dispersion == pytest.approx(2.0, abs=0.4)


def test_weeks_add_up_to_the_period() -> None:
    rows = _rows({"wait": 84, "promise": 20})
    bars = cpx.weekly(rows, NOW, volumes=_volumes(100))
    assert len(bars) == 8
    assert sum(bar.contacts for bar in bars if bar.name == "wait") == 84
    assert all(bar.rate is not None for bar in bars)


def test_a_week_without_volumes_has_no_rate() -> None:
    bars = cpx.weekly(_rows({"wait": 84}), NOW, volumes=_volumes(100, 7, START))
    assert [bar.rate is None for bar in bars] == [False, True, True, True]


def test_false_alarms_stay_rare() -> None:
    """Ten topics that do not change, 200 times: some bar is claimed to have in at most 5 % (Holm),
    four standard errors allowed."""
    random, claimed = np.random.default_rng(11), 0
    topics = [f"t{n}" for n in range(10)]
    days = [NOW.previous.start + timedelta(days=n, hours=12) for n in range(56)]
    for _ in range(200):
        rows = {
            "topic": topics * 56,
            "occurred_at": [day for day in days for _ in topics],
            "contacts": random.poisson(3, 560),
        }
        found = cpx.skyline(rows, NOW, previous=NOW.previous)
        assert isinstance(found, cpx.Skyline)
        claimed += any(bar.changed for bar in found.bars)
    assert claimed <= 200 * 0.05 + 4 * (200 * 0.05 * 0.95) ** 0.5
