"""What the driver and the server can answer, as errors that say what to do."""

from __future__ import annotations

import re

from clickhouse_driver import errors

from pipeline.errors import WarehouseError, WarehouseRejected, WarehouseUnavailable
from pipeline.settings import WarehouseSettings

_PASSING = {
    3: "the connection ended early",
    32: "the connection ended early",
    159: "the server gave up after the time limit",
    160: "the server gave up: too slow",
    202: "the server runs too many queries",
    203: "the server has no free connection",
    204: "the server cannot write to its disk",
    209: "no answer in time",
    210: "the network failed",
    225: "ClickHouse Keeper is away",
    236: "the server is shutting down",
    241: "the server is out of memory",
    242: "the table is read-only: ClickHouse Keeper is away",
    243: "the server's disk is full",
    244: "ClickHouse Keeper failed",
    252: "too many parts: merges do not keep up",
    254: "a part is locked for a moment",
    279: "no server of the cluster answers",
    285: "too few replicas are alive",
    286: "an earlier block has not reached its quorum yet",
    289: "the replica is behind",
    305: "a replica is behind",
    319: "the fate of the block is unknown",
    341: "a mutation has not finished",
    364: "the server is overloaded",
    394: "the query was cancelled",
    425: "the server's system failed",
    439: "the server is out of threads",
    473: "the table is locked",
    499: "the server's object storage failed",
    517: "another change of the table is under way",
    574: "the server is shutting down",
    745: "the server is overloaded",
    999: "ClickHouse Keeper failed",
}
"""Server codes after which the identical statement may succeed, in plain words."""

_FIXES = {
    243: "Free space on the server's disk, or shorten warehouse.retention_days.",
    252: "Raise worker.block_rows or give the server faster disks.",
    241: "Give the server more memory, or ask for a smaller period.",
    159: "Ask for a smaller period, or raise warehouse.query_timeout.",
}

_MIGRATE = "Run `voc migrate`, unless it is a slip: `voc query 'SHOW TABLES'` lists what there is."
_SETUP = {
    16: _MIGRATE,
    47: "",
    60: _MIGRATE,
    81: "Run `voc migrate`.",
    164: "The user may only read: give it rights, or use another one (warehouse.user).",
    192: "Check warehouse.user and warehouse.password.",
    193: "Check warehouse.user and warehouse.password.",
    194: "Check warehouse.user and warehouse.password.",
    291: "The user may not use this database: check warehouse.user.",
    497: "The user lacks a right: GRANT it, or use another one (warehouse.user).",
    516: "Check warehouse.user and warehouse.password.",
}
"""Codes that speak of accounts and tables, never of a value in a row."""

_CODE_NAME = re.compile(r"\s*\([A-Z_]+\)\.?$")

_NETWORK = (
    OSError,
    EOFError,
    errors.NetworkError,
    errors.SocketTimeoutError,
    errors.UnexpectedPacketFromServerError,
)
_BROKEN = (errors.PartiallyConsumedQueryError, errors.ChecksumDoesntMatchError)
_CLIENT_SIDE = UnicodeError | ValueError | TypeError | AttributeError | OverflowError


def translate(error: BaseException, settings: WarehouseSettings) -> WarehouseError | None:
    """The error of ours for what the driver raised; None where it is not about the warehouse."""
    if isinstance(error, errors.ServerException):
        return _from_server(error)
    if isinstance(error, _NETWORK):
        return _unreachable(error, settings)
    if isinstance(error, _BROKEN):
        return WarehouseUnavailable(f"the connection to ClickHouse broke: {_first(str(error))}")
    if isinstance(error, errors.Error | _CLIENT_SIDE):
        kind = type(error).__name__
        return WarehouseRejected(f"a value cannot be sent to ClickHouse ({kind}: {error})")
    return None


def is_about_setup(error: WarehouseRejected) -> bool:
    """Whether the refusal is about accounts, tables or columns rather than a value of a row."""
    return error.code in _SETUP


def _from_server(error: errors.ServerException) -> WarehouseError:
    code = int(error.code or 0)
    detail = _first(str(error.message))
    if code in _PASSING:
        return WarehouseUnavailable(
            f"{_PASSING[code]} ({code}: {detail})", fix=_FIXES.get(code, "")
        )
    return WarehouseRejected(
        f"ClickHouse refused: {detail} ({code})", fix=_SETUP.get(code, ""), code=code
    )


def _unreachable(error: BaseException, settings: WarehouseSettings) -> WarehouseUnavailable:
    where = f"{settings.host}:{settings.port}"
    fix = (
        "Is it running? Set VOC_CLICKHOUSE=clickhouse://user:password@host:9000/database; "
        "`voc up` starts a local one."
    )
    if settings.secure:
        fix += " With TLS the native port is usually 9440; check warehouse.ca_file."
    return WarehouseUnavailable(f"no ClickHouse at {where}: {_reason(error)}", fix=fix)


def _reason(error: BaseException) -> str:
    if isinstance(error, errors.SocketTimeoutError | TimeoutError):
        return "no answer in time"
    text = _first(str(error).removeprefix("Code: 210.").strip())
    return text or "the connection was closed"


def _first(text: str) -> str:
    """The first sentence of a server's message, without its exception class and stack trace."""
    line = " ".join(text.partition("Stack trace:")[0].split()).removeprefix("DB::Exception: ")
    line = _CODE_NAME.sub("", line)
    return line if len(line) <= 500 else line[:497] + "..."
