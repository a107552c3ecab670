"""The columns of `contact_rows`, and where each value comes from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from pipeline.domain.analysis import ContactAnalysis, TopicMention
from pipeline.domain.block import Block
from pipeline.domain.row import ContactRow

_topics: Callable[[ContactRow], Sequence[TopicMention]] = attrgetter("analysis.topics")
_ratings = attrgetter("contact.ratings")


def milliseconds(at: datetime) -> int:
    """What the driver stores as it is in a DateTime64(3); datetimes cost it ten times as much."""
    return round(at.timestamp() * 1000)


def id_hash(contact_id: str) -> int:
    """A contact_id as 64 bits, for looking it up: equal ids are then compared in full."""
    digest = hashlib.blake2b(contact_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def evidence(analysis: ContactAnalysis) -> list[str]:
    """The clauses that show the topics, in the order of the topics."""
    return [analysis.evidence.get(mention.topic, "") for mention in analysis.topics]


READING: dict[str, Callable[[ContactAnalysis], Any]] = {
    "language": attrgetter("language.value"),
    "sentiment": attrgetter("sentiment"),
    "score": attrgetter("score"),
    "confidence": attrgetter("confidence"),
    "complaint": attrgetter("complaint"),
    "complaint_confidence": attrgetter("complaint_confidence"),
    "churn": attrgetter("churn"),
    "churn_confidence": attrgetter("churn_confidence"),
    "uncertain": attrgetter("uncertain"),
    "truncated_clauses": attrgetter("truncated_clauses"),
    "topics": lambda a: [m.topic for m in a.topics],
    "polarities": lambda a: [m.polarity for m in a.topics],
    "topic_confidences": lambda a: [m.confidence for m in a.topics],
    "evidence": evidence,
    "model_revision": attrgetter("model_revision"),
    "taxonomy_version": attrgetter("taxonomy_version"),
}
"""What the model says of a contact: the columns that a reclassification replaces."""

CONTACT: dict[str, Callable[[ContactRow], Any]] = {
    "contact_id": attrgetter("contact.contact_id"),
    "id_hash": lambda row: id_hash(row.contact.contact_id),
    "occurred_at": lambda row: milliseconds(row.contact.occurred_at),
    "channel": attrgetter("contact.channel.value"),
    "text": attrgetter("analysis.text"),
    "masked": attrgetter("analysis.masked"),
    "customer": attrgetter("analysis.customer_hash"),
    "customer_tier": attrgetter("contact.customer_tier"),
    "customer_value": attrgetter("contact.customer_value"),
    "product": attrgetter("contact.product"),
    "version": attrgetter("contact.version"),
    "region": attrgetter("contact.region"),
    "site": attrgetter("contact.site"),
    "team": attrgetter("contact.team"),
    "agent": attrgetter("analysis.agent_hash"),
    "campaign": attrgetter("contact.campaign"),
    "order_id": attrgetter("contact.order_id"),
    "order_value": attrgetter("contact.order_value"),
    "reply_to": attrgetter("contact.reply_to"),
    "wait_seconds": attrgetter("contact.handling.wait_seconds"),
    "duration_seconds": attrgetter("contact.handling.duration_seconds"),
    "transfers": attrgetter("contact.handling.transfers"),
    "resolved": attrgetter("contact.handling.resolved"),
    "recovery": attrgetter("contact.handling.recovery"),
    "attributes": attrgetter("analysis.attributes"),
    "rating_kinds": lambda row: [r.kind for r in _ratings(row)],
    "rating_dimensions": lambda row: [r.dimension for r in _ratings(row)],
    "rating_values": lambda row: [r.value for r in _ratings(row)],
    "rating_scales": lambda row: [r.scale for r in _ratings(row)],
    "rating_scores": attrgetter("scores"),
}
"""What a contact brings itself, masked and hashed."""

COORDINATES = (
    "loaded_at", "kafka_topic", "kafka_partition", "kafka_offset", "block_first", "block_last",
)  # fmt: skip

LIFE = ("row_version", "sign")

ALL = (*CONTACT, *READING, *COORDINATES, *LIFE)


def coordinates(block: Block[Any]) -> list[list[Any]]:
    """The columns COORDINATES of a block."""
    size, span = len(block.rows), block.span
    return [
        [milliseconds(block.at)] * size,
        [span.topic] * size,
        [span.partition] * size,
        [offset for offset, _ in block.rows],
        [span.first] * size,
        [span.last] * size,
    ]


def of_block(block: Block[ContactRow]) -> list[list[Any]]:
    """The columns CONTACT, READING and COORDINATES of a block, for `Warehouse.insert_columns`."""
    rows = [row for _, row in block.rows]
    analyses = [row.analysis for row in rows]
    mine = [list(map(value, rows)) for value in CONTACT.values()]
    read = [list(map(value, analyses)) for value in READING.values()]
    return mine + read + coordinates(block)
