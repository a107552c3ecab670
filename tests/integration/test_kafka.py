"""Topics, producing, lag and dead letters against a real broker."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.structs import OffsetAndMetadata

from pipeline.contract import build_dead_letter
from pipeline.domain.block import Source
from pipeline.errors import EventTooLarge, KafkaRejected, KafkaUnavailable
from pipeline.kafka import (
    Delivery,
    Message,
    Producer,
    create_topics,
    describe_topics,
    group_lag,
    missing_topics,
)
from pipeline.kafka.deadletters import Selection, letters, replay, replayed_ids
from pipeline.kafka.reading import read_to_end
from pipeline.local.broker import Broker
from pipeline.settings import KafkaSettings, Topics

pytestmark = pytest.mark.local

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _start(folder: Path) -> Broker:
    for name in ("broker", "logs"):
        (folder / name).mkdir()
    made = Broker(folder, folder / "logs", durable=False)
    made.start()
    made.wait(60)
    return made


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    made = _start(tmp_path_factory.mktemp("kafka"))
    yield made
    made.stop()


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker that the test may kill."""
    made = _start(tmp_path)
    yield made
    made.stop()


def _settings(broker: Broker, **more: Any) -> KafkaSettings:
    prefix = uuid.uuid4().hex[:8]
    names = {name: f"{prefix}.{name}" for name in Topics.model_fields}
    return KafkaSettings(bootstrap=broker.address, partitions=3, topics=Topics(**names), **more)


@pytest.fixture
def kafka(broker: Broker) -> KafkaSettings:
    """Settings with topics of the test's own, created."""
    made = _settings(broker)
    create_topics(made)
    return made


@pytest.fixture
def producer(kafka: KafkaSettings) -> Iterator[Producer]:
    with Producer(kafka) as made:
        yield made


def _read(kafka: KafkaSettings, topic: str) -> list[Any]:
    return list(read_to_end(kafka, topic))


def test_topics_are_created_once(broker: Broker) -> None:
    kafka = _settings(broker)
    names = list(kafka.topics.model_dump().values())
    assert missing_topics(kafka, names) == names
    assert create_topics(kafka) == dict.fromkeys(names, "created")
    assert create_topics(kafka) == dict.fromkeys(names, "exists")
    states = describe_topics(kafka, [*names, "absent"])
    assert [state.partitions for state in states] == [3] * len(names) + [0]
    assert [state.exists for state in states] == [True] * len(names) + [False]


def test_asking_for_a_topic_does_not_create_it(kafka: KafkaSettings, producer: Producer) -> None:
    """Tansu creates topics on sight, with its own number of partitions."""
    with pytest.raises(KafkaRejected, match="no topic never-there") as raised:
        producer.send("never-there", b"k", b"v").result(30)
    assert "voc topics create" in raised.value.fix
    with pytest.raises(KafkaRejected):
        _read(kafka, "never-there")
    assert missing_topics(kafka, ["never-there"]) == ["never-there"]


@pytest.mark.parametrize("compression", ["gzip", "lz4", "zstd", "none"])
def test_what_is_sent_arrives_whole(broker: Broker, compression: str) -> None:
    kafka = _settings(broker, compression=compression)
    create_topics(kafka)
    topic = kafka.topics.contacts
    with Producer(kafka) as producer:
        future = producer.send(topic, "열쇠".encode(), "값".encode(), [("voc-attempt", b"2")])
        delivery = future.result(30)
    (record,) = _read(kafka, topic)
    assert (record.key, record.value) == ("열쇠".encode(), "값".encode())
    assert dict(record.headers) == {"voc-attempt": b"2"}
    assert delivery == Delivery(topic, record.partition, record.offset)
    assert abs(record.timestamp / 1000 - time.time()) < 60


def test_the_order_of_a_key_is_kept_and_results_are_in_order(
    kafka: KafkaSettings, producer: Producer
) -> None:
    topic = kafka.topics.contacts
    messages = [Message(topic, b"key-%d" % (n % 7), b"%d" % n) for n in range(3000)]
    results = producer.send_all(messages)
    assert all(isinstance(result, Delivery) for result in results)
    found: dict[bytes, list[int]] = {}
    for record in _read(kafka, topic):
        found.setdefault(record.key, []).append(int(record.value))
    assert found == {b"key-%d" % k: list(range(k, 3000, 7)) for k in range(7)}


