"""A source's lines as records: JSON objects, or rows of a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from pipeline.contract import MAX_EVENT_BYTES
from pipeline.sources.errors import SourceError
from pipeline.sources.opening import Source, readable

FORMATS = ("auto", "jsonl", "csv")

_LONGEST_LINE = MAX_EVENT_BYTES + 4
"""One more than an event, its line end and its mark may have: the contract then says too large."""
_LONGEST_FIELD = 1 << 20
_DELIMITERS = ",\t;|"
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it stands in its source.

    `line` counts from 1. `raw` is its text in UTF-8 where it is JSON, else as bytes of the source;
    `build` gives the event of a row and may raise InvalidEvent; None where `raw` is the event.
    """

    line: int
    raw: bytes
    build: Callable[[], dict[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """How a CSV is written. `columns` names the columns of a file that has no header."""

    delimiter: str = ""
    columns: tuple[str, ...] = ()


def format_of(name: str, sample: bytes, wanted: str) -> str:
    """`jsonl` or `csv`: as wanted, by the file's ending, else by its first character.

    Raises SourceError for a JSON array.
    """
    start = sample.removeprefix(_BOM).lstrip()[:1]
    if start == b"[" and wanted != "csv":
        raise SourceError(
            f"{name} is one JSON array, not JSON lines",
            fix="Turn it into lines: jq -c '.[]' FILE | voc send -",
        )
    if wanted != "auto":
        return wanted
    endings = [ending.lower() for ending in PurePath(name).suffixes]
    if {".jsonl", ".ndjson", ".json"} & set(endings):
        return "jsonl"
    if {".csv", ".tsv"} & set(endings):
        return "csv"
    return "jsonl" if start == b"{" else "csv"


def json_records(
    source: Source, encoding: str, *, longest: int = _LONGEST_LINE
) -> Iterator[Record]:
    """One record per line that is not blank; other encodings are turned into UTF-8.

    Of a line that is longer than `longest` bytes, only its beginning is there.
    """
    plain = encoding == "utf-8"
    for number, line in enumerate(_lines(source, encoding, longest), start=1):
        raw = line.rstrip()
        if raw:
            yield Record(number, raw if plain else _utf8(raw, encoding))


def csv_records(
    source: Source,
    encoding: str,
    table: Table,
    rows: Callable[[list[str]], Callable[[list[str]], dict[str, Any]]],
) -> Iterator[Record]:
    """One record per row; `rows` gives what turns a row under a header into an event.

    Raises SourceError where quotes do not end.
    """
    lines = _Lines(_lines(source, encoding), "utf-8" if encoding == "utf-16" else encoding)
    first = next(lines, None)
    if first is None:
        return
    delimiter = table.delimiter or _delimiter(first)
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader(lines.again(first), delimiter=delimiter)
    build = rows(list(table.columns)) if table.columns else rows(next(reader))
    if not table.columns:
        lines.take()
    yield from _rows(source, reader, lines, build)


def _rows(
    source: Source,
    reader: Iterator[list[str]],
    lines: _Lines,
    build: Callable[[list[str]], dict[str, Any]],
) -> Iterator[Record]:
    while True:
        start = lines.number + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise SourceError(
                f"{source.name} is not CSV from line {start} on: {error}",
                fix="Look for a quote that does not end, and check --delimiter.",
            ) from error
        if row is None:
            return
        raw = lines.take()
        if any(row):
            yield Record(start, raw, lambda row=row: build(row))  # type: ignore[misc]


class _Lines:
    """Decoded lines for csv.reader, which also remembers the bytes of the row being read."""

    def __init__(self, lines: Iterator[bytes], encoding: str) -> None:
        self._lines = lines
        self._encoding = encoding
        self._bytes: list[bytes] = []
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number += 1
        self._bytes.append(line)
        return line.decode(self._encoding, "surrogateescape")

    def again(self, first: str) -> Iterator[str]:
        """The line that was looked at, then the rest."""
        yield first
        yield from self

    def take(self) -> bytes:
        """The bytes since the last call."""
        raw = b"".join(self._bytes)
        self._bytes.clear()
        return raw.rstrip(b"\r\n")


def _lines(source: Source, encoding: str, longest: int = _LONGEST_LINE) -> Iterator[bytes]:
    lines = _utf16_lines(source) if encoding == "utf-16" else source.lines(longest)
    first = next(lines, None)
    if first is None:
        return
    yield first.removeprefix(_BOM)
    yield from lines


def _utf16_lines(source: Source) -> Iterator[bytes]:
    text = io.TextIOWrapper(source.stream, "utf-16", "replace", newline="")
    try:
        with readable(source.name):
            for line in text:
                yield line.encode()
    finally:
        text.detach()  # else it closes the source with itself


def _utf8(raw: bytes, encoding: str) -> bytes:
    """The bytes in UTF-8; as they are where they are not text: the contract then refuses them."""
    try:
        return raw.decode("utf-8" if encoding == "utf-16" else encoding).encode()
    except UnicodeDecodeError:
        return raw


def _delimiter(header: str) -> str:
    return max(_DELIMITERS, key=header.count)
