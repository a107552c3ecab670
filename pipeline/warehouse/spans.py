"""What the tables that are filled from Kafka have in common: blocks, spans and positions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pipeline.domain.block import Span
from pipeline.errors import WarehouseError, WarehouseRejected
from pipeline.warehouse.client import Warehouse
from pipeline.warehouse.failures import is_about_setup


class SpanTable:
    """A table whose rows carry their Kafka coordinates and those of their block."""

    def __init__(self, warehouse: Warehouse, table: str) -> None:
        self._warehouse = warehouse
        self._table = table

    def last_span(self, topic: str, partition: int) -> tuple[Span, datetime] | None:
        """The last stored block of a Kafka partition, and its `Block.at`."""
        sql = f"""
            SELECT block_first, block_last, max(loaded_at) AS at
            FROM {self._table}
            WHERE kafka_topic = %(topic)s AND kafka_partition = %(partition)s
            GROUP BY kafka_topic, kafka_partition, block_first, block_last
            ORDER BY block_first DESC
            LIMIT 1
        """
        rows = self._ask(sql, topic=topic, partition=partition)
        return _span(topic, partition, rows[0]) if rows else None

    def stored_rows(self, span: Span) -> int:
        """Rows of the blocks inside the span. A block is stored as a whole or not at all."""
        sql = f"""
            SELECT count()
            FROM {self._table}
            WHERE kafka_topic = %(topic)s AND kafka_partition = %(partition)s
              AND block_first >= %(first)s AND block_last <= %(last)s
        """
        return int(self._ask(sql, **parameters(span))[0][0])

    def _ask(self, sql: str, **params: Any) -> list[tuple[Any, ...]]:
        return self._warehouse.query(sql, params, consistent(self._warehouse)).rows

    def _store(self, names: tuple[str, ...], values: list[list[Any]], token: str) -> None:
        """Inserts a block.

        Raises:
            WarehouseUnavailable: the outcome is unknown.
            WarehouseRejected: a value of a row was refused.
            WarehouseError: accounts or tables are wrong: no row is to blame, and none may be
                given up for it.
        """
        try:
            self._warehouse.insert_columns(self._table, names, values, token)
        except WarehouseRejected as error:
            if is_about_setup(error):
                raise WarehouseError(error.message, fix=error.fix) from error
            raise


def consistent(warehouse: Warehouse) -> dict[str, Any]:
    """Settings of a question whose answer decides what is stored: no replica may be behind."""
    return {"select_sequential_consistency": 1} if warehouse.settings.cluster else {}


def parameters(span: Span) -> dict[str, Any]:
    """A span as query parameters."""
    return {
        "topic": span.topic,
        "partition": span.partition,
        "first": span.first,
        "last": span.last,
    }


def _span(topic: str, partition: int, row: tuple[Any, ...]) -> tuple[Span, datetime]:
    first, last, at = row
    return Span(topic, partition, first, last), at
