"""How long contacts are kept: the table's TTL, from `warehouse.retention_days`.

Days count from the Kafka timestamp of a contact's block, not from `occurred_at`: blocks then expire
in the order of their offsets, and old contacts that are loaded today are not gone tomorrow.
"""

from __future__ import annotations

import re

from pipeline.settings import WarehouseSettings
from pipeline.warehouse.client import Warehouse
from pipeline.warehouse.templates import local

_TTL = re.compile(r"\bTTL toDateTime\(loaded_at\) \+ toIntervalDay\((\d+)\)")


def retention_days(warehouse: Warehouse) -> int:
    """Days after which the server drops contacts now; 0: never."""
    table = "contact_rows_local" if warehouse.settings.cluster else "contact_rows"
    sql = """
        SELECT engine_full FROM system.tables
        WHERE database = currentDatabase() AND name = %(table)s
    """
    rows = warehouse.query(sql, {"table": table}).rows
    found = _TTL.search(rows[0][0]) if rows else None
    return int(found[1]) if found else 0


def retention_change(warehouse: Warehouse, settings: WarehouseSettings) -> str | None:
    """The statement that brings the table to the setting; None where it is there already."""
    now, wanted = retention_days(warehouse), settings.retention_days
    if now == wanted:
        return None
    table = local("contact_rows", settings)
    if not wanted:
        return f"ALTER TABLE {table} REMOVE TTL"
    return f"ALTER TABLE {table} MODIFY TTL toDateTime(loaded_at) + INTERVAL {wanted:d} DAY"


def apply_retention(warehouse: Warehouse, settings: WarehouseSettings) -> None:
    """Sets the TTL where it differs; the server drops what is too old in the background."""
    change = retention_change(warehouse, settings)
    if change:
        warehouse.execute(change)
