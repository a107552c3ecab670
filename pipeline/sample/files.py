"""Small files of the sample company, for the README and for a first try of `voc send`."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from pipeline.sample.business import initiative_events, volume_events
from pipeline.sample.calendar import DEFAULT_UNTIL, Calendar
from pipeline.sample.events import labelled

SEED = 7
ROWS = 20

CSV_COLUMNS = {
    "contact_id": "工单号",
    "occurred_at": "时间",
    "channel": "渠道",
    "text": "内容",
    "customer_id": "客户号",
    "product": "产品",
    "region": "地区",
    "order_id": "订单号",
}
"""Fields of the event and the heading of their column."""


def write_examples(folder: Path) -> list[Path]:
    """Writes contacts.jsonl, contacts.csv, volumes.csv and initiatives.jsonl; returns their paths.

    contacts.csv holds text that GB 18030 can encode, under a Chinese heading, as a contact centre
    exports it; the file itself is UTF-8. Raises OSError where the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    calendar = Calendar.ending(DEFAULT_UNTIL, 6)
    return [
        _jsonl(folder / "contacts.jsonl", islice(_various(), ROWS)),
        _csv(folder / "contacts.csv", list(CSV_COLUMNS.values()), islice(_exported(), ROWS)),
        _volumes(folder / "volumes.csv", calendar),
        _jsonl(folder / "initiatives.jsonl", initiative_events(calendar)),
    ]


def _various() -> Iterator[dict[str, Any]]:
    """Contacts of the last week, no two in a row of the same channel or language."""
    last = ("", "")
    for made in islice(labelled(SEED, 1_200), 1_000, None):
        now = (made.event["channel"], made.intent.language)
        if now[0] != last[0] and now[1] != last[1]:
            last = now
            yield made.event


def _exported() -> Iterator[list[str]]:
    for made in islice(labelled(SEED + 1, 1_200), 600, None):
        text = made.event.get("text", "")
        if made.intent.language == "zh-Hans" and text and "\n" not in text:
            yield [str(made.event.get(field, "")) for field in CSV_COLUMNS]


def _volumes(path: Path, calendar: Calendar) -> Path:
    """The customers of the last two weeks, by day and region."""
    columns = ["name", "period_start", "period_end", "value", "region"]
    first = calendar.day(calendar.days - 14).isoformat()
    events = volume_events(calendar, 1_200, SEED)
    rows = (
        [f"{event[column]:g}" if column == "value" else event[column] for column in columns]
        for event in events
        if event["name"] == "customers" and event["period_start"] >= first
    )
    return _csv(path, columns, rows)


def _jsonl(path: Path, events: Iterable[dict[str, Any]]) -> Path:
    path.write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in events))
    return path


def _csv(path: Path, heading: list[str], rows: Iterable[list[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(heading)
        writer.writerows(rows)
    return path
