"""The only place that talks to ClickHouse: connections, settings, time limits, errors."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import Empty, LifoQueue
from typing import Any, Self

from clickhouse_driver import Client

from pipeline.settings import WarehouseSettings
from pipeline.warehouse.failures import translate

# The driver logs a traceback of every failed connection beside raising it.
logging.getLogger("clickhouse_driver.connection").setLevel(logging.ERROR)

NETWORK_SECONDS = 3.0
"""Added to a statement's time limit: the server's answer to it has to get here."""

BLOCK_ROWS = 1_000_000
"""Rows up to which a block stays one part; far above any worker.block_rows."""

MAX_QUERY_BYTES = 64 << 20
"""The ids of 100,000 contacts fit; the server's own limit, 256 KiB, may not hold those of 2,048."""


@dataclass(frozen=True, slots=True)
class Result:
    """Rows of a query. Times are aware, LowCardinality and Nullable are plain values or None."""

    columns: list[str]
    types: list[str]
    rows: list[tuple[Any, ...]]

    def dict(self) -> dict[str, list[Any]]:
        """The values by column."""
        if not self.rows:
            return {name: [] for name in self.columns}
        return {
            name: list(values)
            for name, values in zip(self.columns, zip(*self.rows, strict=True), strict=True)
        }


class Warehouse:
    """ClickHouse as the rest of the product sees it.

    Connects on first use and again after a failure. Any number of threads may use it: each
    statement takes a connection of its own out of a pool and puts it back.

    Every method raises
        WarehouseUnavailable: no connection, time limit, overload, full disk; for an insert the
            outcome is unknown and the identical block may be sent again;
        WarehouseRejected: the server refused the statement or a value; nothing was stored.
    """

    def __init__(self, settings: WarehouseSettings) -> None:
        self.settings = settings
        self._idle: LifoQueue[Client] = LifoQueue()

    def query(
        self,
        sql: str,
        params: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Result:
        """Runs a SELECT; parameters are written `%(name)s`."""
        rows, described = self._run(sql, params, settings, with_column_types=True)
        names, types = [c[0] for c in described], [c[1] for c in described]
        return Result(names, types, [tuple(row) for row in rows])

    def execute(
        self,
        sql: str,
        params: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """Runs a statement that answers nothing."""
        self._run(sql, params, settings, with_column_types=True)

    def insert(
        self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], token: str = ""
    ) -> None:
        """Stores rows as one block; one with a `token` that the table has seen is ignored."""
        if rows:
            by_column = [list(values) for values in zip(*rows, strict=True)]
            self.insert_columns(table, columns, by_column, token)

    def insert_columns(
        self, table: str, columns: Sequence[str], values: Sequence[list[Any]], token: str = ""
    ) -> None:
        """As `insert`, the values by column, which is faster. The lists are used up."""
        sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES"
        limit = self.settings.insert_timeout
        with self._client(limit) as client:
            client.execute(sql, values, settings=self._insert_settings(token), columnar=True)

    def close(self) -> None:
        """Closes the connections that are not in use; the next statement opens a new one."""
        while True:
            try:
                self._idle.get_nowait().disconnect()
            except Empty:
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(
        self,
        sql: str,
        params: Mapping[str, Any] | None,
        settings: Mapping[str, Any] | None,
        **options: Any,
    ) -> Any:
        limit = self.settings.query_timeout
        given = {
            "max_execution_time": limit,
            "max_query_size": MAX_QUERY_BYTES,
            **(settings or {}),
        }
        with self._client(float(given["max_execution_time"])) as client:
            return client.execute(sql, _parameters(params), settings=given, **options)

    def _insert_settings(self, token: str) -> dict[str, Any]:
        """Nothing that the promise of one effect rests on is left to the server's defaults."""
        settings: dict[str, Any] = {
            "async_insert": 0,
            "insert_deduplicate": 1,
            "deduplicate_blocks_in_dependent_materialized_views": 1,
            "max_insert_block_size": BLOCK_ROWS,
            "insert_block_size": BLOCK_ROWS,
            "max_execution_time": self.settings.insert_timeout,
            "timeout_overflow_mode": "throw",
        }
        if token:
            settings["insert_deduplication_token"] = token
        if self.settings.cluster:
            settings |= {
                # In turn rather than in parallel: only then a reader that asks for it
                # (select_sequential_consistency) sees every block that was confirmed.
                "insert_quorum": "auto",
                "insert_quorum_parallel": 0,
                "insert_quorum_timeout": int(self.settings.insert_timeout * 1000),
                "insert_keeper_max_retries": 10,
                "distributed_foreground_insert": 1,
                "insert_distributed_timeout": int(self.settings.insert_timeout),
            }
        return settings

    @contextmanager
    def _client(self, limit: float) -> Iterator[Client]:
        """A connection for one statement of at most `limit` seconds; errors are translated."""
        client = self._take()
        try:
            _ready(client, self.settings.connect_timeout, limit + NETWORK_SECONDS)
            yield client
        except BaseException as error:
            client.disconnect()
            ours = translate(error, self.settings)
            if ours is None:
                raise
            raise ours from error
        self._idle.put(client)

    def _take(self) -> Client:
        try:
            return self._idle.get_nowait()
        except Empty:
            return self._new()

    def _new(self) -> Client:
        s = self.settings
        return Client(
            s.host,
            port=s.port,
            database=s.database,
            user=s.user,
            password=s.password.get_secret_value(),
            secure=s.secure,
            verify=s.verify,
            ca_certs=str(s.ca_file) if s.ca_file else None,
            compression="lz4",
            client_name="voc",
            connect_timeout=s.connect_timeout,
            send_receive_timeout=s.query_timeout + NETWORK_SECONDS,
            sync_request_timeout=s.connect_timeout,
            tcp_keepalive=True,
        )


def _parameters(params: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """None where there are none: a `%` in the text is then nothing special."""
    return {name: _parameter(value) for name, value in params.items()} if params else None


def _parameter(value: Any) -> Any:
    """Times as UTC text: the driver would write them in the server's zone, without fractions."""
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        text = aware.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        return text.removesuffix(".000000")
    return value


def _ready(client: Client, connecting: float, working: float) -> None:
    """Connects if need be, and sets how many seconds the statement may take.

    The driver would wait as long for a greeting as for an answer: whatever listens on the port
    without being ClickHouse would hold every command for a minute.
    """
    connection = client.connection
    if not connection.connected:
        connection.send_receive_timeout = connecting
        connection.connect()
    connection.send_receive_timeout = working
    connection.socket.settimeout(working)
