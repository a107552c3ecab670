"""A newcomer's first minute, and the stack for one's own data, as commands."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest

from pipeline import sample
from pipeline.errors import LocalStackError
from pipeline.kafka import Producer
from pipeline.local.worker import fetch
from pipeline.settings import KafkaSettings, WarehouseSettings
from pipeline.warehouse import Warehouse

pytestmark = pytest.mark.local

ROOT = Path(__file__).parents[2]


def _start(*arguments: str, folder: Path) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("VOC_")}
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**clean, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder), "COLUMNS": "80"},
    )


def _line(process: subprocess.Popen[str], words: str) -> str:
    """The first line of stdout that holds `words`."""
    assert process.stdout is not None
    for line in process.stdout:
        if words in line:
            return line
    raise AssertionError(f"{words!r} never came: {process.communicate()[1]}")


def _end(process: subprocess.Popen[str], number: signal.Signals = signal.SIGINT) -> tuple[int, str]:
    """Sends the signal; the exit status and stderr, once no child is left either."""
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    error = process.communicate(timeout=60)[1]
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
    return process.returncode, error


def test_the_demo_finds_what_was_planted(tmp_path: Path) -> None:
    # As the demo does: on the stroke of midnight a new day has not begun yet.
    until = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    process = _start("demo", "--json", folder=tmp_path)
    answer, progress = process.communicate(timeout=280)
    assert process.returncode == 0, progress
    found = orjson.loads(answer)
    assert found["contacts"] == 1200
    languages = {entry["language"]: entry["contacts"] for entry in found["languages"]}
    assert {"zh-Hans", "zh-Hant", "ko", "en"} <= set(languages)
    assert sum(languages.values()) == 1200
    assert len(found["topics"]) == 5
    assert any(entry["verbatims"] for entry in found["topics"])
    planted = sample.truth(until=until)["double_charge"]
    assert planted.start is not None
    assert planted.end is not None
    begin, end = (datetime.fromisoformat(found["spike"][name]) for name in ("since", "until"))
    assert begin < planted.end
    assert end > planted.start
    assert set(found["spike"]["channels"]) == {"app"}
    assert found["contacts_per_second"] > 0
    assert found["event_to_row_seconds"]["0.5"] <= found["event_to_row_seconds"]["0.95"]
    assert list(tmp_path.glob("voc-demo-*")) == [], "the folder was left behind"


def _until(condition: Any, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("children", [1, 2, 3], ids=["broker", "warehouse", "worker"])
def test_ctrl_c_ends_the_demo_at_every_stage(tmp_path: Path, children: int) -> None:
    process = _start("demo", folder=tmp_path)
    family = psutil.Process(process.pid)
    _until(lambda: len(family.children()) >= children, process)
    status, error = _end(process)
    assert abs(status) in {130, signal.SIGINT}
    assert "Traceback" not in error
    assert list(tmp_path.glob("voc-demo-*")) == []


@pytest.fixture
def running(tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that are killed after the test, whatever became of it."""
    made: list[subprocess.Popen[str]] = []
    yield made
    for process in made:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _up(running: list[subprocess.Popen[str]], folder: Path) -> tuple[Any, dict[str, str], int]:
    process = _start("up", "--data", str(folder / "data"), folder=folder)
    running.append(process)
    exports = dict(pair.split("=", 1) for pair in _line(process, "export ").split() if "=" in pair)
    port = int(_line(process, "worker  http").rpartition(":")[2].split("/")[0])
    stack = int(_line(process, "stack   http").rpartition(":")[2].split("/")[0])
    _line(process, "Ctrl-C")
    _until(lambda: 'component="worker"} 1.0' in _page(stack), process)
    return process, exports, port


def _rows(exports: dict[str, str], sql: str) -> list[tuple[Any, ...]]:
    address = exports["VOC_CLICKHOUSE"].removeprefix("clickhouse://")
    host, _, rest = address.partition(":")
    port, _, database = rest.partition("/")
    settings = WarehouseSettings(host=host, port=int(port), database=database)
    with Warehouse(settings) as warehouse:
        return warehouse.query(sql).rows


def test_up_keeps_data_and_ports_and_revives_its_worker(
    tmp_path: Path, running: list[subprocess.Popen[str]]
) -> None:
    process, first, port = _up(running, tmp_path)
    event = {
        "contact_id": "mine-1",
        "occurred_at": "2026-02-01T10:00:00Z",
        "channel": "chat",
        "text": "The parcel never came.",
        "customer_id": "c-1",
    }
    _send(first["VOC_KAFKA"], event)
    _until(lambda: _rows(first, "SELECT count() FROM contacts") == [(1,)], process)

    workers = _workers(process)
    assert len(workers) == 1
    workers[0].kill()
    _until(lambda: _ready(port, workers[0].pid, process), process)
    _send(first["VOC_KAFKA"], {**event, "contact_id": "mine-2"})
    _until(lambda: _rows(first, "SELECT count() FROM contacts") == [(2,)], process)
    status, error = _end(process)
    assert status == 130
    assert "the worker was killed by SIGKILL" in error

    process, second, _ = _up(running, tmp_path)
    assert second == first
    sql = "SELECT count(), uniqExact(customer) FROM contacts"
    assert _rows(second, sql) == [(2, 1)], "the key of the hashes was not kept"
    assert _end(process, signal.SIGTERM)[0] == 143


def _send(kafka: str, event: dict[str, Any]) -> None:
    with Producer(KafkaSettings(bootstrap=kafka)) as producer:
        producer.send("contacts.v1", event["contact_id"].encode(), orjson.dumps(event)).result(30)


def _workers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    found = []
    for child in psutil.Process(process.pid).children():
        with contextlib.suppress(psutil.ZombieProcess, psutil.NoSuchProcess):
            if child.cmdline()[-1:] == ["worker"]:
                found.append(child)
    return found


def _page(port: int) -> str:
    try:
        return fetch(port, "/metrics")
    except LocalStackError:
        return ""


def _ready(port: int, dead: int, process: subprocess.Popen[str]) -> bool:
    try:
        return any(w.pid != dead for w in _workers(process)) and fetch(port, "/readyz") != ""
    except LocalStackError:
        return False
