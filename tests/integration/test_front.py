"""The local warehouse as clickhouse-driver sees it: a real process, killed where it matters."""

from __future__ import annotations

import datetime as dt
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import zstandard
from clickhouse_driver import Client, errors

pytestmark = pytest.mark.local

ROOT = Path(__file__).parents[2]


class Process:
    """`python -m pipeline.local.front` on a folder."""

    def __init__(self, folder: Path, *more: str, file_limit: int = 0) -> None:
        self.folder = folder
        how = ["-c", _LIMITED.format(file_limit)] if file_limit else ["-m", "pipeline.local.front"]
        self.process = subprocess.Popen(
            [sys.executable, *how, "--data", str(folder), *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self.port = 0

    def started(self) -> Process:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line.startswith("listening 127.0.0.1:"):
            pytest.fail(f"it did not start: {line}{self.process.communicate(timeout=30)}")
        self.port = int(line.rpartition(":")[2])
        return self

    def client(self, **more: Any) -> Client:
        return Client("127.0.0.1", port=self.port, **{"send_receive_timeout": 60, **more})

    def ask(self, sql: str, *args: Any, **more: Any) -> Any:
        with self.client() as client:
            return client.execute(sql, *args, **more)

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        code = self.process.wait(60)
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe
            pipe.close()
        return code


_LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write beyond the limit fails with EFBIG
resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0}))
from pipeline.local.front.__main__ import main
sys.exit(main())
"""


Begin = Callable[..., Process]


def _starter() -> tuple[Begin, list[Process]]:
    made: list[Process] = []

    def begin(folder: Path, *more: str, **limits: int) -> Process:
        made.append(Process(folder, *more, **limits))
        return made[-1]

    return begin, made


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Starts processes of the test's own."""
    start, made = _starter()
    yield start
    for process in made:
        if process.process.poll() is None:
            process.end(signal.SIGKILL)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """One process for the tests that do no harm."""
    process = Process(tmp_path_factory.mktemp("front")).started()
    yield process
    process.end(signal.SIGKILL)


@pytest.fixture(params=[False, "lz4", "zstd"], ids=["plain", "lz4", "zstd"])
def client(
    local: Process, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Client]:
    # The driver asks for another package of the same codec.
    zstd = SimpleNamespace(compress=zstandard.compress, decompress=zstandard.decompress)
    monkeypatch.setitem(sys.modules, "zstd", zstd)
    with local.client(compression=request.param) as made:
        yield made


@pytest.fixture
def table(client: Client) -> Iterator[str]:
    name = f"t_{uuid.uuid4().hex}"
    client.execute(
        f"CREATE TABLE {name} (id UInt64, s String) ENGINE = MergeTree ORDER BY id"
        " SETTINGS non_replicated_deduplication_window = 100"
    )
    yield name
    client.disconnect()
    client.execute(f"DROP TABLE {name}")


AT = dt.datetime(2026, 1, 1, 3, 4, 5, 123000, tzinfo=dt.UTC)

VALUES: list[tuple[str, list[Any]]] = [
    ("UInt8", [0, 255]),
    ("Int64", [-(2**63), 2**63 - 1]),
    ("UInt256", [0, 2**256 - 1]),
    ("Float32", [0.25, -1.5]),
    ("Bool", [True, False]),
    ("String", ["배송", "快递 🚚", "x" * 300, ""]),
    ("FixedString(4)", ["abcd", "xyzw"]),
    ("LowCardinality(String)", ["a", "b", "a", ""]),
    ("LowCardinality(Nullable(String))", ["a", None, "a"]),
    ("Nullable(Float64)", [1.5, None]),
    ("Date", [dt.date(2026, 1, 1), dt.date(1970, 1, 1)]),
    ("DateTime", [AT.replace(microsecond=0, tzinfo=None)]),
    ("DateTime64(3, 'Asia/Seoul')", [AT]),
    ("UUID", [uuid.UUID(int=7)]),
    ("Enum8('x' = 1, 'y,(z' = 2)", ["x", "y,(z"]),
    ("Decimal(10, 2)", [Decimal("1.25"), Decimal("-99999999.99")]),
    ("IPv4", [IPv4Address("192.0.2.1")]),
    ("Array(String)", [["a", ""], []]),
    ("Array(Array(UInt8))", [[[1], []], [], [[2, 3]]]),
    ("Array(LowCardinality(String))", [["q", "q"], [], ["r"]]),
    ("Map(String, String)", [{"k": "v"}, {}]),
    ("Map(LowCardinality(String), Float32)", [{"p": 0.5}, {}]),
    ("Map(String, Array(UInt8))", [{"k": [1, 2]}, {}]),
    ("Tuple(UInt8, String)", [(1, "t"), (2, "")]),
    ("Array(Tuple(String, Nullable(Int32)))", [[("a", None), ("b", 3)], []]),
]


