"""The sample company: contacts in four scripts, business counts, initiatives, and the truth.

Everything is invented and the same for the same seed, size and end. The demo, the tests and the
report's evaluation read it: causes are planted (`truth`), and slices in which nothing happens.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from pipeline.sample.business import initiative_events, volume_events
from pipeline.sample.calendar import DEFAULT_UNTIL, Calendar, size_of
from pipeline.sample.causes import Cause, Truth, truth_of
from pipeline.sample.events import Intent, Labelled, labelled
from pipeline.sample.poison import poison

__all__ = [
    "DEFAULT_UNTIL",
    "Cause",
    "Intent",
    "Labelled",
    "Truth",
    "contacts",
    "initiatives",
    "labelled",
    "poison",
    "truth",
    "volumes",
]


def contacts(
    seed: int = 7, size: str | int = "demo", until: datetime = DEFAULT_UNTIL
) -> Iterator[dict[str, Any]]:
    """Valid contact events in time order, the last before `until`.

    `size` is "demo" (1,200 contacts over 6 weeks), "company" (40,000 over 26 weeks) or a number
    of contacts (up to 5,000 over 6 weeks, more over 26). Raises ValueError for another.
    """
    return (made.event for made in labelled(seed, size, until))


def volumes(
    seed: int = 7, size: str | int = "demo", until: datetime = DEFAULT_UNTIL
) -> Iterator[dict[str, Any]]:
    """Valid volume events that the contacts of the same arguments belong to.

    `orders` by day, region and product; `customers` by day and region.
    """
    count, weeks = size_of(size)
    return volume_events(Calendar.ending(until, weeks), count, seed)


def initiatives(
    seed: int = 7,  # noqa: ARG001 - the same arguments as the others
    size: str | int = "demo",
    until: datetime = DEFAULT_UNTIL,
) -> Iterator[dict[str, Any]]:
    """Valid initiative events: one that worked, one without effect, one too recent."""
    return initiative_events(Calendar.ending(until, size_of(size)[1]))


def truth(
    seed: int = 7,  # noqa: ARG001 - the same arguments as the others
    size: str | int = "demo",
    until: datetime = DEFAULT_UNTIL,
) -> Truth:
    """What was planted in the contacts of the same arguments."""
    return truth_of(Calendar.ending(until, size_of(size)[1]))
