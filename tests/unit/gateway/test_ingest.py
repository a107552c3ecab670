"""What is answered to a POST, and what reaches Kafka."""

from __future__ import annotations

import asyncio
import gzip
import logging
import threading
from typing import Any

import orjson
import pytest

from pipeline import metrics
from pipeline.contract import parse_contact
from pipeline.errors import KafkaRejected, KafkaUnavailable


def _ingested(result: str) -> float:
    return metrics.REGISTRY.get_sample_value("voc_gateway_contacts_total", {"result": result}) or 0


async def test_one_contact_is_accepted_after_kafka_has_it(start: Any, contact: Any) -> None:
    gateway = await start()
    before = _ingested("accepted")
    status, answer = await gateway.post(contact())
    assert status == 202
    assert answer == {
        "accepted": 1,
        "rejected": 0,
        "failed": 0,
        "items": [{"index": 0, "contact_id": "t-1", "status": "accepted", "errors": []}],
    }
    ((topic, key, value),) = gateway.sink.sent
    assert (topic, key) == ("contacts.v1", b"t-1")
    assert parse_contact(value).text == contact()["text"]
    assert _ingested("accepted") == before + 1


async def test_nothing_is_answered_before_the_acknowledgement(
    start: Any, sink_of: Any, contact: Any
) -> None:
    sink = sink_of(lambda _value: "never")
    gateway = await start(sink)
    asking = asyncio.create_task(gateway.post(contact()))
    assert await asyncio.to_thread(sink.arrived.wait, 10)
    await asyncio.sleep(0)
    assert not asking.done()
    sink.pending[0].set_result(None)
    status, _ = await asking
    assert status == 202


async def test_an_array_is_answered_in_its_order(start: Any, contact: Any) -> None:
    gateway = await start()
    status, answer = await gateway.post(
        [contact(1), contact(2, channel="pigeon"), "text", contact(4)]
    )
    assert status == 207
    assert [item["status"] for item in answer["items"]] == [
        "accepted",
        "rejected",
        "rejected",
        "accepted",
    ]
    assert [item["index"] for item in answer["items"]] == [0, 1, 2, 3]
    assert [item["contact_id"] for item in answer["items"]] == ["t-1", "t-2", None, "t-4"]
    assert answer["items"][1]["errors"][0]["field"] == "channel"
    assert "JSON object" in answer["items"][2]["errors"][0]["message"]
    assert [key for _, key, _ in gateway.sink.sent] == [b"t-1", b"t-4"]


async def test_a_broken_line_does_not_sink_the_others(start: Any, contact: Any) -> None:
    gateway = await start()
    lines = [orjson.dumps(contact(1)), b"", b'{"contact_id": ', b"  \r", orjson.dumps(contact(2))]
    status, answer = await gateway.raw(b"\n".join(lines), "application/x-ndjson")
    assert status == 207
    assert [item["status"] for item in answer["items"]] == ["accepted", "rejected", "accepted"]
    assert "line 3, column" in answer["items"][1]["errors"][0]["message"]


@pytest.mark.parametrize(
    "kind", ["application/x-ndjson", "application/jsonl", "application/x-ndjson; charset=UTF-8"]
)
async def test_lines_by_content_type(start: Any, contact: Any, kind: str) -> None:
    gateway = await start()
    body = b"".join(orjson.dumps(contact(n)) + b"\r\n" for n in range(3))
    status, answer = await gateway.raw(body, kind)
    assert (status, answer["accepted"]) == (202, 3)


async def test_if_every_item_is_wrong_nothing_is_sent(start: Any, contact: Any) -> None:
    gateway = await start()
    status, answer = await gateway.post([contact(channel="pigeon"), {}])
    assert (status, answer["rejected"]) == (422, 2)
    assert gateway.sink.sent == []


async def test_every_kind_of_event_has_its_route_topic_and_key(start: Any) -> None:
    gateway = await start()
    volume = {
        "name": "orders",
        "period_start": "2026-03-02T00:00:00+08:00",
        "period_end": "2026-03-03T00:00:00+08:00",
        "value": 18,
    }
    initiative = {
        "initiative_id": "i-1",
        "title": "Faster parcels",
        "owner": "Logistics",
        "started_at": "2026-03-02T00:00:00Z",
        "topics": ["delivery"],
    }
    assert (await gateway.post(volume, "/v1/volumes"))[0] == 202
    same_in_utc = {
        **volume,
        "period_start": "2026-03-01T16:00:00Z",
        "period_end": "2026-03-02T16:00:00Z",
    }
    assert (await gateway.post(same_in_utc, "/v1/volumes"))[0] == 202
    assert (await gateway.post({**volume, "site": "s"}, "/v1/volumes"))[0] == 202
    status, answer = await gateway.post([initiative, {}], "/v1/initiatives")
    assert status == 207
    assert answer["items"][0]["initiative_id"] == "i-1"
    topics = [topic for topic, _, _ in gateway.sink.sent]
    keys = [key for _, key, _ in gateway.sink.sent]
    assert topics == ["volumes.v1"] * 3 + ["initiatives.v1"]
    # The one that replaces another is in the same partition; another slice may be anywhere.
    assert keys[0] == keys[1] != keys[2]
    assert keys[3] == b"i-1"


