"""Repeating: what is repeated, for how long, and what the probe hears meanwhile."""

from __future__ import annotations

import threading
from itertools import islice
from typing import Any

import pytest

from pipeline.errors import WarehouseRejected, WarehouseUnavailable
from pipeline.stream import retry
from pipeline.stream.lease import Abandoned, Lease
from pipeline.stream.retry import pauses, until_done


def test_a_passing_failure_is_repeated_and_beats() -> None:
    answers: list[Any] = [WarehouseUnavailable("a"), WarehouseUnavailable("b"), 7]
    beats: list[str] = []

    def call() -> int:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return int(answer)

    assert until_done(call, "warehouse", Lease(), beats.append) == 7
    assert beats == ["waiting for warehouse, attempt 1", "waiting for warehouse, attempt 2"]


def test_a_lasting_failure_is_raised_at_once() -> None:
    def call() -> None:
        raise WarehouseRejected("no")

    with pytest.raises(WarehouseRejected):
        until_done(call, "warehouse", Lease(), lambda _: None)


def test_the_end_of_the_lease_ends_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE", 60)
    lease = Lease()

    def call() -> None:
        threading.Timer(0.01, lease.end).start()
        raise WarehouseUnavailable("away")

    with pytest.raises(Abandoned):
        until_done(call, "warehouse", lease, lambda _: None)


def test_pauses_double_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE", 1)
    monkeypatch.setattr(retry, "LONGEST_PAUSE", 8)
    for pause, plain in zip(islice(pauses(), 6), [1, 2, 4, 8, 8, 8], strict=True):
        assert 0.8 * plain <= pause <= 1.2 * plain
