"""Counts of complaints per slice and hour, from the rollups."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from pipeline.analysis.spikes import HOLIDAY, WEEKDAYS, WEEKEND, Calendar

Floats = NDArray[np.float64]
Query = Callable[[str, Mapping[str, Any]], Mapping[str, Sequence[Any]]]
"""Runs a SELECT with parameters and answers its columns by name."""

HOUR = timedelta(hours=1)

BUSY_TOTAL = 5.0
"""Contacts an hour on average from which an hour without a single one is a gap in the data."""


@dataclass(frozen=True, slots=True)
class Series:
    """The hours from `start` (UTC); counts [n] with NaN in gaps, for each slice."""

    start: datetime
    calendar: Calendar
    slices: Mapping[tuple[tuple[str, str], ...], Floats]

    def begin(self, window: int) -> datetime:
        """When a window begins."""
        return self.start + window * HOUR


def fetch(
    query: Query,
    now: datetime,
    days: int,
    slicings: Sequence[str],
    zone: ZoneInfo,
    holidays: Sequence[date],
    most: int,
) -> Series:
    """The last `days` days up to the running hour; contacts of the future take no part."""
    since, until = _bounds(query, now, days, zone)
    windows = (until - since) // HOUR
    span = {"since": _text(since), "until": _text(until)}
    gaps = _gaps(query, span, since, windows)
    found: dict[tuple[tuple[str, str], ...], Floats] = {}
    for slicing in slicings:
        names = tuple(name for name in slicing.split(",") if name)
        found.update(_counts(query, span, names, since, windows))
    busiest = sorted(found, key=lambda each: (-found[each].sum(), each))[:most]
    slices = {each: np.where(gaps, np.nan, found[each]) for each in busiest}
    return Series(since, calendar(since, windows, zone, holidays), slices)


def _bounds(query: Query, now: datetime, days: int, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """From the first hour of a local day, `days` back at most or where the data begin, to the next.

    The rollups' hours are full hours in UTC. Where midnight is not one (Asia/Kolkata), the day's
    first is the one after it: the one before belongs to yesterday, of which nothing else is read.
    """
    until = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + HOUR
    earliest = until - timedelta(days=days)
    sql = (
        f"SELECT min(hour) AS first, count() AS rows FROM contact_hours"
        f" WHERE hour >= {_time('since')} AND hour < {_time('until')}"
    )
    rows = query(sql, {"since": _text(earliest), "until": _text(until)})
    if not int(rows["rows"][0]):
        return until, until
    first = rows["first"][0]
    first = first if first.tzinfo else first.replace(tzinfo=UTC)
    midnight = first.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return _full_hour(midnight.astimezone(UTC)), until


def _full_hour(at: datetime) -> datetime:
    """`at`, or the next full hour after it."""
    begun = at.replace(minute=0, second=0, microsecond=0)
    return begun if begun == at else begun + HOUR


def calendar(start: datetime, windows: int, zone: ZoneInfo, holidays: Sequence[date]) -> Calendar:
    """The company's local date and hour of each window, through changes to and from summer time."""
    local = [(start + n * HOUR).astimezone(zone) for n in range(windows)]
    days = [at.date() for at in local]
    first = days[0].toordinal() if days else 0
    weekday = np.array([day.weekday() for day in days], np.int64)
    kind = np.where(weekday >= 5, WEEKEND, WEEKDAYS)
    kind = np.where(np.isin([d.toordinal() for d in days], [h.toordinal() for h in holidays]),
                    HOLIDAY, kind)  # fmt: skip
    slot = np.array([at.hour for at in local], np.int64)
    day = np.array([each.toordinal() - first for each in days], np.int64)
    return Calendar(weekday, slot, day, kind.astype(np.int64), 24)


def _gaps(
    query: Query, span: Mapping[str, str], since: datetime, windows: int
) -> NDArray[np.bool_]:
    """Hours in which nothing at all arrived although the company is busy: the feed was down."""
    total = np.zeros(windows)
    rows = query(
        f"SELECT hour, sum(contacts) AS amount FROM contact_hours"
        f" WHERE hour >= {_time('since')} AND hour < {_time('until')} GROUP BY hour",
        span,
    )
    for at, amount in zip(rows["hour"], rows["amount"], strict=True):
        total[_index(at, since)] += float(amount)
    busy = windows > 0 and total.mean() >= BUSY_TOTAL
    gaps = (total == 0) & busy
    if windows:
        gaps[-1] = False  # the running hour may be young
    return np.asarray(gaps)


def _counts(
    query: Query, span: Mapping[str, str], names: tuple[str, ...], since: datetime, windows: int
) -> Iterator[tuple[tuple[tuple[str, str], ...], Floats]]:
    rows = query(_sql(names), span)
    found: dict[tuple[tuple[str, str], ...], Floats] = {}
    columns = [rows[name] for name in names]
    for index, (at, amount) in enumerate(zip(rows["hour"], rows["amount"], strict=True)):
        key = tuple((name, str(column[index])) for name, column in zip(names, columns, strict=True))
        if any(not value for _, value in key):
            continue  # "product unknown" is nobody's slice
        counts = found.setdefault(key, np.zeros(windows))
        counts[_index(at, since)] += float(amount)
    yield from found.items()


def _sql(names: tuple[str, ...]) -> str:
    view, condition = ("topic_hours", " AND polarity = -1") if "topic" in names else (
        "contact_hours", "")  # fmt: skip
    columns = "".join(f", {name}" for name in names)
    return (
        f"SELECT hour{columns}, sum(complaints) AS amount FROM {view}"
        f" WHERE hour >= {_time('since')} AND hour < {_time('until')}{condition}"
        f" GROUP BY hour{columns} HAVING amount > 0"
    )


def _index(at: datetime, since: datetime) -> int:
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - since) // HOUR


def _time(name: str) -> str:
    return f"toDateTime(%({name})s, 'UTC')"


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