async def test_a_contact_of_tomorrow_is_accepted_and_one_of_next_week_is_not(
    start: Any, contact: Any
) -> None:
    gateway = await start()  # its clock says 3 March
    status, answer = await gateway.post(
        [
            contact(1, occurred_at="2026-03-03T20:00:00Z"),
            contact(2, occurred_at="2026-03-10T00:00:00Z"),
        ]
    )
    assert status == 207
    assert answer["items"][1]["errors"][0]["field"] == "occurred_at"


async def test_what_was_validated_is_what_is_sent(start: Any, contact: Any) -> None:
    gateway = await start()
    rest = orjson.dumps(contact(contact_id="b"))[1:]
    twice = b'{"contact_id":"a",' + rest
    status, answer = await gateway.raw(twice)
    assert status == 202
    assert answer["items"][0]["contact_id"] == "b"
    assert gateway.sink.sent[0][1] == b"b"
    assert b'"a"' not in gateway.sink.sent[0][2]


@pytest.mark.parametrize(
    ("body", "line", "column"),
    [(b'{"a": 1,}', 1, 9), (b'[{"a": 1},\n {"b" 2}]', 2, 7), (b"", 1, 1), (b'"\xff"', 1, 1)],
)
async def test_malformed_json_says_where(start: Any, body: bytes, line: int, column: int) -> None:
    gateway = await start()
    status, answer = await gateway.raw(body)
    assert status == 400
    assert answer["status"] == 400
    position = answer["position"]
    assert position["line"] == line
    assert abs(position["column"] - column) <= 2, position


@pytest.mark.parametrize(
    ("body", "kind"), [(b"[]", "application/json"), (b"\n\n", "application/x-ndjson")]
)
async def test_an_empty_request_is_refused(start: Any, body: bytes, kind: str) -> None:
    status, answer = await (await start()).raw(body, kind)
    assert (status, answer["title"]) == (400, "Bad Request")


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=gb18030",
        "text/csv",
    ],
)
async def test_other_content_types_are_refused(start: Any, contact: Any, kind: str) -> None:
    gateway = await start()
    status, answer = await gateway.raw(orjson.dumps(contact()), kind)
    assert status == 415
    assert "application/json" in answer["detail"] or "UTF-8" in answer["detail"]
    assert gateway.sink.sent == []


async def test_a_compressed_body_is_read_and_its_limit_is_the_plain_size(
    start: Any, contact: Any
) -> None:
    gateway = await start(max_body=4096)
    gzipped = {"headers": {"Content-Encoding": "gzip"}}
    status, _ = await gateway.raw(gzip.compress(orjson.dumps(contact())), **gzipped)
    assert status == 202
    bomb = gzip.compress(orjson.dumps(contact(2, text="a" * 19_000)))
    assert len(bomb) < 4096
    status, _ = await gateway.raw(bomb, **gzipped)
    assert status == 413
    assert len(gateway.sink.sent) == 1


async def test_a_damaged_compressed_body_is_a_400(start: Any) -> None:
    gateway = await start()
    status, _ = await gateway.raw(b"no gzip at all", headers={"Content-Encoding": "gzip"})
    assert status == 400


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_above_the_limit_is_refused(start: Any, contact: Any, announced: bool) -> None:
    gateway = await start(max_body=2048)
    body = orjson.dumps(contact(text="a" * 3000))

    async def chunks() -> Any:
        for at in range(0, len(body), 500):
            yield body[at : at + 500]

    status, answer = await gateway.raw(body if announced else chunks())
    assert status == 413
    assert "2,048" in answer["detail"]
    assert gateway.sink.sent == []


async def test_more_items_than_allowed_are_refused_as_a_whole(start: Any, contact: Any) -> None:
    gateway = await start(max_items=2)
    status, answer = await gateway.post([contact(n) for n in range(3)])
    assert status == 413
    assert "at most 2" in answer["detail"]
    assert gateway.sink.sent == []


async def test_one_event_may_be_as_large_as_the_contract_says(start: Any, contact: Any) -> None:
    gateway = await start()
    turn = {"speaker": "customer", "text": "长" * 7000}
    huge = {k: v for k, v in contact().items() if k != "text"} | {"turns": [turn] * 20}
    status, answer = await gateway.post(huge)
    assert status == 422
    assert "262,144" in answer["items"][0]["errors"][0]["message"]


async def test_deep_nesting_is_an_error_of_the_item(start: Any, contact: Any) -> None:
    gateway = await start()
    deep = orjson.dumps(contact())[:-1] + b',"x":' + b"[" * 600 + b"]" * 600 + b"}"
    status, answer = await gateway.raw(b"[" + deep + b"," + orjson.dumps(contact(2)) + b"]")
    assert status == 207
    assert [item["status"] for item in answer["items"]] == ["rejected", "accepted"]


