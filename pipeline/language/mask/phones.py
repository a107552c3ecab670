"""Telephone numbers of CN, TW, HK, KR, US, GB, and of any country in the international form.

`phonenumbers` has the last word; its own search costs milliseconds, so only what has the shape of a
number is shown to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import phonenumbers

from pipeline.language.mask.numbers import Window, is_amount, is_order, windows
from pipeline.language.mask.spans import Rule, Scan, Span

_SHAPES = (
    ("CN", re.compile(r"(?:86)?1[3-9][0-9]{9}|0(?:10|2[0-9]|[3-9][0-9]{2})[0-9]{7,8}")),
    ("KR", re.compile(r"(?:82|0)(?:1[016-9]|2|[3-6][0-9]|70|50[0-9])[0-9]{7,8}")),
    ("TW", re.compile(r"(?:886|0)(?:9[0-9]{8}|[2-8][0-9]{7,8})")),
    ("GB", re.compile(r"0[1-37][0-9]{8,9}")),
)
_US_GROUPS = {(3, 3, 4), (1, 3, 3, 4)}
_US = re.compile(r"1?[2-9][0-9]{2}[2-9][0-9]{6}")
_HK = re.compile(r"(?:852)?[2-9][0-9]{7}")
_DATE = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")
_YEARS = re.compile(r"(?:19|20)[0-9]{2}(?:19|20)[0-9]{2}")
_WORDS = re.compile(
    r"(?:电话|電話|手机|手機|号码|號碼|致電|联系|聯絡|联络|聯繫|打给|打給|전화|연락처|휴대폰|핸드폰"
    r"|phone|tel|mobile|cell|call|whatsapp|contact|reach|text|sms)\W{0,3}(?:\w{1,8}\W{1,3}){0,3}?\w{0,3}\W{0,3}$",
    re.IGNORECASE,
)


_VALIDATED = 300
"""Candidates of a text that are validated. It costs 0.1 ms each; of a text with more of them the
shape alone decides, since masking too much is better than standing still."""


def _find(scan: Scan) -> Iterator[Span]:
    check = _Check()
    for run in scan.runs:
        for window in windows(scan.text, run, 8, 16):
            if start := _start(scan.text, window, check):
                yield Span(start - 1, window.end)


class _Check:
    """Validates numbers, the first of a text strictly."""

    def __init__(self) -> None:
        self._left = _VALIDATED

    def __call__(self, number: str, region: str | None) -> bool:
        self._left -= 1
        return self._left < 0 or _valid(number, region)


_OPENING = re.compile(r"(?:\+\(?|\(\+?)$")
_INTERNATIONAL = re.compile(r"[1-9][0-9]{6,14}")


def _start(text: str, window: Window, valid: _Check) -> int:
    """Position after the number's first character; 0 if the window is no telephone number."""
    opening = None
    if text[window.start - 1 : window.start] in {"+", "("}:
        opening = _OPENING.search(text, max(0, window.start - 2), window.start)
    start = opening.start() if opening else window.start
    if opening and "+" in opening[0]:
        return start + 1 if _abroad(window.digits) and valid(f"+{window.digits}", None) else 0
    # The shape first: it is cheap, and most numbers have none.
    shapes = list(_shapes(text, window))
    if not shapes or is_order(text, window.start) or is_amount(text, window.start, window.end):
        return 0
    return start + 1 if any(valid(number, region) for number, region in shapes) else 0


def _shapes(text: str, window: Window) -> Iterator[tuple[str, str | None]]:
    """How the window may be read: number and region, None for the international form."""
    digits = window.digits
    if digits.startswith("00"):
        if _abroad(digits[2:]):
            yield f"+{digits[2:]}", None
        return
    for region, shape in _SHAPES:
        if shape.fullmatch(digits):
            yield digits, region
    if _US.fullmatch(digits) and (window.lengths in _US_GROUPS or _worded(text, window)):
        yield digits, "US"
    if _is_hong_kong(text, window):
        yield digits, "HK"


def _abroad(digits: str) -> bool:
    return _INTERNATIONAL.fullmatch(digits) is not None


def _is_hong_kong(text: str, window: Window) -> bool:
    """Eight digits are a date or an amount as often: they need the usual gap, or a word."""
    digits = window.digits
    if not _HK.fullmatch(digits) or _DATE.fullmatch(digits) or _YEARS.fullmatch(digits):
        return False
    return window.lengths[-2:] == (4, 4) or _worded(text, window)


def _worded(text: str, window: Window) -> bool:
    return _WORDS.search(text, max(0, window.start - 24), window.start) is not None


def _valid(number: str, region: str | None) -> bool:
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_valid_number(parsed)


RULES = (Rule("PHONE", _find),)
