"""What the watcher says, and what it says only once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.analysis.spikes import HOLIDAY, WEEKEND
from pipeline.domain.spike import Known, Severity, Spike, SpikeState, slice_name, spike_id
from pipeline.watch.changes import REMIND, announced, changes
from pipeline.watch.judge import by_day, lead
from pipeline.watch.series import calendar

NOW = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)


def spike(chosen: Mapping[str, str], **more: object) -> Spike:
    opened = NOW - timedelta(hours=2)
    made = Spike(
        spike_id=spike_id(chosen, opened),
        slice=chosen,
        state=SpikeState.OPENED,
        kind="jump",
        severity=Severity.WARNING,
        opened_at=opened,
        window_end=NOW,
        expected=4.0,
        observed=40.0,
        limit=15.0,
        score=9.0,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def known(*spikes: Spike, ago: timedelta = timedelta(minutes=5)) -> dict[str, Known]:
    return {each.spike_id: Known(each, NOW - ago) for each in spikes}


def test_a_new_spike_opens_and_is_not_opened_again() -> None:
    found = spike({"topic": "wait"})
    assert [each.state for each in changes(NOW, [found], {})] == [SpikeState.OPENED]
    assert changes(NOW, [found], known(found)) == []


def test_a_spike_that_came_and_went_between_two_looks_wakes_nobody() -> None:
    assert changes(NOW, [spike({"topic": "wait"}, state=SpikeState.CLOSED)], {}) == []


def test_growth_is_told_after_an_hour_and_severity_at_once() -> None:
    stored = spike({"topic": "wait"})
    larger = replace(stored, observed=60.0)
    assert changes(NOW, [larger], known(stored)) == []
    (update,) = changes(NOW, [larger], known(stored, ago=REMIND))
    assert update.state is SpikeState.UPDATED
    worse = replace(stored, severity=Severity.CRITICAL)
    assert [each.state for each in changes(NOW, [worse], known(stored))] == [SpikeState.UPDATED]


def test_a_spike_that_ended_or_vanished_is_closed_once() -> None:
    stored = spike({"topic": "wait"})
    ended = replace(stored, state=SpikeState.CLOSED)
    assert [each.state for each in changes(NOW, [ended], known(stored))] == [SpikeState.CLOSED]
    assert [each.state for each in changes(NOW, [], known(stored))] == [SpikeState.CLOSED]
    assert changes(NOW, [], {}) == []


def test_one_cause_pages_once_under_its_surest_slice() -> None:
    cause = spike({"topic": "wait", "region": "seoul"}, score=30.0)
    shadows = [
        spike({}, score=12.0),
        spike({"topic": "wait"}, score=20.0),
        spike({"region": "seoul"}, score=15.0),
    ]
    other = spike({"topic": "delivery", "region": "taipei"}, score=11.0)
    found = lead([*shadows, other, cause])
    assert {s.name for s in found if not s.part_of} == {cause.name, other.name}
    assert {s.part_of for s in found if s.part_of} == {cause.spike_id}


def test_spikes_of_different_days_are_not_shadows() -> None:
    early = spike({"topic": "wait"}, window_end=NOW - timedelta(hours=1), score=30.0)
    late = spike({}, opened_at=NOW - timedelta(minutes=30))
    assert all(not each.part_of for each in lead([early, late]))


def test_the_id_is_the_same_whoever_finds_it() -> None:
    one, other = {"topic": "wait", "region": "x"}, {"region": "x", "topic": "wait"}
    assert spike_id(one, NOW) == spike_id(other, NOW)
    assert spike_id(one, NOW) != spike_id(one, NOW + timedelta(hours=1))
    assert slice_name({}) == "everything"


def test_the_calendar_follows_the_companys_clock_through_summer_time() -> None:
    start = datetime(2026, 3, 27, 23, tzinfo=UTC)  # midnight of Saturday 28 March in Paris
    made = calendar(start, 72, ZoneInfo("Europe/Paris"), [date(2026, 3, 30)])
    assert made.slot[:3].tolist() == [0, 1, 2]
    assert np.bincount(made.day).tolist() == [24, 23, 24, 1], "the night has an hour less"
    assert (made.kind[made.day < 2] == WEEKEND).all()
    assert (made.kind[made.day == 2] == HOLIDAY).all()


@given(st.lists(st.integers(0, 9), min_size=48, max_size=48), st.integers(0, 47))
def test_days_sum_their_hours_and_keep_gaps(counts: list[int], gap: int) -> None:
    made = calendar(datetime(2026, 3, 2, tzinfo=UTC), 48, ZoneInfo("UTC"), [])
    hours = np.array(counts, float)
    days, daily = by_day(hours, made)
    assert days.tolist() == [sum(counts[:24]), sum(counts[24:])]
    assert daily.slots == 1
    hours[gap] = np.nan
    days, _ = by_day(hours, made)
    assert np.isnan(days).tolist() == [gap < 24, gap >= 24]


def test_the_topic_hears_of_leads_only_and_of_the_end_of_each() -> None:
    first, shadow = spike({"topic": "wait"}), spike({}, part_of="above")
    fallen = replace(first, part_of="above", state=SpikeState.UPDATED)
    risen = replace(shadow, part_of="", state=SpikeState.UPDATED)
    told = announced([fallen, risen], known(first, shadow))
    assert [(each.name, each.state) for each in told] == [
        ("topic=wait", SpikeState.CLOSED),
        ("everything", SpikeState.OPENED),
    ]
    ended = replace(fallen, state=SpikeState.CLOSED)
    assert [each.state for each in announced([ended], known(first))] == [SpikeState.CLOSED]
    assert announced([ended], known(fallen)) == [], "closed when it fell"
    assert announced([shadow, replace(shadow, state=SpikeState.CLOSED)], {}) == []