async def test_large_requests_are_validated_like_small_ones(start: Any, contact: Any) -> None:
    gateway = await start()
    events = [contact(n, text="慢" * 100, channel="chat" if n % 7 else "fax") for n in range(400)]
    assert len(orjson.dumps(events)) > 32_768
    status, answer = await gateway.post(events)
    wrong = [item["index"] for item in answer["items"] if item["status"] == "rejected"]
    assert status == 207
    assert wrong == list(range(0, 400, 7))
    assert [key.decode() for _, key, _ in gateway.sink.sent] == [
        f"t-{n}" for n in range(400) if n % 7
    ]


async def test_when_kafka_is_away_the_sender_hears_it(
    start: Any, sink_of: Any, contact: Any
) -> None:
    gateway = await start(sink_of(lambda _value: KafkaUnavailable("no broker answers")))
    before = _ingested("failed")
    async with gateway.client.post("/v1/contacts", json=[contact(1), contact(2)]) as response:
        answer = await response.json()
        assert response.status == 503
        assert int(response.headers["Retry-After"]) > 0
    assert answer["failed"] == 2
    assert answer["items"][0]["errors"] == [{"field": "", "message": "no broker answers"}]
    assert _ingested("failed") == before + 2


async def test_a_send_that_raises_is_a_failure_too(start: Any, sink_of: Any, contact: Any) -> None:
    class Closed(sink_of):  # type: ignore[misc]
        def send(self, *args: Any, **more: Any) -> Any:
            raise KafkaUnavailable("the producer is closed")

    status, answer = await (await start(Closed())).post(contact())
    assert (status, answer["failed"]) == (503, 1)


async def test_any_error_of_the_sink_is_answered_and_its_text_kept_back(
    start: Any, sink_of: Any, contact: Any
) -> None:
    gateway = await start(sink_of(lambda _value: RuntimeError("internal name db-7")))
    status, answer = await gateway.post(contact())
    assert status == 503
    assert "db-7" not in orjson.dumps(answer).decode()


async def test_what_kafka_refuses_for_good_is_a_502_without_retry(
    start: Any, sink_of: Any, contact: Any
) -> None:
    gateway = await start(sink_of(lambda _value: KafkaRejected("not authorised")))
    async with gateway.client.post("/v1/contacts", json=contact()) as response:
        assert response.status == 502
        assert "Retry-After" not in response.headers


async def test_silence_of_kafka_ends_at_the_timeout(start: Any, sink_of: Any, contact: Any) -> None:
    silent = sink_of(lambda value: "never" if b"t-2" in value else None)
    gateway = await start(silent, ack_timeout=0.3)
    status, answer = await gateway.post([contact(1), contact(2), contact(3, channel="fax")])
    assert status == 503
    assert [item["status"] for item in answer["items"]] == ["accepted", "failed", "rejected"]
    assert "send it again" in answer["items"][1]["errors"][0]["message"]
    silent.pending[0].set_result(None)  # the late acknowledgement disturbs nobody
    assert (await gateway.post(contact(4)))[0] == 202


async def test_a_blocked_sink_does_not_block_the_gateway(
    start: Any, sink_of: Any, contact: Any
) -> None:
    release = threading.Event()

    class Blocked(sink_of):  # type: ignore[misc]
        def send(self, *args: Any, **more: Any) -> Any:
            release.wait(30)
            return super().send(*args, **more)

    gateway = await start(Blocked(), ack_timeout=0.3)
    asking = [asyncio.create_task(gateway.post([contact(n), contact(n + 100)])) for n in range(12)]
    async with gateway.client.get("/healthz") as response:
        assert response.status == 200
    answers = await asyncio.gather(*asking)
    assert {status for status, _ in answers} == {503}
    release.set()
    status, _ = await gateway.post(contact(1000))
    assert status == 202
    # After the timeout nothing further of a request is sent: at most the one that was stuck.
    sent = [key for _, key, _ in gateway.sink.sent]
    assert len(sent) <= 8 + 1, sent


async def test_a_slow_body_is_given_up(start: Any) -> None:
    gateway = await start(read_timeout=0.2)
    hold = asyncio.Event()

    async def chunks() -> Any:
        yield b"["
        await hold.wait()

    asking = asyncio.create_task(gateway.raw(chunks()))
    try:
        status, _ = await asyncio.wait_for(asking, 20)
        assert status == 408
    finally:
        hold.set()


async def test_the_log_holds_no_id_text_query_or_address(
    start: Any, contact: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    gateway = await start()
    secret = contact(contact_id="secret-id", text="call me at 010-5555-1234")
    await gateway.post([secret, {**secret, "channel": "fax"}], "/v1/contacts?id=secret-id")
    await gateway.client.get("/secret-id")
    written = "\n".join(r.getMessage() for r in caplog.records if r.name.startswith("pipeline"))
    assert "POST /v1/contacts 207, 2 items" in written
    assert "GET other 404" in written
    for hidden in ("secret-id", "5555", "127.0.0.1"):
        assert hidden not in written
