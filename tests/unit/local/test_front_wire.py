"""The native protocol's bytes: numbers, strings, frames, blocks, packets."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

import lz4.block
import pytest
import zstandard
from clickhouse_cityhash.cityhash import CityHash128
from hypothesis import given
from hypothesis import strategies as st

from pipeline.local.front import frames, packets
from pipeline.local.front.errors import (
    CHECKSUM_DOESNT_MATCH,
    NOT_ENOUGH_SPACE,
    UNKNOWN_EXCEPTION,
    ProtocolError,
    ServerError,
    UnsupportedTypeError,
)
from pipeline.local.front.layout import layout, split_type
from pipeline.local.front.wire import ByteStream, string, varint


def stream(data: bytes, step: int = 7) -> ByteStream:
    """Delivers `data` a few bytes at a time, as a slow network does."""
    parts = iter([data[at : at + step] for at in range(0, len(data), step)])
    return ByteStream(lambda: next(parts, b""))


steps = st.integers(1, 40)


# --- numbers and strings


@given(st.integers(0, 2**64 - 1), steps)
def test_numbers_come_back(number: int, step: int) -> None:
    read = stream(varint(number) + b"rest", step)
    assert read.varint() == number
    assert read.take(4) == b"rest"


@pytest.mark.parametrize(
    ("number", "raw"), [(0, b"\0"), (127, b"\x7f"), (128, b"\x80\1"), (54440, b"\xa8\xa9\3")]
)
def test_numbers_are_leb128(number: int, raw: bytes) -> None:
    assert varint(number) == raw


def test_a_number_without_an_end_is_no_number() -> None:
    with pytest.raises(ProtocolError, match="64 bits"):
        stream(b"\xff" * 20).varint()


@given(st.lists(st.text()), steps)
def test_strings_come_back(texts: list[str], step: int) -> None:
    read = stream(b"".join(map(string, texts)), step)
    assert [read.string() for _ in texts] == texts
    with pytest.raises(EOFError):
        read.byte()


def test_a_string_longer_than_memory_is_refused_before_it_is_read() -> None:
    with pytest.raises(ProtocolError, match="a string of"):
        stream(varint(1 << 40)).string()


@given(st.binary(min_size=1, max_size=60), st.data(), steps)
def test_what_was_read_between_begin_and_end_is_kept(
    data: bytes, more: st.DataObject, step: int
) -> None:
    first = more.draw(st.integers(0, len(data)))
    last = more.draw(st.integers(first, len(data)))
    read = stream(data, step)
    read.take(first)
    read.begin()
    middle = (first + last) // 2
    read.skip(middle - first)
    read.take(last - middle)
    assert read.end() == data[first:last]
    assert read.take(len(data) - last) == data[last:]


def test_the_end_of_the_connection_is_said() -> None:
    for ask in (lambda s: s.take(3), lambda s: s.skip(3), lambda s: s.uint64()):
        with pytest.raises(EOFError):
            ask(stream(b"ab"))


# --- frames


def _frame(method: int, body: bytes, raw: int) -> bytes:
    framed = bytes([method]) + struct.pack("<II", len(body) + 9, raw) + body
    value = CityHash128(framed)
    return struct.pack("<QQ", value >> 64, value & (1 << 64) - 1) + framed


METHODS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "none": (0x02, bytes),
    "lz4": (0x82, lambda raw: lz4.block.compress(raw, store_size=False)),
    "zstd": (0x90, lambda raw: zstandard.ZstdCompressor().compress(raw)),
}


@pytest.mark.parametrize("method", METHODS)
@given(payload=st.binary(min_size=1, max_size=300), step=steps)
def test_a_frame_of_any_method_is_read(method: str, payload: bytes, step: int) -> None:
    code, compress = METHODS[method]
    read = stream(_frame(code, compress(payload), len(payload)) + b"!", step)
    assert frames.read_frame(read) == payload
    assert read.take(1) == b"!"


@pytest.mark.parametrize("size", [0, 1, frames.FRAME_BYTES, frames.FRAME_BYTES * 2 + 5])
def test_what_is_sent_can_be_read_back(size: int) -> None:
    payload = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    read = stream(frames.compress(payload), 65536)
    found = b""
    while len(found) < size:
        found += frames.read_frame(read)
    assert found == payload
    with pytest.raises(EOFError):
        read.byte()


@given(st.binary(min_size=1, max_size=100), st.data())
def test_any_flipped_bit_of_a_frame_is_noticed(payload: bytes, data: st.DataObject) -> None:
    framed = bytearray(frames.compress(payload))
    at = data.draw(st.integers(0, len(framed) - 1))
    framed[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises((ProtocolError, EOFError)):
        frames.read_frame(stream(bytes(framed)))


def test_damage_has_the_code_that_clients_know() -> None:
    framed = bytearray(frames.compress(b"payload"))
    framed[-1] ^= 1
    with pytest.raises(ProtocolError) as caught:
        frames.read_frame(stream(bytes(framed)))
    assert caught.value.code == CHECKSUM_DOESNT_MATCH


@pytest.mark.parametrize(
    "framed",
    [
        _frame(0x77, b"body", 4),
        _frame(0x82, b"no lz4 at all", 400),
        _frame(0x90, b"no zstd at all", 400),
        _frame(0x02, b"x", 1 << 31),
    ],
)
def test_frames_that_cannot_be_read_are_refused(framed: bytes) -> None:
    with pytest.raises(ProtocolError):
        frames.read_frame(stream(framed))


# --- where a column ends: an encoder of our own writes, the product finds the end

FIXED = {
    "UInt8": 1, "Int16": 2, "Date": 2, "UInt32": 4, "DateTime": 4, "DateTime('UTC')": 4,
    "IPv4": 4, "Int64": 8, "Float64": 8, "DateTime64(3, 'Asia/Seoul')": 8, "UUID": 16,
    "IPv6": 16, "Int256": 32, "Bool": 1, "Enum8('a' = 1, 'b,(' = 2)": 1, "Enum16('it\\'s' = 1)": 2,
    "Decimal(9, 2)": 4, "Decimal(18, 4)": 8, "Decimal(38, 4)": 16, "Decimal(76, 1)": 32,
    "FixedString(5)": 5, "FixedString(300)": 300, "IntervalDay": 8,
}  # fmt: skip

Encode = Callable[[st.DataObject, int], bytes]


def _fixed(width: int) -> Encode:
    return lambda data, rows: data.draw(st.binary(min_size=width * rows, max_size=width * rows))


def _strings(data: st.DataObject, rows: int) -> bytes:
    sizes = st.integers(0, 5) | st.sampled_from([127, 128, 300])
    return b"".join(
        varint(n) + b"s" * n for n in data.draw(st.lists(sizes, min_size=rows, max_size=rows))
    )


def _array(inner: Encode) -> Encode:
    def encode(data: st.DataObject, rows: int) -> bytes:
        if not rows:
            return b""
        sizes = data.draw(st.lists(st.integers(0, 3), min_size=rows, max_size=rows))
        ends = [sum(sizes[: n + 1]) for n in range(rows)]
        return struct.pack(f"<{rows}Q", *ends) + inner(data, ends[-1])

    return encode


def _together(*parts: Encode) -> Encode:
    return lambda data, rows: b"".join(part(data, rows) for part in parts)


def _low_cardinality(keys: Encode) -> Encode:
    def encode(data: st.DataObject, rows: int) -> bytes:
        if not rows:
            return b""
        count = data.draw(st.integers(1, 4))
        width = data.draw(st.integers(0, 3))
        flags = struct.pack("<Q", width | 0x600)
        indexes = b"\0" * (rows << width)
        return (
            flags + struct.pack("<Q", count) + keys(data, count) + struct.pack("<Q", rows) + indexes
        )

    return encode


Made = tuple[str, int, Encode]
"""A type, the bytes of its prefixes, and what writes values of it."""

leaves: st.SearchStrategy[Made] = st.sampled_from(
    [
        *((name, 0, _fixed(width)) for name, width in FIXED.items()),
        ("String", 0, _strings),
        ("LowCardinality(String)", 8, _low_cardinality(_strings)),
        ("LowCardinality(Nullable(String))", 8, _low_cardinality(_strings)),
        ("LowCardinality(FixedString(5))", 8, _low_cardinality(_fixed(5))),
        ("Nullable(Float32)", 0, _together(_fixed(1), _fixed(4))),
        ("Nullable(String)", 0, _together(_fixed(1), _strings)),
        ("Point", 0, _fixed(16)),
        ("Polygon", 0, _array(_array(_fixed(16)))),
        ("SimpleAggregateFunction(sum, UInt64)", 0, _fixed(8)),
    ]
)


def _pair(form: str, first: Made, second: Made) -> Made:
    name = form.format(first[0], second[0])
    return name, first[1] + second[1], _together(first[2], second[2])


def _nest(inner: st.SearchStrategy[Made]) -> st.SearchStrategy[Made]:
    pairs = st.tuples(inner, inner)
    return (
        inner.map(lambda m: (f"Array({m[0]})", m[1], _array(m[2])))
        | pairs.map(lambda p: _pair("Tuple({}, {})", *p))
        | pairs.map(lambda p: _pair("Tuple(a {}, `b c` {})", *p))
        | inner.map(lambda m: (f"Map(String, {m[0]})", m[1], _array(_together(_strings, m[2]))))
        | inner.map(
            lambda m: (f"Nested(x {m[0]}, y Bool)", m[1], _array(_together(m[2], _fixed(1))))
        )
    )


types = st.recursive(leaves, _nest, max_leaves=5)


@given(types, st.integers(0, 4), steps, st.data())
def test_the_end_of_a_column_is_found(
    made: Made, rows: int, step: int, data: st.DataObject
) -> None:
    type_, prefix, encode = made
    raw = b"p" * prefix + encode(data, rows)
    read = stream(raw + b"END", step)
    read.begin()
    column = layout(type_)
    assert column.prefix == prefix
    read.skip(column.prefix)
    column.skip(read, rows)
    assert read.end() == raw
    assert read.take(3) == b"END"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("UInt8", ("UInt8", ())),
        ("Map(String, Array(UInt8))", ("Map", ("String", "Array(UInt8)"))),
        ("Enum8('a,b' = 1, 'c)' = 2)", ("Enum8", ("'a,b' = 1", "'c)' = 2"))),
        ("Enum8('it\\'s' = 1, 'x''y' = 2)", ("Enum8", ("'it\\'s' = 1", "'x''y' = 2"))),
        ("Tuple(`a,(` UInt8, b String)", ("Tuple", ("`a,(` UInt8", "b String"))),
        ("DateTime64(3, 'UTC')", ("DateTime64", ("3", "'UTC'"))),
    ],
)
def test_types_are_taken_apart(text: str, parts: tuple[str, tuple[str, ...]]) -> None:
    assert split_type(text) == parts


@pytest.mark.parametrize("type_", ["AggregateFunction(uniq, String)", "JSON", "Variant(A, B)", "X"])
def test_types_without_a_layout_are_said(type_: str) -> None:
    with pytest.raises(UnsupportedTypeError, match="cannot read columns"):
        layout(type_)


def test_a_malformed_type_is_no_crash() -> None:
    with pytest.raises(ProtocolError):
        layout("Array(UInt8")


def test_a_damaged_low_cardinality_column_ends() -> None:
    raw = struct.pack("<QQQ", 0x600, 0, 0)
    with pytest.raises(ProtocolError, match="LowCardinality"):
        layout("LowCardinality(String)").skip(stream(raw), 3)


# --- packets


columns = st.lists(st.tuples(st.text(min_size=1, max_size=8), types), min_size=1, max_size=4)


def _native(found: list[tuple[str, Made]], rows: int, data: st.DataObject) -> bytes:
    parts = [varint(len(found)), varint(rows)]
    for name, (type_, prefix, encode) in found:
        parts += [string(name), string(type_)]
        if rows:
            parts += [b"p" * prefix, encode(data, rows)]
    return b"".join(parts)


@given(columns, st.integers(0, 3), steps, st.data())
def test_a_block_is_passed_on_byte_for_byte(
    found: list[tuple[str, Made]], rows: int, step: int, data: st.DataObject
) -> None:
    native = _native(found, rows, data)
    read = stream(packets.block_body(native) + b"next", step)
    block = packets.read_block("t", read)
    assert block.raw == native
    assert block.rows == rows
    assert list(block.columns) == [(name, made[0]) for name, made in found]
    assert read.take(4) == b"next"


@given(columns, st.lists(st.integers(0, 3), max_size=4), st.data())
def test_blocks_in_a_row_are_taken_apart(
    found: list[tuple[str, Made]], rows: list[int], data: st.DataObject
) -> None:
    natives = [_native(found, count, data) for count in rows]
    blocks = packets.split_blocks(b"".join(natives))
    assert [block.raw for block in blocks] == natives
    for native in natives:
        assert list(packets.first_columns(native)) == [(n, made[0]) for n, made in found]


def _query(sql: str, settings: dict[str, tuple[str, int]]) -> Iterator[bytes]:
    yield string("id")
    yield b"\1" + string("user") + string("query") + string("0.0.0.0:0") + b"\1"
    yield string("os") + string("host") + string("client")
    yield varint(20) + varint(10) + varint(54440) + string("") + varint(3)
    for name, (value, flags) in settings.items():
        yield string(name) + varint(flags) + string(value)
    yield string("") + varint(2) + varint(1) + string(sql)


@given(
    st.text(),
    st.dictionaries(
        st.text(min_size=1, max_size=9),
        st.tuples(st.text(max_size=9), st.integers(0, 3)),
        max_size=4,
    ),
    steps,
)
def test_a_query_is_read_with_its_settings(
    sql: str, settings: dict[str, tuple[str, int]], step: int
) -> None:
    query = packets.read_query(stream(b"".join(_query(sql, settings)), step))
    assert query.sql == sql
    assert query.compressed
    assert query.settings == {
        name: packets.Setting(value, bool(flags & 1), bool(flags & 2))
        for name, (value, flags) in settings.items()
    }


def test_clients_older_than_the_settings_as_text_are_refused() -> None:
    def greeting(revision: int) -> ByteStream:
        head = string("client") + varint(20) + varint(1) + varint(revision)
        return stream(head + string("db") + string("user") + string("password"))

    assert packets.read_hello(greeting(54429)) == packets.Hello("db", 54429)
    assert packets.read_hello(greeting(60000)) == packets.Hello("db", packets.REVISION)
    with pytest.raises(ProtocolError, match="older"):
        packets.read_hello(greeting(54428))


def test_an_exception_carries_code_and_message() -> None:
    read = stream(packets.exception(ServerError(60, "no such table")))
    assert read.varint() == 2
    assert struct.unpack("<i", read.take(4)) == (60,)
    assert (read.string(), read.string(), read.string()) == ("DB::Exception", "no such table", "")


# --- errors


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Code: 60. DB::Exception: no table", 60),
        ("something else", UNKNOWN_EXCEPTION),
        (
            "Code: 75. DB::ErrnoException: Cannot write, errno: 28, strerror: No space",
            NOT_ENOUGH_SPACE,
        ),
        ("Code: 1001. std: No space left on device", NOT_ENOUGH_SPACE),
        ("Code: 75. DB::ErrnoException: errno: 122, Disk quota exceeded", NOT_ENOUGH_SPACE),
        ("errno: 27, File too large", NOT_ENOUGH_SPACE),
        ("Code: 76. errno: 280 is another one", 76),
    ],
)
def test_every_full_disk_has_the_code_that_is_retried(text: str, code: int) -> None:
    assert ServerError.from_engine(text).code == code
