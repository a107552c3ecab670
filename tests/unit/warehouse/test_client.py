"""Connections, against sockets that are not ClickHouse."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest

from pipeline.errors import WarehouseUnavailable
from pipeline.settings import WarehouseSettings
from pipeline.warehouse.client import Result, Warehouse, _parameter


@pytest.fixture
def mute() -> Iterator[int]:
    """A port that accepts connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_something_that_never_greets_is_given_up_after_the_connect_timeout(mute: int) -> None:
    # The query may take an hour; the greeting may not: the test's own time limit is shorter.
    settings = WarehouseSettings(
        host="127.0.0.1", port=mute, connect_timeout=0.2, query_timeout=3600
    )
    with Warehouse(settings) as warehouse, pytest.raises(WarehouseUnavailable, match="in time"):
        warehouse.query("SELECT 1")


def test_a_failed_connection_leaves_no_traceback_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = WarehouseSettings(host="127.0.0.1", port=1, connect_timeout=0.2)
    with (
        caplog.at_level(logging.WARNING),
        Warehouse(settings) as warehouse,
        pytest.raises(WarehouseUnavailable),
    ):
        warehouse.query("SELECT 1")
    assert not [record for record in caplog.records if record.exc_info]


def test_the_insert_settings_leave_nothing_to_the_server() -> None:
    settings = Warehouse(WarehouseSettings())._insert_settings("t:0:1:2")
    assert settings["insert_deduplication_token"] == "t:0:1:2"
    assert settings["async_insert"] == 0
    assert settings["insert_deduplicate"] == 1
    assert settings["max_execution_time"] == 15
    assert "insert_quorum" not in settings


def test_a_cluster_confirms_by_quorum_and_in_turn() -> None:
    settings = Warehouse(WarehouseSettings(cluster="main"))._insert_settings("")
    assert settings["insert_quorum"] == "auto"
    assert settings["insert_quorum_parallel"] == 0
    assert settings["distributed_foreground_insert"] == 1
    assert "insert_deduplication_token" not in settings


def test_a_result_by_column() -> None:
    assert Result(["a", "b"], ["UInt8", "String"], [(1, "x"), (2, "y")]).dict() == {
        "a": [1, 2],
        "b": ["x", "y"],
    }
    assert Result(["a"], ["UInt8"], []).dict() == {"a": []}


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (datetime(2026, 3, 1, 12, tzinfo=UTC), "2026-03-01 12:00:00"),
        (datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=9))), "2026-03-01 03:00:00"),
        (datetime(2026, 3, 1, 12, 0, 0, 5000, UTC), "2026-03-01 12:00:00.005000"),
        ("text", "text"),
        (None, None),
    ],
)
def test_times_are_written_in_utc(value: object, written: object) -> None:
    assert _parameter(value) == written
