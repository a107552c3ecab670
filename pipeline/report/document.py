"""The report as one JSON document: the same words as the page, and every result as numbers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any

import numpy as np

from pipeline.analysis.few import TooFew
from pipeline.report.log import runnable
from pipeline.report.model import (
    Answered,
    Block,
    Chart,
    Heading,
    Note,
    Quotes,
    Report,
    Section,
    Sentence,
    Table,
)


def document(report: Report) -> dict[str, Any]:
    """The report ready for JSON: text as on the page, `results` as the analyses gave them."""
    request = report.request
    return {
        "title": report.title,
        "subtitle": report.subtitle,
        "since": request.period.start.isoformat(),
        "until": request.period.end.isoformat(),
        "compared_since": request.previous.start.isoformat(),
        "locale": request.locale,
        "made_at": report.made_at.isoformat(),
        "version": report.version,
        "empty": report.empty,
        "figures": [dataclasses.asdict(tile) for tile in report.tiles],
        "story": [_answered(each) for each in report.story],
        "claims": [plain(claim) for claim in report.claims],
        "sections": [_section(each) for each in report.sections],
        "results": plain(report.results),
        "queries": {
            name: [{"sql": runnable(one), "rows": one.rows} for one in asked]
            for name, asked in report.queries.items()
        },
    }


def _answered(answered: Answered) -> dict[str, Any]:
    return {
        "id": answered.id,
        "question": answered.question,
        "answers": [_sentence(each) for each in answered.sentences],
        "quotes": [plain(quote) for quote in answered.quotes],
    }


def _sentence(sentence: Sentence) -> dict[str, Any]:
    return {"text": sentence.text, "queries": list(sentence.queries)}


def _section(section: Section) -> dict[str, Any]:
    return {
        "id": section.id,
        "title": section.title,
        "question": section.question,
        "reading": section.reading,
        "content": [_block(block) for block in section.blocks],
    }


def _block(block: Block) -> dict[str, Any]:
    if isinstance(block, Sentence):
        return {"kind": "sentence", **_sentence(block)}
    if isinstance(block, Note):
        return {"kind": block.kind, **_sentence(block.sentence)}
    if isinstance(block, Heading):
        return {"kind": "heading", "text": block.text}
    if isinstance(block, Table):
        return {"kind": "table", **_table(block)}
    if isinstance(block, Chart):
        return {"kind": "chart", "title": block.title, "table": _table(block.table)}
    assert isinstance(block, Quotes)
    return {"kind": "quotes", "title": block.title, "quotes": [plain(q) for q in block.quotes]}


def _table(table: Table) -> dict[str, Any]:
    return {
        "caption": table.caption,
        "columns": list(table.columns),
        "rows": [list(row) for row in table.rows],
        "query": table.query,
    }


def plain(value: Any) -> Any:
    """Dataclasses, enums, arrays and mappings as what JSON knows; too few data say so."""
    if isinstance(value, TooFew):
        return {"too_few": value.what, "have": value.have, "needed": value.needed}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list | set | frozenset):
        return [plain(each) for each in value]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
