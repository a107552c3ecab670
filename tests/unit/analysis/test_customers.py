"""Silent customers, the pyramid, and what follows service recovery."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm

from pipeline.analysis import pyramid, recovery, silent
from pipeline.analysis.few import TooFew
from pipeline.analysis.intervals import Estimate
from pipeline.analysis.pyramid import Outcome, State
from pipeline.analysis.recovery import STEPS, Effect

START = datetime(2026, 3, 2, tzinfo=UTC)


def _complaints(customers: list[str], complaint: int = 1) -> dict[str, list[Any]]:
    return {"customer": customers, "complaint": [complaint] * len(customers)}


def test_the_silent_range_by_hand() -> None:
    """100 complainants (Garwood 81.4 to 121.6) at 6 to 26 silent each: 81.4·7 to 121.6·27."""
    found = silent.silent(_complaints([f"k{n}" for n in range(100)]))
    assert isinstance(found, silent.Silence)
    assert found.unhappy.low == pytest.approx(81.364 * 7, rel=1e-4)
    assert found.unhappy.high == pytest.approx(121.627 * 27, rel=1e-4)
    assert found.silent.low == pytest.approx(found.unhappy.low - 100)
    assert found.told.high == pytest.approx(found.unhappy.high * 15)
    assert {a.name for a in found.assumptions} == {silent.SILENT, silent.TOLD}
    assert all(a.source for a in found.assumptions)


def test_customers_cap_the_range_and_repeats_count_once() -> None:
    found = silent.silent(_complaints(["anna"] * 9 + ["ben", "", "", ""]), customers=20)
    assert isinstance(found, silent.Silence)
    assert (found.complainants.n, found.anonymous) == (5, 3)
    assert found.capped
    assert found.unhappy.high == 20


def test_contacts_that_are_no_complaints_do_not_count() -> None:
    found = silent.silent(_complaints(["a", "b", "c", "d", "e", "f"], complaint=0))
    assert found == TooFew("complainants", 0, silent.MIN_COMPLAINANTS)


def test_assumptions_must_be_ranges() -> None:
    rows = _complaints([f"k{n}" for n in range(9)])
    bad = (silent.Assumption(silent.SILENT, 9, 3, "x"), silent.PUBLISHED[1])
    with pytest.raises(ValueError, match="range"):
        silent.silent(rows, assumptions=bad)
    with pytest.raises(ValueError, match="missing"):
        silent.silent(rows, assumptions=silent.PUBLISHED[:1])


def _customers(n: int = 100, **tiers: tuple[int, float]) -> dict[str, list[Any]]:
    """`n` customers of each tier with one contact; the first `hurt` complain, value as given."""
    rows: dict[str, list[Any]] = {
        name: []
        for name in (
            "customer", "customer_tier", "customer_value", "complaint", "churn", "resolved",
            "occurred_at",
        )
    }  # fmt: skip
    for tier, (hurt, value) in tiers.items():
        for i in range(n):
            rows["customer"].append(f"{tier}{i}")
            rows["customer_tier"].append(tier)
            rows["customer_value"].append(value + i % 2)
            rows["complaint"].append(int(i < hurt))
            rows["churn"].append(int(i < hurt and i % 4 == 0))
            rows["resolved"].append(1 if i % 2 else 0)
            rows["occurred_at"].append(START + timedelta(hours=i))
    return rows


def test_value_at_risk_is_the_product() -> None:
    """Goodman's market damage: 1,000 customers, 20 % have a problem, of whom 60 % end content (5 %
    of them leave) and 40 % not (50 %), at 200 each: 1000·0.2·(0.03 + 0.2)·200 = 9,200."""
    outcomes = (Outcome(State.RESOLVED, 0.6, 0.05), Outcome(State.UNRESOLVED, 0.4, 0.5))
    assert pyramid.value_at_risk(1000, 0.2, outcomes, 200) == pytest.approx(9200)


def test_tiers_by_hand() -> None:
    """40 of 100 gold customers complain, half resolved; every fourth means to leave (10, all
    unresolved): P(leave) = ½·0 + ½·10/20 = 0.25; at risk 100·0.4·0.25·1000.5."""
    found = pyramid.pyramid(_customers(gold=(40, 1000.0), basic=(10, 50.0)))
    assert isinstance(found, pyramid.Pyramid)
    gold, basic = found.tiers
    assert (gold.name, basic.name) == ("gold", "basic")
    assert gold.problem.value == pytest.approx(0.4)
    assert gold.leaving.value == pytest.approx(0.25)
    assert {o.state: (o.share, o.leave) for o in gold.outcomes} == {
        State.RESOLVED: (0.5, 0.0), State.UNRESOLVED: (0.5, 0.5), State.UNKNOWN: (0.0, 0.0),
    }  # fmt: skip
    assert gold.at_risk is not None
    assert gold.at_risk.value == pytest.approx(100 * 0.4 * 0.25 * 1000.5)
    assert gold.at_risk.low < gold.at_risk.value < gold.at_risk.high
    assert found.at_risk is not None
    assert basic.at_risk is not None
    assert found.at_risk.value == pytest.approx(gold.at_risk.value + basic.at_risk.value)
    assert found.seen_only
    assert not found.by_value


def test_sizes_and_leaving_can_be_given() -> None:
    rows = _customers(gold=(40, 1000.0))
    leave = {State.RESOLVED: 0.1, State.UNRESOLVED: 0.5, State.UNKNOWN: 0.3}
    found = pyramid.pyramid(rows, customers={"gold": 400}, leave=leave)
    assert isinstance(found, pyramid.Pyramid)
    tier = found.tiers[0]
    assert tier.problem.value == pytest.approx(0.1)
    assert tier.leaving.value == pytest.approx(0.3)
    assert found.assumed
    assert not found.seen_only


def test_without_tiers_value_makes_them() -> None:
    rows = _customers(gold=(40, 100.0))
    rows["customer_tier"] = [""] * 100
    rows["customer_value"] = list(np.arange(100.0) * 10)
    found = pyramid.pyramid(rows)
    assert isinstance(found, pyramid.Pyramid)
    assert found.by_value
    assert {tier.name: tier.seen for tier in found.tiers} == {"top": 20, "middle": 30, "base": 50}


def test_customers_without_value_have_no_value_at_risk() -> None:
    rows = _customers(gold=(40, 100.0))
    rows["customer_value"] = [None] * 100
    found = pyramid.pyramid(rows)
    assert isinstance(found, pyramid.Pyramid)
    assert found.at_risk is None
    assert isinstance(found.tiers[0].value, TooFew)


def test_small_tiers_and_strangers_are_said() -> None:
    rows = _customers(gold=(40, 100.0))
    rows["customer"][:90] = [""] * 90
    assert pyramid.pyramid(rows) == TooFew("customers", 10, pyramid.MIN_CUSTOMERS)
    both = _customers(gold=(40, 100.0))
    both["customer_tier"][0] = "lead"
    found = pyramid.pyramid(both)
    assert isinstance(found, pyramid.Pyramid)
    assert found.few == {"lead": TooFew("customers", 1, pyramid.MIN_CUSTOMERS)}
    assert isinstance(pyramid.pyramid(_customers()), TooFew)


def _stories(n: int = 400, seed: int = 1, effect: float = 0.6) -> dict[str, list[Any]]:
    """Complaints, half of them fixed at random; the next contact is `effect` better if fixed."""
    random = np.random.default_rng(seed)
    rows: dict[str, list[Any]] = {
        name: []
        for name in ("customer", "occurred_at", "complaint", "score", "recovery", "order_id")
    }

    def add(
        who: str, day: float, complaint: int, score: float, steps: list[str], order: str
    ) -> None:
        values = (who, START + timedelta(days=day), complaint, score, steps, order)
        for name, value in zip(rows, values, strict=True):
            rows[name].append(value)

    for i in range(n):
        fixed, empathy = random.random(2) < 0.5
        before = random.uniform(-0.9, -0.5)
        steps = ["fix"] * bool(fixed) + ["empathy"] * bool(empathy)
        add(f"k{i}", 1, 1, before, steps, "")
        after = -0.2 + effect * fixed + random.normal(0, 0.2)
        add(f"k{i}", 10, 0, after, [], "order" if random.random() < 0.3 + 0.4 * fixed else "")
    add("last", 60, 0, 0.0, [], "")
    return rows


def _effect(found: recovery.Recovery, step: str, outcome: recovery.Outcome) -> Effect:
    effect = found.steps[STEPS.index(step)].effects[outcome]
    assert isinstance(effect, Effect)
    return effect


def test_a_planted_step_is_found_and_another_is_not_claimed() -> None:
    found = recovery.recovery(_stories())
    assert isinstance(found, recovery.Recovery)
    fixed = _effect(found, "fix", recovery.Outcome.SENTIMENT)
    assert fixed.shown
    assert fixed.difference.low < 0.6 < fixed.difference.high
    returned = _effect(found, "fix", recovery.Outcome.RETURNED)
    assert returned.shown
    assert returned.difference.value == pytest.approx(0.4, abs=0.12)
    assert not _effect(found, "empathy", recovery.Outcome.SENTIMENT).shown
    assert isinstance(found.steps[0].effects[recovery.Outcome.SENTIMENT], TooFew)
    assert found.steps[STEPS.index("fix")].taken.value == pytest.approx(0.5, abs=0.08)


def test_regression_is_statsmodels_with_hc1() -> None:
    random = np.random.default_rng(3)
    design = np.column_stack([np.ones(80), random.normal(size=80), random.integers(0, 2, 80)])
    outcome = design @ np.array([1.0, 0.5, -0.2]) + random.normal(size=80)
    reference = sm.OLS(outcome, design).fit(cov_type="HC1")
    values, errors, freedom = recovery.ols(design, outcome)
    np.testing.assert_allclose(values, reference.params)
    np.testing.assert_allclose(errors, reference.bse)
    assert freedom == 77


def test_complaints_too_young_to_tell_are_not_followed() -> None:
    rows = _stories(40)
    found = recovery.recovery(rows, observed_until=START + timedelta(days=20))
    assert isinstance(found, recovery.Recovery)
    assert (found.complaints, found.followed) == (40, 0)
    assert isinstance(found.steps[1].effects[recovery.Outcome.RETURNED], TooFew)


def test_customers_are_grouped_by_number_of_steps() -> None:
    found = recovery.recovery(_stories())
    assert isinstance(found, recovery.Recovery)
    assert [count.steps for count in found.counts] == [0, 1, 2]
    assert sum(count.complaints for count in found.counts) == found.followed
    none, _, two = found.counts
    assert isinstance(none.returned, Estimate)
    assert isinstance(two.returned, Estimate)
    assert none.returned.value < two.returned.value


def test_the_next_contact_is_the_customers_own_and_within_the_horizon() -> None:
    """Somebody else's contact, an earlier one and one after 30 days do not count."""
    rows = _stories(0)
    for i in range(30):
        for day, who in ((1.0, f"k{i}"), (50.0, f"k{i}"), (2.0, "other"), (0.5, f"k{i}")):
            values = (who, START + timedelta(days=day), int(day == 1.0), -0.5, [], "order")
            for name, value in zip(rows, values, strict=True):
                rows[name].append(value)
    found = recovery.recovery(rows)
    assert isinstance(found, recovery.Recovery)
    assert found.counts[0].sentiment == TooFew("complaints", 0, recovery.MIN_SIDE)
    assert isinstance(found.counts[0].returned, Estimate)
    assert found.counts[0].returned.value == 0.0


