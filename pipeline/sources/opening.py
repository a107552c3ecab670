"""Opening files, standard input and gzip, with the position for a progress bar."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.sources.errors import SourceError

SAMPLE_BYTES = 1 << 16
_GZIP = b"\x1f\x8b"
_READ_ERRORS = (OSError, EOFError, zlib.error)


Buffered = io.BufferedReader | gzip.GzipFile


@dataclass
class Source:
    """An opened source of bytes. `size` is the file's, compressed or not; None if unknown."""

    name: str
    stream: Buffered
    size: int | None
    _raw: io.RawIOBase

    def position(self) -> int:
        """Bytes of the file read so far, in the unit of `size`."""
        return self._raw.tell() if self.size is not None else 0

    def sample(self) -> bytes:
        """The first bytes, which stay to be read. Raises SourceError for damaged gzip."""
        with readable(self.name):
            return self.stream.peek(SAMPLE_BYTES)[:SAMPLE_BYTES]

    def lines(self, limit: int) -> Iterator[bytes]:
        """Lines with their ends. One longer than `limit` bytes comes as its first `limit` bytes.

        Raises SourceError where the rest cannot be read (disk, damaged gzip).
        """
        readline = self.stream.readline
        with readable(self.name):
            while line := readline(limit):
                if len(line) == limit and line[-1] != 10:
                    while (rest := readline(limit)) and rest[-1] != 10:
                        pass
                yield line


@contextmanager
def open_source(name: str) -> Iterator[Source]:
    """The source called `name`: a path, or `-` for standard input; gzip is unpacked.

    Raises SourceError where it cannot be opened.
    """
    if name == "-":
        yield _source("standard input", _unbuffered(sys.stdin.buffer), None)
        return
    path = Path(name)
    with readable(name):
        file = path.open("rb", buffering=0)
    with file:
        yield _source(name, file, path.stat().st_size if path.is_file() else None)


def _unbuffered(stream: Any) -> io.RawIOBase:
    """What is below a buffer: of two, one on the other, the lower one waits until it is full."""
    below: io.RawIOBase = getattr(stream, "raw", stream)
    return below


def _source(name: str, file: io.RawIOBase, size: int | None) -> Source:
    stream: Buffered = io.BufferedReader(file, SAMPLE_BYTES)
    with readable(name):
        packed = stream.peek(2)[:2] == _GZIP
    return Source(name, gzip.GzipFile(fileobj=stream) if packed else stream, size, file)


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Turns errors of the file system and of gzip into a SourceError."""
    try:
        yield
    except _READ_ERRORS as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceError(
            f"{name} cannot be read: {reason}", fix="Check the path, its rights and the file."
        ) from error
