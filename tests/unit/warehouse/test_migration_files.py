"""The files of schemas/clickhouse and how they are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import WarehouseRejected
from pipeline.warehouse.migrations import Migration, known_migrations


def test_the_shipped_ones_are_numbered_without_gaps() -> None:
    found = known_migrations()
    assert [m.number for m in found] == list(range(1, len(found) + 1))
    assert [m.name for m in found][:2] == ["contacts", "volumes_and_initiatives"]


def test_a_gap_is_refused(tmp_path: Path) -> None:
    for name in ("0001_a.sql", "0003_c.sql"):
        (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(WarehouseRejected, match="not numbered"):
        known_migrations(tmp_path)


def test_a_file_without_a_number_is_refused(tmp_path: Path) -> None:
    (tmp_path / "spikes.sql").write_text("SELECT 1")
    with pytest.raises(WarehouseRejected, match="NNNN_name"):
        known_migrations(tmp_path)


def test_the_checksum_is_of_the_text() -> None:
    one, other = Migration(1, "a", "SELECT 1"), Migration(1, "a", "SELECT 2")
    assert one.checksum != other.checksum
    assert one.checksum == Migration(9, "z", "SELECT 1").checksum
