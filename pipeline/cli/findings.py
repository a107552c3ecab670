"""What the demo tells a newcomer: a few plain queries over the views, shown as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rich.text import Text

from pipeline.cli.console import out, table

if TYPE_CHECKING:
    from pipeline.warehouse import Warehouse

TOP_TOPICS = 5
_COLUMNS = ("language", "contacts", "negative", "neutral", "positive", "complaints")
_LANGUAGES = """
SELECT language, sum(contacts) AS number,
       sumIf(contacts, sentiment = 'negative'),
       sumIf(contacts, sentiment = 'neutral'),
       sumIf(contacts, sentiment = 'positive'),
       sum(complaints)
FROM contact_hours GROUP BY language ORDER BY number DESC
"""
_TOPICS = f"""
SELECT topic, count() AS number FROM contact_topics
WHERE complaint AND polarity = -1 GROUP BY topic ORDER BY number DESC, topic LIMIT {TOP_TOPICS}
"""
_VERBATIMS = """
SELECT topic, language, argMax(evidence, confidence) AS verbatim FROM contact_topics
WHERE complaint AND polarity = -1 AND sentiment = 'negative' AND topic IN %(topics)s
  AND language != 'und' AND lengthUTF8(evidence) BETWEEN 8 AND 120
GROUP BY topic, language ORDER BY topic, language
"""
_HOURLY = """
SELECT toUnixTimestamp(hour) AS at, topic, sum(complaints) AS number FROM topic_hours
WHERE polarity = -1 GROUP BY at, topic HAVING number > 0 ORDER BY at
"""
_PERIOD = "SELECT max(toUnixTimestamp(hour)) - min(toUnixTimestamp(hour)) FROM contact_hours"
_SHAPE = """
SELECT region, channel, sum(complaints) AS number
FROM topic_hours
WHERE polarity = -1 AND complaints > 0 AND topic = %(topic)s
  AND toUnixTimestamp(hour) BETWEEN %(since)s AND %(until)s - 1
GROUP BY region, channel
"""
_SHARE = 0.1
"""A region or channel with less of the complaints is not where the spike is: somebody always
complains somewhere.
"""


@dataclass(frozen=True, slots=True)
class Spike:
    """The hours in which a topic's complaints rose most above their usual number."""

    topic: str
    since: datetime
    until: datetime
    complaints: int
    usual: float


def find_spike(hourly: Sequence[tuple[datetime, str, int]], hours: int) -> Spike | None:
    """The run of hours with the largest excess of complaints of one topic over its mean.

    `hourly` holds only hours with complaints, `hours` counts all. A run ends where an hour has no
    more than twice the mean; None where no run exceeds its mean by five complaints. A newcomer's
    look, not a detector: `voc watch` knows seasons, dispersion and slow rises.
    """
    by_topic: dict[str, list[tuple[datetime, int]]] = {}
    for hour, topic, complaints in hourly:
        by_topic.setdefault(topic, []).append((hour, complaints))
    runs = [run for topic, rows in by_topic.items() for run in _runs(topic, sorted(rows), hours)]
    best = max(runs, key=lambda run: run.complaints - run.usual, default=None)
    return best if best and best.complaints - best.usual >= 5 else None


def _runs(topic: str, rows: Sequence[tuple[datetime, int]], hours: int) -> list[Spike]:
    mean = sum(count for _, count in rows) / max(hours, 1)
    found: list[Spike] = []
    for hour, count in rows:
        if count <= 2 * mean:
            continue
        end = hour + timedelta(hours=1)
        if found and found[-1].until == hour:
            last = found.pop()
            found.append(Spike(topic, last.since, end, last.complaints + count, last.usual + mean))
        else:
            found.append(Spike(topic, hour, end, count, mean))
    return found


def collect(warehouse: Warehouse, labels: Mapping[str, str]) -> dict[str, Any]:
    """Everything the demo shows, ready for JSON. `labels` name the topics."""
    languages = warehouse.query(_LANGUAGES).rows
    topics = [
        {"topic": topic, "label": labels.get(topic, topic), "complaints": n, "verbatims": {}}
        for topic, n in warehouse.query(_TOPICS).rows
    ]
    by_code = {entry["topic"]: entry for entry in topics}
    if topics:
        asked = {"topics": list(by_code)}
        for topic, language, verbatim in warehouse.query(_VERBATIMS, asked).rows:
            by_code[topic]["verbatims"][language] = verbatim
    return {
        "languages": [dict(zip(_COLUMNS, row, strict=True)) for row in languages],
        "topics": topics,
        "spike": _spike(warehouse, labels),
    }


def _spike(warehouse: Warehouse, labels: Mapping[str, str]) -> dict[str, Any] | None:
    [(seconds,)] = warehouse.query(_PERIOD).rows
    hours = int(seconds) // 3600 + 1
    rows = [
        (datetime.fromtimestamp(at, UTC), str(topic), int(number))
        for at, topic, number in warehouse.query(_HOURLY).rows
    ]
    spike = find_spike(rows, hours)
    if spike is None:
        return None
    since, until = (int(moment.timestamp()) for moment in (spike.since, spike.until))
    asked = {"topic": spike.topic, "since": since, "until": until}
    rows_of_spike = warehouse.query(_SHAPE, asked).rows
    return {
        **asdict(spike),
        "label": labels.get(spike.topic, spike.topic),
        "regions": where((region, number) for region, _, number in rows_of_spike),
        "channels": where((channel, number) for _, channel, number in rows_of_spike),
    }


def where(complaints: Iterable[tuple[str, int]]) -> list[str]:
    """The places that hold at least a tenth of the complaints, in order of their names."""
    counts: Counter[str] = Counter()
    for place, number in complaints:
        counts[place] += number
    return sorted(place for place, n in counts.items() if n >= _SHARE * counts.total())


def show(found: Mapping[str, Any]) -> None:
    """Prints what `collect` gathered."""
    rows = [[entry[name] for name in _COLUMNS] for entry in found["languages"]]
    out.print(table(_COLUMNS, rows, title="\nContacts by language and sentiment"))
    out.print(Text("\nWhat people complain about most", style="italic"))
    for entry in found["topics"]:
        out.print(Text.assemble((f"{entry['complaints']:>5} ", "bold"), entry["label"]))
        for language, verbatim in entry["verbatims"].items():
            line = Text.assemble((f"      {language:<8}", "dim"), (verbatim, "cyan"))
            out.print(line, soft_wrap=True)
    _show_spike(found["spike"])


def _show_spike(spike: Mapping[str, Any] | None) -> None:
    out.print(Text("\nThe spike", style="italic"))
    if spike is None:
        out.print("      No topic stands out in any hour.")
        return
    since, until = spike["since"], spike["until"]
    out.print(
        f"      [bold]{spike['label']}[/bold], {since:%A %d %B, %H:%M} to {until:%H:%M} UTC:"
        f" {spike['complaints']} complaints where {spike['usual']:.1f} are usual",
        soft_wrap=True,
    )
    out.print(
        Text(f"      {', '.join(spike['regions'])}; by {', '.join(spike['channels'])}", "dim")
    )
