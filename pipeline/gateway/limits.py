"""Who may send how much: token buckets per client, and a budget of bytes for them all."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice

from pipeline.clock import Clock
from pipeline.gateway.problem import Problem

_SWEEP = 64


@dataclass(slots=True)
class _Bucket:
    level: float
    at: float


@dataclass
class RateLimit:
    """A bucket of `burst` contacts per client that refills with `rate` a second.

    A bucket that is full again is the same as none, so those go first when `clients` is reached;
    then the one that was used longest ago. Not thread-safe: the event loop asks.
    """

    rate: float
    burst: float
    clock: Clock
    clients: int = 10_000
    _buckets: OrderedDict[str, _Bucket] = field(default_factory=OrderedDict)

    def take(self, client: str, amount: int) -> float:
        """0 and the amount is spent, or the seconds after which it can be; then nothing is."""
        now = self.clock.monotonic()
        if wait := self.wait(client, amount):
            return wait
        self._buckets[client] = _Bucket(self._level(client, now) - amount, now)
        self._buckets.move_to_end(client)
        self._shrink(now)
        return 0.0

    def wait(self, client: str, amount: int) -> float:
        """Seconds until `amount` can be spent, 0 if it can be now."""
        return max(amount - self._level(client, self.clock.monotonic()), 0.0) / self.rate

    def _level(self, client: str, now: float) -> float:
        bucket = self._buckets.get(client)
        return self._filled(bucket, now) if bucket else self.burst

    def _filled(self, bucket: _Bucket, now: float) -> float:
        return min(self.burst, bucket.level + (now - bucket.at) * self.rate)

    def _shrink(self, now: float) -> None:
        if len(self._buckets) <= self.clients:
            return
        oldest = list(islice(self._buckets.items(), _SWEEP))
        full = [client for client, bucket in oldest if self._filled(bucket, now) >= self.burst]
        for client in full or [oldest[0][0]]:
            del self._buckets[client]

    def __len__(self) -> int:
        return len(self._buckets)


@dataclass
class Memory:
    """Bytes that the bodies of all requests may hold together."""

    size: int
    held: int = 0

    @contextmanager
    def reserve(self, amount: int) -> Iterator[None]:
        """Raises Problem 503 where they do not fit now."""
        if self.held + amount > self.size:
            raise Problem(503, "too many requests are being read: send it again", retry_after=1)
        self.held += amount
        try:
            yield
        finally:
            self.held -= amount


def too_fast(seconds: float) -> Problem:
    """The answer to a client whose bucket is empty."""
    wait = max(1, math.ceil(seconds))
    return Problem(
        429, f"more contacts than this client's rate allows: wait {wait} s", retry_after=wait
    )
