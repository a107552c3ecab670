"""Texts for the commands that read some: arguments, a file, or stdin."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import orjson

from pipeline.errors import ConfigError, ContractError

Item = TypeVar("Item")


def texts(given: Sequence[str], file: Path | None) -> Iterator[str]:
    """Arguments, else the lines of `file`, else those of stdin ("-" is stdin too).

    A line that is a JSON object gives its "text". Empty lines are left out.
    Raises ConfigError for a file that cannot be read or is not UTF-8, ContractError for an object
    without text.
    """
    if given and file:
        raise ConfigError("texts and --file exclude each other", fix="Give one of them.")
    if given:
        yield from given
        return
    if file is None and sys.stdin.isatty():
        raise ConfigError(
            "there is no text", fix='Give one: voc classify "…", or --file FILE, or a pipe.'
        )
    yield from _of_lines(_lines(file), str(file or "stdin"))


def chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of `size` items; the last may be shorter."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def records(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSONL file. Raises ConfigError, ContractError with the line."""
    return [_object(line, at, str(path)) for at, line in _numbered(_lines(path)) if line.strip()]


def _of_lines(lines: Iterable[bytes], name: str) -> Iterator[str]:
    for at, line in _numbered(lines):
        if not line.strip():
            continue
        if line.lstrip().startswith(b"{"):
            text = _object(line, at, name).get("text")
            if not isinstance(text, str):
                raise ContractError(f'{name}, line {at}: the object has no "text"')
            yield text
        else:
            yield _decoded(line, at, name).rstrip("\r\n")


def _numbered(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    return enumerate(lines, start=1)


def _lines(file: Path | None) -> Iterator[bytes]:
    if file is None or str(file) == "-":
        yield from _from(sys.stdin.buffer)
        return
    try:
        with file.open("rb") as opened:
            yield from _from(opened)
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}", fix="Check the path.") from error


def _from(opened: BinaryIO) -> Iterator[bytes]:
    first = opened.readline()
    yield first.removeprefix(b"\xef\xbb\xbf")
    yield from opened


def _decoded(line: bytes, at: int, name: str) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        raise ContractError(
            f"{name}, line {at} is not UTF-8", fix="Convert it: iconv -f gb18030 -t utf-8 FILE"
        ) from None


def _object(line: bytes, at: int, name: str) -> dict[str, Any]:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ContractError(f"{name}, line {at} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ContractError(f"{name}, line {at} is not a JSON object")
    return value
