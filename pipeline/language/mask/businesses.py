"""Business registration numbers: Korea by checksum, Taiwan by checksum and word."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.language.mask.checksums import kr_business, tw_business
from pipeline.language.mask.numbers import windows
from pipeline.language.mask.spans import Rule, Scan, Span

_KR_WORDS = re.compile(r"(?:사업자|법인)[^0-9\n]{0,12}$")
_TW_WORDS = re.compile(
    r"(?:統一?編號?|统一?编号?|營業人|营业人|(?<![a-z])(?:ubn|vat|tax id)(?![a-z]))[^0-9\n]{0,12}$",
    re.IGNORECASE,
)


def _kr(scan: Scan) -> Iterator[Span]:
    for run in scan.runs:
        for window in windows(scan.text, run, 10, 10):
            worded = _worded(_KR_WORDS, scan.text, window.start)
            if (worded or window.lengths == (3, 2, 5)) and kr_business(window.digits):
                yield Span(window.start, window.end)


def _tw(scan: Scan) -> Iterator[Span]:
    for run in scan.runs:
        for window in windows(scan.text, run, 8, 8):
            if _worded(_TW_WORDS, scan.text, window.start) and tw_business(window.digits):
                yield Span(window.start, window.end)


def _worded(words: re.Pattern[str], text: str, start: int) -> bool:
    return words.search(text, max(0, start - 24), start) is not None


RULES = (Rule("BIZNO", _kr), Rule("BIZNO", _tw))
