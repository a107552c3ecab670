"""Starting and leaving, on a real socket."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Any

import aiohttp
import pytest

from pipeline.errors import ConfigError
from pipeline.gateway import GatewayServer, Reach
from pipeline.settings import GatewaySettings, Topics


def _server(sink: Any, **changes: Any) -> GatewayServer:
    settings = GatewaySettings(**{"port": 0, **changes})
    return GatewayServer(settings, Topics(), sink, Reach(lambda: None))


async def test_it_becomes_ready_by_itself(sink_of: Any) -> None:
    server = _server(sink_of())
    address = await server.start()
    try:
        async with aiohttp.ClientSession() as session, asyncio.timeout(20):
            while True:
                async with session.get(f"{address}/readyz") as response:
                    if response.status == 200:
                        break
                await asyncio.sleep(0.01)
    finally:
        await server.stop()


async def test_leaving_answers_what_is_under_way_and_refuses_the_rest(
    sink_of: Any, contact: Any
) -> None:
    sink = sink_of(lambda _value: "never")
    server = _server(sink)
    address = await server.start()
    async with aiohttp.ClientSession() as session:
        asking = asyncio.create_task(session.post(f"{address}/v1/contacts", json=contact()))
        assert await asyncio.to_thread(sink.arrived.wait, 10)
        leaving = asyncio.create_task(server.stop())
        await _refused(address)
        assert not asking.done()
        assert not leaving.done()
        sink.pending[0].set_result(None)
        async with await asking as response:
            assert response.status == 202
        await asyncio.wait_for(leaving, 20)


async def test_leaving_ends_although_kafka_is_silent(sink_of: Any, contact: Any) -> None:
    sink = sink_of(lambda _value: "never")
    server = _server(sink, ack_timeout=0.5)
    address = await server.start()
    async with aiohttp.ClientSession() as session:
        asking = asyncio.create_task(session.post(f"{address}/v1/contacts", json=contact()))
        assert await asyncio.to_thread(sink.arrived.wait, 10)
        await asyncio.wait_for(server.stop(), 20)
        async with await asking as response:
            assert response.status == 503


async def _refused(address: str) -> None:
    host, port = address.removeprefix("http://").split(":")
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, int(port))
            except OSError:
                return
            writer.close()
            await asyncio.sleep(0.01)


async def test_a_taken_port_is_an_error_with_a_way_out(sink_of: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigError) as caught:
            await _server(sink_of(), port=taken.getsockname()[1]).start()
    assert "VOC_GATEWAY__PORT" in str(caught.value)


@pytest.mark.parametrize(
    ("host", "tokens", "warned"),
    [
        ("127.0.0.1", [], False),
        ("0.0.0.0", [], True),
        ("0.0.0.0", ["0123456789abcdef"], False),
    ],
)
def test_who_listens_to_everybody_is_warned(
    sink_of: Any, caplog: pytest.LogCaptureFixture, host: str, tokens: list[str], warned: bool
) -> None:
    with caplog.at_level(logging.WARNING):
        _server(sink_of(), host=host, tokens=tokens).warn()
    assert ("VOC_GATEWAY__TOKENS" in caplog.text) is warned
