"""Offsets and blocks under arbitrary batches, crashes and reassignments.

The model: a log of offsets (with gaps), a warehouse that stores a span at most once per token, and
a worker that may die at any point of the way.  Whatever happens, every record ends in exactly one
stored span, and an interrupted span is repeated with the very same ends.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.block import Source, Span
from pipeline.errors import RecreatedTopic
from pipeline.stream.partition import Cut, Kind, PartitionLog
from pipeline.stream.record import Record

AT = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def record(offset: int, generation: int = 0) -> Record:
    return Record(Source("t", 0, offset), AT + offset + generation * 1e6, None, b"")


@st.composite
def logs(draw: st.DrawFn) -> list[int]:
    """Offsets in order; gaps stand for compaction and transaction markers."""
    steps = draw(st.lists(st.integers(1, 3), min_size=1, max_size=60))
    offsets, at = [], draw(st.integers(0, 5))
    for step in steps:
        offsets.append(at)
        at += step
    return offsets


class Warehouse:
    """Stores a span's offsets once per token, like ClickHouse with deduplication."""

    def __init__(self) -> None:
        self.tokens: dict[str, tuple[int, ...]] = {}
        self.order: list[Span] = []

    def insert(self, cut: Cut) -> None:
        offsets = tuple(r.source.offset for r in cut.records)
        if cut.span.token in self.tokens:
            assert self.tokens[cut.span.token] == offsets, "the replay is not the identical block"
            return
        self.tokens[cut.span.token] = offsets
        self.order.append(cut.span)

    @property
    def last(self) -> Span | None:
        return max(self.order, key=lambda s: s.last, default=None)

    @property
    def offsets(self) -> list[int]:
        return sorted(o for stored in self.tokens.values() for o in stored)


@settings(max_examples=200)
@given(offsets=logs(), data=st.data())
def test_every_offset_is_stored_exactly_once_whatever_dies(
    offsets: list[int], data: st.DataObject
) -> None:
    warehouse, committed = Warehouse(), offsets[0]
    for _ in range(60):
        last = warehouse.last
        start = last.first if last else committed
        at = datetime.fromtimestamp(AT + last.first, UTC) if last else None
        log = PartitionLog("t", 0, last, at)
        left = [o for o in offsets if o >= start]
        while left:
            size = data.draw(st.integers(1, len(left)), "batch")
            batch, left = left[:size], left[size:]
            died = False
            for cut in log.cut([record(o) for o in batch]):
                fate = data.draw(st.sampled_from(["ok", "ok", "ok", "before", "after"]), "fate")
                if fate == "before":
                    died = True
                    break
                if cut.kind is not Kind.STORED:
                    warehouse.insert(cut)
                if fate == "after":
                    died = True
                    break
                # Kafka may have committed this or less, never more than was acknowledged.
                committed = data.draw(st.integers(committed, cut.records[-1].source.offset + 1))
            if died:
                break
        else:
            break
    else:
        pytest.skip("the drawn worker died sixty times")
    assert warehouse.offsets == offsets


@given(offsets=logs(), data=st.data())
def test_the_division_into_batches_does_not_matter(offsets: list[int], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(offsets) - 1))
    last = data.draw(st.integers(first, len(offsets) - 1))
    stored = Span("t", 0, offsets[first], offsets[last])
    log = PartitionLog("t", 0, stored, datetime.fromtimestamp(AT + stored.first, UTC))
    cuts: list[Cut] = []
    left = offsets[first:]
    while left:
        size = data.draw(st.integers(1, len(left)))
        cuts += log.cut([record(o) for o in left[:size]])
        left = left[size:]
    seen = [r.source.offset for cut in cuts for r in cut.records]
    complete = offsets[-1] >= stored.last
    assert seen == (offsets[first:] if complete else [])
    assert [c.kind for c in cuts[:1]] == [Kind.REPLAY]
    assert cuts[0].span == stored


def test_a_span_whose_head_left_the_log_is_not_repeated() -> None:
    log = PartitionLog("t", 0, Span("t", 0, 10, 20), datetime.fromtimestamp(AT + 10, UTC))
    cuts = log.cut([record(o) for o in range(12, 25)])
    assert [(c.kind, c.span.first, c.span.last) for c in cuts] == [
        (Kind.STORED, 10, 20),
        (Kind.FRESH, 21, 24),
    ]


def test_offsets_that_come_twice_are_taken_once() -> None:
    log = PartitionLog("t", 0)
    assert len(log.cut([record(0), record(1)])) == 1
    assert log.cut([record(0), record(1)]) == []
    assert [r.source.offset for r in log.cut([record(1), record(2)])[0].records] == [2]


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(record(0), id="starts below"),
        pytest.param(record(10, generation=1), id="same offset, another record"),
    ],
)
def test_a_recreated_topic_is_refused(seen: Record) -> None:
    log = PartitionLog("t", 0, Span("t", 0, 10, 20), datetime.fromtimestamp(AT + 10, UTC))
    with pytest.raises(RecreatedTopic, match="TOPIC_EPOCH"):
        log.cut([seen])