def test_threads_share_a_producer(kafka: KafkaSettings, producer: Producer) -> None:
    topic = kafka.topics.contacts

    def send(thread: int) -> None:
        futures = [producer.send(topic, b"t%d" % thread, b"%d" % n) for n in range(200)]
        assert len({(f.result(60).partition, f.result().offset) for f in futures}) == 200

    threads = [threading.Thread(target=send, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(_read(kafka, topic)) == 800


def test_one_event_too_large_fails_alone(kafka: KafkaSettings, producer: Producer) -> None:
    topic = kafka.topics.contacts
    large = Message(topic, b"k", b"x" * (32 << 20))
    results = producer.send_all([Message(topic, b"a", b"1"), large, Message(topic, b"b", b"2")])
    assert [type(result) for result in results] == [Delivery, EventTooLarge, Delivery]


def test_in_flight_bytes_are_bounded(kafka: KafkaSettings) -> None:
    """Events beyond the bound wait; they are not piled up and not lost."""
    topic = kafka.topics.contacts
    settled: list[object] = []
    most = 0
    with Producer(kafka, in_flight_bytes=10_000, linger=0.05) as producer:
        for sent in range(1, 101):
            producer.dispatch(Message(topic, b"k", b"x" * 999), settled.append)
            most = max(most, sent - len(settled))
        producer.flush(30)
    assert [type(each) for each in settled] == [Delivery] * 100
    assert most <= 11


def test_a_broker_that_dies_fails_what_it_did_not_confirm(own_broker: Broker) -> None:
    kafka = KafkaSettings(bootstrap=own_broker.address)
    create_topics(kafka)
    with Producer(kafka, timeout=3) as producer:
        assert producer.send(kafka.topics.contacts, b"k", b"v").result(30).offset == 0
        own_broker.child.kill()
        future = producer.send(kafka.topics.contacts, b"k", b"v")
        with pytest.raises(KafkaUnavailable, match=own_broker.address):
            future.result(30)
    with pytest.raises(KafkaUnavailable, match="refuses connections"):
        Producer(kafka)


def test_lag_is_what_the_group_has_not_read(kafka: KafkaSettings, producer: Producer) -> None:
    topic = kafka.topics.contacts
    group = f"group-{topic}"
    producer.send_all(Message(topic, b"%d" % n, b"x") for n in range(500))
    ends = {p: len([r for r in _read(kafka, topic) if r.partition == p]) for p in range(3)}
    before = group_lag(kafka, group, [topic])
    assert [(each.partition, each.committed, each.lag) for each in before] == [
        (p, None, ends[p]) for p in range(3)
    ]
    _commit(kafka, group, topic, {0: 10, 1: ends[1]})
    after = group_lag(kafka, group, [topic])
    assert [(each.committed, each.end, each.lag) for each in after] == [
        (10, ends[0], ends[0] - 10),
        (ends[1], ends[1], 0),
        (None, ends[2], ends[2]),
    ]


def _commit(kafka: KafkaSettings, group: str, topic: str, offsets: dict[int, int]) -> None:
    client = KafkaConsumer(
        bootstrap_servers=kafka.bootstrap, group_id=group, enable_auto_commit=False
    )
    client.assign([TopicPartition(topic, p) for p in offsets])
    client.commit(
        {TopicPartition(topic, p): OffsetAndMetadata(o, "", -1) for p, o in offsets.items()}
    )
    client.close()


def test_the_end_of_a_topic_is_not_asked_of_list_offsets(
    kafka: KafkaSettings, producer: Producer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tansu answers ListOffsets(LATEST) too low by whole batches."""

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("ListOffsets(LATEST) was asked")

    monkeypatch.setattr(KafkaConsumer, "end_offsets", forbidden)
    monkeypatch.setattr(KafkaAdminClient, "list_partition_offsets", forbidden)
    topic = kafka.topics.contacts
    for _ in range(5):
        producer.send_all(Message(topic, b"%d" % n, b"x") for n in range(300))
    assert len(_read(kafka, topic)) == 1500
    assert sum(each.lag or 0 for each in group_lag(kafka, "nobody", [topic])) == 1500


# --- dead letters ---------------------------------------------------------------------------------


def _letter(topic: str, number: int, **more: Any) -> bytes:
    made: dict[str, Any] = {
        "source": Source(topic, 0, number),
        "timestamp": NOW - timedelta(hours=number),
        "key": b"key-%d" % number,
        "payload": b'{"broken": %d' % number,
        "reason_code": ("malformed_json", "contract")[number % 2],
        "reason": "why",
        "stage": "decode",
        "failed_at": NOW - timedelta(hours=number),
        "version": "1.0",
    }
    return build_dead_letter(**{**made, **more})


@pytest.fixture
def keep(kafka: KafkaSettings, producer: Producer) -> Callable[..., None]:
    """Writes dead letters as the worker does."""

    def write(*values: bytes) -> None:
        dead = kafka.topics.dead
        results = producer.send_all(
            Message(dead, b"%d" % number, value) for number, value in enumerate(values)
        )
        assert all(isinstance(result, Delivery) for result in results)

    return write


def test_letters_come_once_and_what_is_no_letter_is_passed_over(
    kafka: KafkaSettings, keep: Callable[..., None]
) -> None:
    topic = kafka.topics.contacts
    one, two = _letter(topic, 1), _letter(topic, 2)
    keep(one, b"junk", two, one)
    seen: list[tuple[int, int]] = []
    found = list(letters(kafka, Selection(), lambda done, total: seen.append((done, total))))
    assert sorted(letter.source.offset for letter in found) == [1, 2]
    assert seen[-1] == (4, 4)
    contract = list(letters(kafka, Selection(reason="contract")))
    assert [letter.source.offset for letter in contract] == [1]


def test_a_replay_brings_back_the_original_with_its_history(
    kafka: KafkaSettings, producer: Producer, keep: Callable[..., None]
) -> None:
    topic = kafka.topics.contacts
    keep(_letter(f"{topic}#3", 4, attempt=2))
    chosen = list(letters(kafka, Selection()))
    (done,) = replay(kafka, producer, chosen)
    (record,) = _read(kafka, topic)
    assert isinstance(done.result, Delivery)
    assert (record.key, record.value) == (b"key-4", b'{"broken": 4')
    assert dict(record.headers) == {
        "voc-attempt": b"3",
        "voc-replay-of": chosen[0].dead_id.encode(),
        "voc-original-timestamp": b"%d" % (chosen[0].timestamp.timestamp() * 1000),
    }
    assert set(replayed_ids(kafka)) == {chosen[0].dead_id}


def test_an_event_without_key_and_value_is_replayed_too(
    kafka: KafkaSettings, producer: Producer, keep: Callable[..., None]
) -> None:
    keep(_letter(kafka.topics.contacts, 1, key=None, payload=None))
    (done,) = replay(kafka, producer, letters(kafka, Selection()))
    assert isinstance(done.result, Delivery)
    (record,) = _read(kafka, kafka.topics.contacts)
    assert (record.key, record.value) == (None, b"")


def test_a_replay_that_is_not_confirmed_is_not_noted(
    kafka: KafkaSettings, producer: Producer, keep: Callable[..., None]
) -> None:
    keep(_letter("vanished", 1), _letter(kafka.topics.contacts, 2))
    done = list(replay(kafka, producer, letters(kafka, Selection())))
    results = {each.letter.source.topic: each.result for each in done}
    assert isinstance(results["vanished"], KafkaRejected)
    assert isinstance(results[kafka.topics.contacts], Delivery)
    noted = replayed_ids(kafka)
    assert set(noted) == {each.letter.dead_id for each in done if each.letter.source.offset == 2}


def test_notes_of_replays_say_where_the_event_is_now(
    kafka: KafkaSettings, producer: Producer, keep: Callable[..., None]
) -> None:
    keep(_letter(kafka.topics.contacts, 1))
    (done,) = replay(kafka, producer, letters(kafka, Selection()))
    (note,) = _read(kafka, kafka.topics.replays)
    assert isinstance(done.result, Delivery)
    content = orjson.loads(note.value)
    assert content["offset"] == done.result.offset
    assert content["attempt"] == 2


def test_reading_a_broker_that_falls_silent_ends(
    own_broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.kafka.reading.QUIET_SECONDS", 2.0)
    monkeypatch.setattr("pipeline.kafka.reading.MAX_LETTER_BYTES", 1)  # one batch a fetch
    kafka = KafkaSettings(bootstrap=own_broker.address)
    create_topics(kafka)
    topic = kafka.topics.contacts
    with Producer(kafka) as producer:
        for n in range(20):
            producer.send_all([Message(topic, b"k", b"%d" % n)])
    assert len(_read(kafka, topic)) == 20
    records = read_to_end(kafka, topic)
    next(records)
    own_broker.child.kill()
    with pytest.raises(KafkaUnavailable, match="sends nothing"):
        list(records)
