"""The days that a sample covers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

DEFAULT_UNTIL = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
"""The end of a sample that is given no other: a Sunday's end, so that weeks are whole."""

SIZES = {"demo": (1_200, 6), "company": (40_000, 26)}
"""Contacts and weeks by size."""

_WEEKDAY = np.array([1.16, 1.08, 1.02, 1.0, 1.02, 0.86, 0.86])
_NIGHT_AND_MORNING = [0.25, 0.12, 0.08, 0.06, 0.06, 0.1, 0.25, 0.5, 0.9, 1.5, 1.8, 1.7]
_AFTERNOON_AND_EVENING = [1.35, 1.5, 1.65, 1.55, 1.45, 1.35, 1.2, 1.25, 1.35, 1.3, 0.95, 0.55]
_HOUR = np.array([*_NIGHT_AND_MORNING, *_AFTERNOON_AND_EVENING])


@dataclass(frozen=True, slots=True)
class Calendar:
    """UTC days from `since` up to `until`, which is not included; the last may be partial."""

    since: datetime
    until: datetime
    days: int

    @classmethod
    def ending(cls, until: datetime, weeks: int) -> Calendar:
        """`weeks` weeks of UTC days of which the last holds the second before `until`."""
        until = until.astimezone(UTC).replace(microsecond=0)
        last = (until - timedelta(seconds=1)).replace(hour=0, minute=0, second=0)
        days = weeks * 7
        return cls(last - timedelta(days=days - 1), until, days)

    def day(self, index: int) -> datetime:
        """UTC midnight at which day `index` begins."""
        return self.since + timedelta(days=index)

    def weekday_factors(self) -> NDArray[np.float64]:
        """Relative business of each day."""
        factors: NDArray[np.float64] = _WEEKDAY[(np.arange(self.days) + self.since.weekday()) % 7]
        return factors

    def hour_weights(self, offset_hours: int) -> NDArray[np.float64]:
        """(days, 24): relative business of each UTC hour in a zone; 0 from `until` on."""
        weights: NDArray[np.float64] = (
            np.tile(np.roll(_HOUR, -offset_hours), (self.days, 1)) / _HOUR.sum()
        )
        elapsed = (self.until - self.day(self.days - 1)).total_seconds() / 3600
        weights[-1] *= np.clip(elapsed - np.arange(24), 0, 1)
        return weights

    def position(self, moment: datetime) -> float:
        """Days from `since` to `moment`."""
        return (moment - self.since) / timedelta(days=1)


def size_of(size: str | int) -> tuple[int, int]:
    """Contacts and weeks of a named size or of a number of contacts.

    Raises ValueError for another name or less than one contact.
    """
    if isinstance(size, str):
        if size not in SIZES:
            raise ValueError(f"{size} is not a size: use {', '.join(SIZES)} or a number")
        return SIZES[size]
    if size < 1:
        raise ValueError("a sample has at least one contact")
    return size, 6 if size <= 5_000 else 26
