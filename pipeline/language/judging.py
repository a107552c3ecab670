"""A model judged on annotated contacts, read as the product reads them: masked, in passages."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pipeline.domain.analysis import ContactAnalysis
from pipeline.domain.contact import Channel, Contact
from pipeline.language.analyser import ContactAnalyser
from pipeline.language.classifier import LoadedClassifier
from pipeline.language.evaluation import Answers, Truth, by_group, by_topic, report
from pipeline.language.mask import Masker
from pipeline.language.pseudonym import Pseudonyms

_AT_ONCE = 256

Rows = Sequence[Mapping[str, Any]]
Parts = Iterable[Sequence[str]]


def judge(
    model: LoadedClassifier, rows: Rows, shown: Callable[[Sequence[Sequence[str]]], Parts] = iter
) -> dict[str, Any]:
    """Figures on rows {text, lang, sentiment, complaint, churn, topics}: all, languages, topics.

    `unknown_topics` counts mentions of topics that the model cannot say; they are not held against
    it. `shown` goes over the parts that are read, for a progress bar.
    """
    texts = [row["text"] for row in rows]
    parts = [texts[at : at + _AT_ONCE] for at in range(0, len(texts), _AT_ONCE)]
    reader = _reader(model)
    said = Answers.of(
        [analysis for part in shown(parts) for analysis in reader(part)], model.topics
    )
    known = Truth.of(rows, model.topics)
    named = Counter(topic for row in rows for topic, _ in row["topics"])
    return {
        "model": model.revision,
        "texts": len(rows),
        "all": report(said, known),
        "languages": by_group(said, known, [row["lang"] for row in rows]),
        "topics": by_topic(said, known, model.topics),
        "unknown_topics": {t: count for t, count in named.items() if t not in model.topics},
    }


def _reader(model: LoadedClassifier) -> Callable[[Sequence[str]], list[ContactAnalysis]]:
    """Reads texts as contacts of nobody, so any secret does."""
    analyser = ContactAnalyser(
        model, Masker(), Pseudonyms(secrets.token_bytes(16)), thresholds=model.thresholds
    )
    now = datetime.now(UTC)
    return lambda texts: analyser.analyse(
        [Contact(str(at), now, Channel.OTHER, text=text) for at, text in enumerate(texts)]
    )
