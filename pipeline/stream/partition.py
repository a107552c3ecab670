"""From the events of one partition to blocks: pure logic, no I/O.

After an assignment the worker reads from the first offset of the last stored span.  `PartitionLog`
collects that span again and hands it out as the identical block, then cuts fresh spans from
whatever follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from pipeline.domain.block import Span
from pipeline.errors import RecreatedTopic
from pipeline.stream.record import Record


class Kind(Enum):
    """What has to happen to a cut before its offsets are acknowledged."""

    FRESH = "insert it"
    REPLAY = "insert it again under the same token"
    STORED = "nothing: all of it is stored"


@dataclass(frozen=True, slots=True)
class Cut:
    """Records of one span."""

    span: Span
    records: tuple[Record, ...]
    kind: Kind = Kind.FRESH


@dataclass(slots=True)
class PartitionLog:
    """The state of one assigned partition.

    `stored` is the last stored span, `stored_at` the Kafka timestamp of its first record; both
    None for a partition of which nothing is stored.  Invariants, for any division of the log into
    batches: the cuts are disjoint and in offset order; each record is in exactly one cut; the
    replay has exactly the span that was stored.
    """

    topic: str
    partition: int
    stored: Span | None = None
    stored_at: datetime | None = None
    _next: int = -1
    _pending: list[Record] = field(default_factory=list)

    def cut(self, records: Sequence[Record]) -> list[Cut]:
        """At most one replay and one fresh cut. Records of an unfinished replay are kept.

        Raises:
            RecreatedTopic: the log is not the one whose offsets are stored.
        """
        fresh = [r for r in records if r.source.offset >= self._next]
        if not fresh:
            return []
        self._next = fresh[-1].source.offset + 1
        cuts = []
        if self.stored is not None:
            self._check(fresh[0], self.stored)
            fresh, replay = self._replay(fresh, self.stored)
            cuts += replay
        if fresh:
            cuts.append(Cut(self._span(fresh), tuple(fresh)))
        return cuts

    def _replay(self, records: list[Record], stored: Span) -> tuple[list[Record], list[Cut]]:
        inside = [r for r in records if r.source.offset <= stored.last]
        beyond = records[len(inside) :]
        self._pending += inside
        if self._next <= stored.last:
            return [], []
        pending, self._pending, self.stored = self._pending, [], None
        if not pending:
            return beyond, []
        # Offsets at the head of the span may have left the log (retention): without them the block
        # is not the identical one, and all of it is stored anyway.
        whole = pending[0].source.offset == stored.first
        kind = Kind.REPLAY if whole else Kind.STORED
        return beyond, [Cut(stored, tuple(pending), kind)]

    def _check(self, record: Record, stored: Span) -> None:
        offset = record.source.offset
        other_log = offset < stored.first or (
            offset == stored.first and self.stored_at is not None and record.at != self.stored_at
        )
        if other_log:
            raise RecreatedTopic(
                f"{self.topic}[{self.partition}] starts again at offset {offset}, but offsets"
                f" {stored.first} to {stored.last} of another log are stored under its name",
                fix="If the topic was deleted and created anew on purpose, raise"
                " VOC_WORKER__TOPIC_EPOCH by one; otherwise the worker reads the wrong cluster.",
            )

    def _span(self, records: Sequence[Record]) -> Span:
        offsets = records[0].source.offset, records[-1].source.offset
        return Span(self.topic, self.partition, *offsets)
