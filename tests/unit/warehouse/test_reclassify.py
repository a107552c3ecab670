from __future__ import annotations

from typing import Any

from pipeline.settings import WarehouseSettings
from pipeline.warehouse.client import Result
from pipeline.warehouse.reclassify import Selection, StoredContacts


class Replicas:
    """A cluster that remembers with which settings it was asked."""

    def __init__(self) -> None:
        self.settings = WarehouseSettings(cluster="main")
        self.asked: list[dict[str, Any]] = []

    def query(self, sql: str, params: object = None, settings: Any = None) -> Result:
        self.asked.append(settings or {})
        return Result([], [], [(0,)] if "count()" in sql else [])


def test_no_replica_that_is_behind_says_what_is_left() -> None:
    """One that is behind names contacts that were replaced already."""
    replicas = Replicas()
    stored = StoredContacts(replicas)  # type: ignore[arg-type]
    assert stored.count(Selection(), "r2", 1) == 0
    assert list(stored.batches(Selection(), "r2", 1)) == []
    assert replicas.asked == [{"select_sequential_consistency": 1}] * 2
