"""Stretches of time that analyses look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Period:
    """From `start`, included, to `end`, excluded. Times without a zone are UTC."""

    start: datetime
    end: datetime

    @property
    def first(self) -> float:
        """The start in seconds since 1970."""
        return seconds(self.start)

    @property
    def last(self) -> float:
        """The end in seconds since 1970."""
        return seconds(self.end)

    @property
    def days(self) -> float:
        """The length in days."""
        return (self.last - self.first) / DAY

    @property
    def previous(self) -> Period:
        """The period of the same length that ends where this one starts."""
        return Period(self.start - (self.end - self.start), self.start)

    def holds(self, times: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which of `times` [n], in seconds since 1970, lie in the period."""
        return (times >= self.first) & (times < self.last)

    def weeks(self) -> tuple[Period, ...]:
        """The whole weeks of the period, counted back from its end, oldest first."""
        number = int(self.days // 7)
        ends = [self.end - timedelta(days=7 * back) for back in range(number)]
        return tuple(Period(end - timedelta(days=7), end) for end in reversed(ends))


def seconds(time: datetime) -> float:
    """Seconds since 1970 of a time; one without a zone is taken for UTC."""
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
