"""Complaint spikes, as the watcher keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pipeline.domain.spike import Known, Severity, Spike, SpikeState
from pipeline.warehouse.client import Warehouse

_COLUMNS = (
    *("spike_id", "state", "changed_at", "slice", "kind", "severity", "opened_at", "window_end"),
    *("expected", "observed", "window_limit", "score", "topic", "owner", "explanation"),
    *("verbatims", "part_of"),
)


class SpikeTable:
    """Implements `pipeline.watch.watcher.SpikeStore`."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def active(self) -> Mapping[str, Known]:
        """The spikes that are not closed, by id."""
        columns = ", ".join("updated_at" if c == "changed_at" else c for c in _COLUMNS)
        sql = f"SELECT {columns} FROM spikes WHERE state != 'closed'"
        rows = self._warehouse.query(sql).rows
        return {row[0]: _known(dict(zip(_COLUMNS, row, strict=True))) for row in rows}

    def save(self, spikes: Sequence[Spike], at: datetime) -> None:
        """Adds a row for the state that each spike reached at `at`."""
        rows = [_row(spike, at) for spike in spikes]
        self._warehouse.insert("spike_rows", _COLUMNS, rows)


def _row(spike: Spike, at: datetime) -> tuple[Any, ...]:
    return (
        *(spike.spike_id, spike.state.value, at, dict(spike.slice), spike.kind),
        *(spike.severity.value, spike.opened_at, spike.window_end),
        *(spike.expected, spike.observed, spike.limit, spike.score),
        *(spike.topic, spike.owner, list(spike.explanation), list(spike.verbatims), spike.part_of),
    )


def _known(row: Mapping[str, Any]) -> Known:
    spike = Spike(
        spike_id=row["spike_id"],
        slice=row["slice"],
        state=SpikeState(row["state"]),
        kind=row["kind"],
        severity=Severity(row["severity"]),
        opened_at=row["opened_at"],
        window_end=row["window_end"],
        expected=row["expected"],
        observed=row["observed"],
        limit=row["window_limit"],
        score=row["score"],
        topic=row["topic"],
        owner=row["owner"],
        explanation=tuple(row["explanation"]),
        verbatims=tuple(row["verbatims"]),
        part_of=row["part_of"],
    )
    return Known(spike, row["changed_at"])
