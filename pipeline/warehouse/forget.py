"""Erasing one customer.

The rows are physically deleted, part by part; a rewritten part has rewritten projections, so that
the rollups follow with it.  What spikes quote of the customer goes first, while it can still be
told whose words they are.  Backups and Kafka (until its retention) keep what they have.

A migration that stores anything of single contacts elsewhere has to add its table here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipeline.errors import WarehouseRejected, WarehouseUnavailable
from pipeline.warehouse.client import Warehouse
from pipeline.warehouse.templates import local, on_cluster

ERASE_SECONDS = 3600.0
"""A deletion rewrites every part that holds the customer; with years of data that takes minutes."""

ROUNDS = 5

_BARE = "replaceRegexpOne(v, '[ .…]+$', '')"
_QUOTED = f"arrayExists(s -> notEmpty({_BARE}) AND position(s, {_BARE}) > 0, %(said)s)"
"""Whether the verbatim `v` is something the customer said, cut off or not."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased. `contacts` is 0 for a customer who is not there (any more)."""

    contacts: int


def count_contacts(warehouse: Warehouse, customer: str) -> int:
    """Contacts of a customer, given as keyed hash."""
    sql = "SELECT count() FROM contacts WHERE customer = %(customer)s"
    return int(warehouse.query(sql, {"customer": _checked(customer)}).rows[0][0])


def forget(warehouse: Warehouse, customer: str) -> Erasure:
    """Erases every row of a customer, given as keyed hash. Repeat it after a failure.

    Waits until the server has rewritten its parts.

    Raises:
        WarehouseUnavailable: broken off; the server may go on with it. Repeating is harmless.
        WarehouseRejected: the user may not delete.
    """
    contacts = count_contacts(warehouse, customer)
    _keep_positions(warehouse)
    for _ in range(ROUNDS):
        _erase_quotes(warehouse, customer)
        _delete(warehouse, customer)
        # A reclassification under way may have put a replacement beside a row that is gone.
        if not _rows(warehouse, customer):
            return Erasure(contacts)
    raise WarehouseUnavailable(
        "contacts of this customer keep arriving while they are erased",
        fix="Stop what sends them, or repeat the command.",
    )


def _keep_positions(warehouse: Warehouse) -> None:
    """Writes down how far each Kafka partition is stored, before rows that say so are deleted."""
    sql = """
        SELECT kafka_topic, kafka_partition, block_first, block_last, max(loaded_at) AS loaded_at
        FROM contact_rows
        GROUP BY kafka_topic, kafka_partition, block_first, block_last
        ORDER BY block_first DESC
        LIMIT 1 BY kafka_topic, kafka_partition
    """
    found = warehouse.query(sql)
    warehouse.insert("kept_spans", found.columns, found.rows)


def _erase_quotes(warehouse: Warehouse, customer: str) -> None:
    """Takes what the customer said out of the verbatims of spikes, shortened quotes included."""
    sql = """
        SELECT DISTINCT arrayJoin(arrayConcat([text], evidence)) AS said
        FROM contact_rows WHERE customer = %(customer)s AND said != ''
    """
    said = [row[0] for row in warehouse.query(sql, {"customer": customer}).rows]
    if not said:
        return
    where = f"arrayExists(v -> {_QUOTED}, verbatims)"
    count = f"SELECT count() FROM spike_rows WHERE {where}"
    if warehouse.query(count, {"said": said}).rows[0][0]:
        _alter(
            warehouse,
            f"ALTER TABLE spike_rows{on_cluster(warehouse.settings)}"
            f" UPDATE verbatims = arrayFilter(v -> NOT {_QUOTED}, verbatims) WHERE {where}",
            {"said": said},
        )


def _delete(warehouse: Warehouse, customer: str) -> None:
    table = local("contact_rows", warehouse.settings)
    _alter(
        warehouse,
        f"ALTER TABLE {table} DELETE WHERE customer = %(customer)s",
        {"customer": customer},
    )


def _alter(warehouse: Warehouse, statement: str, params: dict[str, Any]) -> None:
    """Changes stored rows, and returns when all replicas have done it."""
    waiting = {
        "mutations_sync": 2,
        "max_execution_time": ERASE_SECONDS,
        "distributed_ddl_task_timeout": int(ERASE_SECONDS),
    }
    warehouse.execute(statement, params, waiting)


def _rows(warehouse: Warehouse, customer: str) -> int:
    sql = "SELECT count() FROM contact_rows WHERE customer = %(customer)s"
    return int(warehouse.query(sql, {"customer": customer}).rows[0][0])


def _checked(customer: str) -> str:
    """Refuses the empty hash: it stands for everybody who is unknown."""
    if not customer:
        raise WarehouseRejected(
            "no customer was named", fix="Unknown customers have no hash and cannot be told apart."
        )
    return customer
