"""The file of what was refused: one JSON object a line, enough to correct it and send it again."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from pipeline.sources.check import Checked
from pipeline.sources.errors import SourceError


class RejectsFile:
    """Appends rejects: file, line, errors, and the original line.

    A line that is not UTF-8 is kept as `original_base64`. Every reject is written at once, so what
    is there after a kill is whole lines but for the last. Raises SourceError where the file cannot
    be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise self._problem(error) from error

    def write(self, source: str, checked: Checked) -> None:
        """Appends one reject."""
        line = {
            "file": source,
            "line": checked.line,
            "errors": [error._asdict() for error in checked.errors],
            **_original(checked.raw),
        }
        try:
            self._file.write(orjson.dumps(line) + b"\n")
        except OSError as error:
            raise self._problem(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def _problem(self, error: OSError) -> SourceError:
        return SourceError(
            f"{self._path} cannot be written: {error.strerror}", fix="Give --rejects another path."
        )


def _original(raw: bytes) -> dict[str, Any]:
    try:
        return {"original": raw.decode()}
    except UnicodeDecodeError:
        return {"original_base64": b64encode(raw).decode()}
