"""The numbers that the sample's customers give.

A survey's overall satisfaction follows from the attributes by the penalties and rewards below, so
that a penalty-reward contrast can find them again.
"""

from __future__ import annotations

from random import Random
from typing import Any

from pipeline.sample.case import Case
from pipeline.sample.causes import KEYPAD_BIAS, SERVQUAL_GAPS

Entry = dict[str, Any]

ATTRIBUTES = {
    "delivery": (-1.1, 0.0),
    "staff_attitude": (0.0, 0.9),
    "product_quality": (-0.6, 0.6),
    "price_value": (-0.3, 0.3),
    "facilities": (0.0, 0.0),
}
"""Points of overall satisfaction that a low (1, 2) and a high (4, 5) rating add."""

_EXPECTED = {"reliability": 6.5, "responsiveness": 6.4}
_IMPORTANCE = {
    "tangibles": 2.9,
    "reliability": 4.6,
    "responsiveness": 4.3,
    "assurance": 3.8,
    "empathy": 3.5,
}
_KANO = {"delivery": (2, 5), "staff_attitude": (1, 3), "product_quality": (1, 5)}
"""Typical answers to the functional and the dysfunctional question; facilities leave one cold."""

_BEST_KEY = {-1: 0.12, 0: 0.48, 1: 0.76}


def ratings_of(case: Case, recovered: int, random: Random) -> list[Entry]:
    """The ratings of a contact; `recovered` counts its recovery steps."""
    if case.channel == "survey":
        return _survey(case, random)
    if case.channel == "ivr":
        return [_keypad(case, random)]
    if case.channel == "review":
        stars = _near({-1: 1.6, 0: 3.2, 1: 4.7}[case.mood], 0.6, 1, 5, random)
        return [_entry("stars", stars, "stars-1-5")]
    return _after(case, recovered, random)


def _entry(kind: str, value: int, scale: str, dimension: str = "") -> Entry:
    entry: Entry = {"kind": kind, "value": value, "scale": scale}
    return {**entry, "dimension": dimension} if dimension else entry


def _near(mean: float, spread: float, low: int, high: int, random: Random) -> int:
    return min(max(round(random.gauss(mean, spread)), low), high)


def _after(case: Case, recovered: int, random: Random) -> list[Entry]:
    """One question after a served contact, which every third customer answers."""
    if random.random() > 0.36:
        return []
    mean = {-1: 1.9, 0: 3.5, 1: 4.5}[case.mood] + 0.3 * recovered - 0.7 * case.cold
    if case.channel == "store":
        return [_entry("csat", _near(2 * mean, 1.2, 1, 10, random), "satisfaction-1-10")]
    return [_entry("csat", _near(mean, 0.8, 1, 5, random), "satisfaction-1-5")]


def _keypad(case: Case, random: Random) -> Entry:
    layout = "keypad-1-2-3" if case.share(5) < 0.5 else "keypad-5-3-1"
    best = _BEST_KEY[case.mood] + KEYPAD_BIAS * (layout == "keypad-1-2-3")
    rank = 0 if random.random() < best else 1 if random.random() < 0.5 else 2
    return _entry("csat", ((1, 2, 3) if layout == "keypad-1-2-3" else (5, 3, 1))[rank], layout)


def _survey(case: Case, random: Random) -> list[Entry]:
    levels = {name: _level(case, name, random) for name in ATTRIBUTES}
    overall = _overall(case, levels, random)
    entries = [_entry("csat", overall, "satisfaction-1-5")]
    entries += [_entry("csat", level, "satisfaction-1-5", n) for n, level in levels.items()]
    if random.random() < 0.7:
        entries.append(_entry("nps", _near(2.25 * overall - 1.6, 1.4, 0, 10, random), "nps-0-10"))
    if random.random() < 0.5:
        effort = {-1: 2.8, 0: 4.6, 1: 6.0}[case.mood]
        entries.append(_entry("ces", _near(effort, 1.1, 1, 7, random), "ces-1-7"))
    if random.random() < 0.4:
        entries += _loyalty(overall, random)
    if random.random() < 0.35:
        entries += _servqual(random)
    if random.random() < 0.25:
        entries += _kano(random)
    return entries


def _level(case: Case, attribute: str, random: Random) -> int:
    for topic, mood in ((case.topic, case.mood), (case.other, case.other_mood)):
        if topic == attribute:
            return {-1: 1 + random.randrange(2), 0: 3, 1: 4 + random.randrange(2)}[mood]
    return random.choices((1, 2, 3, 4, 5), (0.08, 0.14, 0.32, 0.30, 0.16))[0]


def _overall(case: Case, levels: dict[str, int], random: Random) -> int:
    latent = 3.15 if case.topic in ATTRIBUTES else 3.15 + 0.35 * case.mood
    for name, (penalty, reward) in ATTRIBUTES.items():
        latent += penalty if levels[name] <= 2 else reward if levels[name] >= 4 else 0
    return _near(latent, 0.45, 1, 5, random)


def _loyalty(overall: int, random: Random) -> list[Entry]:
    again = 10 * _near(2.1 * overall - 0.6, 1.6, 0, 10, random)
    recommend = _near(2.2 * overall - 1.3, 1.5, 0, 10, random)
    return [
        _entry("repurchase", again, "percent-0-100"),
        _entry("recommend", recommend, "nps-0-10"),
    ]


def _servqual(random: Random) -> list[Entry]:
    entries = []
    for name, gap in SERVQUAL_GAPS.items():
        expected = _EXPECTED.get(name, 6.0)
        wanted = _near(expected, 0.6, 1, 7, random)
        entries.append(_entry("expectation", wanted, "likert-1-7", name))
        entries.append(
            _entry("perception", _near(expected + gap, 1.0, 1, 7, random), "likert-1-7", name)
        )
        weight = _near(_IMPORTANCE[name], 0.7, 1, 5, random)
        entries.append(_entry("importance", weight, "importance-1-5", name))
    return entries


def _kano(random: Random) -> list[Entry]:
    entries = []
    for name in ("delivery", "staff_attitude", "product_quality", "facilities"):
        typical = _KANO.get(name, (3, 3))
        for kind, answer in zip(("kano_functional", "kano_dysfunctional"), typical, strict=True):
            given = answer if random.random() < 0.8 else random.randrange(1, 6)
            entries.append(_entry(kind, given, "kano-1-5", name))
    return entries
