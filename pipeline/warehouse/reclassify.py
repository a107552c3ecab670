"""Reading stored contacts again, and replacing what the model said of them.

How to use it, with any analyser::

    stored = StoredContacts(warehouse)
    wanted = Selection(since, until, topic)                    # all three may be left out
    total = stored.count(wanted, revision, taxonomy_version)   # what the current model has not read
    for batch in stored.batches(wanted, revision, taxonomy_version, size=512):
        analyses = analyser.analyse([old.as_contact() for old in batch])
        stored.replace(list(zip(batch, analyses, strict=True)))

It is resumable without any notes: a replaced contact carries the new revision and taxonomy version
and is not selected again.  Each contact is replaced exactly once, whenever the process is killed:
the row that cancels the old version and the row that replaces it are in one block, whose token is
made of the versions that it replaces.  Run one reclassification at a time: two with different
selections could cancel the same version twice.

Text, customer, agent, masked counts and all facts stay; `columns.READING` is replaced.  Rollups
follow with the block.  A contact that is erased meanwhile stays erased.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from pipeline.domain.analysis import ContactAnalysis
from pipeline.domain.contact import Channel, Contact
from pipeline.warehouse.client import Warehouse
from pipeline.warehouse.columns import ALL, READING, milliseconds
from pipeline.warehouse.spans import consistent
from pipeline.warehouse.templates import local

KEYS_AT_ONCE = 20_000
"""Keys read ahead: sorting what is left costs a second per million, so not once per batch."""

_KEY = "occurred_at, kafka_topic, kafka_partition, kafka_offset"
_TIMES = {"occurred_at", "loaded_at"}


class Key(NamedTuple):
    """Where a contact is in the order of the table."""

    occurred_at: datetime
    kafka_topic: str
    kafka_partition: int
    kafka_offset: int


@dataclass(frozen=True, slots=True)
class Selection:
    """Which contacts: those that occurred in [since, until), and have the topic now."""

    since: datetime | None = None
    until: datetime | None = None
    topic: str = ""


@dataclass(frozen=True, slots=True)
class StoredContact:
    """A stored contact: `values` holds every column of the row by name."""

    key: Key
    values: dict[str, Any]

    @property
    def contact_id(self) -> str:
        """Its id."""
        return str(self.values["contact_id"])

    @property
    def version(self) -> tuple[Key, int]:
        """What a replacement replaces."""
        return self.key, self.values["row_version"]

    def as_contact(self) -> Contact:
        """What the analyser reads: the masked text, without customer and agent."""
        return Contact(
            contact_id=self.contact_id,
            occurred_at=self.key.occurred_at,
            channel=Channel(self.values["channel"]),
            text=self.values["text"],
            product=self.values["product"],
        )


class StoredContacts:
    """The contacts that are stored, for reading them again. Raises WarehouseErrors."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def count(self, selection: Selection, revision: str, taxonomy_version: int) -> int:
        """Contacts of the selection that this model with this taxonomy has not read."""
        return self._count(*_where(selection, revision, taxonomy_version))

    def selected(self, selection: Selection) -> int:
        """Contacts of the selection, whatever read them."""
        return self._count(*_conditions(selection))

    def have(self, topic: str) -> bool:
        """Whether any contact has the topic, at any time."""
        return self._count(*_conditions(Selection(topic=topic))) > 0

    def batches(
        self, selection: Selection, revision: str, taxonomy_version: int, size: int = 512
    ) -> Iterator[list[StoredContact]]:
        """The contacts that `count` counts, in the order of `Key`, at most `size` at once."""
        after: Key | None = None
        while keys := self._keys(selection, revision, taxonomy_version, after):
            for start in range(0, len(keys), size):
                where = _where(selection, revision, taxonomy_version)
                batch = self._rows(keys[start : start + size], *where)
                if batch:
                    yield batch
            after = keys[-1]

    def replace(self, pairs: Sequence[tuple[StoredContact, ContactAnalysis]]) -> None:
        """Puts a new reading in the place of each contact's old one.

        Repeat the identical call after WarehouseUnavailable: what is done is not done twice.
        """
        months: dict[tuple[int, int], list[tuple[StoredContact, ContactAnalysis]]]
        months = defaultdict(list)
        for old, new in pairs:
            at = old.values["loaded_at"]
            months[at.year, at.month].append((old, new))
        for month in sorted(months):
            self._replace(months[month])

    def _replace(self, pairs: list[tuple[StoredContact, ContactAnalysis]]) -> None:
        """Pairs of one month: one partition, so one part, so all of them at once."""
        rows = [row for old, new in pairs for row in (_cancel(old), _replacement(old, new))]
        columns = [[_plain(name, row[name]) for row in rows] for name in ALL]
        self._warehouse.insert_columns("contact_rows", ALL, columns, _token(pairs))
        self._erase_orphans([old.key for old, _ in pairs])

    def _erase_orphans(self, keys: Sequence[Key]) -> None:
        """Erasure wins: where the replaced row is gone, its replacement goes too.

        Pairs with the second look of `forget`: whichever of the two comes last sees both.
        """
        where, params = _among(keys)
        sql = f"""
            SELECT {_KEY} FROM contact_rows WHERE {where}
            GROUP BY {_KEY} HAVING sum(sign) != 1
        """
        found = self._warehouse.query(sql, params, consistent(self._warehouse)).rows
        if found:
            where, params = _among([Key(*row) for row in found])
            table = local("contact_rows", self._warehouse.settings)
            statement = f"ALTER TABLE {table} DELETE WHERE {where}"
            self._warehouse.execute(statement, params, {"mutations_sync": 2})

    def _keys(
        self, selection: Selection, revision: str, taxonomy_version: int, after: Key | None
    ) -> list[Key]:
        where, params = _where(selection, revision, taxonomy_version)
        if after is not None:
            # The first condition is implied by the second, and is the one the index understands.
            where += (
                f" AND occurred_at >= {_time(after.occurred_at)} AND ({_KEY}) > {_literal(after)}"
            )
        sql = f"""
            SELECT {_KEY} FROM contact_rows FINAL WHERE {where}
            ORDER BY {_KEY} LIMIT {KEYS_AT_ONCE}
        """
        found = self._warehouse.query(sql, params, consistent(self._warehouse))
        return [Key(*row) for row in found.rows]

    def _count(self, where: str, params: Mapping[str, Any]) -> int:
        sql = f"SELECT count() FROM contact_rows FINAL WHERE {where}"
        found = self._warehouse.query(sql, params, consistent(self._warehouse))
        return int(found.rows[0][0])

    def _rows(
        self, keys: Sequence[Key], where: str, params: Mapping[str, Any]
    ) -> list[StoredContact]:
        """Asks `where` again: the keys are older than the rows.

        What another run replaced since they were read ahead must not be replaced a second time.
        """
        among, names = _among(keys)
        sql = f"""
            SELECT {", ".join(ALL)} FROM contact_rows FINAL
            WHERE {among} AND {where} ORDER BY {_KEY}
        """
        found = self._warehouse.query(sql, {**params, **names}, consistent(self._warehouse))
        rows = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
        return [StoredContact(Key(*(row[name] for name in Key._fields)), row) for row in rows]


