"""Packets of protocol revision 54440: what they consist of, in both directions.

54440 is the newest revision without an addendum, a secret between servers and a flag per column:
a client's block is then byte for byte what the engine's `Native` format expects.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.local.front.errors import ProtocolError, ServerError
from pipeline.local.front.layout import layout
from pipeline.local.front.wire import ByteStream, string, varint

REVISION = 54440
OLDEST_CLIENT = 54429
"""Older clients send settings as binary values."""

HELLO, QUERY, DATA, CANCEL, PING = range(5)
_S_HELLO, _S_DATA, _S_EXCEPTION, _, _S_PONG, _S_END = range(6)

_NO_OVERFLOW, _NO_BUCKET = b"\x01\x00", b"\x02\xff\xff\xff\xff"
_BLOCK_INFO = _NO_OVERFLOW + _NO_BUCKET + b"\x00"

SETTING_IMPORTANT = 1
SETTING_CUSTOM = 2

PONG = varint(_S_PONG)
END_OF_STREAM = varint(_S_END)

Columns = Sequence[tuple[str, str]]
"""Names and types, in order."""


@dataclass(frozen=True, slots=True)
class Hello:
    """Who connects. Account and password are read and ignored: the server is loopback only."""

    database: str
    revision: int


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a query; an unknown one is an error only where it is `important`."""

    value: str
    important: bool = False
    custom: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A statement as it arrived."""

    sql: str
    settings: dict[str, Setting]
    compressed: bool


@dataclass(frozen=True, slots=True)
class Block:
    """A data block: parsed as far as its shape, `raw` as the engine takes it."""

    table: str
    columns: Columns
    rows: int
    raw: bytes


def read_hello(stream: ByteStream) -> Hello:
    """Raises ProtocolError for a client older than 2020."""
    stream.string()
    stream.varint()
    stream.varint()
    revision = stream.varint()
    database, _user, _password = stream.string(), stream.string(), stream.string()
    if revision < OLDEST_CLIENT:
        raise ProtocolError(f"client revision {revision} is older than {OLDEST_CLIENT}")
    return Hello(database, min(revision, REVISION))


def read_query(stream: ByteStream) -> Query:
    """The query packet without the blocks of external tables that follow it."""
    stream.string()  # query id: the engine assigns its own
    _skip_client_info(stream)
    settings = _read_settings(stream)
    stream.varint()  # stage: always complete
    compressed = bool(stream.varint())
    return Query(stream.string(), settings, compressed)


def _skip_client_info(stream: ByteStream) -> None:
    if not stream.byte():
        return
    for _ in range(3):
        stream.string()
    interface = stream.byte()
    if interface != 1:
        raise ProtocolError(f"interface {interface}: only TCP clients are served")
    for _ in range(3):
        stream.string()
    for _ in range(3):
        stream.varint()
    stream.string()
    stream.varint()


def _read_settings(stream: ByteStream) -> dict[str, Setting]:
    settings = {}
    while name := stream.string():
        flags = stream.varint()
        settings[name] = Setting(
            stream.string(), bool(flags & SETTING_IMPORTANT), bool(flags & SETTING_CUSTOM)
        )
    return settings


def read_block(table: str, stream: ByteStream) -> Block:
    """The body of a data packet, from the stream that its compression prescribes."""
    _skip_block_info(stream)
    stream.begin()
    columns, rows = read_columns(stream)
    return Block(table, columns, rows, stream.end())


def _skip_block_info(stream: ByteStream) -> None:
    while field := stream.varint():
        if field not in (1, 2):
            raise ProtocolError(f"block info field {field} is unknown")
        stream.skip(1 if field == 1 else 4)


def read_columns(stream: ByteStream, *, header_only: bool = False) -> tuple[Columns, int]:
    """Passes over one native block: its columns and number of rows.

    `header_only` stops at the last column's type, for a block that ends there anyway.
    """
    count, rows = stream.varint(), stream.varint()
    columns = []
    for index in range(count):
        name, type_ = stream.string(), stream.string()
        columns.append((name, type_))
        if rows and not (header_only and index == count - 1):
            column = layout(type_)
            stream.skip(column.prefix)
            column.skip(stream, rows)
    return columns, rows


def split_blocks(native: bytes) -> list[Block]:
    """Takes apart what the engine wrote as several native blocks in a row."""
    if not native:
        return []
    chunks = [native]
    stream = ByteStream(lambda: chunks.pop() if chunks else b"")
    blocks, done = [], 0
    while done < len(native):
        stream.begin()
        columns, rows = read_columns(stream)
        blocks.append(Block("", columns, rows, stream.end()))
        done += stream.pos
    return blocks


def first_columns(native: bytes) -> Columns:
    """The columns of a single native block."""
    chunks = [native]
    stream = ByteStream(lambda: chunks.pop() if chunks else b"")
    stream.begin()
    return read_columns(stream, header_only=True)[0]


def hello(version: tuple[int, int, int], timezone: str) -> bytes:
    """The answer to a hello."""
    major, minor, patch = version
    return b"".join((
        varint(_S_HELLO), string("ClickHouse"), varint(major), varint(minor), varint(REVISION),
        string(timezone), string("voc local"), varint(patch),
    ))  # fmt: skip


def data_head() -> bytes:
    """What precedes a block's body, outside of its compression."""
    return varint(_S_DATA) + string("")


def block_body(native: bytes) -> bytes:
    """A block as it travels: block info, then the engine's bytes."""
    return _BLOCK_INFO + native


def header(columns: Columns) -> bytes:
    """A block without rows: it tells the client names and types."""
    names = b"".join(string(name) + string(type_) for name, type_ in columns)
    return varint(len(columns)) + varint(0) + names


def exception(error: ServerError) -> bytes:
    """The exception packet; no stack trace, nothing nested."""
    return b"".join((
        varint(_S_EXCEPTION), struct.pack("<i", error.code), string("DB::Exception"),
        string(error.message), string(""), b"\x00",
    ))  # fmt: skip
