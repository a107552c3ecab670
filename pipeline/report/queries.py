"""The queries behind the report: text and parameters, one id for each.

Times of parameters are UTC text read by toDateTime64(..., 3, 'UTC'). Each query selects the few
columns that its analysis reads, summed where the analysis takes sums: a million contacts have to
fit in memory one query after another. A column of event times is called `at`, in seconds since
1970 (ten times cheaper than datetimes); `Log.ask` gives it its name back.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.analysis.period import Period

_AT = "toUnixTimestamp64Milli(occurred_at) / 1000 AS at"


@dataclass(frozen=True, slots=True)
class Statement:
    """A SELECT; `id` is what numbers link to."""

    id: str
    sql: str
    parameters: dict[str, Any]


def utc(at: datetime) -> str:
    """A time as the queries' parameters take it."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _time(name: str) -> str:
    return f"toDateTime64(%({name})s, 3, 'UTC')"


def _between(first: str = "since", last: str = "until") -> str:
    return f"occurred_at >= {_time(first)} AND occurred_at < {_time(last)}"


def _span(period: Period) -> dict[str, Any]:
    return {"since": utc(period.start), "until": utc(period.end)}


def _both(period: Period) -> dict[str, Any]:
    return {**_span(period), "before": utc(period.previous.start)}


def bounds() -> Statement:
    """One row: how many contacts there are at all, the first and the last."""
    sql = "SELECT count() AS contacts, min(occurred_at) AS first, max(occurred_at) AS last"
    return Statement("bounds", f"{sql} FROM contacts", {})


def overview(period: Period) -> Statement:
    """Up to two rows (`now` 0 and 1): the counts of both periods."""
    sql = f"""
SELECT occurred_at >= {_time("since")} AS now, count() AS contacts, sum(complaint) AS complaints,
  countIf(sentiment = 'negative') AS negative, sum(churn) AS churns,
  uniqExactIf(customer, customer != '') AS customers, sum(uncertain) AS uncertain,
  countIf(empty(topics)) AS without_topic, min(occurred_at) AS first, max(occurred_at) AS last
FROM contacts WHERE {_between("before")} GROUP BY now ORDER BY now"""
    return Statement("overview", sql.strip(), _both(period))


def cells(period: Period) -> Statement:
    """Contacts by language and by channel: `dimension`, `value` and counts."""
    sql = f"""
SELECT pair.1 AS dimension, pair.2 AS value, count() AS contacts, sum(complaint) AS complaints,
  countIf(sentiment = 'negative') AS negative
FROM contacts ARRAY JOIN [('language', toString(language)), ('channel', toString(channel))] AS pair
WHERE {_between()} GROUP BY dimension, value ORDER BY dimension, contacts DESC, value"""
    return Statement("languages", sql.strip(), _span(period))


def mentions(period: Period) -> Statement:
    """Mentions by topic, polarity and hour of both periods; hours are counted back from the end,
    so that none reaches over the border between periods or weeks."""
    sql = f"""
SELECT topic, polarity, min(toUnixTimestamp64Milli(occurred_at)) / 1000 AS at, count() AS contacts
FROM contact_topics WHERE {_between("before")}
GROUP BY topic, polarity, occurred_at >= {_time("since")},
  intDiv(dateDiff('millisecond', occurred_at, {_time("until")}) - 1, 3600000)"""
    return Statement("mentions", sql.strip(), _both(period))


def volume_names(period: Period) -> Statement:
    """The volumes that both periods have records of."""
    sql = f"""
SELECT name, sum(value) AS value FROM volumes
WHERE period_end > {_time("since")} AND period_start < {_time("until")}
GROUP BY name ORDER BY name"""
    return Statement("volumes", sql.strip(), _span(period))


def volumes(period: Period, name: str) -> Statement:
    """One volume by its own periods."""
    sql = f"""
SELECT name, period_start, period_end, sum(value) AS value FROM volumes
WHERE name = %(volume)s AND period_end > {_time("before")} AND period_start < {_time("until")}
GROUP BY name, period_start, period_end ORDER BY period_start"""
    return Statement("volumes", sql.strip(), {**_both(period), "volume": name})


def mix_contacts(period: Period, dimension: str) -> Statement:
    """Contacts of both periods by the values of a dimension that volumes have too."""
    sql = f"""
SELECT {dimension} AS value, countIf(occurred_at < {_time("since")}) AS before,
  countIf(occurred_at >= {_time("since")}) AS after
FROM contacts WHERE {_between("before")} AND {dimension} != ''
GROUP BY value ORDER BY value"""
    return Statement("mix", sql.strip(), _both(period))


