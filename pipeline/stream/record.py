"""An event as Kafka delivered it, and what preparation makes of a batch of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Generic, Protocol, TypeVar

from pipeline.domain.block import Block, Source, Span

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Record:
    """The raw bytes of an event with its coordinates; `timestamp` in seconds since 1970.

    `value` is None for a tombstone. `handle` is whatever the transport needs to acknowledge it.
    """

    source: Source
    timestamp: float
    key: bytes | None
    value: bytes | None
    attempt: int = 1
    handle: object = field(default=None, compare=False, repr=False)

    @property
    def at(self) -> datetime:
        """The Kafka timestamp, to the millisecond as Kafka keeps it."""
        return datetime.fromtimestamp(round(max(self.timestamp, 0.0), 3), UTC)


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a record cannot be stored; becomes a dead letter.

    `errors` are (field, message) pairs.
    """

    record: Record
    stage: str
    reason_code: str
    reason: str
    errors: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Prepared(Generic[R]):
    """Rows in offset order, and the records that have none."""

    rows: list[tuple[Record, R]] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)


class Handler(Protocol[R]):
    """What the worker does with one kind of event.

    `prepare` is called in threads of its own and may run twice at once; `stored` on the event
    loop; everything else in one thread, one call at a time.
    """

    name: str

    def prepare(self, records: Sequence[Record]) -> Prepared[R]:
        """Decodes and reads the records. CPU-bound, no I/O; raises nothing for a bad record."""
        ...

    def duplicates(self, rows: Sequence[tuple[Record, R]], span: Span) -> set[int]:
        """Offsets whose event is stored already under other coordinates.

        Raises:
            WarehouseUnavailable: ask again later.
        """
        ...

    def insert(self, block: Block[R]) -> None:
        """Stores the block under its token.

        Raises:
            WarehouseUnavailable: the outcome is unknown; repeat the identical block.
            WarehouseRejected: a value in it cannot be stored; nothing was.
        """
        ...

    def last(self, topic: str, partition: int) -> tuple[Span, datetime] | None:
        """The last stored span of a partition and its `Block.at`."""
        ...

    def stored_rows(self, span: Span) -> int:
        """Rows of the base table inside the span."""
        ...

    def stored(self, rows: Sequence[tuple[Record, R]]) -> None:
        """Counts what was stored (metrics)."""
        ...
