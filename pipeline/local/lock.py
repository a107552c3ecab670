"""One owner per folder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from pipeline.errors import LocalStackError


class FolderLock:
    """Holds `folder` for this process until `release` or the end of the process.

    The kernel drops the lock with the process, so that nothing stale survives a kill -9; the pid
    in the file only serves the message.  Raises LocalStackError where another process holds it.
    """

    def __init__(self, folder: Path, name: str, what: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / name
        self._file = self._path.open("a+", encoding="ascii")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = self._owner()
            self._file.close()
            raise LocalStackError(
                f"{folder} is in use by {what} (pid {owner})",
                fix="Stop that process, or choose another folder.",
            ) from error
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()

    def _owner(self) -> str:
        self._file.seek(0)
        return self._file.read().strip() or "unknown"

    def release(self) -> None:
        """Lets others have the folder; harmless when repeated."""
        self._file.close()
