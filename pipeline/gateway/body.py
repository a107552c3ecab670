"""From a request's body to the parts in it: one object, an array, or a line each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
from aiohttp import ContentTypeError, web
from aiohttp.http_exceptions import HttpProcessingError

from pipeline.contract import FieldError
from pipeline.gateway.problem import Problem

JSON = "application/json"
NDJSON = "application/x-ndjson"
_LINES = frozenset(
    {NDJSON, "application/ndjson", "application/jsonl", "application/x-jsonlines"}
    | {"application/jsonlines", "application/json-lines"}
)

Split = Callable[[bytearray], list[Any]]
"""Gives the parts of a body. Raises Problem where the body as a whole cannot be read."""


def splitter(request: web.Request) -> Split:
    """How the content type says that the body is to be read. Raises Problem 415."""
    charset = (request.charset or "utf-8").lower()
    if charset not in {"utf-8", "utf8", "us-ascii"}:
        raise Problem(415, f"the charset {charset} is not read: send UTF-8")
    if request.content_type == JSON:
        return _document
    if request.content_type in _LINES:
        return _lines
    raise Problem(
        415,
        f"the content type {request.content_type} is not read: send {JSON} for one object or an"
        f" array, {NDJSON} for one object a line (curl -H 'Content-Type: {JSON}')",
    )


async def receive(request: web.Request, *, limit: int, seconds: float) -> bytearray:
    """The body, decompressed. Holds at most `limit` bytes and a network chunk of it.

    Raises Problem: 413 above the limit, 408 after `seconds`, 400 where it cannot be decompressed.
    """
    if (request.content_length or 0) > limit:
        raise _too_large(limit)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > limit:
                    raise _too_large(limit)
    except TimeoutError as error:
        raise Problem(408, f"the body did not arrive within {seconds:g} s") from error
    except (HttpProcessingError, ContentTypeError, web.RequestPayloadError) as error:
        raise Problem(400, "the body is damaged: check its Content-Encoding") from error
    return body


def _too_large(limit: int) -> Problem:
    return Problem(413, f"the body has more than {limit:,} bytes: send it in several requests")


def _document(body: bytearray) -> list[Any]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        place = {"line": error.lineno, "column": error.colno, "offset": error.pos}
        raise Problem(
            400,
            f"the body is not JSON in UTF-8: {error.msg}, line {error.lineno}, column"
            f" {error.colno}",
            position=place,
        ) from error
    return value if isinstance(value, list) else [value]


def _lines(body: bytearray) -> list[Any]:
    """A broken line is one wrong item: it does not sink the others."""
    return [
        _line(number, line)
        for number, line in enumerate(body.split(b"\n"), start=1)
        if line and not line.isspace()
    ]


def _line(number: int, line: bytearray) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        where = f"line {number}, column {error.colno}"
        return FieldError("", f"the line is not JSON in UTF-8: {error.msg}, {where}")
