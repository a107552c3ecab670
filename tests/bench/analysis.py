"""How long each analysis takes, and how honest its intervals are.

    OPENBLAS_NUM_THREADS=1 python tests/bench/analysis.py [--contacts 1000000] [--simulations 400]

Prints CPU and wall seconds of every method on made-up contacts (the columns as lists, as the
warehouse gives them; one core), then the share of simulated data without any effect in which a
method claims one, and the share of intervals that hold the true value. Both have a sampling error:
with 400 simulations about 0.011 at 0.05.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from pipeline import resources
from pipeline.analysis import (
    boundary,
    cpx,
    emerging,
    gaps,
    initiatives,
    kano,
    layout,
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
from pipeline.analysis.period import Period
from pipeline.domain.contact import Initiative
from pipeline.domain.scales import Scales
from pipeline.domain.taxonomy import Taxonomy

TAXONOMY = Taxonomy.load(resources.schemas() / "taxonomy.yaml")
SCALES = Scales.load(resources.schemas() / "scales.yaml")
START = datetime(2026, 1, 1, tzinfo=UTC)
MONTH = Period(START + timedelta(days=90), START + timedelta(days=118))
NOW = START + timedelta(days=120)
LEVELS = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
PLAN = Initiative("i", "t", "o", START + timedelta(days=60), ("wait",), slice={"region": "north"})


def contacts(n: int) -> dict[str, list[Any]]:
    """Rows like those of contacts and contact_topics together, over 120 days."""
    random = np.random.default_rng(1)

    def pick(values: list[Any]) -> list[Any]:
        return [values[k] for k in random.integers(0, len(values), n)]

    polarity = random.choice([-1, 0, 1], n, p=[0.5, 0.2, 0.3])
    topics = pick(list(TAXONOMY.codes))
    return {
        "contact_id": [f"c{k}" for k in range(n)],
        "occurred_at": [START + timedelta(days=float(d)) for d in random.uniform(0, 120, n)],
        "topic": topics,
        "polarity": polarity.tolist(),
        "complaint": ((polarity < 0) & (random.random(n) < 0.6)).astype(int).tolist(),
        "churn": ((polarity < 0) & (random.random(n) < 0.1)).astype(int).tolist(),
        "customer": [f"h{k}" for k in random.integers(0, max(n // 3, 1), n)],
        "customer_tier": pick(["gold", "silver", "basic"]),
        "customer_value": random.lognormal(5, 1, n).tolist(),
        "resolved": pick([None, 0, 1]),
        "team": pick([f"t{k}" for k in range(40)]),
        "campaign": pick(["", "", "", "spring"]),
        "region": pick(["north", "south"]),
        "channel": pick(["call", "chat"]),
        "language": pick(["en", "ko", "zh-Hans", "zh-Hant"]),
        "product": pick(["kettle", "lamp", "router"]),
        "score": random.uniform(-1, 1, n).tolist(),
        "order_id": pick(["", "o1"]),
        "recovery": pick([[], ["admit"], ["admit", "fix"], ["empathy", "compensate"]]),
        "evidence": [f"number {k} about {topic}" for k, topic in enumerate(topics)],
    }


def answers(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """As many ratings: three a contact, on six kinds of question."""
    n = len(rows["contact_id"])
    random = np.random.default_rng(2)
    asked = (
        ("csat", "", "satisfaction-1-5"),
        ("csat", "", "keypad-5-3-1"),
        ("nps", "", "nps-0-10"),
        ("ces", "", "ces-1-7"),
        ("perception", "reliability", "likert-1-7"),
        ("expectation", "reliability", "likert-1-7"),
    )
    kinds = [asked[k] for k in random.integers(0, len(asked), n)]
    values = [
        SCALES[s].keys[int(x * len(SCALES[s].keys))]
        for (_, _, s), x in zip(kinds, random.random(n), strict=True)
    ]
    return {
        **{name: rows[name] for name in ("channel", "language", "product", "team")},
        "contact_id": [f"c{k // 3}" for k in range(n)],
        "kind": [kind for kind, _, _ in kinds],
        "dimension": [dimension for _, dimension, _ in kinds],
        "scale": [scale for _, _, scale in kinds],
        "value": values,
        "score": [SCALES[s].scores[v] for (_, _, s), v in zip(kinds, values, strict=True)],
    }


def orders() -> dict[str, list[Any]]:
    """A volume of every day."""
    days = [START + timedelta(days=k) for k in range(120)]
    return {
        "name": ["orders"] * 120,
        "period_start": days,
        "period_end": [day + timedelta(days=1) for day in days],
        "value": [1000.0] * 120,
    }


def timed(rows: dict[str, list[Any]]) -> dict[str, Callable[[], object]]:
    """Every method by name."""
    rated, some = answers(rows), min(len(rows["contact_id"]), 20_000)
    loose = {"text": rows["evidence"][:some], "language": rows["language"][:some]}
    vectors = np.random.default_rng(3).normal(size=(some, 384)).astype(np.float32)
    volumes, before = orders(), MONTH.previous
    return {
        "skyline": lambda: cpx.skyline(rows, MONTH, volumes=volumes, previous=before),
        "weekly": lambda: cpx.weekly(rows, MONTH, volumes=volumes),
        "snowballs": lambda: snowball.snowballs(rows, MONTH, by=("topic", "team")),
        "quadrants": lambda: value_irritant.quadrants(rows, TAXONOMY),
        "kano": lambda: kano.kano(rated),
        "resource_boundaries": lambda: boundary.resource_boundaries(rated),
        "servqual": lambda: servqual.servqual(rated),
        "servqual from_contacts": lambda: servqual.from_contacts(rows, TAXONOMY),
        "breakdown": lambda: gaps.breakdown(rows, TAXONOMY, "gap", MONTH, previous=before),
        "moments_of_truth": lambda: gaps.moments_of_truth(rows, TAXONOMY),
        "styles": lambda: style.styles(rows, TAXONOMY),
        "scorecard": lambda: ratings.scorecard(rated, SCALES),
        "by_group (40 teams)": lambda: ratings.by_group(rated, SCALES, "team"),
        "loyalty": lambda: ratings.loyalty(rated, SCALES),
        "layouts": lambda: layout.layouts(rated, SCALES),
        "silent": lambda: silent.silent(rows),
        "pyramid": lambda: pyramid.pyramid(rows),
        "recovery": lambda: recovery.recovery(rows),
        "judge": lambda: initiatives.judge(PLAN, rows, NOW),
        "verbatims": lambda: verbatims.select(rows),
        f"emerging ({some:,} x 384)": lambda: emerging.emerging(loose, vectors),
    }


def daily(means: tuple[float, float], random: np.random.Generator, clump: float) -> np.ndarray:
    """Counts of 56 days before and 56 after; weeks vary by a gamma of variance `clump`."""
    weeks = random.gamma(1 / clump, clump, 16) if clump else np.ones(16)
    return random.poisson(np.repeat(means, 56) * np.repeat(weeks, 7))


def judged(effect: float, clump: float, random: np.random.Generator) -> initiatives.Judgement:
    """A plan that multiplies the target's 10 contacts a day by `effect`."""
    start = PLAN.started_at
    days = [start + timedelta(days=k, hours=9) for k in range(-56, 56)]
    counts = [daily((10, 10 * effect), random, clump), daily((10, 10), random, clump)]
    rows = {
        "topic": ["wait"] * 224,
        "polarity": [-1] * 224,
        "occurred_at": days * 2,
        "region": ["north"] * 112 + ["south"] * 112,
        "contacts": np.concatenate(counts),
    }
    return initiatives.judge(PLAN, rows, start + timedelta(days=56))


