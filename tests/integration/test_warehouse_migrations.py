"""`migrate` on a real engine: forward, repeatable, honest about what it finds."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline.domain.block import Block
from pipeline.domain.row import ContactRow
from pipeline.errors import WarehouseRejected
from pipeline.warehouse import ContactTable, Warehouse, migrate, migrations, require_migrated
from pipeline.warehouse.migrations import Migration, known_migrations, pending, status
from pipeline.warehouse.retention import retention_days

pytestmark = pytest.mark.local


def test_it_creates_the_database_and_is_harmless_when_repeated(front: Any, database: str) -> None:
    with Warehouse(front.settings(database)) as fresh:
        assert [s.applied_at for s in status(fresh)] == [None] * len(known_migrations())
        with pytest.raises(WarehouseRejected, match="lacks 0001_contacts") as raised:
            require_migrated(fresh)
        assert "voc migrate" in raised.value.fix
        assert migrate(fresh, fresh.settings) == known_migrations()
        require_migrated(fresh)
        before = status(fresh)
        assert all(step.applied_at for step in before)
        assert migrate(fresh, fresh.settings) == []
        assert status(fresh) == before


def test_a_dry_run_shows_the_statements_and_runs_none(front: Any, database: str) -> None:
    with Warehouse(front.settings(database)) as fresh:
        statements = pending(fresh, fresh.settings)
        assert statements[0] == f"CREATE DATABASE IF NOT EXISTS `{database}`"
        assert any("contact_rows" in statement for statement in statements)
        with pytest.raises(WarehouseRejected) as raised:
            fresh.query("SELECT 1")
        assert raised.value.code == 81
        assert "voc migrate" in raised.value.fix
        migrate(fresh, fresh.settings)
        assert pending(fresh, fresh.settings) == []


def test_an_edited_migration_is_refused(warehouse: Warehouse) -> None:
    edited = known_migrations()
    edited[0] = replace(edited[0], text=edited[0].text + "\n-- changed")
    for ask in (status, lambda w, m: migrate(w, w.settings, m)):
        with pytest.raises(WarehouseRejected, match="0001_contacts is not the one") as raised:
            ask(warehouse, edited)
        assert "restore the file" in raised.value.fix


def test_a_database_of_a_newer_version_is_refused(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseRejected, match="does not know") as raised:
        migrate(warehouse, warehouse.settings, known_migrations()[:1])
    assert "newer voc" in raised.value.fix


def test_older_programs_go_on_with_a_newer_database(warehouse: Warehouse) -> None:
    newer = Migration(len(known_migrations()) + 1, "newer", "SELECT 1")
    assert migrate(warehouse, warehouse.settings, [*known_migrations(), newer]) == [newer]
    require_migrated(warehouse)
    for ask in (status, lambda w: migrate(w, w.settings)):
        with pytest.raises(WarehouseRejected, match="does not know"):
            ask(warehouse)


def test_programs_refuse_a_database_of_other_migrations(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    edited = [replace(m, text=m.text + "\n-- changed") for m in known_migrations()]
    monkeypatch.setattr(migrations, "known_migrations", lambda: edited)
    with pytest.raises(WarehouseRejected, match="0001_contacts is not the one"):
        require_migrated(warehouse)


def test_a_migration_that_fails_half_way_is_finished_by_the_next_run(warehouse: Warehouse) -> None:
    number = len(known_migrations()) + 1
    half = "CREATE TABLE IF NOT EXISTS {{ storage('first') }} (a UInt8) ENGINE = Memory;\n"
    broken = Migration(number, "extra", half + "CREATE TABLE second (a NoSuchType) ENGINE = Memory")
    with pytest.raises(WarehouseRejected, match=f"{number:04}_extra failed"):
        migrate(warehouse, warehouse.settings, [*known_migrations(), broken])
    assert status(warehouse)[-1].applied_at is not None
    fixed = Migration(number, "extra", half)
    assert migrate(warehouse, warehouse.settings, [*known_migrations(), fixed]) == [fixed]
    assert warehouse.query("SELECT count() FROM first").rows == [(0,)]


def test_two_at_once_leave_one_schema(front: Any, database: str) -> None:
    failures: list[Exception] = []
    together = threading.Barrier(3)

    def run() -> None:
        with Warehouse(front.settings(database)) as mine:
            together.wait()
            try:
                migrate(mine, mine.settings)
            except WarehouseRejected as error:
                failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with Warehouse(front.settings(database)) as after:
        require_migrated(after)
        ledger = "SELECT count(), uniqExact(number) FROM schema_migrations FINAL"
        assert after.query(ledger).rows == [(len(known_migrations()),) * 2]


def test_the_retention_follows_the_setting(warehouse: Warehouse) -> None:
    assert retention_days(warehouse) == 730
    for days in (30, 0, 0, 90):
        changed = warehouse.settings.model_copy(update={"retention_days": days})
        migrate(warehouse, changed)
        assert retention_days(warehouse) == days
        assert pending(warehouse, changed) == []
    shorter = warehouse.settings.model_copy(update={"retention_days": 7})
    assert "INTERVAL 7 DAY" in pending(warehouse, shorter)[0]


def test_what_is_too_old_leaves_contacts_and_rollups(
    warehouse: Warehouse, make_block: Callable[..., Block[ContactRow]]
) -> None:
    table = ContactTable(warehouse)
    now = datetime.now(UTC)
    table.insert(make_block(0, 10, at=now - timedelta(days=40)))
    table.insert(make_block(10, 10, at=now))
    migrate(warehouse, warehouse.settings.model_copy(update={"retention_days": 30}))
    warehouse.execute("OPTIMIZE TABLE contact_rows FINAL")
    assert warehouse.query("SELECT count() FROM contacts").rows == [(10,)]
    assert warehouse.query("SELECT sum(contacts) FROM contact_hours").rows == [(10,)]
