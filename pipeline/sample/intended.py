"""The sample's contacts as a perfect reader would store them: intents instead of a model's guesses.

Tests and measurements of the analyses use them, so that what they find or miss is not the model's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import TypeVar

from pipeline.contract import contact_from, default_scales
from pipeline.domain.analysis import ContactAnalysis, TopicMention
from pipeline.domain.block import Block, Span
from pipeline.domain.contact import Contact, Language, Speaker
from pipeline.domain.row import ContactRow
from pipeline.sample.calendar import DEFAULT_UNTIL
from pipeline.sample.events import Labelled, labelled

_SENTIMENTS = {-1: "negative", 0: "neutral", 1: "positive"}
_SURE = 0.95
BLOCK_ROWS = 2000

R = TypeVar("R")


def intended_rows(
    seed: int = 7, size: str | int = "demo", until: datetime = DEFAULT_UNTIL
) -> Iterator[ContactRow]:
    """The contacts of `labelled` with the same arguments as rows of the warehouse."""
    scales = default_scales()
    for made in labelled(seed, size, until):
        contact = contact_from(made.event)
        scores = tuple(scales.normalise(r.scale, r.value) for r in contact.ratings)
        yield ContactRow(contact, _reading(contact, made), scores)


def _reading(contact: Contact, made: Labelled) -> ContactAnalysis:
    intent = made.intent
    text = contact.text or "\n".join(
        turn.text for turn in contact.turns if turn.speaker is Speaker.CUSTOMER
    )
    topics = tuple(TopicMention(code, polarity, _SURE) for code, polarity in intent.topics)
    mood = intent.mood if text else 0
    return ContactAnalysis(
        text=text,
        language=Language(intent.language) if text else Language.UND,
        sentiment=_SENTIMENTS[mood],
        score=0.9 * mood,
        confidence=_SURE if text else 0.0,
        complaint=bool(text) and mood < 0,
        complaint_confidence=_SURE,
        churn=intent.churn,
        churn_confidence=_SURE,
        topics=topics,
        clauses=(),
        evidence={mention.topic: text[:160] for mention in topics},
        attributes=contact.attributes,
        customer_hash=_hash(contact.customer_id),
        agent_hash=_hash(contact.agent_id),
        model_revision="intended",
        taxonomy_version=1,
    )


def _hash(name: str) -> str:
    return hashlib.blake2b(name.encode(), digest_size=16).hexdigest() if name else ""


def blocks(topic: str, rows: Iterable[R], at: datetime) -> Iterator[Block[R]]:
    """Rows as blocks of one partition, as a worker that reads them would store them at `at`."""
    first = 0
    waiting = iter(rows)
    while part := tuple(islice(waiting, BLOCK_ROWS)):
        span = Span(topic, 0, first, first + len(part) - 1)
        yield Block(span, at, tuple(enumerate(part, first)))
        first += len(part)
