"""Snowballs: who repeats whom, and what the edges of the data hide."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline.analysis.few import TooFew
from pipeline.analysis.intervals import Estimate
from pipeline.analysis.period import Period
from pipeline.analysis.snowball import MIN_EPISODES, Snowballs, snowballs

START = datetime(2026, 3, 2, tzinfo=UTC)
MONTH = Period(START, START + timedelta(days=30))


def _rows(*contacts: tuple[str, str, float], ids: list[str] | None = None) -> dict[str, list[Any]]:
    """Rows of (customer, topic, day)."""
    return {
        "contact_id": ids or [f"c{n}" for n in range(len(contacts))],
        "customer": [customer for customer, _, _ in contacts],
        "topic": [topic for _, topic, _ in contacts],
        "occurred_at": [START + timedelta(days=day) for _, _, day in contacts],
    }


def _found(rows: dict[str, list[Any]], **options: Any) -> Snowballs:
    found = snowballs(rows, MONTH, **options)
    assert isinstance(found, Snowballs)
    return found


def test_repeats_by_hand() -> None:
    """Day 1, 5, 11: two repeats in one episode, as each is within 7 days of the last; day 20 is a
    new episode; another topic is no repeat."""
    rows = _rows(
        ("anna", "wait", 1), ("anna", "wait", 5), ("anna", "wait", 11), ("anna", "wait", 20),
        ("anna", "promise", 5), ("ben", "wait", 2),
    )  # fmt: skip
    found = _found(rows)
    assert (found.total.contacts, found.total.episodes, found.total.repeats) == (6, 4, 2)
    assert found.total.size == pytest.approx(1.5)
    by_topic = {group.name: group for group in found.groups}
    assert (by_topic["wait"].repeats, by_topic["promise"].repeats) == (2, 0)


def test_first_contact_resolution_with_wilsons_interval() -> None:
    """20 of 25 episodes need no second contact: 0.8, Wilson 0.609 to 0.911 (by hand)."""
    rows = [(f"k{n}", "wait", 1.0) for n in range(25)] + [(f"k{n}", "wait", 3.0) for n in range(5)]
    fcr = _found(_rows(*rows)).total.fcr
    assert isinstance(fcr, Estimate)
    assert fcr.value == pytest.approx(0.8)
    assert (fcr.low, fcr.high) == pytest.approx((0.6087, 0.9114), abs=1e-4)


def test_episodes_too_young_to_tell_are_left_out() -> None:
    """25 contacts on day 28 of 30 have had two days to come back in: not one says anything."""
    young = [(f"y{n}", "wait", 28.0) for n in range(25)]
    old = [(f"o{n}", "wait", 1.0) for n in range(25)]
    found = _found(_rows(*young, *old))
    assert found.censored == 25
    assert isinstance(found.total.fcr, Estimate)
    assert found.total.fcr.n == 25
    later = START + timedelta(days=40)
    assert _found(_rows(*young, *old), observed_until=later).censored == 0


def test_a_repeat_does_not_make_a_young_episode_count() -> None:
    """Counting the young that came back, and not those that may still, would bias FCR down."""
    young = [(f"y{n}", "wait", day) for n in range(25) for day in (27.0, 29.0)]
    old = [(f"o{n}", "wait", 1.0) for n in range(25)]
    fcr = _found(_rows(*young, *old)).total.fcr
    assert isinstance(fcr, Estimate)
    assert (fcr.value, fcr.n) == (1.0, 25)


def test_history_before_the_period_turns_a_first_contact_into_a_repeat() -> None:
    inside = [(f"k{n}", "wait", 1.0) for n in range(5)]
    before = [(f"k{n}", "wait", -3.0) for n in range(5)]
    alone, known = _found(_rows(*inside)), _found(_rows(*inside, *before, ("z", "wait", 2.0)))
    assert (alone.history, alone.total.repeats) == (False, 0)
    assert (known.history, known.total.repeats, known.total.contacts) == (True, 5, 6)


def test_unknown_customers_are_counted_and_not_joined() -> None:
    found = _found(_rows(("", "wait", 1), ("", "wait", 2), ("anna", "wait", 1)))
    assert (found.anonymous, found.total.repeats) == (2, 0)


def test_a_contact_that_repeats_two_topics_costs_once() -> None:
    rows = _rows(
        ("anna", "wait", 1), ("anna", "promise", 1), ("anna", "wait", 3), ("anna", "promise", 3),
        ids=["first", "first", "second", "second"],
    )  # fmt: skip
    found = _found(rows, cost_per_contact=4.0)
    assert (found.total.repeats, found.repeat_contacts) == (2, 1)
    assert found.cost is not None
    assert found.cost.value == pytest.approx(4.0)
    assert found.cost.low < 4.0 < found.cost.high <= 8.0


def test_groups_by_other_columns() -> None:
    rows = _rows(("anna", "wait", 1), ("anna", "wait", 2), ("ben", "wait", 1))
    rows["team"] = ["north", "north", "south"]
    teams = {group.name: group for group in _found(rows, by=("topic", "team")).groups}
    assert (teams["north"].repeats, teams["south"].repeats, teams["wait"].repeats) == (1, 0, 1)


def test_few_episodes_give_no_rate() -> None:
    found = _found(_rows(("anna", "wait", 1)))
    assert found.total.fcr == TooFew("episodes", 1, MIN_EPISODES)


def test_nothing_is_too_few() -> None:
    assert isinstance(snowballs(_rows(), MONTH), TooFew)
    assert isinstance(snowballs(_rows(("anna", "wait", 50)), MONTH), TooFew)
