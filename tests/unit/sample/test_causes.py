"""What is planted is in the raw events, by counting; and nothing else moves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from pipeline import sample
from pipeline.sample import Labelled, Truth
from pipeline.sample.causes import COLD_SHARE, KEYPAD_BIAS, SERVQUAL_GAPS
from pipeline.sample.ratings import ATTRIBUTES

Seen = tuple[datetime, Labelled]


@pytest.fixture(scope="module")
def truth() -> Truth:
    return sample.truth(7, "company")


@pytest.fixture(scope="module")
def seen(company: list[Labelled]) -> list[Seen]:
    return [(datetime.fromisoformat(made.event["occurred_at"]), made) for made in company]


def _complaints(seen: list[Seen], topic: str, **where: str) -> list[datetime]:
    return [
        at
        for at, made in seen
        if (topic, -1) in made.intent.topics
        and all(made.event.get(key) == value for key, value in where.items())
    ]


def _per_day(times: list[datetime], start: datetime, end: datetime) -> float:
    return sum(start <= at < end for at in times) / ((end - start) / timedelta(days=1))


@pytest.mark.parametrize("size", ["demo", "company"])
def test_the_spike_is_one_afternoon_of_the_last_week(
    size: str, request: pytest.FixtureRequest
) -> None:
    cause = sample.truth(7, size)["double_charge"]
    assert cause.start
    assert cause.end
    assert sample.DEFAULT_UNTIL - timedelta(days=7) < cause.start < cause.end
    fit: Counter[bool] = Counter()
    for made in request.getfixturevalue(size):
        at = datetime.fromisoformat(made.event["occurred_at"])
        inside = all(made.event.get(k) in v for k, v in cause.slice.items() if k != "topic")
        if ("billing_payment", -1) in made.intent.topics and inside:
            fit[cause.start <= at < cause.end] += 1
    assert fit[True] >= 40
    assert fit[False] < fit[True] / 4


def test_delivery_complaints_rise_after_the_carrier_changed(seen: list[Seen], truth: Truth) -> None:
    start = truth["new_carrier"].start
    assert start
    hit = _complaints(seen, "delivery", region="Hong Kong")
    before = _per_day(hit, truth.since, start)
    last = _per_day(hit, truth.until - timedelta(weeks=3), truth.until)
    middle = _per_day(hit, start, start + timedelta(weeks=8))
    assert before < middle < last
    assert last > 2.8 * before
    carriers = {
        made.event["attributes"]["carrier"]
        for at, made in seen
        if at >= start and made.event["region"] == "Hong Kong" and _is_delivery(made)
    }
    assert carriers == {"Swiftcrate"}


def _is_delivery(made: Labelled) -> bool:
    return "carrier" in made.event.get("attributes", {})


def test_the_cold_team_stands_out(seen: list[Seen]) -> None:
    total: Counter[str] = Counter()
    cold: Counter[str] = Counter()
    for _, made in seen:
        team = str(made.event.get("team", ""))
        if made.intent.topics and " Care " in team:
            total[team] += 1
            cold[team] += bool({("staff_attitude", -1), ("transfer", -1)} & {*made.intent.topics})
    shares = {team: cold[team] / total[team] for team in total}
    others = [share for team, share in shares.items() if team != "Seoul Care B"]
    assert max(others) < 0.1
    assert shares["Seoul Care B"] - shares["Seoul Care A"] > 0.6 * COLD_SHARE


def test_waiting_falls_where_the_initiative_worked_and_only_there(
    seen: list[Seen], truth: Truth
) -> None:
    cause = truth["callback_worked"]
    assert cause.start
    assert cause.factor
    ratio = {
        region: _per_day(_complaints(seen, "wait", region=region), cause.start, truth.until)
        / _per_day(_complaints(seen, "wait", region=region), truth.since, cause.start)
        for region in ("Shanghai", "Seoul", "London")
    }
    assert ratio["Shanghai"] < cause.factor + 0.15
    assert ratio["Seoul"] == pytest.approx(1, abs=0.25)
    assert ratio["London"] == pytest.approx(1, abs=0.3)


def test_initiatives_start_when_the_truth_says(truth: Truth) -> None:
    starts = {i["initiative_id"]: i["started_at"] for i in sample.initiatives(7, "company")}
    callback, pages = truth["callback_worked"].start, truth["help_pages_no_effect"].start
    assert callback
    assert pages
    assert starts["callback-instead-of-holding"] == callback.isoformat()
    assert starts["help-pages-rewritten"] == pages.isoformat()
    recent = datetime.fromisoformat(starts["refunds-in-48-hours"])
    assert truth.until - timedelta(days=4) < recent < truth.until


def test_the_initiative_without_effect_has_none(seen: list[Seen], truth: Truth) -> None:
    start = truth["help_pages_no_effect"].start
    assert start
    hit = _complaints(seen, "information", region="Seoul")
    before, after = _per_day(hit, truth.since, start), _per_day(hit, start, truth.until)
    assert after / before == pytest.approx(1, abs=0.3)


def test_placebo_slices_stay_as_they_are(seen: list[Seen], truth: Truth) -> None:
    middle = truth.since + (truth.until - truth.since) / 2
    for place in truth.placebos:
        where = {key: values[0] for key, values in place.items() if key != "topic"}
        hit = _complaints(seen, place["topic"][0], **where)
        first, second = sum(at < middle for at in hit), sum(at >= middle for at in hit)
        assert len(hit) > 50
        assert abs(first - second) < 4.5 * np.sqrt(first + second), place


def test_returns_come_back_within_the_week(seen: list[Seen]) -> None:
    by_id = {made.event["contact_id"]: made for _, made in seen}
    asked: Counter[str] = Counter()
    again: Counter[str] = Counter()
    for _, made in seen:
        if made.intent.mood <= 0 and made.intent.topics:
            asked[made.intent.topics[0][0]] += 1
        if first := made.event.get("reply_to"):
            topics = by_id[first].intent.topics
            again[topics[0][0] if topics else ""] += 1
    assert again["returns_refunds"] / asked["returns_refunds"] > 0.35
    others = [again[topic] / asked[topic] for topic in asked if topic != "returns_refunds"]
    assert max(others) < 0.1


def test_the_whole_rises_although_no_region_does(seen: list[Seen], truth: Truth) -> None:
    middle = truth.since + (truth.until - truth.since) / 2
    orders: Counter[tuple[str, bool]] = Counter()
    for event in sample.volumes(7, "company"):
        if event["name"] == "orders":
            late = datetime.fromisoformat(event["period_start"]) >= middle
            orders[event["region"], late] += event["value"]
    contacts = Counter(
        (made.event["region"], at >= middle) for at, made in seen if made.intent.cause == ""
    )
    share = {late: orders["Singapore", late] / _sum(orders, late) for late in (False, True)}
    rate = {key: contacts[key] / orders[key] for key in orders}
    assert share[True] > 1.8 * share[False]
    assert rate["Singapore", False] > 1.3 * rate["London", False]
    assert _sum(contacts, True) / _sum(orders, True) > _sum(contacts, False) / _sum(orders, False)
    for region in ("Singapore", "London", "Taipei"):
        assert rate[region, True] / rate[region, False] == pytest.approx(1, abs=0.1)


def _sum(counts: Counter[tuple[str, bool]], late: bool) -> float:
    return sum(value for (_, when), value in counts.items() if when is late)


def _ratings(seen: list[Seen], keep: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    return [r for _, made in seen for r in made.event.get("ratings", ()) if keep(r)]


def test_the_first_key_is_pressed_more_often_on_one_layout(seen: list[Seen]) -> None:
    best = {"keypad-1-2-3": 1, "keypad-5-3-1": 5}
    share = {}
    for scale, key in best.items():
        given = _ratings(seen, lambda r, scale=scale: r["scale"] == scale)
        share[scale] = sum(r["value"] == key for r in given) / len(given)
    assert share["keypad-1-2-3"] - share["keypad-5-3-1"] == pytest.approx(KEYPAD_BIAS, abs=0.05)


def test_penalties_and_rewards_are_in_the_ratings(seen: list[Seen]) -> None:
    rows, overall = [], []
    for _, made in seen:
        if made.event["channel"] == "survey":
            given = {
                r.get("dimension", ""): r["value"]
                for r in made.event["ratings"]
                if r["kind"] == "csat"
            }
            levels = [given[name] for name in ATTRIBUTES]
            rows.append([1.0, *(v <= 2 for v in levels), *(v >= 4 for v in levels)])
            overall.append(given[""])
    fitted = np.linalg.lstsq(np.array(rows, float), np.array(overall, float), rcond=None)[0]
    for n, (penalty, reward) in enumerate(ATTRIBUTES.values()):
        assert fitted[1 + n] == pytest.approx(penalty, abs=0.12)
        assert fitted[1 + len(ATTRIBUTES) + n] == pytest.approx(reward, abs=0.12)


def test_responsiveness_has_the_largest_gap(seen: list[Seen]) -> None:
    gaps = {}
    for name in SERVQUAL_GAPS:
        means = [
            np.mean(
                [
                    r["value"]
                    for r in _ratings(seen, lambda r: r.get("dimension") == name)  # noqa: B023
                    if r["kind"] == kind
                ]
            )
            for kind in ("perception", "expectation")
        ]
        gaps[name] = float(means[0] - means[1])
    assert min(gaps, key=lambda name: gaps[name]) == "responsiveness"
    assert gaps == pytest.approx(SERVQUAL_GAPS, abs=0.15)


def test_days_vary_more_than_chance_would(seen: list[Seen], truth: Truth) -> None:
    days = Counter((at - truth.since).days for at, made in seen if not made.intent.cause)
    weeks = np.array([days[n] for n in range(182)], float).reshape(26, 7)
    dispersion = weeks.var(axis=0, ddof=1).sum() / weeks.mean(axis=0).sum()
    assert 1.2 < dispersion < 8


def test_night_is_quiet_and_monday_busy(seen: list[Seen]) -> None:
    hours = Counter(at.hour for at, made in seen)
    assert hours[3] < hours[10] / 8
    weekdays = Counter(at.weekday() for at, made in seen)
    assert weekdays[0] > weekdays[5]


def test_an_unknown_cause_is_a_key_error(truth: Truth) -> None:
    with pytest.raises(KeyError):
        truth["nothing"]