def skyline_claims(random: np.random.Generator) -> bool:
    """Twenty topics that do not change: is a change of any claimed?"""
    when = [MONTH.previous.start + timedelta(days=k, hours=9) for k in range(56)]
    rows = {
        "topic": [f"t{k}" for k in range(20)] * 56,
        "occurred_at": [day for day in when for _ in range(20)],
        "contacts": random.negative_binomial(4, 0.5, 1120),
    }
    found = cpx.skyline(rows, MONTH, previous=MONTH.previous)
    return not isinstance(found, TooFew) and any(bar.changed for bar in found.bars)


def kano_claims(random: np.random.Generator) -> bool:
    """Three attributes without influence: does any get a class?"""
    rated = {name: random.choice(LEVELS, 300) for name in "abc"}
    found = kano.contrast(random.choice(LEVELS, 300), rated)
    return not isinstance(found, TooFew) and any(
        attribute.kano_class is not kano.KanoClass.INDIFFERENT for attribute in found.attributes
    )


def trend_claims(random: np.random.Generator) -> bool:
    """Twelve weeks of a share that only scatters: is a trend claimed?"""
    found = gaps.trend(
        random.binomial(100, random.beta(10, 40, 12)).astype(float), np.full(12, 100.0)
    )
    return not isinstance(found, TooFew) and (found.above(0) or found.below(0))


def verdict_claims(random: np.random.Generator, clump: float) -> bool:
    """A plan that does nothing: is it said to have worked or to have made things worse?"""
    verdict = judged(1.0, clump, random).verdict
    return verdict in {initiatives.Verdict.WORKED, initiatives.Verdict.GOT_WORSE}


def holds(random: np.random.Generator, clump: float) -> bool:
    """A plan that takes 30 % away: does the interval hold 0.7?"""
    effect = judged(0.7, clump, random).effect
    return not isinstance(effect, TooFew) and effect.low <= 0.7 <= effect.high


def simulated(number: int) -> None:
    """Prints false claims and coverage."""
    random = np.random.default_rng(7)
    trials: dict[str, Callable[[], bool]] = {
        "skyline, 20 topics: any change claimed": lambda: skyline_claims(random),
        "kano, 3 attributes: any class claimed": lambda: kano_claims(random),
        "trend of a share claimed": lambda: trend_claims(random),
        "initiative: verdict without effect": lambda: verdict_claims(random, 0.0),
        "the same, weeks in clumps": lambda: verdict_claims(random, 0.05),
        "initiative: interval holds the effect": lambda: holds(random, 0.0),
        "the same, weeks in clumps ": lambda: holds(random, 0.05),
    }
    for name, trial in trials.items():
        print(f"{name:<42}{np.mean([trial() for _ in range(number)]):8.3f}")


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--simulations", type=int, default=400)
    options = parser.parse_args()
    rows = contacts(options.contacts)
    print(f"{options.contacts:,} contacts{'CPU s':>26}{'wall s':>9}")
    for name, call in timed(rows).items():
        cpu, wall = time.process_time(), time.perf_counter()
        call()
        spent = time.process_time() - cpu, time.perf_counter() - wall
        print(f"{name:<34}{spent[0]:9.2f}{spent[1]:9.2f}", flush=True)
    print(f"\n{options.simulations} simulations{'share':>34}")
    simulated(options.simulations)


if __name__ == "__main__":
    main()
