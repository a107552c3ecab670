"""National identity numbers of mainland China, Taiwan, Hong Kong and Korea."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.language.mask import checksums
from pipeline.language.mask.numbers import Run, Window, is_order, windows
from pipeline.language.mask.spans import Rule, Scan, Span

_CHECK_X = re.compile(r"[ .·-]{0,3}[Xx](?![A-Za-z0-9])")
_TW = re.compile(r"(?<![A-Za-z0-9])[A-Za-z][ -]?[0-9A-Da-d](?:[ -]?[0-9]){8}(?![A-Za-z0-9])")
_HK = re.compile(
    r"(?<![A-Za-z0-9])([A-Za-z]{1,2}[ -]?[0-9](?:[ -]?[0-9]){5})[ -]?\(?([0-9Aa])\)?(?![A-Za-z0-9])"
)
_KR_WORDS = re.compile(
    r"(?:주민|외국인\s?등록|거소|등록번호|신분|身份|身分|resident|(?<![a-z])rrn)[^0-9\n]{0,14}$",
    re.IGNORECASE,
)
_ID_WORDS = re.compile(
    r"(?:身份|身分|[证證]件?|居留|hkid|(?<![a-z])id)[^0-9\n]{0,14}$", re.IGNORECASE
)
_SEPARATORS = str.maketrans("", "", " -()")


def _cn(scan: Scan) -> Iterator[Span]:
    for run in scan.runs:
        for window in windows(scan.text, run, 18, 18):
            if checksums.cn_resident(window.digits):
                yield Span(window.start, window.end)
        yield from _cn_with_x(scan.text, run)


def _cn_with_x(text: str, run: Run) -> Iterator[Span]:
    """The eleventh check digit is written X, which is no digit of the run."""
    x = _CHECK_X.match(text, run.groups[-1].end)
    if x is None:
        return
    digits = ""
    for group in reversed(run.groups):
        digits = group.digits + digits
        if len(digits) >= 17:
            if checksums.cn_resident(f"{digits}X"):
                yield Span(group.start, x.end())
            return


def _tw(scan: Scan) -> Iterator[Span]:
    for match in _TW.finditer(scan.text):
        number = match[0].translate(_SEPARATORS).upper()
        if checksums.tw_resident(number) and not _is_other(scan.text, match.start()):
            yield Span(*match.span())


def _hk(scan: Scan) -> Iterator[Span]:
    for match in _HK.finditer(scan.text):
        number = (match[1] + match[2]).translate(_SEPARATORS).upper()
        if checksums.hk_resident(number) and not _is_other(scan.text, match.start()):
            yield Span(*match.span())


def _is_other(text: str, start: int) -> bool:
    """Whether a letter and digits that fit by chance are an order or a model, by the word."""
    words = _ID_WORDS.search(text, max(0, start - 24), start)
    return words is None and is_order(text, start)


def _kr(scan: Scan) -> Iterator[Span]:
    for run in scan.runs:
        for window in windows(scan.text, run, 13, 13):
            if _is_kr(scan.text, window):
                yield Span(window.start, window.end)


def _is_kr(text: str, window: Window) -> bool:
    """Order numbers begin with a date too: without the usual dash it takes more than the date.

    Either the check digit, which every number of a grown-up still has, or a word before it.
    """
    if not checksums.kr_resident_date(window.digits) or is_order(text, window.start):
        return False
    if window.lengths == (6, 7) or checksums.kr_resident_check(window.digits):
        return True
    return _KR_WORDS.search(text, max(0, window.start - 24), window.start) is not None


RULES = (
    Rule("ID", _cn),
    Rule("ID", _tw),
    Rule("ID", _hk),
    Rule("ID", _kr),
)