@pytest.mark.parametrize(("type_", "values"), VALUES, ids=[type_ for type_, _ in VALUES])
def test_values_of_every_type_come_back(client: Client, type_: str, values: list[Any]) -> None:
    client.execute(
        f"CREATE TEMPORARY TABLE v (n UInt32, v {type_})",
        settings={"allow_suspicious_low_cardinality_types": 1},
    )
    rows = list(enumerate(values))
    client.execute("INSERT INTO v VALUES", rows)
    assert client.execute("SELECT n, v FROM v ORDER BY n") == rows
    client.execute("INSERT INTO v VALUES", [[n + 100 for n, _ in rows], values], columnar=True)
    back = client.execute("SELECT v FROM v WHERE n >= 100 ORDER BY n", columnar=True)
    assert back == [tuple(values)]
    types = client.execute("SELECT v FROM v WHERE 0", with_column_types=True)[1]
    assert types == [("v", type_)]


def test_many_rows_in_many_blocks(client: Client, table: str) -> None:
    rows = [(n, f"말 {n}" * (n % 5)) for n in range(30_000)]
    client.execute(f"INSERT INTO {table} VALUES", rows, settings={"insert_block_size": 7000})
    found = client.execute(f"SELECT * FROM {table} ORDER BY id", settings={"max_block_size": 999})
    assert found == rows


def test_long_strings(client: Client, table: str) -> None:
    client.execute(f"INSERT INTO {table} VALUES", [(n, "я" * 20_000) for n in range(200)])
    assert client.execute(f"SELECT sum(length(s)) FROM {table}") == [(200 * 40_000,)]


def test_some_columns_as_dicts(client: Client, table: str) -> None:
    client.execute(f"INSERT INTO {table} (id) VALUES", [{"id": 7}])
    assert client.execute(f"SELECT * FROM {table}") == [(7, "")]


def test_inline_values_and_insert_select(client: Client, table: str) -> None:
    client.execute(f"INSERT INTO {table} VALUES (1, 'a;b'), (2, 'it''s')")
    client.execute(f"INSERT INTO {table} SELECT id + 10, s FROM {table}")
    assert client.execute(f"SELECT * FROM {table} ORDER BY id") == [
        (1, "a;b"),
        (2, "it's"),
        (11, "a;b"),
        (12, "it's"),
    ]


def test_an_empty_answer_has_its_types(client: Client) -> None:
    rows, types = client.execute(
        "SELECT number AS n, toString(n) AS s FROM numbers(0)", with_column_types=True
    )
    assert (rows, types) == ([], [("n", "UInt64"), ("s", "String")])


def test_iterating_over_an_answer(client: Client) -> None:
    found = client.execute_iter(
        "SELECT number FROM numbers(300000)", settings={"max_block_size": 10_000}
    )
    assert sum(row[0] for row in found) == 300_000 * 299_999 // 2


def test_leaving_in_the_middle_of_an_answer(client: Client) -> None:
    rows = client.execute_iter("SELECT number FROM numbers(10000000)")
    assert next(rows) == (0,)
    client.disconnect()
    assert client.execute("SELECT 1") == [(1,)]


def test_settings_are_of_one_query(client: Client) -> None:
    ask = "SELECT getSetting('max_block_size')"
    usual = client.execute(ask)
    assert client.execute(ask, settings={"max_block_size": 123}) == [(123,)]
    assert client.execute(ask) == usual


