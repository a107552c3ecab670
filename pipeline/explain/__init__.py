"""Why a number changed: from a question about two periods to slices, owners and verbatims.

`question` says what is asked, `sql` fetches it, `answer` explains it with `pipeline.analysis`.
Knows no database client: whoever asks hands in a `Query`.
"""

from __future__ import annotations

from pipeline.explain.answer import Answer, ExplainedCause, Mix, Query, Voice, explain
from pipeline.explain.question import DIMENSIONS, METRICS, Metric, Period, Question

__all__ = [
    "DIMENSIONS",
    "METRICS",
    "Answer",
    "ExplainedCause",
    "Metric",
    "Mix",
    "Period",
    "Query",
    "Question",
    "Voice",
    "explain",
]
