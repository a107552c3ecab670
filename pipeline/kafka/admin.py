"""Topics: creating the product's, and saying which are there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kafka import errors
from kafka.admin import KafkaAdminClient

from pipeline.errors import KafkaRejected
from pipeline.kafka.connection import connect, explain, translated
from pipeline.settings import KafkaSettings

MAX_LETTER_BYTES = 30 << 20
"""A dead letter holds key and payload in Base64: 28 MiB at most, and the record's own bytes."""

_EXISTS = 36
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as the broker describes it."""

    name: str
    exists: bool
    partitions: int
    replication: int


@contextmanager
def administration(kafka: KafkaSettings) -> Iterator[KafkaAdminClient]:
    """An admin client, closed afterwards."""
    client = connect(kafka, KafkaAdminClient, request_timeout_ms=30_000)
    try:
        yield client
    finally:
        client.close()


def create_topics(kafka: KafkaSettings) -> dict[str, str]:
    """Creates the product's topics that are missing: topic name -> `created` or `exists`.

    Safe to repeat and to run twice at once. A topic that exists is left as it is. Raises
    KafkaUnavailable, or KafkaRejected where the broker refuses one.
    """
    topics = product_topics(kafka)
    outcome = dict.fromkeys(topics, "exists")
    # Asked first: a user without the right to create gets along where all of them exist.
    plans = {topic: _plan(kafka, topic) for topic in missing_topics(kafka, topics)}
    if plans:
        with administration(kafka) as client, translated(kafka, "creating topics"):
            answer = client.create_topics(plans, raise_errors=False)
            outcome |= {item["name"]: _outcome(kafka, item) for item in answer["topics"]}
            client.wait_for_topics(list(plans))
    return outcome


def product_topics(kafka: KafkaSettings) -> list[str]:
    """The names of the product's topics, contacts first."""
    return list(dict.fromkeys(kafka.topics.model_dump().values()))


def describe_topics(kafka: KafkaSettings, topics: Sequence[str]) -> list[TopicState]:
    """How each of `topics` is set up; creates none, on brokers that create topics on sight too."""
    with administration(kafka) as client, translated(kafka, "listing topics"):
        found = {item["name"]: item for item in client.describe_topics(list(topics))}
    return [_state(topic, found.get(topic)) for topic in topics]


def missing_topics(kafka: KafkaSettings, topics: Sequence[str]) -> list[str]:
    """Those of `topics` that the broker does not have."""
    return [state.name for state in describe_topics(kafka, topics) if not state.exists]


def _plan(kafka: KafkaSettings, topic: str) -> dict[str, Any]:
    topics = kafka.topics
    configs = {"retention.ms": str(int(kafka.retention_days * _DAY_MS))}
    if topic == topics.dead:
        configs["max.message.bytes"] = str(MAX_LETTER_BYTES)
    elif topic in {topics.volumes, topics.initiatives}:
        # The newest event of a key is the truth: it stays, whatever its age.
        configs = {"cleanup.policy": "compact"}
    return {
        "num_partitions": kafka.partitions,
        "replication_factor": kafka.replication,
        "configs": configs,
    }


def _outcome(kafka: KafkaSettings, item: dict[str, Any]) -> str:
    if item["error_code"] == _EXISTS:
        return "exists"
    if item["error_code"] == 0:
        return "created"
    error = errors.for_code(item["error_code"])(item["error_message"] or "")
    raise explain(error, kafka, f"to create topic {item['name']}")


def _state(topic: str, item: dict[str, Any] | None) -> TopicState:
    partitions = item["partitions"] if item and item["error_code"] == 0 else []
    replicas = len(partitions[0]["replica_nodes"]) if partitions else 0
    return TopicState(topic, bool(partitions), len(partitions), replicas)


def require_topics(kafka: KafkaSettings, topics: Sequence[str]) -> None:
    """Raises KafkaRejected with the way out if one of `topics` does not exist."""
    missing = missing_topics(kafka, topics)
    if missing:
        raise KafkaRejected(
            f"{kafka.bootstrap} has no topic {', '.join(missing)}",
            fix="Create the topics with `voc topics create`, or correct kafka.topics.",
        )
