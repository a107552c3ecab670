"""A complaint spike: what rose, since when, by how much, whose it is, and why."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class SpikeState(StrEnum):
    """What last happened to a spike."""

    OPENED = "opened"
    UPDATED = "updated"
    CLOSED = "closed"


class Severity(StrEnum):
    """Whether somebody is paged or finds it in the morning."""

    CRITICAL = "critical"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Spike:
    """A spike as stored and published.

    `slice` are dimension values, none for everything. `expected`, `observed` are complaints from
    `opened_at` to `window_end`, `limit` what a single window may reach, `score` the largest -log10
    of the chance of such counts. `explanation` are sub-slices that explain it, `verbatims` typical
    masked texts, `part_of` the id of the spike that it is a part or a shadow of ("" for none).
    """

    spike_id: str
    slice: Mapping[str, str]
    state: SpikeState
    kind: str
    severity: Severity
    opened_at: datetime
    window_end: datetime
    expected: float
    observed: float
    limit: float
    score: float
    topic: str = ""
    owner: str = ""
    explanation: tuple[str, ...] = ()
    verbatims: tuple[str, ...] = ()
    part_of: str = ""

    @property
    def name(self) -> str:
        """The slice in words: `topic=delivery region=seoul`, or `everything`."""
        return slice_name(self.slice)

    def event(self, at: datetime) -> dict[str, Any]:
        """The event on the alerts topic; `at` is when the state was reached."""
        return {
            "spike_id": self.spike_id,
            "state": self.state.value,
            "at": at.isoformat(),
            "slice": dict(self.slice),
            "kind": self.kind,
            "severity": self.severity.value,
            "opened_at": self.opened_at.isoformat(),
            "window_end": self.window_end.isoformat(),
            "expected": round(self.expected, 2),
            "observed": self.observed,
            "limit": self.limit,
            "score": round(self.score, 2),
            "topic": self.topic,
            "owner": self.owner,
            "explanation": list(self.explanation),
            "verbatims": list(self.verbatims),
        }


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored of a spike already."""

    spike: Spike
    changed_at: datetime = field(compare=False)


def slice_name(chosen: Mapping[str, str]) -> str:
    """`dimension=value` in order of the names, or `everything`."""
    return " ".join(f"{name}={value}" for name, value in sorted(chosen.items())) or "everything"


def spike_id(chosen: Mapping[str, str], opened_at: datetime) -> str:
    """The same spike has the same id, whoever finds it and however often."""
    return hashlib.sha256(f"{slice_name(chosen)}@{opened_at.isoformat()}".encode()).hexdigest()[:16]
