"""Tokens, rates, memory: who may send how much."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import settings
from pipeline.clock import ManualClock
from pipeline.errors import ConfigError
from pipeline.gateway.access import Doorman, is_loopback
from pipeline.gateway.limits import Memory, RateLimit
from pipeline.gateway.problem import Problem

ONE, TWO = "first-token-0123456789", "second-token-0123456789"


def _asks(authorization: str | None, remote: str = "192.0.2.7") -> Any:
    headers = {"Authorization": authorization} if authorization is not None else {}
    return SimpleNamespace(headers=headers, remote=remote)


@pytest.mark.parametrize(
    "given_",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Basic {ONE}",
        f"Bearer {ONE}x",
        f"Bearer {ONE[:-1]}",
        f"Bearer {ONE} {TWO}",
        ONE,
        "Bearer \udcff",
    ],
)
def test_a_wrong_token_is_turned_away(given_: str | None) -> None:
    with pytest.raises(Problem) as caught:
        Doorman([ONE, TWO]).client(_asks(given_))
    assert caught.value.status == 401


def test_known_tokens_are_told_apart_without_naming_them() -> None:
    doorman = Doorman([ONE, TWO])
    first, second = (
        doorman.client(_asks(f"{word} {token}"))
        for word, token in (("Bearer", ONE), ("bearer", TWO))
    )
    assert first != second
    assert ONE not in first


def test_without_tokens_the_address_tells_clients_apart() -> None:
    doorman = Doorman([])
    assert doorman.client(_asks(None, "192.0.2.7")) != doorman.client(_asks(None, "192.0.2.8"))
    near, far = "2001:db8:1:2::1", "2001:db8:1:3::1"
    assert doorman.client(_asks(None, near)) == doorman.client(_asks(None, "2001:db8:1:2:ffff::9"))
    assert doorman.client(_asks(None, near)) != doorman.client(_asks(None, far))
    assert doorman.client(_asks(None, "unix")) == "unix"


async def test_401_says_how(start: Any, contact: Any) -> None:
    gateway = await start(tokens=[ONE])
    async with gateway.client.post("/v1/contacts", json=contact()) as response:
        assert response.status == 401
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert gateway.sink.sent == []
    right = {"headers": {"Authorization": f"Bearer {ONE}"}}
    assert (await gateway.post(contact(), **right))[0] == 202
    for path in ("/healthz", "/metrics", "/openapi.json", "/"):
        async with gateway.client.get(path) as response:
            assert response.status == 200, path


def test_short_tokens_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="16 characters"):
        settings.load(overrides={"gateway": {"tokens": ["short"]}})
    with pytest.raises(ConfigError, match="max_body"):
        settings.load(overrides={"gateway": {"memory": 2048}})


@pytest.mark.parametrize(
    ("host", "alone"),
    [
        *((host, True) for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost")),
        *((host, False) for host in ("0.0.0.0", "::", "192.0.2.1", "gateway.example")),
    ],
)
def test_loopback(host: str, alone: bool) -> None:
    assert is_loopback(host) is alone


async def test_a_client_above_its_rate_waits(start: Any, contact: Any) -> None:
    gateway = await start(rate=2, burst=10, max_items=10)
    assert (await gateway.post([contact(n) for n in range(8)]))[0] == 202
    sent = len(gateway.sink.sent)
    async with gateway.client.post("/v1/contacts", json=[contact(n) for n in range(8)]) as response:
        assert response.status == 429
        wait = int(response.headers["Retry-After"])
    assert len(gateway.sink.sent) == sent
    gateway.clock.advance(wait)
    assert (await gateway.post([contact(n) for n in range(8)]))[0] == 202


async def test_wrong_contacts_use_up_the_rate_too(start: Any, contact: Any) -> None:
    gateway = await start(rate=0.001, burst=10, max_items=10)
    assert (await gateway.post([{}] * 10))[0] == 422
    assert (await gateway.post(contact()))[0] == 429


async def test_broken_bodies_use_up_the_rate_too(start: Any) -> None:
    gateway = await start(rate=0.001, burst=2, max_items=2)
    assert [(await gateway.raw(b"{"))[0] for _ in range(3)] == [400, 400, 429]


async def test_tokens_have_a_rate_each(start: Any, contact: Any) -> None:
    gateway = await start(rate=0.001, burst=1, max_items=1, tokens=[ONE, TWO])
    first, second = ({"headers": {"Authorization": f"Bearer {token}"}} for token in (ONE, TWO))
    assert (await gateway.post(contact(), **first))[0] == 202
    assert (await gateway.post(contact(), **first))[0] == 429
    assert (await gateway.post(contact(), **second))[0] == 202


requests = st.lists(
    st.tuples(st.integers(1, 30), st.floats(0, 5)), min_size=1, max_size=60
)  # (amount, seconds before it)


@given(requests, st.floats(0.5, 20), st.integers(30, 60))
def test_nobody_gets_more_than_burst_and_rate(
    asked: list[tuple[int, float]], rate: float, burst: int
) -> None:
    clock = ManualClock()
    limit = RateLimit(rate, burst, clock)
    granted, elapsed = 0, 0.0
    for amount, pause in asked:
        clock.advance(pause)
        elapsed += pause
        wait = limit.take("a", amount)
        if wait:
            clock.advance(wait + 1e-6)  # what it is told is true
            elapsed += wait + 1e-6
            assert limit.take("a", amount) == 0
        granted += amount
        assert granted <= burst + rate * elapsed + 1e-3


@given(st.lists(st.integers(0, 40), max_size=200), st.integers(1, 8))
def test_the_table_of_clients_stays_small(clients: list[int], most: int) -> None:
    limit = RateLimit(1, 5, ManualClock(), clients=most)
    for client in clients:
        limit.take(str(client), 1)
        assert len(limit) <= most


def test_full_buckets_are_forgotten_before_busy_ones() -> None:
    clock = ManualClock()
    limit = RateLimit(1, 5, clock, clients=2)
    limit.take("busy", 5)
    clock.advance(3)
    limit.take("rested", 1)
    clock.advance(1)
    limit.take("third", 1)
    assert limit.take("busy", 5) > 0, "its bucket was forgotten, and so was what it had spent"


def test_memory_is_given_back_whatever_happens() -> None:
    memory = Memory(10)

    def fail() -> None:
        with memory.reserve(10):
            with pytest.raises(Problem) as caught:
                memory.reserve(1).__enter__()
            assert caught.value.status == 503
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with memory.reserve(10):
        assert memory.held == 10
    assert memory.held == 0


async def test_when_memory_is_taken_further_requests_are_put_off(
    start: Any, sink_of: Any, contact: Any
) -> None:
    sink = sink_of(lambda _value: "never")
    gateway = await start(sink, memory=5000, max_body=4000)
    large = contact(text="a" * 3000)
    first = asyncio.create_task(gateway.post(large))
    assert await asyncio.to_thread(sink.arrived.wait, 10)
    async with gateway.client.post("/v1/contacts", json=large) as response:
        assert response.status == 503
        assert response.headers["Retry-After"] == "1"
    sink.pending[0].set_result(None)
    assert (await first)[0] == 202
