"""A file that cannot be read as what it should be."""

from __future__ import annotations

from pipeline.errors import VocError


class SourceError(VocError):
    """The file as a whole, or the rest of it, cannot be read; single bad lines are rejects."""

    exit_code = 65  # EX_DATAERR
