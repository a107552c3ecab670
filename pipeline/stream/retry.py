"""Repeating what failed for a passing reason, with bounded, jittered pauses."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator
from typing import TypeVar

from pipeline import metrics
from pipeline.errors import VocError
from pipeline.stream.lease import Lease

T = TypeVar("T")
log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
"""Seconds. The pause doubles; ten keep the load on a recovering server low."""


def pauses() -> Iterator[float]:
    """Seconds to wait before each further attempt: doubling, with up to 20 % jitter."""
    pause = FIRST_PAUSE
    while True:
        yield pause * random.uniform(0.8, 1.2)  # noqa: S311 -- jitter, not a secret
        pause = min(pause * 2, LONGEST_PAUSE)


def until_done(call: Callable[[], T], target: str, lease: Lease, beat: Callable[[str], None]) -> T:
    """Repeats `call` while it fails retryably. Blocks its thread, never the event loop.

    Raises:
        Abandoned: the lease is over; checked before every attempt.
        VocError: whatever is not retryable.
    """
    for attempt, pause in enumerate(pauses(), start=1):
        lease.check()
        try:
            result = call()
        except VocError as error:
            if not error.retryable:
                raise
            report(target, error, attempt, beat)
        else:
            metrics.WAITING.labels(target).set(0)
            return result
        lease.over.wait(pause)
    raise AssertionError("pauses() never ends")


def report(target: str, error: VocError, attempt: int, beat: Callable[[str], None]) -> None:
    """Counts and, now and then, logs an attempt that will be repeated."""
    metrics.RETRIES.labels(target).inc()
    metrics.WAITING.labels(target).set(1)
    beat(f"waiting for {target}, attempt {attempt}")
    level = logging.WARNING if attempt in {1, 5} or attempt % 30 == 0 else logging.DEBUG
    log.log(level, "%s: %s; repeating (attempt %d)", target, error.message, attempt)
