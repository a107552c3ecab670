"""Reads what each source's own labels say in our words; what they do not say stays unknown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Row = Mapping[str, Any]
Known = dict[str, int]

SENTIMENTS = {"negative": 0, "neutral": 1, "positive": 2}
_SHORT = {"neg": 0, "neu": 1, "pos": 2, **SENTIMENTS}

UNSIGNED = 9
"""A topic's polarity that nobody stated."""


def film_rating(row: Row) -> Known:
    """NSMC's own rule: up to 4 of 10 negative, from 9 positive; 5 to 8 are too noisy."""
    rating = row["label"]["rating10"]
    return {"sentiment": 0} if rating <= 4 else {"sentiment": 2} if rating >= 9 else {}


def _of_stars(star: float | None) -> Known:
    if star is None or 2 < star < 4.5:
        return {}
    return {"sentiment": 0, "complaint": 1} if star <= 2 else {"sentiment": 2}


def stars(row: Row) -> Known:
    """One and two negative, five positive; three and four contradict their texts too often."""
    return _of_stars(row["label"].get("star"))


def delivery_stars(row: Row) -> Known:
    """By the stars of taste; the other two often contradict the text."""
    return _of_stars(row["label"].get("taste"))


def mean_stars(row: Row) -> Known:
    """By the mean of the aspects' stars, where at least three are given."""
    given = [value for value in row["label"].values() if value is not None]
    return _of_stars(sum(given) / len(given)) if len(given) >= 3 else {}


def polarity(row: Row) -> Known:
    """pos, neg or neu as given."""
    return {"sentiment": _SHORT[row["label"]["polarity"]]}


def shop_polarity(row: Row) -> Known:
    """A negative review of a shop or a delivery is a complaint (annotators: 95 in 100)."""
    known = polarity(row)
    return {**known, "complaint": 1} if known["sentiment"] == 0 else known


def airline(row: Row) -> Known:
    """A negative tweet with a stated reason is a complaint."""
    reason = row["label"]["negativereason"]
    known = polarity(row)
    sure = known["sentiment"] == 0 and reason not in {None, "Can't Tell"}
    return {**known, "complaint": 1} if sure else known


def emotions(row: Row) -> Known:
    """Without KOTE's "불평/불만" a text is no complaint; with it only 21 of 100 are one."""
    return {} if "불평/불만" in row["label"]["emotions"] else {"complaint": 0}


def smile(row: Row) -> Known:
    """OpenRice's smile, ok, cry."""
    face = {"smile": 2, "ok": 1, "cry": 0}.get(row["label"]["class"])
    return {} if face is None else {"sentiment": face}


def valence(row: Row) -> Known:
    """Mean valence 1-9, with a gap on both sides of neutral."""
    mean = row["label"]["mean_valence"]
    if mean <= 4.25:
        return {"sentiment": 0}
    if mean >= 5.75:
        return {"sentiment": 2}
    return {"sentiment": 1} if 4.75 <= mean <= 5.25 else {}


def sentiment5(row: Row) -> Known:
    """1 is very positive, 5 very negative."""
    value = row["label"].get("sentiment5")
    return {} if value is None else {"sentiment": 2 if value <= 2 else 1 if value == 3 else 0}


def criticality(row: Row) -> Known:
    """-4 (very critical) to 4 (very pleased); 0 mixes neutral and mild."""
    value = row["label"]["criticality"]
    return {} if not value else {"sentiment": 0 if value < 0 else 2}


def aspects(row: Row) -> Known:
    """Only where all aspects agree."""
    found = set(row["label"]["aspects"].values())
    return {"sentiment": _SHORT[found.pop()]} if len(found) == 1 else {}


def play_class(row: Row) -> Known:
    """A bug report is a complaint (annotators: 97 in 100)."""
    bug = row["label"]["class"] == "bug report"
    return {"sentiment": 0, "complaint": 1} if bug else {}


def question(row: Row) -> Known:
    """Questions of an FAQ carry no feeling and no complaint."""
    del row
    return {"sentiment": 1, "complaint": 0, "churn": 0}


def intents(row: Row) -> Known:
    """Requests are neutral unless something does not work."""
    return {} if "wrong_notworking_notshowing" in row["label"]["intents"] else question(row)


def nothing(row: Row) -> Known:
    """The source states topics only."""
    del row
    return {}


READERS: dict[str, Callable[[Row], Known]] = {
    f.__name__: f
    for f in (
        film_rating, stars, delivery_stars, mean_stars, polarity, shop_polarity, airline, emotions,
        smile, valence, sentiment5, criticality, aspects, play_class, question, intents, nothing,
    )
}  # fmt: skip


def stated_topics(row: Row, spec: Mapping[str, Any], known: Known) -> dict[str, int] | None:
    """Topics that a label names, with the text's polarity unless the label has its own.

    None if the source names none for this text, which is no statement that there is none.
    """
    if "by" not in spec:
        return None
    value = row["label"].get(spec["by"])
    overall = known["sentiment"] - 1 if "sentiment" in known else UNSIGNED
    names = spec["topics"]
    if isinstance(value, dict):
        signs = {k: _SHORT[v] - 1 for k, v in value.items() if k in names and _SHORT[v] != 1}
        return {names[k]: sign for k, sign in signs.items()} or None
    if isinstance(value, list):
        values = [v["category"] if isinstance(v, dict) else v for v in value]
    else:
        values = [value]
    return {names[v]: overall for v in values if v in names} or None