def test_set_is_of_one_connection(local: Process, client: Client) -> None:
    client.execute("SET max_block_size = 77")
    assert client.execute("SELECT getSetting('max_block_size')") == [(77,)]
    assert local.ask("SELECT getSetting('max_block_size')") != [(77,)]


def test_parameters(client: Client) -> None:
    given = {"a": "o'k \\ 배송", "b": [1, 2], "c": None}
    assert client.execute("SELECT %(a)s, %(b)s, %(c)s", given) == [("o'k \\ 배송", [1, 2], None)]


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT nothing FROM system.one", 47),
        ("SELECT * FROM no_such_table", 60),
        ("SELEC 1", 62),
        ("SELECT throwIf(number = 5) FROM numbers(10)", 395),
        ("SELECT 1; SELECT 2", 62),
        ("CREATE TABLE k (a String) ENGINE = Kafka('h:1', 't', 'g', 'JSONEachRow')", 344),
        ("INSERT INTO no_such_table (a) VALUES", 60),
    ],
)
def test_errors_have_their_codes_and_the_connection_lives_on(
    client: Client, sql: str, code: int
) -> None:
    data = [(1,)] if sql.startswith("INSERT") else None
    with pytest.raises(errors.ServerException) as caught:
        client.execute(sql, data)
    assert caught.value.code == code
    assert client.execute("SELECT 2") == [(2,)]


def test_a_value_that_does_not_fit_stores_nothing(client: Client, table: str) -> None:
    rows: list[Any] = [(1, "fine"), ("no number", "x")]
    with pytest.raises((errors.TypeMismatchError, errors.ServerException)):
        client.execute(f"INSERT INTO {table} VALUES", rows, types_check=True)
    client.disconnect()
    assert client.execute(f"SELECT count() FROM {table}") == [(0,)]


def test_the_same_token_stores_a_block_once(client: Client, table: str) -> None:
    for token in ("one", "one", "two"):
        client.execute(
            f"INSERT INTO {table} VALUES",
            [(n, "d") for n in range(10)],
            settings={"insert_deduplication_token": token},
        )
    assert client.execute(f"SELECT count() FROM {table}") == [(20,)]


def test_a_token_counts_in_the_views_behind_the_table(client: Client, table: str) -> None:
    client.execute(
        f"CREATE MATERIALIZED VIEW {table}_v ENGINE = SummingMergeTree ORDER BY s"
        " SETTINGS non_replicated_deduplication_window = 100"
        f" AS SELECT s, count() AS n FROM {table} GROUP BY s"
    )
    more = {
        "insert_deduplication_token": "t:0:1:2",
        "deduplicate_blocks_in_dependent_materialized_views": 1,
    }
    for _ in range(3):
        client.execute(f"INSERT INTO {table} VALUES", [(1, "a"), (2, "a")], settings=more)
    assert client.execute(f"SELECT s, sum(n) FROM {table}_v GROUP BY s") == [("a", 2)]
    client.execute(f"DROP TABLE {table}_v")


def test_external_tables_are_of_one_query(client: Client) -> None:
    ext = {
        "name": "ext",
        "structure": [("x", "Int32"), ("y", "Array(String)")],
        "data": [{"x": n, "y": ["a"] * n} for n in range(3)],
    }
    assert client.execute("SELECT sum(x), sum(length(y)) FROM ext", external_tables=[ext]) == [
        (3, 3)
    ]
    with pytest.raises(errors.ServerException):
        client.execute("SELECT * FROM ext")


def test_temporary_tables_are_of_one_connection(local: Process, client: Client) -> None:
    client.execute("CREATE TEMPORARY TABLE mine (a UInt8)")
    client.execute("INSERT INTO mine VALUES", [(1,)])
    assert client.execute("SELECT * FROM mine") == [(1,)]
    with pytest.raises(errors.ServerException):
        local.ask("SELECT * FROM mine")


def test_other_statements_answer_too(client: Client, table: str) -> None:
    assert (table,) in client.execute("SHOW TABLES")
    assert [row[0] for row in client.execute(f"DESCRIBE TABLE {table}")] == ["id", "s"]
    assert client.execute("EXPLAIN SELECT 1")
    assert client.execute(f"EXISTS TABLE {table}") == [(1,)]


