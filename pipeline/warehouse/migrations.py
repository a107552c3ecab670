"""Numbered, forward-only migrations: `schemas/clickhouse/NNNN_name.sql`.

A new one is a new file with the next number; nothing else has to be registered.  Each statement is
harmless when it is repeated (IF NOT EXISTS, OR REPLACE), because ClickHouse has no transactions: a
migration that was interrupted, or that two processes run at once, is run again from its start.
What was applied stands in `schema_migrations` with the checksum of the file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipeline import __version__, resources
from pipeline.errors import WarehouseRejected
from pipeline.settings import Settings, WarehouseSettings
from pipeline.warehouse.client import Warehouse
from pipeline.warehouse.retention import apply_retention, retention_change
from pipeline.warehouse.templates import on_cluster, render

_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_UNKNOWN_TABLE, _UNKNOWN_DATABASE = 60, 81
DDL_SECONDS = 600.0

_Applied = dict[int, tuple[str, str, datetime]]
"""Number -> (name, checksum, applied_at)."""

_LEDGER = """
CREATE TABLE IF NOT EXISTS {{ everywhere("schema_migrations") }}
(
    number UInt32,
    name String,
    checksum String,
    applied_at DateTime('UTC'),
    voc_version String
)
ENGINE = {{ engine("ReplacingMergeTree", "applied_at", shared=True) }}
ORDER BY number
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """A file of schemas/clickhouse. `checksum` is over its text, whatever the cluster setting."""

    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text, hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Step:
    """A line of the status: `applied_at` is None for a migration that is still to come."""

    number: int
    name: str
    applied_at: datetime | None


def known_migrations(folder: Path | None = None) -> list[Migration]:
    """The migrations of this version of the product, in order.

    Raises:
        WarehouseRejected: the numbers are not 1, 2, 3 ...
    """
    folder = folder or resources.schemas() / "clickhouse"
    found = []
    for path in sorted(folder.glob("*.sql")):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise WarehouseRejected(f"{path} is not named NNNN_name.sql")
        found.append(Migration(int(match[1]), match[2], path.read_text(encoding="utf-8")))
    if [m.number for m in found] != list(range(1, len(found) + 1)):
        raise WarehouseRejected(f"the migrations in {folder} are not numbered 1, 2, 3 ...")
    return found


def status(warehouse: Warehouse, migrations: Sequence[Migration] | None = None) -> list[Step]:
    """Every migration with the time it was applied. Works before the database exists.

    Raises:
        WarehouseRejected: an applied migration has changed, or comes from a newer version.
    """
    migrations = known_migrations() if migrations is None else migrations
    applied = _applied(warehouse)
    _check(migrations, applied)
    return [
        Step(m.number, m.name, applied[m.number][2] if m.number in applied else None)
        for m in migrations
    ]


def pending(
    warehouse: Warehouse,
    settings: Settings | WarehouseSettings,
    migrations: Sequence[Migration] | None = None,
) -> list[str]:
    """The statements that `migrate` would run now."""
    section = _section(settings)
    migrations = known_migrations() if migrations is None else migrations
    applied = _applied(warehouse)
    _check(migrations, applied)
    statements = [] if _exists(section) else [_create_database(section)]
    if not applied:
        statements += render(_LEDGER, section)
    for migration in migrations:
        if migration.number not in applied:
            statements += render(migration.text, section)
    change = retention_change(warehouse, section) if 1 in applied else None
    return statements + ([change] if change else [])


def migrate(
    warehouse: Warehouse,
    settings: Settings | WarehouseSettings,
    migrations: Sequence[Migration] | None = None,
) -> list[Migration]:
    """Creates the database, applies what is missing, sets the retention; returns what was applied.

    Raises:
        WarehouseRejected: an applied migration has changed, or comes from a newer version.
    """
    section = _section(settings)
    migrations = known_migrations() if migrations is None else migrations
    if not _exists(section):
        with _anywhere(section) as outside:
            outside.execute(_create_database(section))
    for statement in render(_LEDGER, section):
        _ddl(warehouse, statement)
    applied = _applied(warehouse)
    _check(migrations, applied)
    missing = [m for m in migrations if m.number not in applied]
    for migration in missing:
        _apply(warehouse, section, migration)
    apply_retention(warehouse, section)
    return missing


def require_migrated(warehouse: Warehouse) -> None:
    """Raises WarehouseRejected, naming `voc migrate`, unless every migration is applied.

    Those of a newer version are no obstacle, they only add: an old worker that restarts during an
    upgrade, or comes back with a rollback, has to start.
    """
    known, applied = known_migrations(), _applied(warehouse)
    _check_unchanged(known, applied)
    missing = [m for m in known if m.number not in applied]
    if missing:
        names = ", ".join(f"{m.number:04}_{m.name}" for m in missing)
        raise WarehouseRejected(
            f"the database {warehouse.settings.database} lacks {names}", fix="Run `voc migrate`."
        )


def _apply(warehouse: Warehouse, section: WarehouseSettings, migration: Migration) -> None:
    for statement in render(migration.text, section):
        try:
            _ddl(warehouse, statement)
        except WarehouseRejected as error:
            raise WarehouseRejected(
                f"migration {migration.number:04}_{migration.name} failed: {error.message}",
                fix=error.fix
                or "Fix the cause and run `voc migrate` again: it goes on from there.",
                code=error.code,
            ) from error
    row = migration.number, migration.name, migration.checksum, datetime.now(UTC), __version__
    columns = "number", "name", "checksum", "applied_at", "voc_version"
    warehouse.insert("schema_migrations", columns, [row])


def _ddl(warehouse: Warehouse, statement: str) -> None:
    warehouse.execute(statement, settings={"max_execution_time": DDL_SECONDS})


def _applied(warehouse: Warehouse) -> _Applied:
    sql = "SELECT number, name, checksum, applied_at FROM schema_migrations FINAL ORDER BY number"
    try:
        rows = warehouse.query(sql).rows
    except WarehouseRejected as error:
        if error.code in (_UNKNOWN_TABLE, _UNKNOWN_DATABASE):
            return {}
        raise
    return {number: (name, checksum, at) for number, name, checksum, at in rows}


def _check(migrations: Sequence[Migration], applied: _Applied) -> None:
    known = {m.number for m in migrations}
    for number, (name, _, _) in applied.items():
        if number not in known:
            raise WarehouseRejected(
                f"the database has migration {number:04}_{name}, which this version does not know",
                fix="A newer voc has migrated it: use that version, or restore a backup.",
            )
    _check_unchanged(migrations, applied)


def _check_unchanged(migrations: Sequence[Migration], applied: _Applied) -> None:
    for m in migrations:
        if m.number in applied and applied[m.number][1] != m.checksum:
            raise WarehouseRejected(
                f"migration {m.number:04}_{m.name} is not the one that was applied",
                fix="An applied migration must not be edited: restore the file and add a new one.",
            )


def _section(settings: Settings | WarehouseSettings) -> WarehouseSettings:
    return settings.warehouse if isinstance(settings, Settings) else settings


def _anywhere(section: WarehouseSettings) -> Warehouse:
    """A connection to the user's default database: ours may not exist yet."""
    return Warehouse(section.model_copy(update={"database": ""}))


def _exists(section: WarehouseSettings) -> bool:
    sql = "SELECT count() FROM system.databases WHERE name = %(name)s"
    with _anywhere(section) as outside:
        return bool(outside.query(sql, {"name": section.database}).rows[0][0])


def _create_database(section: WarehouseSettings) -> str:
    return f"CREATE DATABASE IF NOT EXISTS `{section.database}`{on_cluster(section)}"
