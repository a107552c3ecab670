from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.times import is_rfc3339, rfc3339

SEOUL = ZoneInfo("Asia/Seoul")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2026-03-01T09:30:00Z", "2026-03-01T09:30:00Z"),
        ("2026-03-01", "2026-03-01T00:00:00+09:00"),
        ("2026/3/1 9:05", "2026-03-01T09:05:00+09:00"),
        ("2026.03.01 09:05:07", "2026-03-01T09:05:07+09:00"),
        ("2026年3月1日 上午 9:05", "2026-03-01T09:05:00+09:00"),
        ("2026年3月1日 12:05", "2026-03-01T12:05:00+09:00"),
        ("2026년 3월 1일 오후 3:04:05", "2026-03-01T15:04:05+09:00"),
        ("2026-03-01 오전 12:04", "2026-03-01T00:04:00+09:00"),
        ("2026-03-01 12:04 PM", "2026-03-01T12:04:00+09:00"),
        ("2026-03-01 09:30:00.25+0800", "2026-03-01T09:30:00.250000+08:00"),
        ("2026-03-01 09:30 UTC", "2026-03-01T09:30:00+00:00"),
        ("1772323200", "2026-03-01T00:00:00+00:00"),
        ("1772323200500", "2026-03-01T00:00:00.500000+00:00"),
    ],
)
def test_times_as_exports_write_them(text: str, wanted: str) -> None:
    assert rfc3339(text, SEOUL) == wanted


@pytest.mark.parametrize("text", ["yesterday", "2026-04-31", "01/02/2026", "", "2026-03-01 25:00"])
def test_what_is_no_certain_time_is_left_for_the_contract(text: str) -> None:
    assert rfc3339(text, SEOUL) == text


def test_a_time_without_a_zone_is_not_guessed() -> None:
    assert rfc3339("2026-03-01 09:00", None) == "2026-03-01 09:00"


def test_a_pattern_reads_what_is_ambiguous() -> None:
    assert rfc3339("01/02/2026 09:00", SEOUL, "%d/%m/%Y %H:%M") == "2026-02-01T09:00:00+09:00"
    assert rfc3339("02-01", SEOUL, "%d/%m/%Y") == "02-01"


def test_summer_time_is_the_zone_s() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert rfc3339("2026-07-01 12:00", berlin).endswith("+02:00")
    assert rfc3339("2026-01-01 12:00", berlin).endswith("+01:00")


@given(st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)))  # noqa: DTZ001
def test_a_naive_time_keeps_its_instant(at: datetime) -> None:
    made = rfc3339(at.strftime("%Y-%m-%d %H:%M:%S"), SEOUL)
    assert is_rfc3339(made)
    expected = at.replace(tzinfo=SEOUL, microsecond=0)
    assert datetime.fromisoformat(made).astimezone(UTC) == expected.astimezone(UTC)
