"""ClickHouse: what is stored of contacts, volumes and initiatives, and how.

The only package that imports clickhouse-driver.  The rules that carry its promises:

* a block is one insert, one part, one token: stored once and as a whole, or not at all;
* rollups are projections of the contacts' table: there is no moment at which they differ from it;
* a row is never changed: it is cancelled and replaced in one block, or erased for good;
* readers select from views (contacts, contact_topics, ratings, volumes, initiatives,
  contact_hours, topic_hours); the tables behind them may change with a migration.
"""

from pipeline.warehouse.client import Result, Warehouse
from pipeline.warehouse.contacts import ContactTable
from pipeline.warehouse.migrations import migrate, require_migrated
from pipeline.warehouse.upserts import InitiativeTable, VolumeTable

__all__ = [
    "ContactTable",
    "InitiativeTable",
    "Result",
    "VolumeTable",
    "Warehouse",
    "migrate",
    "require_migrated",
]
