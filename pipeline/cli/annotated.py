"""Annotated texts for the commands that judge a model by them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.cli import texts
from pipeline.domain.analysis import POLARITIES, SENTIMENTS
from pipeline.errors import ContractError

_FORM = (
    'Write {"text": …, "lang": …, "sentiment": "negative|neutral|positive", "complaint": true,'
    ' "churn": false, "topics": [["delivery", -1]]} in each line.'
)


def load(path: Path) -> list[dict[str, Any]]:
    """Rows {text, lang, sentiment, complaint, churn, topics}. Raises ConfigError, ContractError."""
    rows = texts.records(path)
    if not rows:
        raise ContractError(f"{path} holds no texts", fix=_FORM)
    for at, row in enumerate(rows, start=1):
        if (wrong := _wrong(row)) is not None:
            raise ContractError(f"{path}, text {at}: {wrong}", fix=_FORM)
    return rows


def _wrong(row: dict[str, Any]) -> str | None:
    if not isinstance(row.get("text"), str) or not isinstance(row.get("lang"), str):
        return "text and lang must be texts"
    if row.get("sentiment") not in SENTIMENTS:
        return f"sentiment is {row.get('sentiment')!r}"
    for name in ("complaint", "churn"):
        if not isinstance(row.get(name), bool):
            return f"{name} is {row.get(name)!r}, not true or false"
    return wrong_topics(row.get("topics"))


def wrong_topics(topics: object) -> str | None:
    """What is wrong with [[topic, polarity], ...]; None if nothing is."""
    if not isinstance(topics, list):
        return f"topics is {topics!r}, not a list"
    for pair in topics:
        if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], str):
            return f"the topic {pair!r} is not [topic, polarity]"
        if pair[1] not in POLARITIES:
            return f"the polarity of {pair[0]} is {pair[1]!r}, not -1, 0 or 1"
    return None
