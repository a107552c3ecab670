"""Log lines on stderr: readable text or one JSON object a line.

Contact texts and customer ids are never logged, at any level.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

import orjson

_NOISY = ("aiokafka", "kafka", "faust", "mode", "asyncio", "transformers", "clickhouse_driver")


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line).decode()


class _Seldom(logging.Filter):
    """Lets a library say at most one line in `seconds`: while a broker is away it says hundreds."""

    def __init__(self, library: str, seconds: float = 10.0) -> None:
        super().__init__()
        self._library = library
        self._seconds = seconds
        self._last = float("-inf")

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] != self._library:
            return True
        if record.created - self._last < self._seconds:
            return False
        self._last = record.created
        return True


def setup(level: str, form: str) -> None:
    """Installs the one handler. Libraries speak up from warning on, or all of it at debug."""
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    handler.setFormatter(_Json() if form == "json" else text)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    if level != "debug":
        for name in _NOISY:
            logging.getLogger(name).setLevel(logging.ERROR)
        handler.addFilter(_Seldom("aiokafka"))
