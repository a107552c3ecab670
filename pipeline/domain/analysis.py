"""What the language processing reads in a contact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pipeline.domain.contact import Contact, Language

SENTIMENTS = ("negative", "neutral", "positive")
POLARITIES = (-1, 0, 1)


@dataclass(frozen=True, slots=True)
class TopicMention:
    """A topic of a clause or contact with its polarity (-1, 0, 1) and calibrated confidence."""

    topic: str
    polarity: int
    confidence: float


@dataclass(frozen=True, slots=True)
class ClauseReading:
    """What the model says about one text, a clause or several in a row, after calibration.

    `sentiment` are the probabilities of negative, neutral, positive; `complaint` and `churn`
    probabilities; `topics` those above their threshold.
    """

    sentiment: tuple[float, float, float]
    complaint: float
    churn: float
    topics: tuple[TopicMention, ...]
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Clause:
    """A sentence-like piece of the customer's masked text.

    `reading` is of the passage that the clause stands in: it and its neighbours, as many as the
    model reads together.
    """

    text: str
    language: Language
    reading: ClauseReading


@dataclass(frozen=True, slots=True)
class ContactAnalysis:
    """A contact as it is stored: masked, hashed, classified.

    `text` is the masked display text of the customer, `score` in [-1, 1] is P(positive) minus
    P(negative), `confidence` the calibrated probability of `sentiment`. `evidence` maps a topic to
    the masked clause that shows it best. `attributes` are the contact's own, masked. `masked`
    counts the text's placeholders by kind. A contact with no customer text has `clauses == ()` and
    sentiment "neutral" with confidence 0.
    """

    text: str
    language: Language
    sentiment: str
    score: float
    confidence: float
    complaint: bool
    complaint_confidence: float
    churn: bool
    churn_confidence: float
    topics: tuple[TopicMention, ...]
    clauses: tuple[Clause, ...]
    evidence: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    masked: Mapping[str, int] = field(default_factory=dict)
    truncated_clauses: int = 0
    uncertain: bool = False
    customer_hash: str = ""
    agent_hash: str = ""
    model_revision: str = ""
    taxonomy_version: int = 0


class Analyser(Protocol):
    """Reads contacts. Thread-safe; the result of a contact does not depend on its neighbours."""

    def analyse(self, contacts: Sequence[Contact]) -> list[ContactAnalysis]:
        """One analysis per contact, same order. CPU-bound: call it off the event loop."""
        ...


class Classifier(Protocol):
    """Reads texts: the engine behind the analyser. `max_tokens` of a text are read at most."""

    revision: str
    taxonomy_version: int
    topics: tuple[str, ...]
    max_tokens: int

    def read(self, clauses: Sequence[str]) -> list[ClauseReading]:
        """One reading per text, same order; the same whatever the batch."""
        ...

    def likelihoods(self, clauses: Sequence[str]) -> Sequence[Sequence[Sequence[float]]]:
        """[text][topic][polarity]: how likely it is said, thresholds aside, in the orders of
        `topics` and POLARITIES."""
        ...
