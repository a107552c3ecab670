"""The demo's look for a spike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pipeline.cli.findings import find_spike, where

START = datetime(2026, 2, 1, tzinfo=UTC)


def _hour(n: int) -> datetime:
    return START + timedelta(hours=n)


def test_a_run_of_high_hours_is_one_spike() -> None:
    quiet = [(_hour(n), "delivery", 1) for n in range(0, 200, 5)]
    high = [(_hour(n), "billing", 6) for n in (100, 101, 102)]
    spike = find_spike([*quiet, *high], 200)
    assert spike is not None
    assert (spike.topic, spike.complaints) == ("billing", 18)
    assert (spike.since, spike.until) == (_hour(100), _hour(103))


def test_noise_is_no_spike() -> None:
    rows = [(_hour(n), "delivery", 1 + n % 2) for n in range(200)]
    assert find_spike(rows, 200) is None
    assert find_spike([], 1) is None


def test_a_busy_topic_does_not_hide_a_rise_of_a_quiet_one() -> None:
    busy = [(_hour(n), "delivery", 20 + n % 3) for n in range(200)]
    rise = [(_hour(50), "billing", 12)]
    spike = find_spike([*busy, *rise], 200)
    assert spike is not None
    assert spike.topic == "billing"


def test_where_a_spike_is_leaves_out_who_happens_to_complain_elsewhere() -> None:
    counts = [("Seoul", 9), ("Taipei", 5), ("Taipei", 4), ("Singapore", 1)]
    assert where(counts) == ["Seoul", "Taipei"]
    assert where([]) == []
