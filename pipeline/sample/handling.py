"""How the sample company handles its contacts: waiting, passing on, solving, making good."""

from __future__ import annotations

from math import log
from random import Random
from typing import Any

from pipeline.sample.case import Case

_WAITS = {
    "call": 150,
    "chat": 65,
    "email": 4 * 3600,
    "sms": 1800,
    "app": 5 * 3600,
    "social": 3 * 3600,
    "store": 240,
}
"""Median seconds until the first answer."""
_CALLED_BACK = 0.4
_STEPS = {"admit": 0.45, "fix": 0.5, "empathy": 0.5, "compensate": 0.2, "follow_up": 0.25}
_SOLVED = {"returns_refunds": 0.42, "resolution": 0.25, "delivery": 0.55, "staff_attitude": 0.6}


def handling_of(case: Case, random: Random) -> dict[str, Any]:
    """The event's `handling`; empty where nobody of the company was involved."""
    if not case.served:
        return {}
    handling: dict[str, Any] = {
        "wait_seconds": _wait(case, random),
        "duration_seconds": round(random.lognormvariate(log(260), 0.6)),
        "transfers": _transfers(case, random),
        "resolved": _resolved(case, random),
    }
    steps = _recovery(case, random) if case.mood < 0 else []
    return {**handling, "recovery": steps} if steps else handling


def _wait(case: Case, random: Random) -> int:
    median = float(_WAITS[case.channel])
    if case.topic == "wait":
        median *= {-1: 4.5, 0: 1.2, 1: 0.35}[case.mood]
    if case.called_back and case.channel == "call":
        median *= _CALLED_BACK
    return round(random.lognormvariate(log(median), 0.7))


def _transfers(case: Case, random: Random) -> int:
    if case.topic == "transfer" and case.mood < 0:
        return 2 + int(random.random() * 3)
    return int(random.random() < 0.16 + 0.3 * case.cold) + int(random.random() < 0.05)


def _resolved(case: Case, random: Random) -> bool:
    if case.returns:
        return random.random() < 0.2
    solved = {-1: _SOLVED.get(case.topic, 0.62), 0: 0.85, 1: 0.96}[case.mood]
    return random.random() < solved


def _recovery(case: Case, random: Random) -> list[str]:
    care = (0.3 if case.cold else 1.0) * (0.6 if case.returns else 1.0)
    return [step for step, share in _STEPS.items() if random.random() < share * care]