def test_an_unknown_setting_does_not_break_a_query(client: Client) -> None:
    assert client.execute("SELECT 1", settings={"no_such_setting_at_all": 1}) == [(1,)]


def test_clients_do_not_disturb_one_another(local: Process, table: str) -> None:
    def insert(part: int) -> None:
        with local.client(compression="lz4") as own:
            for n in range(5):
                rows = [(part * 1000 + n * 100 + m, str(part)) for m in range(100)]
                own.execute(f"INSERT INTO {table} VALUES", rows)

    threads = [threading.Thread(target=insert, args=(part,)) for part in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert local.ask(f"SELECT count(), uniqExact(id) FROM {table}") == [(3000, 3000)]


def test_garbage_ends_the_connection_and_nothing_else(local: Process) -> None:
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 64, os.urandom(256)):
        with socket.create_connection(("127.0.0.1", local.port), 10) as raw:
            raw.sendall(garbage)
            raw.shutdown(socket.SHUT_WR)
            raw.settimeout(30)
            while raw.recv(4096):
                pass
    assert local.ask("SELECT 3") == [(3,)]


# --- cancelling


SLOW = "SELECT count(), '{}' FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))"


def _running(local: Process, mark: str) -> int:
    rows = local.ask(
        "SELECT count() FROM system.processes WHERE query LIKE %(like)s AND query NOT LIKE"
        " '%%system.processes%%'",
        {"like": f"%{mark}%"},
    )
    return int(rows[0][0])


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.mark.parametrize("way", ["cancel", "hang up"])
def test_a_query_that_nobody_waits_for_is_stopped(local: Process, way: str) -> None:
    mark = f"mark_{uuid.uuid4().hex}"
    client = local.client()
    client.execute("SELECT 1")
    asking = threading.Thread(target=lambda: _quietly(client, SLOW.format(mark)))
    asking.start()
    _until(lambda: _running(local, mark) == 1, "the query did not start")
    assert client.connection.socket
    if way == "cancel":
        client.connection.send_cancel()
    else:
        client.connection.socket.shutdown(socket.SHUT_RDWR)
    _until(lambda: _running(local, mark) == 0, "the query goes on")
    asking.join(30)
    assert not asking.is_alive()


def _quietly(client: Client, sql: str) -> None:
    try:
        client.execute(sql)
    except (errors.Error, EOFError, OSError):
        return


def test_a_time_limit_ends_a_query(client: Client) -> None:
    with pytest.raises(errors.ServerException) as caught:
        client.execute(SLOW.format(""), settings={"max_execution_time": 0.3})
    assert caught.value.code == 159


# --- the process


def _table(process: Process) -> None:
    process.ask("CREATE TABLE kept (id UInt64) ENGINE = MergeTree ORDER BY id")


