"""Volume and initiative events: small, rare, and replaced by later events of the same key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from pipeline.contract import InvalidEvent
from pipeline.domain.block import Block, Span
from pipeline.stream.contacts import rejected
from pipeline.stream.record import Prepared, Record

R = TypeVar("R")


class UpsertStore(Protocol[R]):
    """A warehouse table whose rows replace earlier rows of the same key."""

    def insert(self, block: Block[R]) -> None: ...
    def last_span(self, topic: str, partition: int) -> tuple[Span, datetime] | None: ...
    def stored_rows(self, span: Span) -> int: ...


@dataclass
class UpsertHandler(Generic[R]):
    """Implements `Handler[R]` for events that are stored as they are parsed."""

    name: str
    parse: Callable[[bytes], R]
    store: UpsertStore[R]

    def prepare(self, records: Sequence[Record]) -> Prepared[R]:
        """See `Handler.prepare`."""
        prepared: Prepared[R] = Prepared()
        for record in records:
            try:
                prepared.rows.append((record, self.parse(record.value or b"")))
            except InvalidEvent as error:
                prepared.rejections.append(rejected(record, error))
        return prepared

    def duplicates(self, rows: Sequence[tuple[Record, R]], span: Span) -> set[int]:
        """None: the same event twice leaves the same row."""
        del rows, span
        return set()

    def insert(self, block: Block[R]) -> None:
        """See `Handler.insert`."""
        self.store.insert(block)

    def last(self, topic: str, partition: int) -> tuple[Span, datetime] | None:
        """See `Handler.last`."""
        return self.store.last_span(topic, partition)

    def stored_rows(self, span: Span) -> int:
        """See `Handler.stored_rows`."""
        return self.store.stored_rows(span)

    def stored(self, rows: Sequence[tuple[Record, R]]) -> None:
        """Nothing to count beyond the events."""
