"""Initiatives: the effect is that of the model, and the four verdicts are earned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm

from pipeline.analysis.few import TooFew
from pipeline.analysis.initiatives import (
    Caution,
    Comparison,
    Judgement,
    Verdict,
    judge,
    judge_all,
)
from pipeline.analysis.intervals import Estimate
from pipeline.domain.contact import Initiative

START = datetime(2026, 3, 2, tzinfo=UTC)


def _initiative(**changes: Any) -> Initiative:
    fields: dict[str, Any] = {
        "initiative_id": "faster-refunds",
        "title": "Faster refunds",
        "owner": "customer care",
        "started_at": START,
        "topics": ("returns_refunds",),
        "slice": {"region": "north"},
    }
    return Initiative(**(fields | changes))


def _daily(
    north: tuple[float, float],
    south: tuple[float, float],
    *,
    days: tuple[int, int] = (56, 56),
    seed: int | None = 1,
    topic: str = "returns_refunds",
) -> dict[str, list[Any]]:
    """Summed rows: mean problem contacts a day before and after, Poisson unless `seed` is None."""
    random = np.random.default_rng(seed)
    rows: dict[str, list[Any]] = {
        name: [] for name in ("topic", "polarity", "occurred_at", "region", "contacts")
    }
    for region, means in (("north", north), ("south", south)):
        for day in range(-days[0], days[1]):
            mean = means[int(day >= 0)]
            count = mean if seed is None else int(random.poisson(mean))
            values = (topic, -1, START + timedelta(days=day, hours=9), region, count)
            for name, value in zip(rows, values, strict=True):
                rows[name].append(value)
    return rows


def _now(days: int = 56) -> datetime:
    return START + timedelta(days=days)


def test_the_ratio_of_ratios_by_hand() -> None:
    """North falls from 10 to 6 a day, south rises from 10 to 12: (6/12)/(10/10) = 0.5."""
    found = judge(_initiative(), _daily((10, 6), (10, 12), seed=None), _now())
    assert isinstance(found.effect, Estimate)
    assert found.effect.value == pytest.approx(0.5)
    assert found.compared_with is Comparison.OUTSIDE_SLICE
    assert (found.target.before, found.target.after) == (560, 336)
    assert found.prevented is not None
    assert found.prevented.value == pytest.approx(336)
    assert found.verdict is Verdict.WORKED
    assert found.cautions == ()


def test_the_effect_is_that_of_the_quasi_poisson_model() -> None:
    """log μ = group + day + effect·target·after, fitted by statsmodels on the same days; its
    dispersion is that of days, so the error may only be wider where weeks vary more."""
    rows = _daily((10, 7), (14, 13), days=(28, 28), seed=5)
    found = judge(_initiative(), rows, _now(28))
    counts = np.array(rows["contacts"], float)
    north = (np.array(rows["region"]) == "north").astype(float)
    day = np.tile(np.arange(56), 2)
    design = np.column_stack([np.eye(56)[day], north, north * (day >= 28)])
    reference = sm.GLM(counts, design, family=sm.families.Poisson()).fit(scale=1.0)
    assert isinstance(found.effect, Estimate)
    assert np.log(found.effect.value) == pytest.approx(reference.params[-1], abs=1e-6)
    assert found.dispersion >= 1.0
    width = np.log(found.effect.high) - np.log(found.effect.low)
    assert width >= 2 * 1.96 * reference.bse[-1] * 0.999


def test_a_season_that_both_share_is_no_effect() -> None:
    found = judge(_initiative(), _daily((10, 5), (20, 10)), _now())
    assert found.verdict is Verdict.NO_EFFECT_SEEN
    alone = judge(_initiative(slice={}), _only_target((10, 5)), _now())
    assert alone.verdict is Verdict.WORKED
    assert Caution.NO_COMPARISON in alone.cautions


def _only_target(means: tuple[float, float]) -> dict[str, list[Any]]:
    rows = _daily(means, (0, 0))
    keep = [n for n, region in enumerate(rows["region"]) if region == "north"]
    return {name: [column[n] for n in keep] for name, column in rows.items()}


def test_the_four_verdicts() -> None:
    cases = {
        Verdict.WORKED: _daily((10, 5), (10, 10)),
        Verdict.GOT_WORSE: _daily((10, 20), (10, 10)),
        Verdict.NO_EFFECT_SEEN: _daily((10, 10), (10, 10), seed=None),
    }
    for verdict, rows in cases.items():
        assert judge(_initiative(), rows, _now()).verdict is verdict
    early = judge(_initiative(), _daily((10, 2), (10, 10), days=(56, 10)), _now(10))
    assert early.verdict is Verdict.TOO_EARLY


def test_thin_data_are_too_early_until_patience_ends() -> None:
    """A contact every other day cannot show a fall of 30 % in four weeks."""
    thin = judge(_initiative(), _daily((0.5, 0.5), (5, 5), days=(28, 28)), _now(28))
    assert thin.verdict is Verdict.TOO_EARLY
    assert thin.detectable is not None
    assert thin.detectable < 0.7
    late = judge(_initiative(), _daily((0.5, 0.5), (5, 5), days=(120, 120)), _now(120))
    assert late.verdict is Verdict.NO_EFFECT_SEEN


def test_no_contacts_are_no_effect() -> None:
    found = judge(_initiative(topics=("promise",)), _daily((10, 5), (10, 10)), _now())
    assert found.effect == TooFew("contacts", 0, 10)
    assert found.verdict is Verdict.TOO_EARLY
    new = judge(_initiative(), _daily((0, 9), (10, 10)), _now())
    assert new.effect == TooFew("earlier contacts", 0, 1)
    fresh = judge(_initiative(), _daily((9, 9), (10, 10), days=(3, 56)), _now())
    assert fresh.effect == TooFew("days", 3, 7)
    empty: dict[str, list[Any]] = {"topic": [], "polarity": [], "occurred_at": [], "region": []}
    assert judge(_initiative(), empty, _now()).verdict is Verdict.TOO_EARLY


def test_a_problem_that_is_gone_altogether_still_has_an_effect() -> None:
    found = judge(_initiative(), _daily((10, 0), (10, 10), seed=None), _now())
    assert isinstance(found.effect, Estimate)
    assert 0 < found.effect.value < 0.01
    assert found.verdict is Verdict.WORKED


def test_comparisons_are_taken_in_order() -> None:
    rows = _daily((10, 5), (10, 10))
    other = _daily((10, 10), (0, 0), topic="wait", seed=2)
    both = {name: rows[name] + other[name] for name in rows}
    named = judge(_initiative(comparison={"region": "south"}), both, _now())
    assert named.compared_with is Comparison.NAMED
    missing = judge(_initiative(comparison={"region": "west"}), both, _now())
    assert missing.compared_with is Comparison.OUTSIDE_SLICE
    assert Caution.NAMED_EMPTY in missing.cautions
    everywhere = judge(_initiative(slice={}), both, _now())
    assert everywhere.compared_with is Comparison.OTHER_TOPICS


def test_a_drift_before_the_start_is_said() -> None:
    rows = _daily((20, 10), (20, 20), seed=None)
    for n, (region, when) in enumerate(zip(rows["region"], rows["occurred_at"], strict=True)):
        if region == "north" and when < START:
            rows["contacts"][n] = 40 + (when - START).days * 20 // 56
    assert Caution.NOT_PARALLEL in judge(_initiative(), rows, _now()).cautions


def test_short_history_is_said() -> None:
    found = judge(_initiative(), _daily((10, 5), (10, 10), days=(14, 56)), _now())
    assert Caution.SHORT_BEFORE in found.cautions


def test_after_its_end_an_initiative_is_not_charged() -> None:
    rows = _daily((10, 5), (10, 10), seed=None)
    for n, (region, when) in enumerate(zip(rows["region"], rows["occurred_at"], strict=True)):
        if region == "north" and when >= START + timedelta(days=28):
            rows["contacts"][n] = 30
    found = judge(_initiative(ended_at=START + timedelta(days=28)), rows, _now())
    assert isinstance(found.effect, Estimate)
    assert found.effect.value == pytest.approx(0.5)


def test_mentions_that_are_not_negative_do_not_count() -> None:
    rows = _daily((10, 5), (10, 10))
    praise = rows | {"polarity": [1] * len(rows["polarity"])}
    both = {name: rows[name] + praise[name] for name in rows}
    assert judge(_initiative(), both, _now()) == judge(_initiative(), rows, _now())


def test_many_initiatives_are_corrected_together() -> None:
    rows = _daily((12, 9.6), (12, 12), seed=3)
    alone = judge(_initiative(), rows, _now())
    idle = [_initiative(initiative_id=f"i{n}", topics=("promise",)) for n in range(40)]
    together = judge_all([_initiative(), *idle], rows, _now())
    assert [one.initiative_id for one in together][:2] == ["faster-refunds", "i0"]
    assert together[0].p_value == pytest.approx(min(1.0, alone.p_value * 41))
    assert judge_all([], rows, _now()) == ()


def test_initiatives_that_do_nothing_are_rarely_credited() -> None:
    """200 times nothing, with overdispersed days (negative binomial, φ = 2): at most 5 % verdicts
    of worked or got worse, four standard errors allowed."""
    random, claimed = np.random.default_rng(7), 0
    for _ in range(200):
        rows = _daily((10, 10), (10, 10), seed=None)
        rows["contacts"] = list(random.negative_binomial(10, 0.5, len(rows["contacts"])))
        found: Judgement = judge(_initiative(), rows, _now())
        claimed += found.verdict in {Verdict.WORKED, Verdict.GOT_WORSE}
    assert claimed <= 200 * 0.05 + 4 * (200 * 0.05 * 0.95) ** 0.5
