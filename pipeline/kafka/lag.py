"""How far a consumer group is behind."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from pipeline.kafka.admin import administration, require_topics
from pipeline.kafka.connection import translated
from pipeline.kafka.reading import consumer
from pipeline.settings import KafkaSettings

FETCH_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """One partition of a group.

    `end` is its high-water mark; `committed` the offset the group would read next, None where it
    never committed; `lag` the difference, counted from the first offset there. None: not known.
    """

    topic: str
    partition: int
    committed: int | None
    end: int | None
    lag: int | None


def group_lag(kafka: KafkaSettings, group: str, topics: Sequence[str]) -> list[PartitionLag]:
    """The lag of every partition of `topics`, in order.

    The end comes from the high-water mark of a fetch at the committed offset, as every consumer
    sees it, not from ListOffsets(LATEST), which brokers may answer wrongly (Tansu does). It costs
    one fetch of at most one batch per partition. Partitions that do not answer within
    FETCH_SECONDS have no end. The worker's own metric `voc_lag_events` comes from the same mark.
    """
    require_topics(kafka, topics)
    with administration(kafka) as client, translated(kafka, f"reading the offsets of {group}"):
        committed = _committed(client.list_group_offsets(group), group)
    reading = translated(kafka, "reading high-water marks")
    with consumer(kafka, max_partition_fetch_bytes=1) as client, reading:
        partitions = _partitions(client, topics)
        starts = _seek(client, partitions, committed)
        ends = _ends(client, partitions)
    return [_lag(tp, committed.get(tp), starts[tp], ends.get(tp)) for tp in partitions]


def _committed(answer: Any, group: str) -> dict[TopicPartition, int]:
    offsets = answer.get(group, answer)
    return {
        TopicPartition(tp.topic, tp.partition): found.offset
        for tp, found in offsets.items()
        if found.offset >= 0
    }


def _partitions(client: KafkaConsumer, topics: Sequence[str]) -> list[TopicPartition]:
    return [
        TopicPartition(topic, number)
        for topic in topics
        for number in sorted(client.partitions_for_topic(topic) or ())
    ]


def _seek(
    client: KafkaConsumer,
    partitions: list[TopicPartition],
    committed: dict[TopicPartition, int],
) -> dict[TopicPartition, int]:
    """Moves to where the group would read next; returns those offsets."""
    client.assign(partitions)
    first = client.beginning_offsets(partitions)
    starts = {tp: max(committed.get(tp, 0), first.get(tp, 0)) for tp in partitions}
    for tp, offset in starts.items():
        client.seek(tp, offset)
    return starts


def _ends(client: KafkaConsumer, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
    deadline = time.monotonic() + FETCH_SECONDS
    ends: dict[TopicPartition, int] = {}
    while len(ends) < len(partitions) and time.monotonic() < deadline:
        client.poll(timeout_ms=200)
        for tp in partitions:
            mark = client.highwater(tp)
            if mark is not None and tp not in ends:
                ends[tp] = mark
                client.pause(tp)  # one fetch is enough
    return ends


def _lag(tp: TopicPartition, committed: int | None, start: int, end: int | None) -> PartitionLag:
    lag = None if end is None else max(0, end - start)
    return PartitionLag(tp.topic, tp.partition, committed, end, lag)