def mix_volumes(period: Period, dimension: str, name: str) -> Statement:
    """A volume of both periods by the values of a dimension, each record by the part inside."""
    before, after = _inside("before", "since"), _inside("since", "until")
    sql = f"""
SELECT {dimension} AS value, {before} AS before, {after} AS after FROM volumes
WHERE name = %(volume)s AND {dimension} != '' GROUP BY value ORDER BY value"""
    return Statement("mix", sql.strip(), {**_both(period), "volume": name})


def _inside(first: str, last: str) -> str:
    overlap = (
        f"dateDiff('second', greatest(period_start, {_time(first)}),"
        f" least(period_end, {_time(last)}))"
    )
    whole = "greatest(dateDiff('second', period_start, period_end), 1)"
    return f"sum(volumes.value * greatest({overlap}, 0) / {whole})"


def snowballs(period: Period, days: float) -> Statement:
    """Who was in touch about what, `days` more on both sides."""
    sql = f"""
SELECT contact_id, customer, topic, {_AT} FROM contact_topics
WHERE {_between("early", "late")}"""
    more = timedelta(days=days)
    ends = {"early": utc(period.start - more), "late": utc(period.end + more)}
    return Statement("snowballs", sql.strip(), ends)


def portfolio(period: Period) -> Statement:
    """Every mention's polarity and what it was worth."""
    sql = f"SELECT topic, polarity, complaint, campaign FROM contact_topics WHERE {_between()}"
    return Statement("portfolio", sql, _span(period))


def moments(period: Period) -> Statement:
    """Which mentions go with churn intent."""
    sql = f"SELECT contact_id, topic, polarity, churn FROM contact_topics WHERE {_between()}"
    return Statement("moments", sql, _span(period))


def teams(period: Period) -> Statement:
    """Mentions by the team that handled the contact."""
    sql = f"SELECT team, topic, polarity FROM contact_topics WHERE {_between()} AND team != ''"
    return Statement("teams", sql, _span(period))


def whole_ratings(period: Period) -> Statement:
    """Ratings of the whole, with what layouts are compared within."""
    sql = f"""
SELECT contact_id, kind, dimension, value, scale, score, channel, language, product, team
FROM ratings WHERE {_between()} AND dimension = ''"""
    return Statement("ratings", sql.strip(), _span(period))


def earlier_ratings(period: Period) -> Statement:
    """Ratings of the whole in the period before."""
    sql = f"""
SELECT kind, dimension, value, scale, score FROM ratings
WHERE {_between()} AND dimension = '' AND kind IN ('nps', 'csat', 'ces', 'stars')"""
    return Statement("ratings", sql.strip(), _span(period.previous))


def attribute_ratings(period: Period) -> Statement:
    """Ratings of attributes, and of the whole beside them."""
    sql = f"""
SELECT contact_id, kind, dimension, value, score FROM ratings
WHERE {_between()} AND (dimension != '' OR kind = 'csat')"""
    return Statement("attributes", sql.strip(), _span(period))


def rated_topics(period: Period) -> Statement:
    """The topics of contacts whose customer rated the whole."""
    sql = f"""
SELECT topics, polarities, rated.score AS score FROM contacts
INNER JOIN (
  SELECT contact_id, avg(score) AS score FROM ratings
  WHERE {_between()} AND kind = 'csat' AND dimension = '' GROUP BY contact_id
) AS rated ON rated.contact_id = contacts.contact_id
WHERE {_between()} AND notEmpty(topics)"""
    return Statement("rated-topics", sql.strip(), _span(period))


def customers(period: Period) -> Statement:
    """Contacts with what is known of their customers."""
    sql = f"""
SELECT customer, customer_tier, customer_value, complaint, churn, resolved, {_AT}
FROM contacts WHERE {_between()}"""
    return Statement("customers", sql.strip(), _span(period))


def recovery(period: Period) -> Statement:
    """Complaints of both periods and what their customers did next."""
    sql = f"""
SELECT customer, complaint, score, recovery, order_id, {_AT}
FROM contacts WHERE {_between("before")} AND (complaint OR customer IN (
  SELECT customer FROM contacts WHERE {_between("before")} AND complaint AND customer != ''))"""
    return Statement("recovery", sql.strip(), _both(period))


def initiatives(until: datetime, days: float) -> Statement:
    """Initiatives that began in the `days` before `until`."""
    sql = f"""
SELECT initiative_id, title, owner, started_at, ended_at, topics, slice, comparison, note
FROM initiatives WHERE started_at < {_time("until")} AND started_at >= {_time("since")}
ORDER BY started_at, initiative_id"""
    ends = {"since": utc(until - timedelta(days=days)), "until": utc(until)}
    return Statement("initiatives", sql.strip(), ends)


