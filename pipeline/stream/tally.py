"""The metrics of stored contacts, summed up before they are touched: a block costs a few calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from pipeline import metrics
from pipeline.domain.row import ContactRow

_POLARITY = {-1: "negative", 0: "neutral", 1: "positive"}
_COUNTERS = {
    "contacts": metrics.CONTACTS,
    "complaints": metrics.COMPLAINTS,
    "churn": metrics.CHURN,
    "uncertain": metrics.UNCERTAIN,
    "topics": metrics.TOPICS,
    "masked": metrics.MASKED,
    "clauses": metrics.CLAUSES,
}


def tally(rows: Iterable[ContactRow]) -> None:
    """Counts the contacts in the metrics of what customers say."""
    sums: Counter[tuple[str, ...]] = Counter()
    for row in rows:
        metrics.CONFIDENCE.labels(row.analysis.language.value).observe(row.analysis.confidence)
        metrics.TRUNCATED.inc(row.analysis.truncated_clauses)
        sums.update(dict(_of(row)))
    for (name, *labels), number in sums.items():
        counter: Any = _COUNTERS[name]
        counter.labels(*labels).inc(number)


def _of(row: ContactRow) -> Iterator[tuple[tuple[str, ...], int]]:
    contact, analysis = row.contact, row.analysis
    language, channel = analysis.language.value, contact.channel.value
    yield ("contacts", language, channel, analysis.sentiment), 1
    if analysis.complaint:
        yield ("complaints", language, channel), 1
    if analysis.churn:
        yield ("churn", language, channel), 1
    if analysis.uncertain:
        yield ("uncertain", language), 1
    for mention in analysis.topics:
        yield ("topics", mention.topic, _POLARITY[mention.polarity], language), 1
    for kind, number in analysis.masked.items():
        yield ("masked", kind), number
    for clause, number in Counter(c.language.value for c in analysis.clauses).items():
        yield ("clauses", clause), number
