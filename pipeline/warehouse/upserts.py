"""Volumes and initiatives: the latest event of a key is the one that counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, Generic, TypeVar

from pipeline.domain.block import Block
from pipeline.domain.contact import Initiative, Volume
from pipeline.warehouse.client import Warehouse
from pipeline.warehouse.columns import COORDINATES, coordinates, milliseconds
from pipeline.warehouse.spans import SpanTable

R = TypeVar("R")

_VOLUME: dict[str, Callable[[Volume], Any]] = {
    "name": attrgetter("name"),
    "period_start": lambda v: milliseconds(v.period_start),
    "period_end": lambda v: milliseconds(v.period_end),
    "product": attrgetter("product"),
    "region": attrgetter("region"),
    "site": attrgetter("site"),
    "channel": attrgetter("channel"),
    "value": attrgetter("value"),
}

_INITIATIVE: dict[str, Callable[[Initiative], Any]] = {
    "initiative_id": attrgetter("initiative_id"),
    "title": attrgetter("title"),
    "owner": attrgetter("owner"),
    "started_at": lambda i: milliseconds(i.started_at),
    "ended_at": lambda i: None if i.ended_at is None else milliseconds(i.ended_at),
    "topics": lambda i: list(i.topics),
    "slice": lambda i: dict(i.slice),
    "comparison": lambda i: dict(i.comparison),
    "note": attrgetter("note"),
    "withdrawn": attrgetter("withdrawn"),
}


class UpsertTable(SpanTable, Generic[R]):
    """Implements the worker's `UpsertStore`: a row replaces earlier ones of its key."""

    def __init__(
        self, warehouse: Warehouse, table: str, columns: Mapping[str, Callable[[R], Any]]
    ) -> None:
        super().__init__(warehouse, table)
        self._columns = columns

    def insert(self, block: Block[R]) -> None:
        """Stores the block; a second time it changes nothing.

        Raises:
            WarehouseUnavailable: the outcome is unknown: send the identical block again.
            WarehouseRejected: a value of a row was refused; nothing was stored.
            WarehouseError: accounts or tables are wrong; no row is to blame.
        """
        if not block.rows:
            return
        rows = [row for _, row in block.rows]
        values = [list(map(value, rows)) for value in self._columns.values()]
        names = (*self._columns, *COORDINATES, "kafka_order")
        orders = [milliseconds(block.at) << 64 | offset for offset, _ in block.rows]
        self._store(names, [*values, *coordinates(block), orders], block.span.token)


class VolumeTable(UpsertTable[Volume]):
    """Business counts, by name, period and slice."""

    def __init__(self, warehouse: Warehouse) -> None:
        super().__init__(warehouse, "volume_rows", _VOLUME)


class InitiativeTable(UpsertTable[Initiative]):
    """Actions, by id."""

    def __init__(self, warehouse: Warehouse) -> None:
        super().__init__(warehouse, "initiative_rows", _INITIATIVE)
