"""Storing a span: duplicates, refusals, and the order that a crash must not disturb."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from pipeline.domain.block import Span
from pipeline.errors import WarehouseRejected
from pipeline.stream.lease import Abandoned
from pipeline.stream.record import Rejection
from pipeline.stream.store import Store


async def _run(call: Any) -> Any:
    return call()


def _store(table: Any, lease: Any, buried: list[Rejection]) -> Store[bytes]:
    async def bury(rejection: Rejection) -> None:
        buried.append(rejection)
        table.journal.append(("buried", rejection.record.source.offset))

    table.journal = []
    keep = table.insert

    def insert(block: Any) -> None:
        keep(block)
        table.journal.append(("stored", block.span.first, block.span.last))

    table.insert = insert
    return Store(table, lease, run=_run, bury=bury, beat=lambda _: None)


def _rows(make: Any, *values: bytes) -> list[Any]:
    return [(make(n, value), value) for n, value in enumerate(values)]


async def test_rows_stored_elsewhere_are_left_out(table: Any, lease: Any, make_record: Any) -> None:
    table.known = {b"old"}
    rows = _rows(make_record, b"a", b"old", b"c")
    await _store(table, lease, []).put(Span("t", 0, 0, 2), rows[0][0].at, rows)
    assert table.offsets == [0, 2]
    assert list(table.blocks) == ["t:0:0:2"], "the span keeps its ends"


async def test_a_span_without_rows_is_not_inserted(
    table: Any, lease: Any, make_record: Any
) -> None:
    table.known = {b"old"}
    rows = _rows(make_record, b"old")
    await _store(table, lease, []).put(Span("t", 0, 0, 0), rows[0][0].at, rows)
    assert table.inserts == []


@pytest.mark.parametrize("bad", [0, 3, 6, 7])
async def test_one_refused_row_spares_its_neighbours(
    table: Any, lease: Any, make_record: Any, bad: int
) -> None:
    values = [b"refused" if n == bad else b"fine" for n in range(8)]
    rows = _rows(make_record, *values)
    buried: list[Rejection] = []
    await _store(table, lease, buried).put(Span("t", 0, 0, 7), rows[0][0].at, rows)
    assert [r.record.source.offset for r in buried] == [bad]
    assert (buried[0].stage, buried[0].reason_code) == ("insert", "warehouse")
    assert table.offsets == [n for n in range(8) if n != bad]


async def test_a_refused_row_is_buried_before_anything_behind_it_is_stored(
    table: Any, lease: Any, make_record: Any
) -> None:
    """Else a crash in between would start the successor behind a row that is nowhere."""
    values = [b"refused" if n in {1, 4} else b"fine" for n in range(8)]
    rows = _rows(make_record, *values)
    await _store(table, lease, []).put(Span("t", 0, 0, 7), rows[0][0].at, rows)
    for place, (kind, offset, *_) in enumerate(table.journal):
        if kind == "buried":
            before = [entry for entry in table.journal[:place] if entry[0] == "stored"]
            assert all(entry[2] < offset for entry in before)


async def test_each_half_carries_the_time_of_its_own_first_record(
    table: Any, lease: Any, make_record: Any
) -> None:
    rows = _rows(make_record, b"fine", b"fine", b"refused", b"fine")
    await _store(table, lease, []).put(Span("t", 0, 0, 3), rows[0][0].at, rows)
    for block in table.blocks.values():
        assert block.at == make_record(block.span.first).at


async def test_a_broken_view_is_not_bisected(table: Any, lease: Any, make_record: Any) -> None:
    rows = _rows(make_record, b"refused", b"fine")
    table.stored_rows = lambda span: 2
    buried: list[Rejection] = []
    with pytest.raises(WarehouseRejected):
        await _store(table, lease, buried).put(Span("t", 0, 0, 1), rows[0][0].at, rows)
    assert buried == []


async def test_after_the_lease_nothing_is_inserted(
    table: Any, lease: Any, make_record: Any
) -> None:
    rows = _rows(make_record, b"a")
    lease.end()
    put = partial(_store(table, lease, []).put, Span("t", 0, 0, 0), rows[0][0].at)
    with pytest.raises(Abandoned):
        await put(rows)
    assert table.inserts == []
