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


def announced(changed: Iterable[Spike], known: Mapping[str, Known]) -> list[Spike]:
    """The changes as the alerts topic hears of them: only of leads.

    Which of several spikes leads can change. Who reads the topic sees the one that led close when
    it becomes the shadow of another, and that other one open.
    """
    heard = []
    for spike in changed:
        stored = known.get(spike.spike_id)
        was, leads = stored is not None and _leads(stored.spike), _leads(spike)
        if was or leads:
            heard.append(replace(spike, state=_heard(spike.state, was=was, leads=leads)))
    return heard


def _leads(spike: Spike) -> bool:
    return spike.state is not SpikeState.CLOSED and not spike.part_of


def _heard(state: SpikeState, *, was: bool, leads: bool) -> SpikeState:
    if was and leads:
        return state
    return SpikeState.OPENED if leads else SpikeState.CLOSED


def current(
    found: Iterable[Spike], known: Mapping[str, Known], changed: Iterable[Spike]
) -> list[Spike]:
    """Every known and new spike as it is now, with what was said of it.

    A spike is stored again once an hour at most, so the stored counts are not the present ones.
    """
    fresh = {spike.spike_id: spike for spike in found}
    spikes = {i: _counted(each.spike, fresh.get(i, each.spike)) for i, each in known.items()}
    return list({**spikes, **{spike.spike_id: spike for spike in changed}}.values())


def _counted(stored: Spike, fresh: Spike) -> Spike:
    return replace(
        stored,
        window_end=fresh.window_end,
        expected=fresh.expected,
        observed=fresh.observed,
        score=fresh.score,
    )
