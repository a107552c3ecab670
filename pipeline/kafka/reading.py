"""Reading a topic from its beginning to its present end, without a group and without commits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from pipeline.errors import KafkaUnavailable
from pipeline.kafka.admin import MAX_LETTER_BYTES, require_topics
from pipeline.kafka.connection import connect, translated
from pipeline.settings import KafkaSettings

QUIET_SECONDS = 15.0
"""How long a broker may answer nothing before reading is given up."""

Seen = Callable[[int, int], None]
"""Progress: records passed, and records there are as far as is known."""


@contextmanager
def consumer(kafka: KafkaSettings, **more: Any) -> Iterator[KafkaConsumer]:
    """A consumer without a group, closed afterwards."""
    client = connect(
        kafka,
        KafkaConsumer,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=100,
        **more,
    )
    try:
        yield client
    finally:
        client.close()


def read_to_end(kafka: KafkaSettings, topic: str, seen: Seen | None = None) -> Iterator[Any]:
    """The records of `topic` that were there when each partition was first read, oldest first
    within a partition.

    The end of a partition is the high-water mark that came with its first fetch: brokers may
    answer ListOffsets(LATEST) wrongly (Tansu does, by whole batches). Raises KafkaUnavailable after
    QUIET_SECONDS without an answer, KafkaRejected where the topic does not exist.
    """
    require_topics(kafka, [topic])
    with consumer(kafka, max_partition_fetch_bytes=MAX_LETTER_BYTES) as client:
        with translated(kafka, f"reading {topic}"):
            ends = _Ends(client, topic)
        for record in ends.records(kafka):
            yield record
            if seen:
                seen(*ends.progress())


class _Ends:
    """The partitions of a topic, and where each ended when it was first read."""

    def __init__(self, client: KafkaConsumer, topic: str) -> None:
        self._client = client
        self._topic = topic
        numbers = client.partitions_for_topic(topic) or {0}
        self._open = {TopicPartition(topic, number) for number in sorted(numbers)}
        self._ends: dict[TopicPartition, int] = {}
        self._passed: dict[TopicPartition, int] = {}
        client.assign(list(self._open))
        client.seek_to_beginning(*self._open)

    def records(self, kafka: KafkaSettings) -> Iterator[Any]:
        """Reads until every partition's end is passed."""
        deadline = time.monotonic() + QUIET_SECONDS
        while self._open:
            with translated(kafka, f"reading {self._topic}"):
                batch = self._client.poll(timeout_ms=200, max_records=500)
                before = len(self._open), len(self._ends)
                self._close_finished()
            if batch or (len(self._open), len(self._ends)) != before:
                deadline = time.monotonic() + QUIET_SECONDS
            elif time.monotonic() > deadline:
                raise KafkaUnavailable(
                    f"{kafka.bootstrap} sends nothing of {self._topic} for {QUIET_SECONDS:g} s",
                    fix="Look at the brokers, then repeat the command.",
                )
            for partition, found in batch.items():
                yield from self._within(partition, found)

    def progress(self) -> tuple[int, int]:
        """Records passed, and the sum of the known ends."""
        return sum(self._passed.values()), sum(self._ends.values())

    def _within(self, partition: TopicPartition, found: list[Any]) -> Iterator[Any]:
        end = self._ends.get(partition)
        for record in found:
            if end is not None and record.offset >= end:
                return
            self._passed[partition] = record.offset + 1
            yield record

    def _close_finished(self) -> None:
        for partition in list(self._open):
            mark = self._client.highwater(partition)
            if mark is None:
                continue
            end = self._ends.setdefault(partition, mark)
            if self._client.position(partition) >= end:
                self._open.discard(partition)
