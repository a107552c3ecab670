"""`voc gateway` as a process, before a real broker."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition

from pipeline.kafka import create_topics
from pipeline.local.broker import Broker
from pipeline.settings import KafkaSettings

pytestmark = pytest.mark.local


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker that the test may kill."""
    (tmp_path / "broker").mkdir()
    (tmp_path / "logs").mkdir()
    broker = Broker(tmp_path, tmp_path / "logs", durable=False)
    broker.start()
    broker.wait(60)
    create_topics(KafkaSettings(bootstrap=broker.address, partitions=2))
    yield broker
    broker.stop()


class Process:
    """A running `voc gateway`."""

    def __init__(self, bootstrap: str, folder: Path, *more: str) -> None:
        keep = {k: v for k, v in os.environ.items() if not k.startswith("VOC_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pipeline", "gateway", "--port", "0", *more],
            env={**keep, "VOC_KAFKA": bootstrap, "VOC_GATEWAY__ACK_TIMEOUT": "3"},
            cwd=folder,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.url = ""

    def started(self) -> Process:
        assert self.process.stderr
        said = []
        for line in self.process.stderr:
            said.append(line)
            if found := re.search(r"listening on (http://\S+),", line):
                self.url = found[1]
                return self
        pytest.fail(f"the gateway ended: {''.join(said)}")

    def ask(self, path: str, value: Any = None) -> tuple[int, Any, Any]:
        data = None if value is None else json.dumps(value).encode()
        request = urllib.request.Request(
            self.url + path, data, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, response.read().decode(), response.headers
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), error.headers

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said


@pytest.fixture
def gateway(own_broker: Broker, tmp_path: Path) -> Iterator[Process]:
    process = Process(own_broker.address, tmp_path)
    try:
        yield process.started()
    finally:
        process.process.kill()
        process.process.wait()


def _contact(number: int, **changes: Any) -> dict[str, Any]:
    event = {
        "contact_id": f"g-{number}",
        "occurred_at": "2026-03-02T09:15:00+08:00",
        "channel": "chat",
        "text": "배송이 너무 늦어요. Nobody answers.",
    }
    return {**event, **changes}


def _stored(broker: Broker, topic: str) -> dict[str, tuple[int, Any]]:
    """Key -> (partition, event) of everything in the topic."""
    consumer = KafkaConsumer(bootstrap_servers=broker.address, consumer_timeout_ms=5000)
    partitions = [TopicPartition(topic, n) for n in sorted(consumer.partitions_for_topic(topic))]
    consumer.assign(partitions)
    consumer.seek_to_beginning()
    try:
        return {r.key.decode(): (r.partition, json.loads(r.value)) for r in consumer}
    finally:
        consumer.close()


def test_what_is_accepted_is_in_kafka(gateway: Process, own_broker: Broker) -> None:
    sent = [_contact(n) for n in range(50)]
    status, answer, _ = gateway.ask("/v1/contacts", [*sent, _contact(99, channel="fax")])
    assert status == 207
    assert json.loads(answer)["accepted"] == 50
    stored = _stored(own_broker, "contacts.v1")
    assert {key: event for key, (_, event) in stored.items()} == {
        event["contact_id"]: event for event in sent
    }
    assert {partition for partition, _ in stored.values()} == {0, 1}
    assert gateway.ask("/readyz")[0] == 200
    assert "voc_gateway_contacts_total" in gateway.ask("/metrics")[1]


def test_it_leaves_on_sigterm_and_on_ctrl_c(own_broker: Broker, tmp_path: Path) -> None:
    for number, code in ((signal.SIGTERM, 0), (signal.SIGINT, 130)):
        process = Process(own_broker.address, tmp_path).started()
        assert process.ask("/v1/contacts", _contact(1))[0] == 202
        ended, said = process.end(number)
        assert ended == code, said
        assert "Traceback" not in said


def test_without_a_broker_the_sender_hears_it_and_the_probe_too(
    gateway: Process, own_broker: Broker
) -> None:
    assert gateway.ask("/v1/contacts", _contact(1))[0] == 202
    own_broker.stop()
    status, answer, headers = gateway.ask("/v1/contacts", [_contact(2), _contact(3)])
    assert status == 503
    assert json.loads(answer)["failed"] == 2
    assert int(headers["Retry-After"]) > 0
    ended, said = gateway.end()
    assert ended == 0, said
    assert "Traceback" not in said


def test_no_broker_at_the_start_is_one_clear_error(tmp_path: Path) -> None:
    process = Process("127.0.0.1:1", tmp_path)
    _, said = process.process.communicate(timeout=60)
    assert process.process.returncode == 69
    assert "VOC_KAFKA" in said
    assert "Traceback" not in said


def test_another_loopback_address_needs_no_tokens(own_broker: Broker, tmp_path: Path) -> None:
    taken = Process(own_broker.address, tmp_path, "--host", "127.0.0.2").started()
    assert taken.url.startswith("http://127.0.0.2:")
    assert "VOC_GATEWAY__TOKENS" not in taken.end()[1]
