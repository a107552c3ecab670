"""Where events came from, and the unit in which they are stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

R = TypeVar("R")


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """The coordinates of one event in Kafka."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Span:
    """A contiguous run of offsets of one partition, both ends included.

    Invariant: `first <= last`. Offsets that hold no row (dead letters, duplicates, compaction gaps)
    still belong to the span.
    """

    topic: str
    partition: int
    first: int
    last: int

    @property
    def token(self) -> str:
        """ClickHouse's `insert_deduplication_token`: the identical span is stored once."""
        return f"{self.topic}:{self.partition}:{self.first}:{self.last}"


@dataclass(frozen=True, slots=True)
class Block(Generic[R]):
    """Rows of one span, inserted as one ClickHouse block with the span's token.

    `at` is the Kafka timestamp of the span's first record: the same on every replay, so the
    replay lands in the same monthly partition and its token is recognised there.
    `rows` are (offset, row) in offset order.
    """

    span: Span
    at: datetime
    rows: tuple[tuple[int, R], ...]
