"""A POST from its first byte to its answer."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import hdrs, web

from pipeline import metrics
from pipeline.clock import Clock
from pipeline.gateway import body
from pipeline.gateway.access import Doorman
from pipeline.gateway.items import CONTACTS, Item, Kind, examine
from pipeline.gateway.limits import Memory, RateLimit, too_fast
from pipeline.gateway.problem import Problem
from pipeline.gateway.reach import Reach
from pipeline.gateway.sink import Courier
from pipeline.settings import GatewaySettings

_LARGE = 32_768
"""Bytes from which decoding and validating (about 3 ms) leave the event loop."""

_RETRY_AFTER = 5
"""Seconds after which it is worth asking Kafka again."""


class Answer(web.Response):
    """An answer that lists items; `number` of them, for the access log."""

    def __init__(self, document: dict[str, Any], **more: Any) -> None:
        super().__init__(body=orjson.dumps(document), content_type=body.JSON, **more)
        self.number = len(document["items"])


@dataclass
class Ingest:
    """Takes the items of requests; one object for the gateway's life."""

    settings: GatewaySettings
    topics: dict[str, str]
    courier: Courier
    reach: Reach
    clock: Clock
    doorman: Doorman
    rate: RateLimit
    memory: Memory
    pool: ThreadPoolExecutor

    def route(self, kind: Kind) -> Callable[[web.Request], Any]:
        """The handler of the items of one kind."""

        async def handler(request: web.Request) -> web.Response:
            return await self._take(kind, request)

        return handler

    async def _take(self, kind: Kind, request: web.Request) -> web.Response:
        if self.reach.leaving:
            raise Problem(503, "the gateway is leaving: send it again", retry_after=1)
        client = self.doorman.client(request)
        split = body.splitter(request)
        if wait := self.rate.wait(client, 1):
            raise too_fast(wait)
        with self.memory.reserve(self._size(request)):
            parts, size = await self._receive(kind, client, split, request)
            if wait := self.rate.take(client, len(parts)):
                raise too_fast(wait)
            now = self.clock.now()
            items = await self._run(size, lambda: examine(kind, parts, now))
            await self.courier.deliver(self.topics[kind.event], items)
        if any(item.status == "accepted" for item in items):
            self.reach.seen()
        return _answer(kind, items)

    def _size(self, request: web.Request) -> int:
        """Bytes to set aside: what is announced; the most there can be if that says nothing."""
        announced = request.content_length
        if announced is None or hdrs.CONTENT_ENCODING in request.headers:
            return self.settings.max_body
        return min(announced, self.settings.max_body)

    async def _receive(
        self, kind: Kind, client: str, split: body.Split, request: web.Request
    ) -> tuple[list[Any], int]:
        """The parts of the body and its size; a body that is no good costs as much as one item."""
        try:
            raw = await body.receive(
                request, limit=self.settings.max_body, seconds=self.settings.read_timeout
            )
            parts = await self._run(len(raw), lambda: split(raw))
            self._check(kind, len(parts))
        except Problem:
            self.rate.take(client, 1)
            raise
        return parts, len(raw)

    def _check(self, kind: Kind, number: int) -> None:
        if not number:
            raise Problem(400, f"the body holds no {kind.event}")
        if number > self.settings.max_items:
            raise Problem(
                413,
                f"the body holds {number:,} items, at most {self.settings.max_items:,} are taken:"
                " send it in several requests",
            )

    async def _run(self, size: int, work: Callable[[], list[Any]]) -> list[Any]:
        if size < _LARGE:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self.pool, work)


def _answer(kind: Kind, items: Sequence[Item]) -> web.Response:
    found = Counter[str](item.status for item in items)
    counts = {status: found[status] for status in ("accepted", "rejected", "failed")}
    _count(kind, counts)
    status = _status(items, counts)
    headers = {"Retry-After": str(_RETRY_AFTER)} if status == 503 else {}
    document = {**counts, "items": [_shown(kind, item) for item in items]}
    return Answer(document, status=status, headers=headers)


def _count(kind: Kind, counts: dict[str, int]) -> None:
    for result, number in counts.items():
        if kind is CONTACTS:
            metrics.INGESTED.labels(result).inc(number)
        else:
            metrics.UPSERTS_RECEIVED.labels(kind.event, result).inc(number)


def _status(items: Sequence[Item], counts: dict[str, int]) -> int:
    """A failure outranks the rest: a client that only reads the status repeats the request."""
    if counts["failed"]:
        return 503 if any(item.retryable for item in items) else 502
    if not counts["rejected"]:
        return 202
    return 207 if counts["accepted"] else 422


def _shown(kind: Kind, item: Item) -> dict[str, Any]:
    errors = [error._asdict() for error in item.errors]
    return {"index": item.index, kind.name: item.name, "status": item.status, "errors": errors}