def _where(selection: Selection, revision: str, version: int) -> tuple[str, dict[str, Any]]:
    where, params = _conditions(selection)
    old = "NOT (model_revision = %(revision)s AND taxonomy_version = %(version)s)"
    return f"{old} AND {where}", {**params, "revision": revision, "version": version}


def _conditions(selection: Selection) -> tuple[str, dict[str, Any]]:
    conditions, params = ["1"], {}
    if selection.since is not None:
        conditions.append(f"occurred_at >= {_time(selection.since)}")
    if selection.until is not None:
        conditions.append(f"occurred_at < {_time(selection.until)}")
    if selection.topic:
        conditions.append("has(topics, %(topic)s)")
        params["topic"] = selection.topic
    return " AND ".join(conditions), params


def _among(keys: Sequence[Key]) -> tuple[str, dict[str, Any]]:
    """A condition for exactly these contacts; the times let the index find them."""
    params = {f"topic{n}": topic for n, topic in enumerate(sorted({k.kafka_topic for k in keys}))}
    names = {topic: f"%({name})s" for name, topic in params.items()}
    listed = ", ".join(
        f"({names[k.kafka_topic]}, {k.kafka_partition:d}, {k.kafka_offset:d})" for k in keys
    )
    first, last = min(k.occurred_at for k in keys), max(k.occurred_at for k in keys)
    return (
        f"occurred_at BETWEEN {_time(first)} AND {_time(last)}"
        f" AND (kafka_topic, kafka_partition, kafka_offset) IN ({listed})"
    ), params


def _literal(key: Key) -> str:
    topic = key.kafka_topic.replace("\\", "\\\\").replace("'", "\\'")
    return f"({_time(key.occurred_at)}, '{topic}', {key.kafka_partition:d}, {key.kafka_offset:d})"


def _time(at: datetime) -> str:
    """To the millisecond: the driver's own parameters drop what is below a second."""
    return f"fromUnixTimestamp64Milli(toInt64({milliseconds(at)}), 'UTC')"


def _cancel(old: StoredContact) -> dict[str, Any]:
    return {**old.values, "sign": -1}


def _replacement(old: StoredContact, new: ContactAnalysis) -> dict[str, Any]:
    reading = {name: value(new) for name, value in READING.items()}
    return {**old.values, **reading, "row_version": old.values["row_version"] + 1}


def _plain(name: str, value: Any) -> Any:
    return milliseconds(value) if name in _TIMES else value


def _token(pairs: Sequence[tuple[StoredContact, ContactAnalysis]]) -> str:
    """The same for the same versions, whatever the new readings are."""
    versions = sorted((tuple(map(str, old.key)), old.values["row_version"]) for old, _ in pairs)
    return f"reclassify:{hashlib.sha256(repr(versions).encode()).hexdigest()}"
