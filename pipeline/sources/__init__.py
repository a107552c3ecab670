"""Files and streams of events, read line by line: JSONL and CSV in, checked events out.

Knows no Kafka. Memory stays flat whatever the size of a file, and what cannot be read is reported
with its line.
"""

from __future__ import annotations

from pipeline.sources.check import Checked, Options, check
from pipeline.sources.errors import SourceError
from pipeline.sources.kinds import KINDS, Kind
from pipeline.sources.load import Loader, Outcome
from pipeline.sources.opening import Source, open_source
from pipeline.sources.records import Table
from pipeline.sources.rejects import RejectsFile
from pipeline.sources.shape import Shaping

__all__ = [
    "KINDS",
    "Checked",
    "Kind",
    "Loader",
    "Options",
    "Outcome",
    "RejectsFile",
    "Shaping",
    "Source",
    "SourceError",
    "Table",
    "check",
    "open_source",
]
