"""What is new since the last look: spikes that opened, changed, closed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from pipeline.domain.spike import Known, Spike, SpikeState

REMIND = timedelta(hours=1)
"""An open spike is updated when it gets more severe, or when this time passed and it grew."""


def changes(now: datetime, found: Iterable[Spike], known: Mapping[str, Known]) -> list[Spike]:
    """The spikes to store and publish, each with its new state.

    `known` are the stored spikes that are not closed. Nothing changes twice: after a crash between
    storing and publishing the same changes come out again only for what was not stored.
    """
    current = {spike.spike_id: spike for spike in found}
    changed = []
    for spike in current.values():
        state = _state(now, spike, known.get(spike.spike_id))
        if state is not None:
            changed.append(replace(spike, state=state))
    for spike_id, stored in known.items():
        if spike_id not in current:
            # Late events moved its beginning, or its slice is not watched any more.
            changed.append(replace(stored.spike, state=SpikeState.CLOSED))
    return changed


def _state(now: datetime, spike: Spike, known: Known | None) -> SpikeState | None:
    if known is None:
        # One that came and went between two looks has nobody to wake any more.
        return None if spike.state is SpikeState.CLOSED else SpikeState.OPENED
    if spike.state is SpikeState.CLOSED:
        return SpikeState.CLOSED
    worse = spike.severity != known.spike.severity or spike.part_of != known.spike.part_of
    grew = spike.observed > known.spike.observed and now - known.changed_at >= REMIND
    return SpikeState.UPDATED if worse or grew else None
