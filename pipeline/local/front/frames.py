"""Compressed frames: checksum, method, sizes, body. In by any method, out as LZ4."""

from __future__ import annotations

import struct

import lz4.block
import zstandard
from clickhouse_cityhash.cityhash import CityHash128

from pipeline.local.front.errors import CHECKSUM_DOESNT_MATCH, ProtocolError
from pipeline.local.front.wire import ByteStream

_NONE, _LZ4, _ZSTD = 0x02, 0x82, 0x90
_SIZES = struct.Struct("<II")
_HASH = struct.Struct("<QQ")
_HEADER = 1 + _SIZES.size

FRAME_BYTES = 1 << 20
"""Uncompressed bytes in a frame that is sent."""

MAX_FRAME_BYTES = 1 << 30
"""Largest frame accepted; ClickHouse's own limit."""


def read_frame(stream: ByteStream) -> bytes:
    """The next frame, decompressed. Raises ProtocolError where it is damaged."""
    checksum = stream.take(_HASH.size)
    header = stream.take(_HEADER)
    compressed, raw = _SIZES.unpack_from(header, 1)
    if not _HEADER <= compressed <= MAX_FRAME_BYTES or raw > MAX_FRAME_BYTES:
        raise ProtocolError(f"a compressed frame of {compressed} bytes")
    body = stream.take(compressed - _HEADER)
    if _digest(header + body) != checksum:
        raise ProtocolError("the checksum of a compressed frame is wrong", CHECKSUM_DOESNT_MATCH)
    return _decompress(header[0], body, raw)


def _decompress(method: int, body: bytes, raw: int) -> bytes:
    try:
        if method == _LZ4:
            return bytes(lz4.block.decompress(body, uncompressed_size=raw))
        if method == _ZSTD:
            return bytes(zstandard.ZstdDecompressor().decompress(body, max_output_size=raw))
    except (lz4.block.LZ4BlockError, zstandard.ZstdError) as error:
        raise ProtocolError(f"a compressed frame cannot be read: {error}") from error
    if method != _NONE:
        raise ProtocolError(f"compression method {method:#x} is unknown")
    return body


def compress(payload: bytes) -> bytes:
    """`payload` as frames."""
    return b"".join(
        _frame(payload[start : start + FRAME_BYTES])
        for start in range(0, len(payload), FRAME_BYTES)
    )


def _frame(payload: bytes) -> bytes:
    body = lz4.block.compress(payload, store_size=False)
    framed = bytes([_LZ4]) + _SIZES.pack(len(body) + _HEADER, len(payload)) + body
    return _digest(framed) + framed


def _digest(framed: bytes) -> bytes:
    value: int = CityHash128(framed)
    return _HASH.pack(value >> 64, value & (1 << 64) - 1)
