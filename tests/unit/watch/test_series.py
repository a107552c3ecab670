"""Hours of the warehouse (full hours in UTC) as days of the company."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from pipeline.watch.series import HOUR, Series, fetch

FIRST = datetime(2026, 3, 2, 3, tzinfo=UTC)
"""The first hour with a contact; each hour has one complaint more than the one before."""


class Rollups:
    """Every hour from FIRST on, as ClickHouse answers: no zone on its times."""

    def __init__(self, hours: int) -> None:
        self._hours = [FIRST + n * HOUR for n in range(hours)]

    def __call__(self, sql: str, parameters: Mapping[str, Any]) -> Mapping[str, Sequence[Any]]:
        since, until = (
            datetime.fromisoformat(parameters[name]).replace(tzinfo=UTC)
            for name in ("since", "until")
        )
        found = [at for at in self._hours if since <= at < until]
        if "min(hour)" in sql:
            return {"first": [found[0].replace(tzinfo=None)], "rows": [len(found)]}
        return {
            "hour": [at.replace(tzinfo=None) for at in found],
            "amount": [1 + (at - FIRST) // HOUR for at in found],
        }


def series_of(hours: int, zone: str, days: int = 10) -> Series:
    now = FIRST + (hours - 1) * HOUR + timedelta(minutes=50)
    return fetch(Rollups(hours), now, days, [""], ZoneInfo(zone), [], 10)


@pytest.mark.parametrize(
    "zone",
    [*("UTC", "Asia/Seoul", "Asia/Kolkata", "Asia/Kathmandu"),
     *("Australia/Adelaide", "America/St_Johns", "Pacific/Chatham")],
)  # fmt: skip
@pytest.mark.parametrize("hours", [75, 76])
def test_every_hour_keeps_its_own_count_in_every_zone(zone: str, hours: int) -> None:
    made = series_of(hours, zone)
    counts = made.slices[()]
    before = (FIRST - made.start) // HOUR
    assert np.nan_to_num(counts[before:]).tolist() == [float(n + 1) for n in range(hours)]
    assert made.start.minute == 0
    assert len(counts) == len(made.calendar.slot)


@pytest.mark.parametrize("zone", ["Asia/Seoul", "Asia/Kolkata", "Asia/Kathmandu"])
@pytest.mark.parametrize("days", [2, 10])
def test_the_first_day_is_a_whole_one(zone: str, days: int) -> None:
    made = series_of(100, zone, days)
    assert made.calendar.slot[:24].tolist() == list(range(24))
    assert np.bincount(made.calendar.day)[:-1].tolist() == [24] * (int(made.calendar.day[-1]))


def test_data_that_begin_in_the_half_hour_before_midnight_are_not_lost() -> None:
    now = FIRST + timedelta(days=3)
    kolkata = ZoneInfo("Asia/Kolkata")
    late = Rollups(100)
    late._hours = [at for at in late._hours if at >= FIRST.replace(hour=18)]  # 23:30 there
    made = fetch(late, now, 10, [""], kolkata, [], 10)
    assert made.slices[()][23] == 16
    assert made.begin(23) == FIRST.replace(hour=18)
