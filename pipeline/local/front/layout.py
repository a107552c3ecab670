"""Where a column of a native block ends.

The native format has no lengths: the only way to the end of a block is through its columns.  The
values themselves are not looked at, so that a block costs one pass over the strings' lengths
(about 0.1 µs a string) and nothing for fixed-width columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from pipeline.local.front.errors import ProtocolError, UnsupportedTypeError
from pipeline.local.front.wire import ByteStream

Skip = Callable[[ByteStream, int], None]

_WIDTHS = {
    "Bool": 1, "Int8": 1, "UInt8": 1, "Enum8": 1, "Nothing": 1,
    "Int16": 2, "UInt16": 2, "Enum16": 2, "Date": 2, "BFloat16": 2,
    "Int32": 4, "UInt32": 4, "Float32": 4, "Date32": 4, "DateTime": 4, "IPv4": 4, "Time": 4,
    "Int64": 8, "UInt64": 8, "Float64": 8, "DateTime64": 8, "Time64": 8,
    "Int128": 16, "UInt128": 16, "UUID": 16, "IPv6": 16,
    "Int256": 32, "UInt256": 32,
    "Decimal32": 4, "Decimal64": 8, "Decimal128": 16, "Decimal256": 32,
}  # fmt: skip

_DECIMAL_WIDTHS = ((9, 4), (18, 8), (38, 16), (76, 32))

_ALIASES = {
    "Point": "Tuple(Float64, Float64)",
    "Ring": "Array(Point)",
    "LineString": "Array(Point)",
    "Polygon": "Array(Ring)",
    "MultiLineString": "Array(LineString)",
    "MultiPolygon": "Array(Polygon)",
}

_INDEX_WIDTHS = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class Layout:
    """`prefix` bytes once per column, then what `skip` passes over for a number of values."""

    skip: Skip
    prefix: int = 0


@lru_cache(maxsize=4096)
def layout(type_: str) -> Layout:
    """The layout of a ClickHouse type; UnsupportedTypeError where it has none that is fixed."""
    name, args = split_type(type_)
    if name in _WIDTHS:
        return _fixed(_WIDTHS[name])
    if name in _ALIASES:
        return layout(_ALIASES[name])
    if name == "String":
        return Layout(skip_strings)
    if name.startswith("Interval"):
        return _fixed(8)
    builder = _BUILDERS.get(name)
    if builder is None or not args:
        raise UnsupportedTypeError(type_)
    return builder(args)


def split_type(type_: str) -> tuple[str, tuple[str, ...]]:
    """`Map(String, Array(UInt8))` -> ("Map", ("String", "Array(UInt8)"))."""
    name, bracket, rest = type_.strip().partition("(")
    if not bracket:
        return name, ()
    inside = rest.rstrip()
    if not inside.endswith(")"):
        raise ProtocolError(f"a malformed type: {type_}")
    return name.rstrip(), tuple(_arguments(inside[:-1]))


def _arguments(text: str) -> list[str]:
    parts, depth, start, at = [], 0, 0, 0
    while at < len(text):
        char = text[at]
        if char in "'`\"":
            at = closing_quote(text, at)
        elif char == "(":
            depth += 1
        elif char == ")":
            depth -= 1
        elif char == "," and not depth:
            parts.append(text[start:at].strip())
            start = at + 1
        at += 1
    last = text[start:].strip()
    return [*parts, last] if last else parts


def closing_quote(text: str, start: int) -> int:
    """The index of the quote that closes the one at `start`; the last index if none does."""
    at = start + 1
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == text[start]:
            if text[at + 1 : at + 2] != text[start]:
                return at
            at += 1
        at += 1
    return len(text) - 1


def _fixed(width: int) -> Layout:
    return Layout(lambda stream, rows: stream.skip(rows * width))


def skip_strings(stream: ByteStream, rows: int) -> None:
    """Passes over `rows` length-prefixed strings. Locals only: this loop is the cost of a block."""
    data, pos, end = stream.data, stream.pos, len(stream.data)
    for _ in range(rows):
        if pos >= end:
            stream.fill(pos + 1)
            end = len(data)
        length = data[pos]
        pos += 1
        shift = 7
        if length > 127:
            length &= 127
            byte = 128
            while byte > 127:
                if pos >= end:
                    stream.fill(pos + 1)
                    end = len(data)
                byte = data[pos]
                pos += 1
                length |= (byte & 127) << shift
                shift += 7
        pos += length
    stream.fill(pos)
    stream.pos = pos


def _fixed_string(args: Sequence[str]) -> Layout:
    return _fixed(int(args[0]))


def _decimal(args: Sequence[str]) -> Layout:
    precision = int(args[0])
    return _fixed(next(width for limit, width in _DECIMAL_WIDTHS if precision <= limit))


def _nullable(args: Sequence[str]) -> Layout:
    inner = layout(args[0])

    def skip(stream: ByteStream, rows: int) -> None:
        stream.skip(rows)
        inner.skip(stream, rows)

    return Layout(skip, inner.prefix)


def _array_of(inner: Layout) -> Layout:
    def skip(stream: ByteStream, rows: int) -> None:
        if rows:
            stream.skip((rows - 1) * 8)
            inner.skip(stream, stream.uint64())

    return Layout(skip, inner.prefix)


def _array(args: Sequence[str]) -> Layout:
    return _array_of(layout(args[0]))


def _map(args: Sequence[str]) -> Layout:
    return _array_of(_together([layout(arg) for arg in args]))


def _nested(args: Sequence[str]) -> Layout:
    return _array_of(_tuple(args))


def _tuple(args: Sequence[str]) -> Layout:
    return _together([layout(_element(arg)) for arg in args])


def _together(parts: Sequence[Layout]) -> Layout:
    def skip(stream: ByteStream, rows: int) -> None:
        for part in parts:
            part.skip(stream, rows)

    return Layout(skip, sum(part.prefix for part in parts))


def _element(text: str) -> str:
    """Strips the name of a named tuple element: `` `a b` UInt8`` and `x UInt8` -> `UInt8`."""
    if text[0] in '`"':
        return text[closing_quote(text, 0) + 1 :].strip()
    head, blank, rest = text.partition(" ")
    return rest.strip() if blank and "(" not in head else text


def _simple_aggregate(args: Sequence[str]) -> Layout:
    return layout(args[1])


def _low_cardinality(args: Sequence[str]) -> Layout:
    name, inner = split_type(args[0])
    keys = layout(inner[0] if name == "Nullable" else args[0])

    def skip(stream: ByteStream, rows: int) -> None:
        while rows > 0:
            kind = stream.uint64() & 0xFF
            keys.skip(stream, stream.uint64())
            count = stream.uint64()
            if kind >= len(_INDEX_WIDTHS) or not 0 < count <= rows:
                raise ProtocolError("a damaged LowCardinality column")
            stream.skip(count * _INDEX_WIDTHS[kind])
            rows -= count

    return Layout(skip, 8)


_BUILDERS: dict[str, Callable[[Sequence[str]], Layout]] = {
    "FixedString": _fixed_string,
    "Decimal": _decimal,
    "Nullable": _nullable,
    "Array": _array,
    "Map": _map,
    "Nested": _nested,
    "Tuple": _tuple,
    "SimpleAggregateFunction": _simple_aggregate,
    "LowCardinality": _low_cardinality,
}
