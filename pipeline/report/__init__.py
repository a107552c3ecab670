"""The report: what hurts most, why, whom, whose it is, what changed, which fixes worked.

`build` asks and writes, `page` renders HTML, `document` renders JSON. `collect` turns queries into
results, `findings` tells the first page, `sections` the rest, `texts/` holds the words.
"""

from __future__ import annotations

from pipeline.report.build import build, write
from pipeline.report.document import document
from pipeline.report.model import Report, Request
from pipeline.report.page import page

__all__ = ["Report", "Request", "build", "document", "page", "write"]
