"""What holds for any data: bounds, sums to one, antisymmetry, monotony, order of rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import resources
from pipeline.analysis import (
    cpx,
    gaps,
    initiatives,
    intervals,
    kano_questions,
    ngrams,
    pyramid,
    ratings,
    recovery,
    servqual,
    silent,
    snowball,
    style,
    value_irritant,
    verbatims,
)
from pipeline.analysis.few import TooFew
from pipeline.analysis.intervals import Estimate
from pipeline.analysis.period import Period
from pipeline.domain.contact import Initiative
from pipeline.domain.scales import Scales
from pipeline.domain.taxonomy import Taxonomy

TAXONOMY = Taxonomy.load(resources.schemas() / "taxonomy.yaml")
SCALES = Scales.load(resources.schemas() / "scales.yaml")
START = datetime(2026, 3, 2, tzinfo=UTC)
MONTH = Period(START, START + timedelta(days=28))
COUNT = st.integers(0, 500)

TOPICS = ("wait", "promise", "staff_attitude", "app_website", "not_in_taxonomy")
TEXTS = (
    "",
    "the parcel came late",
    "退款一直没到",
    "退款一直沒到",
    "환불이 안 돼요",
    "hot charger",
)


def _columns(n: int, seed: int, anger: float, people: int) -> dict[str, list[Any]]:
    """Contacts at random: hypothesis picks how many, how angry, by how many customers."""
    random = np.random.default_rng(seed)

    def pick(values: Any, weights: list[float] | None = None) -> list[Any]:
        return [values[k] for k in random.choice(len(values), n, p=weights)]

    customers = ["", *(f"k{k}" for k in range(people))]
    rest = (1 - anger) / 2
    return {
        "contact_id": [f"c{k}" for k in range(n)],
        "occurred_at": [START + timedelta(days=float(d)) for d in random.uniform(-28, 28, n)],
        "topic": pick(TOPICS),
        "polarity": pick([-1, 0, 1], [anger, rest, rest]),
        "customer": pick(customers),
        "customer_tier": pick(["", "gold"]),
        "customer_value": pick([None, 10.0, 500.0]),
        "complaint": pick([0, 1], [1 - anger, anger]),
        "churn": pick([0, 1]),
        "resolved": pick([None, 0, 1]),
        "team": pick(["", "north", "south"]),
        "score": [float(v) for v in random.uniform(-1, 1, n)],
        "order_id": pick(["", "o1"]),
        "recovery": pick([[], ["fix"], ["admit", "fix"], ["empathy"], ["unknown_step"]]),
        "evidence": pick(TEXTS),
    }


def _rows(least: int, most: int) -> st.SearchStrategy[dict[str, list[Any]]]:
    sizes, seeds = st.integers(least, most), st.integers(0, 2**32)
    anger = st.sampled_from([0.0, 0.1, 0.6, 1.0])
    return st.builds(_columns, sizes, seeds, anger, st.integers(1, 60))


MANY = _rows(40, 400)


def _shuffled(rows: dict[str, list[Any]], seed: int = 1) -> dict[str, list[Any]]:
    order = np.random.default_rng(seed).permutation(len(rows["contact_id"]))
    return {name: [column[n] for n in order] for name, column in rows.items()}


def _runs(rows: dict[str, list[Any]]) -> dict[str, Any]:
    """Every entry that takes contacts, by name."""
    plan = Initiative("i", "t", "o", START, ("wait",), slice={"team": "north"})
    return {
        "skyline": lambda: cpx.skyline(rows, MONTH, previous=MONTH.previous),
        "weekly": lambda: cpx.weekly(rows, MONTH),
        "snowballs": lambda: snowball.snowballs(rows, MONTH, by=("topic", "team")),
        "quadrants": lambda: value_irritant.quadrants(rows, TAXONOMY),
        "derived": lambda: servqual.from_contacts(rows, TAXONOMY),
        "breakdown": lambda: gaps.breakdown(rows, TAXONOMY, "gap", MONTH),
        "moments": lambda: gaps.moments_of_truth(rows, TAXONOMY),
        "styles": lambda: style.styles(rows, TAXONOMY),
        "silent": lambda: silent.silent(rows),
        "pyramid": lambda: pyramid.pyramid(rows),
        "recovery": lambda: recovery.recovery(rows),
        "judge": lambda: initiatives.judge(plan, rows, MONTH.end),
        "select": lambda: verbatims.select(rows),
    }


def _estimates(value: Any) -> list[Estimate]:
    """Every estimate inside a result."""
    if isinstance(value, Estimate):
        return [value]
    if isinstance(value, dict):
        return [e for item in value.values() for e in _estimates(item)]
    if isinstance(value, tuple):
        return [e for item in value for e in _estimates(item)]
    fields = getattr(value, "__dataclass_fields__", {})
    return [e for name in fields for e in _estimates(getattr(value, name))]


NAMES = sorted(_runs({}))


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=40)
@given(rows=MANY)
def test_every_estimate_lies_in_its_interval_and_is_a_number(
    name: str, rows: dict[str, list[Any]]
) -> None:
    for estimate in _estimates(_runs(rows)[name]()):
        assert isinstance(estimate.value, float | int)
        assert estimate.low - 1e-9 <= estimate.high
        assert not np.isnan([estimate.value, estimate.low, estimate.high]).any()
        if estimate.unit is intervals.Unit.SHARE:
            assert -1 <= estimate.low - 1e-9 <= estimate.value <= estimate.high + 1e-9 <= 1 + 2e-9


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=15)
@given(rows=_rows(0, 2))
def test_no_row_and_single_rows_are_answered(name: str, rows: dict[str, list[Any]]) -> None:
    found = _runs(rows)[name]()
    assert isinstance(found, TooFew | tuple | initiatives.Judgement | snowball.Snowballs)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in {"pyramid", "recovery", "select"}])
@settings(deadline=None, max_examples=25)
@given(rows=MANY)
def test_the_order_of_rows_is_nothing(name: str, rows: dict[str, list[Any]]) -> None:
    """Pyramid, recovery and verbatims break ties of time by row: they have tests of their own."""
    first, second = (_estimates(_runs(r)[name]()) for r in (rows, _shuffled(rows)))
    assert [e.value for e in first] == pytest.approx([e.value for e in second])
    assert [e.low for e in first] == pytest.approx([e.low for e in second])


@given(k=COUNT, more=COUNT)
def test_wilson_holds_the_share_and_rises_with_it(k: int, more: int) -> None:
    n = k + more + 1
    low, high = intervals.wilson(k, n)
    assert 0 <= low <= k / n <= high <= 1
    next_low, next_high = intervals.wilson(k + 1, n)
    assert next_low > low
    assert next_high >= high


@given(k1=COUNT, k2=COUNT, r1=COUNT, r2=COUNT)
def test_differences_of_shares_are_antisymmetric(k1: int, k2: int, r1: int, r2: int) -> None:
    n1, n2 = k1 + r1 + 1, k2 + r2 + 1
    low, high = intervals.newcombe(k1, n1, k2, n2)
    back_low, back_high = intervals.newcombe(k2, n2, k1, n1)
    assert (low, high) == pytest.approx((-back_high, -back_low))
    assert -1 - 1e-9 <= low <= k1 / n1 - k2 / n2 <= high <= 1 + 1e-9


@given(k1=st.integers(1, 500), k2=st.integers(1, 500), e1=st.floats(1, 99), e2=st.floats(1, 99))
def test_ratios_turn_over_when_periods_are_swapped(k1: int, k2: int, e1: float, e2: float) -> None:
    there, back = intervals.rate_ratio(k1, e1, k2, e2), intervals.rate_ratio(k2, e2, k1, e1)
    assert there.value * back.value == pytest.approx(1)
    assert there.low * back.high == pytest.approx(1)
    assert there.low < there.value < there.high


@given(count=COUNT)
def test_poisson_bounds_rise_with_the_count(count: int) -> None:
    (low, high), (next_low, next_high) = intervals.poisson(count), intervals.poisson(count + 1)
    assert low <= count <= high
    assert next_low > low
    assert next_high > high


@given(st.lists(st.floats(0, 1), max_size=20))
def test_holm_raises_p_values_and_keeps_their_order(p_values: list[float]) -> None:
    raw = np.array(p_values)
    adjusted = intervals.holm(raw)
    assert (adjusted >= raw).all()
    assert (adjusted <= 1).all()
    assert (np.diff(adjusted[np.argsort(raw, kind="stable")]) >= 0).all()


@given(p=COUNT, q=COUNT, d=COUNT)
def test_nps_is_antisymmetric_and_stays_in_its_scale(p: int, q: int, d: int) -> None:
    n = p + q + d + 1
    there, back = ratings.nps(p, d, n), ratings.nps(d, p, n)
    assert there.value == pytest.approx(-back.value)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low))
    assert -100 <= there.low <= there.high <= 100


@settings(deadline=None, max_examples=50)
@given(rows=MANY)
def test_shares_sum_to_one(rows: dict[str, list[Any]]) -> None:
    for facet in gaps.Facet:
        found = gaps.breakdown(rows, TAXONOMY, facet, MONTH)
        if isinstance(found, gaps.Breakdown):
            assert sum(part.share.value for part in found.parts) == pytest.approx(1)
    sky = cpx.skyline(rows, MONTH)
    if isinstance(sky, cpx.Skyline):
        assert sum(bar.share.value for bar in sky.bars) == pytest.approx(1)
    teams = style.styles(rows, TAXONOMY)
    for team in teams.teams if isinstance(teams, style.Styles) else ():
        assert sum(team.chances.values()) == pytest.approx(1)
    placed = value_irritant.quadrants(rows, TAXONOMY)
    if isinstance(placed, value_irritant.Portfolio) and placed.topics:
        assert sum(placed.shares.values()) == pytest.approx(1)
    tiers = pyramid.pyramid(rows)
    for tier in tiers.tiers if isinstance(tiers, pyramid.Pyramid) else ():
        assert sum(outcome.share for outcome in tier.outcomes) in (0.0, pytest.approx(1))


@settings(deadline=None, max_examples=50)
@given(rows=MANY)
def test_episodes_and_repeats_are_all_contacts(rows: dict[str, list[Any]]) -> None:
    found = snowball.snowballs(rows, MONTH)
    if isinstance(found, snowball.Snowballs):
        total = found.total
        assert total.contacts == total.episodes + total.repeats
        assert total.contacts == sum(group.contacts for group in found.groups)
        longer = snowball.snowballs(rows, MONTH, window_days=14)
        assert isinstance(longer, TooFew) or longer.total.repeats >= total.repeats


@given(count=st.integers(5, 60), extra=st.integers(1, 60))
def test_more_complainants_mean_no_fewer_silent(count: int, extra: int) -> None:
    def unhappy(n: int) -> silent.Range:
        people = [f"k{i}" for i in range(n)]
        found = silent.silent({"customer": people, "complaint": [1] * n})
        assert isinstance(found, silent.Silence)
        return found.unhappy

    few, many = unhappy(count), unhappy(count + extra)
    assert few.low <= many.low
    assert few.high <= many.high


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=30, max_size=60))
def test_kano_answers_are_all_counted(pairs: list[tuple[int, int]]) -> None:
    kinds = ("kano_functional", "kano_dysfunctional")
    rows = {
        "contact_id": [f"c{n}" for n in range(len(pairs)) for _ in kinds],
        "kind": [kind for _ in pairs for kind in kinds],
        "dimension": ["clip"] * (2 * len(pairs)),
        "value": [value for pair in pairs for value in pair],
    }
    found = kano_questions.timko(rows)
    for point in found.points if isinstance(found, kano_questions.Timko) else ():
        assert sum(point.counts.values()) == point.answers == len(pairs)
        assert 0 <= point.better.value <= 1
        assert -1 <= point.worse.value <= 0


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.text(max_size=40), max_size=30), st.integers(0, 6), st.sampled_from(verbatims.How)
)
def test_verbatims_are_different_showable_texts(
    words: list[str], number: int, how: verbatims.How
) -> None:
    rows = {
        "contact_id": [f"c{n}" for n in range(len(words))],
        "occurred_at": [START] * len(words),
        "evidence": words,
    }
    found = verbatims.select(rows, how=how, number=number)
    assert len(found) <= number
    assert len({verbatim.text for verbatim in found}) == len(found)
    for verbatim in found:
        assert rows["evidence"][verbatim.row] == verbatim.text
        assert verbatims.showable(verbatim.text)
    if found:
        assert sum(verbatim.covers for verbatim in found) == pytest.approx(1)


@settings(deadline=None)
@given(st.lists(st.text(max_size=60), min_size=1, max_size=20))
def test_ngram_vectors_are_unit_or_empty(words: list[str]) -> None:
    alike = ngrams.similarities(ngrams.vectors(words))
    for n, text in enumerate(words):
        assert alike[n, n] == pytest.approx(1.0 if ngrams.normalised(text) else 0.0)
    assert (alike <= 1 + 1e-9).all()
    assert (alike >= -1e-9).all()


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["csat", "nps", "ces"]),
            st.sampled_from(sorted(SCALES)),
            st.integers(0, 10),
        ),
        max_size=80,
    )
)
def test_scorecards_count_each_rating_once(answers: list[tuple[str, str, int]]) -> None:
    picked = [SCALES[scale].keys[n % len(SCALES[scale].keys)] for _, scale, n in answers]
    rows = {
        "kind": [kind for kind, _, _ in answers],
        "dimension": [""] * len(answers),
        "scale": [scale for _, scale, _ in answers],
        "value": picked,
        "score": [SCALES[s].normalise(v) for (_, s, _), v in zip(answers, picked, strict=True)],
    }
    found = ratings.scorecard(rows, SCALES)
    asked = sum(kind == "nps" for kind, _, _ in answers)
    n = found.nps.have if isinstance(found.nps, TooFew) else found.nps.score.n
    assert n + found.unusable.get("nps", 0) == asked
