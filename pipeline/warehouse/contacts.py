"""Contacts: blocks in, positions and known ids out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pipeline.domain.block import Block, Span
from pipeline.domain.row import ContactRow
from pipeline.errors import WarehouseUnavailable
from pipeline.warehouse.client import Warehouse
from pipeline.warehouse.columns import CONTACT, COORDINATES, READING, id_hash, of_block
from pipeline.warehouse.spans import SpanTable, parameters

_COLUMNS = (*CONTACT, *READING, *COORDINATES)


class ContactTable(SpanTable):
    """Implements the worker's `ContactStore`. One per writer thread.

    A block reaches the table once, for three reasons that cover each other's gaps: its token (the
    server ignores a second one, also while the first is still being stored); a question for its
    span before it is sent again after a restart or a failure (tokens are forgotten some time,
    spans are not); and the rollups are projections, stored with the rows or not at all.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        super().__init__(warehouse, "contact_rows")
        self._days = warehouse.settings.duplicate_days
        self._maybe_stored: set[str] = set()

    def known(self, contact_ids: Sequence[str], span: Span) -> set[str]:
        """Those of the ids that are stored under coordinates outside the span.

        Looks `warehouse.duplicate_days` back; with 0 nothing is ever known.
        """
        if not self._days or not contact_ids:
            return set()
        # contact_id says where to look (the projection by_id is in its order), id_hash is what is
        # compared: numbers cost a tenth of strings.
        hashes = ", ".join(str(id_hash(contact_id)) for contact_id in contact_ids)
        sql = f"""
            SELECT contact_id
            FROM contact_rows
            PREWHERE id_hash IN ({hashes})
            WHERE contact_id IN %(ids)s
              AND loaded_at >= now() - INTERVAL {self._days:d} DAY
              AND NOT (kafka_topic = %(topic)s AND kafka_partition = %(partition)s
                       AND kafka_offset BETWEEN %(first)s AND %(last)s)
        """
        return {row[0] for row in self._ask(sql, ids=tuple(contact_ids), **parameters(span))}

    def insert(self, block: Block[ContactRow]) -> None:
        """Stores the block; one that is stored already is left alone.

        Raises:
            WarehouseUnavailable: the outcome is unknown: send the identical block again.
            WarehouseRejected: a value of a row was refused; nothing was stored.
            WarehouseError: accounts or tables are wrong; no row is to blame.
        """
        token = block.span.token
        if not block.rows or (token in self._maybe_stored and self._is_stored(block.span)):
            self._maybe_stored.discard(token)
            return
        try:
            self._store(_COLUMNS, of_block(block), token)
        except WarehouseUnavailable:
            self._maybe_stored.add(token)
            raise
        self._maybe_stored.discard(token)

    def last_span(self, topic: str, partition: int) -> tuple[Span, datetime] | None:
        """The last stored block of a Kafka partition, erased ones included, and its `Block.at`."""
        kept = SpanTable(self._warehouse, "kept_spans").last_span(topic, partition)
        found = [s for s in (super().last_span(topic, partition), kept) if s is not None]
        last = max(found, key=lambda pair: pair[0].first, default=None)
        if last is not None:
            self._maybe_stored.add(last[0].token)
        return last

    def stored_rows(self, span: Span) -> int:
        """Contacts of the blocks inside the span."""
        sql = """
            SELECT sum(sign)
            FROM contact_rows
            WHERE kafka_topic = %(topic)s AND kafka_partition = %(partition)s
              AND block_first >= %(first)s AND block_last <= %(last)s
        """
        return int(self._ask(sql, **parameters(span))[0][0])

    def _is_stored(self, span: Span) -> bool:
        """Whether the span's block is in the table, or was until a customer was erased."""
        if self.stored_rows(span):
            return True
        kept = SpanTable(self._warehouse, "kept_spans").last_span(span.topic, span.partition)
        return kept is not None and kept[0].last >= span.last
