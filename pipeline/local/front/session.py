"""One client's connection, from hello to the end."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterable

from pipeline.local.front import packets
from pipeline.local.front.cancel import Watched, Watcher
from pipeline.local.front.engine import Engine, EngineSession, Insertion
from pipeline.local.front.errors import (
    QUERY_WAS_CANCELLED,
    ProtocolError,
    ServerError,
    UnsupportedTypeError,
)
from pipeline.local.front.frames import compress, read_frame
from pipeline.local.front.packets import Block, Columns, Query
from pipeline.local.front.settings import SessionSettings
from pipeline.local.front.sql import InsertTarget, Kind, Statement, classify, quote
from pipeline.local.front.wire import ByteStream

log = logging.getLogger(__name__)

RECEIVE_BYTES = 1 << 20


class Session:
    """Serves `client` until it leaves or `stop` is called. `tag` is unique among sessions."""

    def __init__(self, client: socket.socket, engine: Engine, watcher: Watcher, tag: str) -> None:
        self._client = client
        self._engine = engine
        self._watcher = watcher
        self._tag = tag
        self._plain = ByteStream(lambda: client.recv(RECEIVE_BYTES))
        self._inflated = ByteStream(lambda: read_frame(self._plain))
        self._db: EngineSession | None = None
        self._settings: SessionSettings | None = None
        self._compressed = False
        self._busy = False
        self._stopping = False

    def serve(self) -> None:
        """Answers packets in turn."""
        try:
            while not self._stopping and self._packet(self._plain.varint()):
                pass
        except (EOFError, OSError):
            return  # the client left; an insert that was not finished is dropped with the session
        except ProtocolError as error:
            log.warning("%s", error.message)
            self._last_words(error)
        except Exception as error:  # the boundary: a client must not wait for a dead thread
            log.exception("a connection failed")
            self._last_words(ServerError.from_engine(f"{type(error).__name__}: {error}"))
        finally:
            if self._db is not None:
                self._db.close()

    def stop(self) -> None:
        """Ends the connection after the running query, at once if there is none."""
        self._stopping = True
        if not self._busy:
            self.hang_up()

    def hang_up(self) -> None:
        """Ends the connection now; the watcher kills what it runs."""
        try:
            self._client.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it is gone already

    def _last_words(self, error: ServerError) -> None:
        try:
            self._client.sendall(packets.exception(error))
        except OSError:
            return

    def _packet(self, kind: int) -> bool:
        if kind == packets.HELLO:
            return self._hello()
        if kind == packets.PING:
            self._client.sendall(packets.PONG)
        elif kind == packets.QUERY:
            self._query()
        elif kind != packets.CANCEL:  # a Cancel that comes after the end of its query is void
            raise ProtocolError(f"unexpected packet {kind}")
        return True

    def _hello(self) -> bool:
        hello = packets.read_hello(self._plain)
        try:
            self._db = self._engine.session()
            self._settings = SessionSettings(self._db, {"log_comment": f"'{self._tag}'"})
            if hello.database:
                self._db.run(f"USE {quote(hello.database)}")
        except ServerError as error:
            self._client.sendall(packets.exception(error))
            return False
        self._client.sendall(packets.hello(self._engine.version, self._engine.timezone))
        return True

    # --- queries

    def _query(self) -> None:
        query = packets.read_query(self._plain)
        if self._db is None or self._settings is None:
            raise ProtocolError("a query before the hello")
        self._compressed = query.compressed
        external = self._external_tables()
        self._busy = True
        try:
            self._settings.for_query(query.settings)
            self._with_tables(self._db, query, external)
        except ProtocolError:
            raise
        except ServerError as error:
            self._client.sendall(packets.exception(error))
        else:
            self._client.sendall(packets.END_OF_STREAM)
        finally:
            self._busy = False

    def _external_tables(self) -> list[Block]:
        """The blocks that follow a query up to an empty one: tables for this query alone."""
        blocks = []
        while (block := self._next_block()).columns:
            blocks.append(block)
        return blocks

    def _next_block(self) -> Block:
        kind = self._plain.varint()
        if kind == packets.CANCEL:
            raise EOFError
        if kind != packets.DATA:
            raise ProtocolError(f"packet {kind} instead of data")
        table = self._plain.string()
        return packets.read_block(table, self._inflated if self._compressed else self._plain)

    def _with_tables(self, db: EngineSession, query: Query, external: list[Block]) -> None:
        names = {block.table: block.columns for block in external}
        created = []
        try:
            for name, columns in names.items():
                listed = ", ".join(f"{quote(column)} {type_}" for column, type_ in columns)
                db.run(f"CREATE TEMPORARY TABLE {quote(name)} ({listed})")
                created.append(name)
            for block in external:
                if block.rows:
                    with db.insert(f"INSERT INTO {quote(block.table)}") as insertion:
                        insertion.append(block.raw)
                        insertion.finish()
            self._run(db, classify(query.sql))
        finally:
            for name in created:
                db.run(f"DROP TEMPORARY TABLE {quote(name)}")

    def _run(self, db: EngineSession, statement: Statement) -> None:
        if statement.insert is not None:
            self._insert(db, statement.insert)
            return
        with self._watcher.watch(self._client, self._tag) as watched:
            try:
                self._answer(db, statement, watched)
            except ServerError as error:
                # After a Cancel a client waits for the end of the stream, not for an exception.
                if not (watched.cancelled and error.code == QUERY_WAS_CANCELLED):
                    raise

    def _answer(self, db: EngineSession, statement: Statement, watched: Watched) -> None:
        if statement.kind is Kind.READ:
            self._stream(db, statement.sql, watched)
            return
        blocks = packets.split_blocks(db.run(statement.sql))
        if statement.kind is Kind.SET and self._settings is not None:
            self._settings.remember(statement.assigns)
        if blocks:
            self._send_block(packets.header(blocks[0].columns))
        for block in blocks:
            self._send_block(block.raw)

    def _stream(self, db: EngineSession, sql: str, watched: Watched) -> None:
        first = True
        chunks = db.stream(sql)
        try:
            for chunk in chunks:
                if first:
                    self._send_block(packets.header(self._columns(db, sql, chunk)))
                first = False
                self._send_block(chunk)
                if watched.cancelled:
                    return
        finally:
            _close(chunks)
        if first:
            self._send_block(packets.header(db.columns_of(sql)))

    @staticmethod
    def _columns(db: EngineSession, sql: str, chunk: bytes) -> Columns:
        try:
            return packets.first_columns(chunk)
        except UnsupportedTypeError:
            # Asked on a session of its own would be cleaner, but it could not see temporary tables.
            return db.columns_of(sql)

    def _insert(self, db: EngineSession, target: InsertTarget) -> None:
        columns = db.columns_to_insert(target)
        failure: ServerError | None = None
        with db.insert(target.sql) as insertion:
            self._send_block(packets.header(columns))
            while (block := self._next_block()).rows:
                # A client sends all its blocks before it reads: they are drained after a failure.
                failure = failure or _append(insertion, block)
            if failure is None:
                insertion.finish()
        if failure is not None:
            raise failure

    def _send_block(self, native: bytes) -> None:
        body = packets.block_body(native)
        self._client.sendall(packets.data_head() + (compress(body) if self._compressed else body))


def _append(insertion: Insertion, block: Block) -> ServerError | None:
    try:
        insertion.append(block.raw)
    except ServerError as error:
        return error
    return None


def _close(chunks: Iterable[bytes]) -> None:
    close = getattr(chunks, "close", None)
    if close is not None:
        close()
