"""Options that several commands take."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from pipeline.errors import ConfigError

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="Settings file (TOML); default: voc.toml here, if any."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]

_AGO = re.compile(r"(\d+)\s*(minute|hour|day|week)s?(?: ago)?")


def moment(text: str, now: datetime) -> datetime:
    """A time that somebody typed: `now`, `7 days` (before `now`), or ISO 8601; UTC without a zone.

    Raises:
        ConfigError: it is none of these.
    """
    cleaned = text.strip().lower()
    if cleaned == "now":
        return now
    if ago := _AGO.fullmatch(cleaned):
        return _before(now, f"{ago[2]}s", int(ago[1]))
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise ConfigError(
            f"{text!r} is not a time",
            fix="Write 2026-11-01, 2026-11-01T09:00+09:00, now, or an age such as '7 days'.",
        ) from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _before(now: datetime, unit: str, count: int) -> datetime:
    try:
        return now - timedelta(**{unit: count})
    except OverflowError as error:
        raise ConfigError(
            f"{count} {unit} ago is before the first year", fix="Write a smaller number."
        ) from error
