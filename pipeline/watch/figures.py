"""Trailing figures: complaint and negative shares, CSAT, NPS, first-contact resolution."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from pipeline import metrics
from pipeline.domain.scales import NpsClass, Scales
from pipeline.metrics import Figure
from pipeline.watch.series import Query

_HOURS = "hour >= toDateTime(%(since)s, 'UTC') AND hour < toDateTime(%(until)s, 'UTC')"
_TIMES = (
    "occurred_at >= toDateTime64(%(since)s, 3, 'UTC')"
    " AND occurred_at < toDateTime64(%(until)s, 3, 'UTC')"
)

_CONTACTS = (
    "SELECT language, channel, sum(contacts) AS all_contacts, sum(complaints) AS all_complaints,"
    f" sumIf(contacts, sentiment = 'negative') AS all_negative FROM contact_hours WHERE {_HOURS}"
    " GROUP BY language, channel"
)
_TOPICS = (
    f"SELECT topic, sum(complaints) AS number FROM topic_hours WHERE {_HOURS}"
    " AND polarity = -1 GROUP BY topic"
)
_RATINGS = (
    f"SELECT kind, scale, value, count() AS number FROM ratings WHERE {_TIMES}"
    " AND kind IN ('csat', 'nps') AND dimension = '' GROUP BY kind, scale, value"
)
_REPEATS = (
    "SELECT count() AS contacts, countIf(gap > 0 AND gap <= %(repeat)s) AS repeated FROM ("
    " SELECT occurred_at, toInt64(leadInFrame(toUnixTimestamp(toDateTime(occurred_at))) OVER"
    " (PARTITION BY customer, topic ORDER BY occurred_at"
    " ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING))"
    " - toInt64(toUnixTimestamp(toDateTime(occurred_at))) AS gap"
    " FROM contact_topics WHERE customer != '' AND occurred_at >="
    " toDateTime64(%(since)s, 3, 'UTC') AND occurred_at < toDateTime64(%(now)s, 3, 'UTC')"
    ") WHERE occurred_at < toDateTime64(%(until)s, 3, 'UTC')"
)
_NEWEST = (
    "SELECT max(occurred_at) AS newest, count() AS rows FROM contacts"
    " WHERE occurred_at <= toDateTime64(%(now)s, 3, 'UTC')"
    " AND occurred_at > toDateTime64(%(since)s, 3, 'UTC')"
)


def refresh(query: Query, now: datetime, windows: list[int], repeat: int, scales: Scales) -> None:
    """Sets every trailing gauge; label sets that are gone are dropped.

    All queries run before the first gauge is touched: one that fails leaves the last figures.
    """
    found = [each for days in windows for each in _window(query, now, days, repeat, scales)]
    newest = _newest(query, now, max(windows))
    metrics.refill(_GAUGES, found)
    if newest is not None:
        metrics.NEWEST_CONTACT.set(newest.timestamp())


def _window(
    query: Query, now: datetime, days: int, repeat: int, scales: Scales
) -> Iterator[Figure]:
    span = {"since": _text(now - timedelta(days=days)), "until": _text(now)}
    yield from _contacts(query, span, str(days))
    yield from _scores(query, span, str(days), scales)
    yield from _resolution(query, now, days, repeat)


_GAUGES = (
    metrics.TRAILING_CONTACTS,
    metrics.TRAILING_COMPLAINTS,
    metrics.TRAILING_NEGATIVE,
    metrics.TRAILING_TOPIC,
    metrics.CSAT,
    metrics.NPS,
    metrics.RATINGS,
    metrics.FCR,
)


def _contacts(query: Query, span: Mapping[str, str], days: str) -> Iterator[Figure]:
    rows = query(_CONTACTS, span)
    pairs = zip(rows["language"], rows["channel"], strict=True)
    for index, (language, channel) in enumerate(pairs):
        for gauge, name in (
            (metrics.TRAILING_CONTACTS, "all_contacts"),
            (metrics.TRAILING_COMPLAINTS, "all_complaints"),
            (metrics.TRAILING_NEGATIVE, "all_negative"),
        ):
            yield gauge, (days, language, channel), float(rows[name][index])
    topics = query(_TOPICS, span)
    for topic, number in zip(topics["topic"], topics["number"], strict=True):
        yield metrics.TRAILING_TOPIC, (days, topic), float(number)


def _scores(query: Query, span: Mapping[str, str], days: str, scales: Scales) -> Iterator[Figure]:
    """CSAT and NPS by each rating's own scale; a kind without ratings has no figure."""
    rows = query(_RATINGS, span)
    number = {"csat": 0, "nps": 0}
    good = bad = satisfied = 0
    listed = zip(rows["kind"], rows["scale"], rows["value"], rows["number"], strict=True)
    for kind, scale_id, value, count in listed:
        scale = scales.get(scale_id)
        if scale is None or (kind == "nps" and value not in scale.nps):
            continue
        number[kind] += count
        if kind == "csat":
            satisfied += count * (value in scale.top_box)
        else:
            good += count * (scale.nps[value] is NpsClass.PROMOTER)
            bad += count * (scale.nps[value] is NpsClass.DETRACTOR)
    for kind, count in number.items():
        yield metrics.RATINGS, (kind, days), float(count)
    if number["csat"]:
        yield metrics.CSAT, (days,), satisfied / number["csat"]
    if number["nps"]:
        yield metrics.NPS, (days,), 100 * (good - bad) / number["nps"]


def _resolution(query: Query, now: datetime, days: int, repeat: int) -> Iterator[Figure]:
    """Contacts old enough that a repeat would have come by now."""
    until = now - timedelta(days=repeat)
    parameters = {
        "since": _text(until - timedelta(days=days)),
        "until": _text(until),
        "now": _text(now),
        "repeat": repeat * 86_400,
    }
    rows = query(_REPEATS, parameters)
    contacts, repeated = int(rows["contacts"][0]), int(rows["repeated"][0])
    if contacts:
        yield metrics.FCR, (str(days),), 1 - repeated / contacts


def _newest(query: Query, now: datetime, days: int) -> datetime | None:
    rows = query(_NEWEST, {"now": _text(now), "since": _text(now - timedelta(days=days))})
    if not int(rows["rows"][0]):
        return None
    newest: datetime = rows["newest"][0]
    return newest if newest.tzinfo else newest.replace(tzinfo=UTC)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