def initiative_mentions(since: datetime, until: datetime, dimensions: Collection[str]) -> Statement:
    """Negative mentions by topic, hour and the dimensions that initiatives name."""
    names = "".join(f", {name}" for name in sorted(dimensions))
    sql = f"""
SELECT topic{names}, toInt8(-1) AS polarity, toUnixTimestamp(toStartOfHour(occurred_at)) AS at,
  count() AS contacts
FROM contact_topics WHERE {_between()} AND polarity = -1 GROUP BY topic{names}, at"""
    return Statement("initiatives", sql.strip(), {"since": utc(since), "until": utc(until)})


_PEOPLE = "uniqExact(if(customer = '', contact_id, customer))"
"""Customers, each once; whoever is not known counts by contact. Repeat contacts are not independent
of each other, so a test on contacts would see hotspots where a few customers keep calling."""
HOTSPOT_DIMENSIONS = ("region", "product", "customer_tier", "language", "team")


def hotspot_problems(period: Period) -> Statement:
    """Customers who name a topic's problem, by every value of the dimensions; see `_PEOPLE`."""
    # One after another: an ARRAY JOIN over a view that has one itself is refused.
    parts = [
        f"SELECT topic, '{name}' AS dimension, toString({name}) AS value, {_PEOPLE} AS problems\n"
        f"FROM contact_topics WHERE {_between()} AND polarity = -1 GROUP BY topic, value"
        for name in HOTSPOT_DIMENSIONS
    ]
    return Statement("hotspots", "\nUNION ALL ".join(parts), _span(period))


def hotspot_contacts(period: Period) -> Statement:
    """Customers of contacts with a topic, by every value of the dimensions."""
    parts = [
        f"SELECT '{name}' AS dimension, toString({name}) AS value, {_PEOPLE} AS customers\n"
        f"FROM contacts WHERE {_between()} AND notEmpty(topics) GROUP BY value"
        for name in HOTSPOT_DIMENSIONS
    ]
    return Statement("hotspots", "\nUNION ALL ".join(parts), _span(period))


def _weekly(selected: str, view: str, condition: str, name: str) -> str:
    week = f"intDiv(dateDiff('millisecond', occurred_at, {_time('until')}) - 1, 604800000) AS week"
    return (
        f"SELECT {selected}'{name}' AS dimension, toString({name}) AS value, {week}, count() AS n\n"
        f"FROM {view} WHERE {_between('before')} AND {condition} GROUP BY ALL"
    )


RISE_DIMENSIONS = ("region", "product")


def rise_problems(period: Period) -> Statement:
    """Negative mentions by topic, slice and week (0 the newest) of both periods."""
    rule = "polarity = -1"
    parts = [_weekly("topic, ", "contact_topics", rule, name) for name in RISE_DIMENSIONS]
    return Statement("rises", "\nUNION ALL ".join(parts), _both(period))


def rise_contacts(period: Period) -> Statement:
    """Contacts with a topic by slice and week of both periods."""
    parts = [_weekly("", "contacts", "notEmpty(topics)", name) for name in RISE_DIMENSIONS]
    return Statement("rises", "\nUNION ALL ".join(parts), _both(period))


def spikes(period: Period) -> Statement:
    """Spikes that were open in the period, shadows of others left out."""
    sql = f"""
SELECT slice, state, severity, opened_at, window_end, expected, observed, topic, owner, explanation,
  verbatims
FROM spikes WHERE opened_at < {_time("until")} AND window_end >= {_time("since")} AND part_of = ''
ORDER BY severity, score DESC LIMIT 50"""
    return Statement("spikes", sql.strip(), _span(period))


def verbatims(period: Period, topics: Sequence[str], limit: int) -> Statement:
    """The newest negative mentions of each topic, at most `limit` of each."""
    sql = f"""
SELECT contact_id, language, topic, evidence, {_AT} FROM contact_topics
WHERE {_between()} AND polarity = -1 AND topic IN %(topics)s
ORDER BY occurred_at DESC, contact_id LIMIT {limit:d} BY topic"""
    return Statement("verbatims", sql.strip(), {**_span(period), "topics": list(topics)})


def untopical(period: Period, limit: int) -> Statement:
    """Contacts of both periods whose text no topic explains; a fixed sample of at most `limit`."""
    sql = f"""
SELECT contact_id, language, text, {_AT} FROM contacts
WHERE {_between("before")} AND empty(topics) AND lengthUTF8(text) >= 6
ORDER BY cityHash64(contact_id) LIMIT {limit:d}"""
    return Statement("emerging", sql.strip(), _both(period))


def untopical_count(period: Period) -> Statement:
    """How many contacts of both periods have text that no topic explains."""
    sql = f"""
SELECT count() AS contacts FROM contacts
WHERE {_between("before")} AND empty(topics) AND lengthUTF8(text) >= 6"""
    return Statement("emerging", sql.strip(), _both(period))
