"""Readings of clauses that were seen before: customers repeat themselves ("好评", "thank you")."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

from pipeline.domain.analysis import ClauseReading


class ReadingCache:
    """At most `size` readings, the least recently used dropped first. Thread-safe.

    `hits` and `misses` count clauses looked up since the start.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._readings: OrderedDict[str, ClauseReading] = OrderedDict()
        self._lock = Lock()
        self.hits = 0
        self.misses = 0

    def lookup(self, clauses: Sequence[str]) -> dict[str, ClauseReading]:
        """The readings that are there, by clause."""
        with self._lock:
            found = {
                clause: self._readings[clause] for clause in clauses if clause in self._readings
            }
            for clause in found:
                self._readings.move_to_end(clause)
            self.hits += len(found)
            self.misses += len(clauses) - len(found)
        return found

    def store(self, readings: dict[str, ClauseReading]) -> None:
        """Adds readings and drops the oldest ones."""
        with self._lock:
            self._readings.update(readings)
            while len(self._readings) > self._size:
                self._readings.popitem(last=False)