def test_few_complaints_are_said() -> None:
    assert recovery.recovery(_stories(5)) == TooFew("complaints", 5, recovery.MIN_COMPLAINTS)


def test_few_complainants_do_not_say_how_many_leave() -> None:
    found = pyramid.pyramid(_customers(gold=(3, 1000.0)))
    assert isinstance(found, pyramid.Pyramid)
    assert found.tiers[0].leaving == TooFew("complainants", 3, pyramid.MIN_HURT)
    assert found.tiers[0].at_risk is None


def test_the_order_of_rows_is_nothing() -> None:
    rows = _stories(60)
    found = recovery.recovery(rows)
    order = np.random.default_rng(1).permutation(len(rows["customer"]))
    mixed = {name: [column[n] for n in order] for name, column in rows.items()}
    again = recovery.recovery(mixed)
    assert isinstance(found, recovery.Recovery)
    assert isinstance(again, recovery.Recovery)
    assert again.counts == found.counts
    first, second = (_effect(one, "fix", recovery.Outcome.SENTIMENT) for one in (found, again))
    assert first.difference.value == pytest.approx(second.difference.value)
    people = _customers(gold=(40, 1000.0))
    order = np.random.default_rng(1).permutation(100)
    turned = {name: [column[n] for n in order] for name, column in people.items()}
    tiers = [pyramid.pyramid(rows) for rows in (people, turned)]
    assert tiers[0] == tiers[1]