def test_kill_9_loses_no_acknowledged_insert(begin: Begin, tmp_path: Path) -> None:
    process = begin(tmp_path).started()
    _table(process)
    acknowledged: list[int] = []
    stop = threading.Event()

    def insert(part: int) -> None:
        with process.client() as own:
            for n in range(part, 10**6, 4):
                try:
                    own.execute("INSERT INTO kept VALUES", [(n,)])
                except (errors.Error, EOFError, OSError):
                    return
                acknowledged.append(n)
                if stop.is_set():
                    return

    threads = [threading.Thread(target=insert, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    _until(lambda: len(acknowledged) >= 60, "nothing is inserted")
    process.end(signal.SIGKILL)
    stop.set()
    for thread in threads:
        thread.join(60)
    again = begin(tmp_path).started()
    stored = {row[0] for row in again.ask("SELECT id FROM kept")}
    assert stored >= set(acknowledged)
    # At most the one insert that each client was in the middle of.
    assert len(stored) <= len(acknowledged) + 4
    assert again.ask("SELECT count() FROM kept") == [(len(stored),)]


def test_an_insert_that_did_not_end_stores_nothing(begin: Begin, tmp_path: Path) -> None:
    process = begin(tmp_path).started()
    _table(process)
    client = process.client(settings={"insert_block_size": 100})

    def rows() -> Iterator[tuple[int]]:
        yield from ((n,) for n in range(1000))
        client.connection.socket.shutdown(socket.SHUT_RDWR)
        yield from ((n,) for n in range(1000))

    with pytest.raises((errors.Error, EOFError, OSError)):
        client.execute("INSERT INTO kept VALUES", rows())
    assert process.ask("SELECT count() FROM kept") == [(0,)]


def test_sigterm_lets_a_running_query_end(begin: Begin, tmp_path: Path) -> None:
    process = begin(tmp_path).started()
    _table(process)
    mark = f"mark_{uuid.uuid4().hex}"
    found: list[Any] = []
    sleepy = f"SELECT sum(sleepEachRow(0.5)), '{mark}' FROM numbers(4)"
    asking = threading.Thread(target=lambda: found.append(process.ask(sleepy)))
    asking.start()
    _until(lambda: _running(process, mark) == 1, "the query did not start")
    assert process.end(signal.SIGTERM) == 0
    asking.join(30)
    assert found == [[(0, mark)]]
    assert begin(tmp_path).started().ask("SELECT count() FROM kept") == [(0,)]


def test_sigterm_does_not_wait_for_ever(begin: Begin, tmp_path: Path) -> None:
    process = begin(tmp_path).started()
    mark = f"mark_{uuid.uuid4().hex}"
    client = process.client()
    asking = threading.Thread(target=lambda: _quietly(client, SLOW.format(mark)))
    asking.start()
    _until(lambda: _running(process, mark) == 1, "the query did not start")
    assert process.end(signal.SIGTERM) == 0
    asking.join(30)
    assert not asking.is_alive()


def test_a_folder_has_one_process(begin: Begin, tmp_path: Path) -> None:
    first = begin(tmp_path).started()
    second = begin(tmp_path)
    _, said = second.process.communicate(timeout=60)
    assert second.process.returncode == 1
    assert f"pid {first.process.pid}" in said
    assert "Traceback" not in said
    assert first.ask("SELECT 1") == [(1,)]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "localhost.example"])
def test_it_listens_on_loopback_only(begin: Begin, tmp_path: Path, host: str) -> None:
    process = begin(tmp_path, "--host", host)
    _, said = process.process.communicate(timeout=60)
    assert process.process.returncode == 1
    assert "does not listen" in said
    assert not (tmp_path / "engine").exists()


def test_a_taken_port_is_said(begin: Begin, tmp_path: Path, local: Process) -> None:
    process = begin(tmp_path, "--port", str(local.port))
    _, said = process.process.communicate(timeout=60)
    assert process.process.returncode == 1
    assert f"port {local.port}" in said


def test_a_folder_that_cannot_be_used_is_said(begin: Begin, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    process = begin(tmp_path / "file")
    _, said = process.process.communicate(timeout=60)
    assert process.process.returncode == 1
    assert "Traceback" not in said


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 48 MiB where we may mount one; elsewhere a folder, and files are limited."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(folder)]
    mounted = subprocess.run(command, check=False, capture_output=True).returncode == 0
    yield folder
    if mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _fill(process: Process, rows: int) -> None:
    process.ask("CREATE TABLE big (id UInt64, s String CODEC(NONE)) ENGINE = MergeTree ORDER BY id")
    data = [(n, os.urandom(500).hex()) for n in range(rows)]
    with pytest.raises(errors.ServerException) as caught:
        process.ask("INSERT INTO big VALUES", data)
    assert caught.value.code == 243
    # The server lives on, nothing is half stored, and what fits still goes in.
    assert process.ask("SELECT count() FROM big") == [(0,)]
    process.ask("INSERT INTO big VALUES", data[:100])
    assert process.ask("SELECT count() FROM big") == [(100,)]


def test_a_full_disk_is_an_error_that_clients_retry(begin: Begin, small_disk: Path) -> None:
    limit = 0 if os.path.ismount(small_disk) else 8 << 20
    process = begin(small_disk, file_limit=limit).started()
    _fill(process, 60_000)
    process.end(signal.SIGTERM)


def test_a_limit_on_files_is_such_an_error_too(begin: Begin, tmp_path: Path) -> None:
    _fill(begin(tmp_path, file_limit=3 << 20).started(), 10_000)
