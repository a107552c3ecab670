"""The sample's events: valid, in time order, the same for the same arguments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from pipeline import sample
from pipeline.contract import (
    ContractViolation,
    MalformedEvent,
    contact_from,
    initiative_from,
    parse_contact,
    volume_from,
)
from pipeline.domain.contact import Channel, Speaker
from pipeline.sample import Labelled, company
from pipeline.sample.draws import draw


def _at(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["occurred_at"])


def test_every_contact_keeps_the_contract(company: list[Labelled]) -> None:
    for made in company:
        contact_from(made.event, now=sample.DEFAULT_UNTIL)


def test_the_sizes_are_exact(demo: list[Labelled], company: list[Labelled]) -> None:
    assert len(demo) == 1_200
    assert len(company) == 40_000


@pytest.mark.parametrize("size", [1, 2, 37, 900])
def test_any_number_of_contacts_can_be_asked_for(size: int) -> None:
    events = list(sample.contacts(3, size))
    assert len(events) == size
    for event in events:
        contact_from(event)


@pytest.mark.parametrize("size", ["tiny", 0, -5])
def test_other_sizes_are_refused(size: str | int) -> None:
    with pytest.raises(ValueError, match=r"size|at least one"):
        list(sample.contacts(7, size))


def test_contacts_are_in_time_order_and_within_six_weeks(demo: list[Labelled]) -> None:
    times = [_at(made.event) for made in demo]
    assert all(a <= b for a, b in pairwise(times))
    assert times[-1] < sample.DEFAULT_UNTIL
    assert times[0] >= sample.DEFAULT_UNTIL - timedelta(weeks=6)


def test_a_given_end_in_the_middle_of_a_day_is_kept() -> None:
    until = datetime(2026, 5, 20, 10, 30, tzinfo=UTC)
    times = [_at(event) for event in sample.contacts(7, 3_000, until)]
    assert until - timedelta(hours=6) < times[-1] < until
    assert times[0] >= until - timedelta(weeks=6)


def test_the_same_arguments_make_the_same_events(demo: list[Labelled]) -> None:
    assert list(sample.contacts(7, "demo")) == [made.event for made in demo]
    assert list(sample.volumes(7)) == list(sample.volumes(7))


def test_another_seed_makes_another_company(demo: list[Labelled]) -> None:
    first = {str(made.event.get("text")) for made in demo}
    other = [str(event.get("text")) for event in sample.contacts(8, "demo")]
    assert sum(text in first and len(text) > 20 for text in other) < 0.05 * len(other)


def test_ids_are_unique(company: list[Labelled]) -> None:
    assert len({made.event["contact_id"] for made in company}) == len(company)


def test_replies_follow_an_earlier_contact_of_the_same_customer(company: list[Labelled]) -> None:
    seen: dict[str, dict[str, Any]] = {}
    replies = 0
    for made in company:
        event = made.event
        if first := event.get("reply_to"):
            replies += 1
            assert seen[first]["customer_id"] == event["customer_id"]
            assert seen[first]["region"] == event["region"]
            assert timedelta(0) < _at(event) - _at(seen[first]) < timedelta(days=7)
        seen[event["contact_id"]] = event
    assert replies > 1_000


def test_all_languages_channels_and_topics_occur(demo: list[Labelled]) -> None:
    assert {made.intent.language for made in demo} == {"zh-Hans", "zh-Hant", "ko", "en", "und"}
    assert {made.event["channel"] for made in demo} == set(Channel) - {Channel.OTHER}
    said = {topic for made in demo for topic, _ in made.intent.topics}
    assert said == set(company.TOPICS)


def test_every_script_has_its_fair_share(demo: list[Labelled]) -> None:
    for language in ("zh-Hans", "zh-Hant", "ko", "en"):
        assert sum(made.intent.language == language for made in demo) > 0.12 * len(demo)


def test_conversations_hold_all_speakers(demo: list[Labelled]) -> None:
    turns = [turn for made in demo for turn in made.event.get("turns", ())]
    assert {turn["speaker"] for turn in turns} == set(Speaker)
    for made in demo:
        if conversation := made.event.get("turns"):
            assert any(turn["speaker"] == "customer" for turn in conversation)


def test_every_kind_of_rating_is_given(demo: list[Labelled]) -> None:
    ratings = [rating for made in demo for rating in made.event.get("ratings", ())]
    assert {r["kind"] for r in ratings} >= {
        "csat", "nps", "ces", "stars", "expectation", "perception", "importance", "repurchase",
        "recommend", "kano_functional", "kano_dysfunctional",
    }  # fmt: skip
    assert {r["scale"] for r in ratings} >= {"keypad-1-2-3", "keypad-5-3-1", "satisfaction-1-10"}


def test_drawing_loses_no_contact_of_the_spike() -> None:
    calendar = sample.Calendar.ending(sample.DEFAULT_UNTIL, 6)
    drawn = draw(calendar, 1_200, 7)
    assert (drawn.cause == 1).sum() == 42
    assert (drawn.parent < range(len(drawn))).all()


def test_volumes_keep_the_contract_and_cover_every_day() -> None:
    volumes = [volume_from(event) for event in sample.volumes()]
    days = {v.period_start for v in volumes}
    assert len(days) == 42
    assert {v.name for v in volumes} == {"orders", "customers"}
    assert {v.region for v in volumes} == {region.name for region in company.REGIONS}
    assert len({(v.name, v.period_start, v.product, v.region) for v in volumes}) == len(volumes)


def test_contacts_are_about_three_percent_of_orders(demo: list[Labelled]) -> None:
    orders = sum(event["value"] for event in sample.volumes() if event["name"] == "orders")
    assert len(demo) / orders == pytest.approx(0.03, rel=0.05)


def test_initiatives_keep_the_contract() -> None:
    initiatives = [initiative_from(event) for event in sample.initiatives()]
    assert len(initiatives) == 3
    assert all(topic in company.TOPICS for i in initiatives for topic in i.topics)
    assert all(i.slice and i.comparison for i in initiatives)


def test_poison_is_refused_for_two_reasons() -> None:
    cut, keyless = sample.poison()
    with pytest.raises(MalformedEvent):
        parse_contact(cut)
    with pytest.raises(ContractViolation):
        parse_contact(keyless)
