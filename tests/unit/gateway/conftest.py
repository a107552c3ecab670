from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import Future
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from pipeline.clock import ManualClock
from pipeline.gateway import Reach, application
from pipeline.settings import GatewaySettings, Topics


@dataclass
class FakeSink:
    """Keeps what is sent. `answer` decides: return None to acknowledge, an error, or "never"."""

    answer: Callable[[bytes], BaseException | str | None] = lambda _value: None
    sent: list[tuple[str, bytes, bytes]] = field(default_factory=list)
    pending: list[Future[Any]] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)

    def send(
        self, topic: str, key: bytes, value: bytes, headers: Sequence[tuple[str, bytes]] = ()
    ) -> Future[Any]:
        self.sent.append((topic, key, value))
        future: Future[Any] = Future()
        said = self.answer(value)
        if said == "never":
            self.pending.append(future)
        elif isinstance(said, BaseException):
            future.set_exception(said)
        else:
            # Kafka answers from another thread.
            threading.Thread(target=future.set_result, args=(None,)).start()
        self.arrived.set()
        return future


@dataclass
class Gateway:
    client: TestClient[Any, Any]
    sink: FakeSink
    clock: ManualClock
    reach: Reach

    async def post(self, value: Any, path: str = "/v1/contacts", **more: Any) -> tuple[int, Any]:
        async with self.client.post(path, json=value, **more) as response:
            return response.status, await response.json(content_type=None)

    async def raw(self, data: Any, kind: str = "application/json", **more: Any) -> tuple[int, Any]:
        headers = {"Content-Type": kind, **more.pop("headers", {})}
        async with self.client.post("/v1/contacts", data=data, headers=headers, **more) as response:
            return response.status, await response.json(content_type=None)


Start = Callable[..., Awaitable[Gateway]]


@asynccontextmanager
async def running(sink: FakeSink, **changes: Any) -> AsyncIterator[Gateway]:
    clock = ManualClock(datetime(2026, 3, 3, tzinfo=UTC))
    reach = Reach(lambda: None, clock)
    app = application(GatewaySettings(**changes), Topics(), sink, reach, clock)
    async with TestClient(TestServer(app)) as client:
        yield Gateway(client, sink, clock, reach)


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    async with AsyncExitStack() as stack:

        async def begin(sink: FakeSink | None = None, **changes: Any) -> Gateway:
            return await stack.enter_async_context(running(sink or FakeSink(), **changes))

        yield begin


@pytest.fixture(name="sink_of")
def _sink_of() -> type[FakeSink]:
    return FakeSink


@pytest.fixture(name="contact")
def _contact() -> Callable[..., dict[str, Any]]:
    def make(number: int = 1, **changes: Any) -> dict[str, Any]:
        event = {
            "contact_id": f"t-{number}",
            "occurred_at": "2026-03-02T09:15:00+08:00",
            "channel": "chat",
            "text": "快递晚了三天，没有人回复。",
        }
        return {**event, **changes}

    return make
