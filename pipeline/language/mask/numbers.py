"""Runs of digits: how numbers are written with separators, and what the words around them say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

_ENOUGH = re.compile(r"[0-9](?:[^0-9]{0,3}[0-9]){5}")
_RUN = re.compile(r"[0-9]+(?:[ .()·~-]{1,3}[0-9]+)*")
_GROUP = re.compile(r"[0-9]+")

_NUMBER = r"(?:号码|號碼|编号|編號|号|號|번호|number|num|no|id|code)"
_ORDER = re.compile(
    # These are only ever followed by a number of their own ...
    r"(?:(?:单号|單號|流水|编号|編號|型号|型號|모델|tracking|model|serial|sku|reference|ref|s/n)"
    rf"{_NUMBER}?"
    # ... after these it may be somebody's telephone, unless the text says number, or a colon.
    r"|(?:订单|訂單|运单|運單|工单|工單|주문|송장|접수|예약|order|invoice|ticket|case|booking)"
    rf"(?:{_NUMBER}|\s?[:#])"
    rf"|(?:快递|快遞|物流|제품|parcel){_NUMBER})"
    r"[\s:#.=-]{0,3}(?:是|为|為|은|는|이|가|is|was)?[\s:#.=-]{0,3}[A-Za-z]{0,6}-?$",
    re.IGNORECASE,
)
_AMOUNT_BEFORE = re.compile(r"(?:[¥$₩€£]|NTD?|HKD|USD|RMB|KRW|TWD|CNY|GBP)\s?$")
_AMOUNT_AFTER = re.compile(
    r"\s?(?:元|块|塊|圆|圓|원|円|万|萬|만|億|亿|억|%|个|個|件|개|명|회|次|台|港币|港幣|美元|美金|人民币"
    r"|(?:kg|g|ml|km|cm|mm|gb|mb|won|yuan|dollars?|points?|pcs|items?)(?![a-z]))",
    re.IGNORECASE,
)
_JOINED = re.compile(
    r"(?:tel|phone|ph|mob|mobile|cell|call|fax|whatsapp|wechat|line|card|id|no|is|at)$",
    re.IGNORECASE,
)
_CONTEXT_CHARS = 24


class Group(NamedTuple):
    """Adjacent digits and where they are."""

    digits: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Run:
    """Groups of digits with at most three separators between them."""

    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """Some consecutive groups of a run, read as one number."""

    digits: str
    groups: tuple[Group, ...]

    @property
    def start(self) -> int:
        """Position of the first digit."""
        return self.groups[0].start

    @property
    def end(self) -> int:
        """Position after the last digit."""
        return self.groups[-1].end

    @property
    def lengths(self) -> tuple[int, ...]:
        """Digits of each group."""
        return tuple(len(group.digits) for group in self.groups)


def is_dense(text: str) -> bool:
    """Whether six digits are near each other somewhere; without, there is no number to look for."""
    return _ENOUGH.search(text) is not None


def runs(text: str) -> tuple[Run, ...]:
    """The runs of `text` that are long enough for a number."""
    return tuple(
        Run(tuple(Group(g[0], g.start(), g.end()) for g in _GROUP.finditer(text, *run.span())))
        for run in _RUN.finditer(text)
        if run.end() - run.start() >= 6
    )


def windows(text: str, run: Run, low: int, high: int) -> Iterator[Window]:
    """The numbers of `low` to `high` digits in a run that don't continue a word or a decimal."""
    groups = run.groups
    for first in range(len(groups)):
        digits = ""
        for last in range(first, len(groups)):
            digits += groups[last].digits
            if len(digits) > high:
                break
            if len(digits) >= low and _free(text, groups[first].start, groups[last].end):
                yield Window(digits, groups[first : last + 1])


def _free(text: str, start: int, end: int) -> bool:
    before, after = text[start - 1 : start], text[end : end + 1]
    if before == "_" or (before.isascii() and before.isalpha() and not _word_before(text, start)):
        return False
    if before == "." and text[start - 2 : start - 1].isdigit() and start >= 2:
        return _dotted(text, start)
    return not (after == "_" or (after.isascii() and after.isalpha()))


def _word_before(text: str, start: int) -> bool:
    return _JOINED.search(text, max(0, start - 8), start) is not None


def _dotted(text: str, start: int) -> bool:
    """Whether the dot before `start` separates groups, as in 2024.01.15, and isn't a decimal's."""
    return re.search(r"[0-9]\.[0-9]+\.$", text[max(0, start - 12) : start]) is not None


def is_order(text: str, start: int) -> bool:
    """Whether the number at `start` is introduced as an order, parcel, case or model number.

    A word like 快递 alone does not do that: what comes after it may be the courier's telephone.
    """
    return _ORDER.search(text, max(0, start - _CONTEXT_CHARS), start) is not None


def is_amount(text: str, start: int, end: int) -> bool:
    """Whether the number is money or a quantity."""
    if _AMOUNT_AFTER.match(text, end):
        return True
    return _AMOUNT_BEFORE.search(text, max(0, start - 4), start) is not None


def uniform(text: str, window: Window) -> bool:
    """Whether one and the same separator stands between all groups."""
    pairs = zip(window.groups, window.groups[1:], strict=False)
    return len({text[left.end : right.start] for left, right in pairs}) <= 1
