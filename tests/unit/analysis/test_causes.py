"""Value-irritant, SERVQUAL, gaps, moments of truth, service style."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from pipeline import resources
from pipeline.analysis import gaps, servqual, style, value_irritant
from pipeline.analysis.cpx import Skyline, skyline
from pipeline.analysis.few import TooFew
from pipeline.analysis.intervals import Estimate
from pipeline.analysis.period import Period
from pipeline.analysis.style import Style
from pipeline.analysis.value_irritant import Defaults, Portfolio, Quadrant
from pipeline.domain.taxonomy import Taxonomy

TAXONOMY = Taxonomy.load(resources.schemas() / "taxonomy.yaml")
START = datetime(2026, 3, 2, tzinfo=UTC)
WEEKS8 = Period(START, START + timedelta(days=56))


def _mentions(*groups: tuple[int, str, int], **more: Any) -> dict[str, list[Any]]:
    """`count` mentions of (count, topic, polarity), spread over eight weeks."""
    rows = [(topic, polarity, n / count) for count, topic, polarity in groups for n in range(count)]
    return {
        "contact_id": [f"c{n}" for n in range(len(rows))],
        "topic": [topic for topic, _, _ in rows],
        "polarity": [polarity for _, polarity, _ in rows],
        "occurred_at": [START + timedelta(days=56 * part) for _, _, part in rows],
        "complaint": [int(polarity < 0) for _, polarity, _ in rows],
        "churn": [0] * len(rows),
        **{name: [value] * len(rows) for name, value in more.items()},
    }


def test_the_quadrants_of_price_and_jaffe() -> None:
    rows = _mentions((200, "defect_x", -1), (200, "praise", 1), (200, "status", 1))
    rows["complaint"][400:] = [0] * 200
    found = value_irritant.quadrants(rows, TAXONOMY)
    assert isinstance(found, Portfolio)
    places = {worth.topic: worth.quadrant for worth in found.topics}
    assert places["defect_x"] is Quadrant.ELIMINATE
    assert places["praise"] is Quadrant.LEVERAGE
    assert sum(found.shares.values()) == pytest.approx(1.0)
    expected = {
        (-1, -1): Quadrant.ELIMINATE,
        (-1, 1): Quadrant.SIMPLIFY,
        (1, -1): Quadrant.AUTOMATE,
        (1, 1): Quadrant.LEVERAGE,
    }
    assert {pair: value_irritant.quadrant(*pair) for pair in expected} == expected


def test_scores_are_shrunk_to_the_default_by_hand() -> None:
    """20 negative mentions against a default of 0.5: (20·0.5 - 20) / 40 = -0.25."""
    rows = _mentions((20, "wait", -1))
    found = value_irritant.quadrants(rows, TAXONOMY, defaults={"wait": Defaults(0.5, 0.0)})
    assert isinstance(found, Portfolio)
    assert found.topics[0].customer.value == pytest.approx(-0.25)
    assert found.topics[0].company.value == pytest.approx(-0.5)


def test_a_topic_near_the_border_is_not_sure() -> None:
    rows = _mentions((30, "wait", -1), (30, "wait", 1))
    found = value_irritant.quadrants(rows, TAXONOMY, defaults={"wait": Defaults(0.0, 0.0)})
    assert isinstance(found, Portfolio)
    assert not found.topics[0].sure


def test_rare_topics_are_said() -> None:
    found = value_irritant.quadrants(_mentions((50, "wait", -1), (3, "promise", -1)), TAXONOMY)
    assert isinstance(found, Portfolio)
    assert found.few == {"promise": TooFew("contacts", 3, value_irritant.MIN_CONTACTS)}
    assert isinstance(value_irritant.quadrants(_mentions(), TAXONOMY), TooFew)


def test_every_topic_of_the_taxonomy_has_defaults() -> None:
    for topic in TAXONOMY.topics:
        found = value_irritant.defaults_of(topic)
        assert -1 <= found.customer <= 1
        assert -1 <= found.company <= 1


def _asked(answers: dict[tuple[str, str], list[float]]) -> dict[str, list[Any]]:
    rows: dict[str, list[Any]] = {"contact_id": [], "kind": [], "dimension": [], "score": []}
    for (kind, dimension), scores in answers.items():
        for n, score in enumerate(scores):
            rows["contact_id"].append(f"p{n}")
            rows["kind"].append(kind)
            rows["dimension"].append(dimension)
            rows["score"].append(score)
    return rows


def test_gap_scores_and_weights_by_hand() -> None:
    """Zeithaml, Parasuraman and Berry 1990, appendix A: dimension gaps are P - E, the overall score
    weights them by points that sum to 100. Here: on seven points E = 6, P = 4 for reliability (gap
    -2/6) and E = 5, P = 5 for empathy; weights 75 and 25: -0.25 of the scale."""
    rows = _asked(
        {
            ("expectation", "reliability"): [5 / 6] * 20,
            ("perception", "reliability"): [3 / 6] * 20,
            ("expectation", "empathy"): [4 / 6] * 20,
            ("perception", "empathy"): [4 / 6] * 20,
        }
    )
    found = servqual.servqual(rows, weights={"reliability": 75, "empathy": 25})
    assert isinstance(found, servqual.Servqual)
    assert [d.name for d in found.dimensions] == ["reliability", "empathy"]
    assert found.dimensions[0].gap.value == pytest.approx(-2 / 6)
    assert sum(d.weight for d in found.dimensions) == pytest.approx(1.0)
    assert found.overall.value == pytest.approx(-0.25)
    assert found.weights_from == "given"


def test_paired_answers_use_their_pairs() -> None:
    random = np.random.default_rng(1)
    expected = random.uniform(0.3, 1.0, 40)
    seen = expected - 0.1 + random.normal(0, 0.01, 40)
    rows = _asked(
        {("expectation", "empathy"): list(expected), ("perception", "empathy"): list(seen)}
    )
    found = servqual.servqual(rows)
    assert isinstance(found, servqual.Servqual)
    gap = found.dimensions[0]
    assert gap.paired
    assert gap.gap.high - gap.gap.low < 0.02
    assert found.weights_from == "equal"


def test_separate_samples_use_welchs_interval() -> None:
    random = np.random.default_rng(2)
    e, p = random.uniform(0.5, 1, 30), random.uniform(0, 1, 90)
    rows = _asked({("expectation", "empathy"): list(e), ("perception", "empathy"): list(p)})
    found = servqual.servqual(rows)
    assert isinstance(found, servqual.Servqual)
    gap = found.dimensions[0]
    assert not gap.paired
    reference = CompareMeans(DescrStatsW(p), DescrStatsW(e)).tconfint_diff(usevar="unequal")
    assert (gap.gap.low, gap.gap.high) == pytest.approx(reference)


def test_welchs_interval_of_students_sleep_data() -> None:
    """Student 1908, as two separate samples: 1.58, 95 % from -0.205 to 3.365 (Welch, df 17.8)."""
    drugs = (
        np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]),
        np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]),
    )
    apart = servqual.welch(drugs[1], drugs[0])
    assert (apart.value, apart.low, apart.high) == pytest.approx((1.58, -0.2054832, 3.3654832))


def test_importance_ratings_become_weights_and_items_join() -> None:
    rows = _asked(
        {
            ("expectation", "r1"): [0.9] * 20,
            ("perception", "r2"): [0.5] * 20,
            ("importance", "r1"): [0.75] * 20,
            ("expectation", "empathy"): [0.9] * 20,
            ("perception", "empathy"): [0.5] * 20,
            ("importance", "empathy"): [0.25] * 20,
        }
    )
    items = {"r1": "reliability", "r2": "reliability"}
    found = servqual.servqual(rows, items=items)
    assert isinstance(found, servqual.Servqual)
    assert {d.name: d.weight for d in found.dimensions} == {
        "reliability": pytest.approx(0.75),
        "empathy": pytest.approx(0.25),
    }
    assert found.weights_from == "importance"


def test_bad_weights_are_refused_and_few_answers_said() -> None:
    rows = _asked({("expectation", "a"): [0.5] * 20, ("perception", "a"): [0.5] * 20})
    with pytest.raises(ValueError, match="weights"):
        servqual.servqual(rows, weights={"a": -1})
    with pytest.raises(ValueError, match="weights"):
        servqual.servqual(rows, weights={})
    few = _asked({("expectation", "a"): [0.5] * 20, ("perception", "a"): [0.5] * 3})
    assert servqual.servqual(few) == TooFew("ratings", 3, servqual.MIN_ANSWERS)


def test_contacts_speak_about_dimensions_without_a_gap() -> None:
    rows = _mentions((30, "wait", -1), (10, "wait", 1), (30, "staff_attitude", 1), (9, "x", -1))
    found = servqual.from_contacts(rows, TAXONOMY)
    assert isinstance(found, servqual.Derived)
    voices = {voice.name: voice for voice in found.dimensions}
    assert voices["responsiveness"].polarity.value == pytest.approx(-0.5)
    assert voices["responsiveness"].negative.value == pytest.approx(0.75)
    assert found.dimensions[0].name == "responsiveness"
    assert "tangibles" in found.few
    assert not hasattr(found.dimensions[0], "gap")


def test_shares_by_gap_by_hand() -> None:
    """wait is of the standards gap, transfer of delivery, promise of communication."""
    rows = _mentions(
        (60, "wait", -1), (30, "transfer", -1), (10, "promise", -1), (100, "wait", 1),
        (7, "unheard_of", -1),
    )  # fmt: skip
    found = gaps.breakdown(rows, TAXONOMY, "gap", WEEKS8)
    assert isinstance(found, gaps.Breakdown)
    shares = {part.name: part.share.value for part in found.parts}
    assert shares == pytest.approx(
        {"standards": 0.6, "delivery": 0.3, "communication": 0.1, "knowledge": 0.0}
    )
    assert found.negative.value == pytest.approx(0.5)
    assert found.parts[0].topics == (("wait", 60),)
    assert isinstance(found.parts[0].negative, Estimate)
    assert found.parts[0].negative.value == pytest.approx(60 / 160)


@pytest.mark.parametrize("facet", list(gaps.Facet))
def test_shares_of_every_facet_sum_to_one(facet: gaps.Facet) -> None:
    rows = _mentions(*((20, code, -1) for code in TAXONOMY.codes))
    found = gaps.breakdown(rows, TAXONOMY, facet, WEEKS8)
    assert isinstance(found, gaps.Breakdown)
    assert sum(part.share.value for part in found.parts) == pytest.approx(1.0)
    assert found.mentions == 20 * len(TAXONOMY)


def test_the_change_against_the_previous_period_is_antisymmetric() -> None:
    now, before = (
        _mentions((60, "wait", -1), (40, "transfer", -1)),
        _mentions((30, "wait", -1), (70, "transfer", -1)),
    )
    before["occurred_at"] = [when - timedelta(days=56) for when in before["occurred_at"]]
    rows = {name: now[name] + before[name] for name in now}
    there = gaps.breakdown(rows, TAXONOMY, "gap", WEEKS8, previous=WEEKS8.previous)
    back = gaps.breakdown(rows, TAXONOMY, "gap", WEEKS8.previous, previous=WEEKS8)
    assert isinstance(there, gaps.Breakdown)
    assert isinstance(back, gaps.Breakdown)
    first = {part.name: part.change for part in there.parts}["standards"]
    second = {part.name: part.change for part in back.parts}["standards"]
    assert isinstance(first, Estimate)
    assert isinstance(second, Estimate)
    assert first.value == pytest.approx(0.3)
    assert (second.low, second.high) == pytest.approx((-first.high, -first.low))


def test_the_trend_of_armitages_tonsils() -> None:
    """Armitage 1955, Biometrics 11:375-386: carriers of Streptococcus pyogenes among children with
    tonsils not enlarged, enlarged, greatly enlarged: 19 of 516, 29 of 589, 24 of 293. The
    chi-square for trend is 7.19."""
    value, error, _ = gaps.slope(
        np.array([19.0, 29, 24]), np.array([516.0, 589, 293]), np.arange(3.0)
    )
    assert (value / error) ** 2 == pytest.approx(7.19, abs=0.01)


def test_a_trend_by_hand_and_of_nothing() -> None:
    """Shares .10 to .45 in eight weeks of 100: the slope is 0.05 a week."""
    counts = np.array([10.0, 15, 20, 25, 30, 35, 40, 45])
    slope = gaps.trend(counts, np.full(8, 100.0))
    assert isinstance(slope, Estimate)
    assert slope.value == pytest.approx(0.05)
    assert slope.above(0)
    flat = gaps.trend(np.full(8, 20.0), np.full(8, 100.0))
    assert isinstance(flat, Estimate)
    assert flat.low < 0 < flat.high
    assert gaps.trend(counts[:3], np.full(3, 100.0)) == TooFew("weeks", 3, gaps.MIN_WEEKS)


def test_a_facet_becomes_a_column_to_count_by() -> None:
    rows = gaps.with_class(_mentions((30, "wait", -1), (5, "new", -1)), TAXONOMY, "owner")
    assert list(rows["owner"]) == [TAXONOMY["wait"].owner] * 30 + [""] * 5
    found = skyline(rows, WEEKS8, by="owner")
    assert isinstance(found, Skyline)
    assert found.bars[0].name == "contact-centre operations"
    assert len(gaps.with_class(_mentions(), TAXONOMY, "gap")["gap"]) == 0


def test_few_negative_mentions_are_said() -> None:
    found = gaps.breakdown(_mentions((5, "wait", -1)), TAXONOMY, "pillar", WEEKS8)
    assert found == TooFew("mentions", 5, gaps.MIN_MENTIONS)


def test_the_moment_of_truth_is_where_they_leave() -> None:
    """40 of 100 who are unhappy about billing mean to leave, 2 of 100 about waiting: the swing of
    billing is .40 - 2/100 = .38, at stake 38 customers."""
    rows = _mentions((100, "billing_payment", -1), (100, "wait", -1))
    rows["churn"] = [1] * 40 + [0] * 60 + [1] * 2 + [0] * 98
    found = gaps.moments_of_truth(rows, TAXONOMY)
    assert isinstance(found, gaps.Moments)
    first = found.topics[0]
    assert (first.topic, first.touchpoint) == ("billing_payment", "information")
    assert first.swing.value == pytest.approx(0.38)
    assert first.at_stake.value == pytest.approx(38.0)
    assert found.topics[1].at_stake.value == 0.0


def _teams(**scores: tuple[int, int, int, int]) -> dict[str, list[Any]]:
    """Mentions of teams: (procedural good, bad, personal good, bad)."""
    parts = []
    for team, (a, b, c, d) in scores.items():
        groups = (
            (a, "wait", 1),
            (b, "wait", -1),
            (c, "staff_attitude", 1),
            (d, "staff_attitude", -1),
        )
        parts.append(_mentions(*groups, team=team))
    return {name: [v for part in parts for v in part[name]] for name in parts[0]}


def test_the_four_styles_of_martin() -> None:
    found = style.styles(
        _teams(
            ice=(20, 180, 20, 180), plant=(180, 20, 20, 180),
            zoo=(20, 180, 180, 20), best=(180, 20, 180, 20),
        ),
        TAXONOMY,
    )  # fmt: skip
    assert isinstance(found, style.Styles)
    assert {team.name: (team.style, team.sure) for team in found.teams} == {
        "ice": (Style.COLD, True),
        "plant": (Style.FACTORY, True),
        "zoo": (Style.FOLKSY, True),
        "best": (Style.SATISFYING, True),
    }
    assert found.relative
    assert found.procedural_border == pytest.approx(0.5)


def test_a_team_at_the_border_is_unclear_and_chances_sum_to_one() -> None:
    found = style.styles(
        _teams(a=(100, 100, 180, 20), b=(150, 50, 60, 140), c=(50, 150, 60, 140)), TAXONOMY
    )
    assert isinstance(found, style.Styles)
    border = next(team for team in found.teams if team.name == "a")
    assert not border.sure
    for team in found.teams:
        assert sum(team.chances.values()) == pytest.approx(1.0)


def test_small_teams_are_drawn_to_the_company() -> None:
    big = {f"t{n}": (55 + n, 45 - n, 50 + n, 50 - n) for n in range(8)}
    found = style.styles(_teams(**big, small=(12, 0, 12, 0)), TAXONOMY)
    assert isinstance(found, style.Styles)
    small = next(team for team in found.teams if team.name == "small")
    assert 0.55 < small.procedural.value < 0.95
    assert small.procedural.high - small.procedural.low > 0.1


def test_an_absolute_border() -> None:
    found = style.styles(_teams(a=(30, 170, 30, 170)), TAXONOMY, border=0.5)
    assert isinstance(found, style.Styles)
    assert not found.relative
    assert found.teams[0].style is Style.COLD


def test_teams_with_few_mentions_are_said() -> None:
    rows = _teams(a=(30, 30, 30, 30), b=(3, 3, 30, 30))
    found = style.styles(rows, TAXONOMY)
    assert isinstance(found, style.Styles)
    assert found.few == {"b": TooFew("mentions", 6, style.MIN_MENTIONS)}
    assert isinstance(style.styles(_teams(b=(1, 1, 1, 1)), TAXONOMY), TooFew)


def test_prior_strength_of_planted_teams() -> None:
    """Shares drawn from Beta(12, 8): M = a + b = 20; equal shares: as strong as it gets."""
    random = np.random.default_rng(9)
    n = np.full(400, 200.0)
    good = random.binomial(200, random.beta(12, 8, 400)).astype(float)
    assert style.prior_strength(good, n) == pytest.approx(20, rel=0.2)
    assert style.prior_strength(np.full(50, 100.0), np.full(50, 200.0)) == 1000.0
