"""What the driver raises becomes an error with a way out."""

from __future__ import annotations

import pytest
from clickhouse_driver import errors

from pipeline.errors import WarehouseRejected, WarehouseUnavailable
from pipeline.settings import WarehouseSettings
from pipeline.warehouse.failures import is_about_setup, translate

HERE = WarehouseSettings(host="db.example.com", port=9000)


def server(
    code: int, message: str = "DB::Exception: something. Stack trace:\n\n0. frame"
) -> Exception:
    return errors.ServerException(message, code)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (159, "time limit"),
        (241, "out of memory"),
        (242, "read-only"),
        (243, "disk is full"),
        (252, "too many parts"),
        (236, "shutting down"),
        (319, "unknown"),
        (999, "Keeper"),
    ],
)
def test_passing_trouble_is_retryable(code: int, words: str) -> None:
    error = translate(server(code), HERE)
    assert isinstance(error, WarehouseUnavailable)
    assert error.retryable
    assert words in error.message


@pytest.mark.parametrize(
    "raised",
    [
        ConnectionRefusedError(111, "Connection refused"),
        TimeoutError(),
        EOFError(),
        errors.NetworkError("Connection refused (db.example.com:9000)"),
        errors.SocketTimeoutError("timed out"),
        errors.UnexpectedPacketFromServerError("Unexpected packet"),
    ],
)
def test_a_network_failure_names_the_place(raised: Exception) -> None:
    error = translate(raised, HERE)
    assert isinstance(error, WarehouseUnavailable)
    assert "db.example.com:9000" in error.message
    assert "VOC_CLICKHOUSE" in error.fix


def test_with_tls_the_port_is_mentioned() -> None:
    error = translate(EOFError(), HERE.model_copy(update={"secure": True}))
    assert error is not None
    assert "9440" in error.fix


@pytest.mark.parametrize(
    ("code", "fix"),
    [(60, "voc migrate"), (81, "voc migrate"), (516, "password"), (497, "GRANT"), (164, "read")],
)
def test_wrong_setup_is_rejected_with_what_to_check(code: int, fix: str) -> None:
    error = translate(server(code), HERE)
    assert isinstance(error, WarehouseRejected)
    assert (error.code, error.retryable) == (code, False)
    assert fix in error.fix
    assert is_about_setup(error)


def test_a_refused_value_may_be_a_rows_fault() -> None:
    error = translate(server(349, "DB::Exception: Cannot insert NULL. (CANNOT_INSERT_NULL)"), HERE)
    assert isinstance(error, WarehouseRejected)
    assert not is_about_setup(error)
    assert error.message == "ClickHouse refused: Cannot insert NULL. (349)"


def test_no_stack_trace_reaches_a_user() -> None:
    error = translate(server(62), HERE)
    assert error is not None
    assert error.message == "ClickHouse refused: something. (62)"


@pytest.mark.parametrize(
    "raised",
    [
        UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
        errors.TypeMismatchError("Type mismatch"),
        TypeError("not a number"),
    ],
)
def test_a_value_that_cannot_be_sent_is_rejected(raised: Exception) -> None:
    error = translate(raised, HERE)
    assert isinstance(error, WarehouseRejected)
    assert "cannot be sent" in error.message


def test_what_is_not_about_the_warehouse_is_left_alone() -> None:
    assert translate(KeyboardInterrupt(), HERE) is None
    assert translate(KeyError("bug"), HERE) is None
