"""Bytes of the native protocol: varints, strings, and a buffer that grows as it is read."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.local.front.errors import ProtocolError

MAX_VARINT_SHIFT = 63
MAX_STRING = 1 << 30
"""Longest string accepted from a client, bytes: above it the stream is garbage, not data."""


def varint(number: int) -> bytes:
    """LEB128, as ClickHouse writes lengths and packet types."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def string(text: str | bytes) -> bytes:
    """Length and bytes."""
    raw = text.encode() if isinstance(text, str) else text
    return varint(len(raw)) + raw


class ByteStream:
    """Reads from `source`, which blocks for more bytes and returns b"" at the end.

    Between `begin` and `end` nothing is dropped, so that a parsed block can be passed on verbatim.
    Raises EOFError where the source ends too early.
    """

    __slots__ = ("_keeping", "_source", "data", "pos")

    def __init__(self, source: Callable[[], bytes]) -> None:
        self._source = source
        self._keeping = False
        self.data = bytearray()
        self.pos = 0

    @property
    def buffered(self) -> bytes:
        """What has been received and not yet read."""
        return bytes(self.data[self.pos :])

    def begin(self) -> None:
        """Keeps everything from here until `end`."""
        del self.data[: self.pos]
        self.pos = 0
        self._keeping = True

    def end(self) -> bytes:
        """Everything read since `begin`."""
        self._keeping = False
        return bytes(memoryview(self.data)[: self.pos])

    def fill(self, upto: int) -> None:
        """Receives until `data` holds `upto` bytes, an index that `begin` made the start of."""
        while len(self.data) < upto:
            more = self._source()
            if not more:
                raise EOFError
            self.data += more

    def skip(self, count: int) -> None:
        """Moves on by `count` bytes."""
        self.fill(self.pos + count)
        self.pos += count

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        if not self._keeping and self.pos:
            del self.data[: self.pos]
            self.pos = 0
        start = self.pos
        self.skip(count)
        return bytes(memoryview(self.data)[start : self.pos])

    def byte(self) -> int:
        """The next byte."""
        if self.pos >= len(self.data):
            self.fill(self.pos + 1)
        value = self.data[self.pos]
        self.pos += 1
        return value

    def uint64(self) -> int:
        """The next 8 bytes as a little-endian number."""
        return int.from_bytes(self.take(8), "little")

    def varint(self) -> int:
        """The next LEB128 number; ProtocolError beyond 64 bits."""
        shift = number = 0
        while True:
            byte = self.byte()
            number |= (byte & 127) << shift
            if byte < 128:
                return number
            shift += 7
            if shift > MAX_VARINT_SHIFT:
                raise ProtocolError("a number longer than 64 bits")

    def string(self) -> str:
        """The next string, as UTF-8."""
        length = self.varint()
        if length > MAX_STRING:
            raise ProtocolError(f"a string of {length} bytes")
        return self.take(length).decode()
