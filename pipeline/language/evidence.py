"""Which clause of a contact shows a topic best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.domain.analysis import POLARITIES, ClauseReading, TopicMention
from pipeline.language.passages import Passage

Likelihoods = Mapping[str, Sequence[Sequence[float]]]
"""By clause key, topic and polarity: how likely the clause, read alone, says it."""


def to_compare(
    passages: Sequence[Passage], keys: Sequence[str], readings: Mapping[str, ClauseReading]
) -> list[str]:
    """The keys of clauses that have to be read alone: those that share a passage with topics."""
    return [
        key
        for passage in passages
        if passage.last > passage.first and readings[passage.key].topics
        for key in keys[passage.first : passage.last + 1]
    ]


def evidence(
    mentions: Sequence[TopicMention],
    columns: Mapping[str, int],
    passages: Sequence[Passage],
    keys: Sequence[str],
    readings: Mapping[str, ClauseReading],
    likelihoods: Likelihoods,
) -> dict[str, int]:
    """For each topic of a contact the number of its clause.

    The surest passage that says the topic with the contact's polarity, else the surest; in it the
    clause that most likely says it so when it is read alone, the first on a tie.
    """
    found = {}
    for mention in mentions:
        passage = _surest(mention, passages, readings)
        inside = range(passage.first, passage.last + 1)
        column, sign = columns[mention.topic], POLARITIES.index(mention.polarity)
        found[mention.topic] = (
            passage.first
            if len(inside) == 1
            else max(inside, key=lambda at: likelihoods[keys[at]][column][sign])
        )
    return found


def _surest(
    mention: TopicMention, passages: Sequence[Passage], readings: Mapping[str, ClauseReading]
) -> Passage:
    said = [
        (found.polarity == mention.polarity, found.confidence, -number)
        for number, passage in enumerate(passages)
        for found in readings[passage.key].topics
        if found.topic == mention.topic
    ]
    return passages[-max(said)[2]]
