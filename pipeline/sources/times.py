"""Times as exports write them, to RFC 3339."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo

_READY = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
_LOOSE = re.compile(
    r"(?P<year>\d{4})\s?[-/.年년]\s?(?P<month>\d{1,2})\s?[-/.月월]\s?(?P<day>\d{1,2})[.日일]?"
    r"(?:[T\s]\s*(?P<half>上午|下午|오전|오후)?\s?(?P<hour>\d{1,2}):(?P<minute>\d\d)"
    r"(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?\s*(?P<late>[AaPp][Mm])?)?"
    r"\s*(?P<zone>Z|UTC|[+-]\d\d:?\d\d)?"
)
_EPOCH = re.compile(r"\d{10}|\d{13}")
_AFTERNOON = {"下午", "오후", "pm"}
_MORNING = {"上午", "오전", "am"}


def rfc3339(text: str, zone: tzinfo | None, form: str = "") -> str:
    """The time in RFC 3339, or `text` itself where it is none or its zone is not known.

    Reads RFC 3339, year-month-day with dashes, slashes, dots or 年月日/년월일, an optional time,
    and seconds or milliseconds since 1970; `form` is a strptime pattern for everything else (day
    and month alone are ambiguous). Times without a zone are in `zone`.
    """
    if _READY.fullmatch(text):
        return text
    if form:
        return _with_zone(_strptime(text, form), zone, text)
    if _EPOCH.fullmatch(text):
        seconds = int(text) / (1000 if len(text) == 13 else 1)
        return datetime.fromtimestamp(seconds, UTC).isoformat()
    found = _LOOSE.fullmatch(text)
    return _with_zone(_assemble(found), zone, text) if found else text


def is_rfc3339(text: str) -> bool:
    """Whether `text` has the form of an RFC 3339 time with its zone."""
    return _READY.fullmatch(text) is not None


def _strptime(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)  # noqa: DTZ007 - the zone is added by the caller
    except ValueError:
        return None


def _assemble(found: re.Match[str]) -> datetime | None:
    parts = found.groupdict()
    hour = int(parts["hour"] or 0)
    half = (parts["half"] or parts["late"] or "").lower()
    if half in _AFTERNOON and hour < 12:
        hour += 12
    elif half in _MORNING and hour == 12:
        hour = 0
    date = f"{parts['year']}-{int(parts['month']):02}-{int(parts['day']):02}"
    clock = f"{hour:02}:{parts['minute'] or '00'}:{parts['second'] or '00'}"
    fraction = f".{parts['fraction'][:6]:0<6}" if parts["fraction"] else ""
    zone = (parts["zone"] or "").replace("UTC", "+00:00")
    try:
        return datetime.fromisoformat(f"{date}T{clock}{fraction}{zone}")
    except ValueError:  # the 31st of April
        return None


def _with_zone(at: datetime | None, zone: tzinfo | None, text: str) -> str:
    if at is None:
        return text
    if at.tzinfo is None:
        if zone is None:
            return text
        at = at.replace(tzinfo=zone)
    stamp = at.isoformat()
    # Zones of old had offsets with seconds, which RFC 3339 cannot write.
    return stamp if _READY.fullmatch(stamp) else at.astimezone(UTC).isoformat()
