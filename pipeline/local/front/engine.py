"""chDB behind an interface of our own: the only module that imports it.

One engine per process, bound to one folder; any number of connections, each with its own session.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any

from pipeline.errors import LocalStackError
from pipeline.local.front.errors import NO_SUCH_COLUMN_IN_TABLE, ServerError
from pipeline.local.front.packets import Columns
from pipeline.local.front.sql import InsertTarget
from pipeline.local.lock import FolderLock

_MISSING = "the embedded warehouse needs the package chdb"
_FORMAT = "Native"
_NOT_INSERTABLE = ("MATERIALIZED", "ALIAS", "EPHEMERAL")


@contextmanager
def _coded() -> Iterator[None]:
    """Turns what the engine raises into ServerError. ChdbError is a RuntimeError."""
    try:
        yield
    except RuntimeError as error:
        raise ServerError.from_engine(str(error)) from error
    except OSError as error:  # memory or disk for the data of an insert
        text = f"errno: {error.errno}, {error.strerror}"
        raise ServerError.from_engine(text) from error


class Engine:
    """The engine on `folder`, opened. Raises LocalStackError where it cannot be."""

    def __init__(self, folder: Path) -> None:
        if "?" in str(folder):
            raise LocalStackError(f"{folder}: the name of a data folder cannot hold a '?'")
        try:
            self._lock = FolderLock(folder, "front.lock", "another local warehouse")
        except OSError as error:
            raise LocalStackError(
                f"the data folder {folder} cannot be written: {error.strerror}"
            ) from error
        self._path = str((folder / "engine").absolute())
        self._chdb = self._import()
        try:
            self._anchor = self._chdb.connect(self._path)
        except RuntimeError as error:
            self._lock.release()
            raise LocalStackError(
                f"the data folder {folder} cannot be opened, it may be damaged: {error}",
                fix="Restore it, or delete it to start empty.",
            ) from error
        server = EngineSession(self._anchor)
        [(version, self.timezone)] = server.rows("SELECT version(), timezone()")
        major, minor, patch = (int(part) for part in version.split(".")[:3])
        self.version = major, minor, patch

    @staticmethod
    def _import() -> Any:
        try:
            import chdb  # noqa: PLC0415 - optional, and 0.3 s that the parent need not spend
        except ImportError as error:
            raise LocalStackError(_MISSING, fix="pip install 'voc[local]'") from error
        return chdb

    def session(self) -> EngineSession:
        """A connection of its own: settings, current database and temporary tables."""
        with _coded():
            return EngineSession(self._chdb.connect(self._path))

    def close(self) -> None:
        """Shuts the engine down. Every session has to be closed before."""
        self._anchor.close()
        self._lock.release()


class EngineSession:
    """One connection to the engine; used by one thread at a time. Methods raise ServerError."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def run(self, sql: str) -> bytes:
        """Runs a statement as a whole; its answer as native blocks."""
        with _coded():
            return bytes(self._connection.query(sql, _FORMAT).bytes())

    def rows(self, sql: str) -> list[list[Any]]:
        """A small answer as Python values."""
        with _coded():
            answer = self._connection.query(sql, "JSONCompact").bytes()
        rows: list[list[Any]] = json.loads(answer)["data"] if answer else []
        return rows

    def stream(self, sql: str) -> Iterator[bytes]:
        """The native blocks of a query, one at a time. Closing the iterator cancels the query."""
        with _coded(), self._connection.send_query(sql, _FORMAT) as answer:
            for chunk in answer:
                yield chunk.bytes()

    def columns_of(self, query: str) -> Columns:
        """The columns of a query's answer, without running it."""
        # The newline ends a comment that may end the query.
        return [(row[0], row[1]) for row in self.rows(f"DESCRIBE ({query}\n)")]

    def columns_to_insert(self, target: InsertTarget) -> Columns:
        """What a client has to send for an INSERT."""
        if target.expression:
            return self.columns_of(f"SELECT {target.expression} FROM {target.table}")
        described = self.rows(f"DESCRIBE TABLE {target.table}")
        if target.names is None:
            return [(row[0], row[1]) for row in described if row[2] not in _NOT_INSERTABLE]
        types = {row[0]: row[1] for row in described if row[2] not in _NOT_INSERTABLE[:2]}
        missing = [name for name in target.names if name not in types]
        if missing:
            raise ServerError(
                NO_SUCH_COLUMN_IN_TABLE,
                f"No such column {missing[0]} in table {target.table} (NO_SUCH_COLUMN_IN_TABLE)",
            )
        return [(name, types[name]) for name in target.names]

    @contextmanager
    def insert(self, sql: str) -> Iterator[Insertion]:
        """An insert whose data come in pieces: nothing is stored unless `finish` was called."""
        # Unbuffered: a buffer that could not be written would fail a second time when it is closed.
        with os.fdopen(os.memfd_create("insert"), "wb", buffering=0) as spool:
            yield Insertion(self, sql, spool)

    def close(self) -> None:
        """Ends the session."""
        self._connection.close()


class Insertion:
    """Blocks on their way into a table.

    They wait in memory and are stored by one INSERT … SELECT. The engine's own streaming insert
    will not do: it reports success where the storing failed (a violated constraint, a full disk).
    """

    def __init__(self, session: EngineSession, sql: str, spool: FileIO) -> None:
        self._session = session
        self._sql = sql
        self._spool = spool
        self._empty = True

    def append(self, native: bytes) -> None:
        """Hands a block over."""
        rest = memoryview(native)
        with _coded():
            while rest:
                rest = rest[self._spool.write(rest) :]
        self._empty = False

    def finish(self) -> None:
        """Stores everything; after it returns a kill -9 of the process loses nothing."""
        source = f"file('/proc/self/fd/{self._spool.fileno()}', '{_FORMAT}')"
        if not self._empty:
            self._session.run(f"{self._sql} SELECT * FROM {source}")
