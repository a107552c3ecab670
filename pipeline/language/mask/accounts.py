"""Bank and customer account numbers: any digits that a word calls one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.language.mask.numbers import is_amount
from pipeline.language.mask.spans import Rule, Scan, Span

LINK = (
    r"[\s:#.=()-]{0,3}(?:(?:numbers?|num|no|号码|號碼|号|號|번호|是|为|為|은|는|이|가|is|was)"
    r"[\s:#.=()-]{0,3}){0,3}"
)
"""What may stand between a word and the number that it names."""

_ACCOUNT = re.compile(
    r"(?:账[号户]|帐[号户]|賬[號戶]|帳[號戶]|戶口|户口|卡号|卡號|银行卡?|銀行卡?|储蓄卡|信用卡|尾号|계좌|은행|농협|신협|우체국|뱅크"
    r"|카드|(?<![A-Za-z])(?:account|acct|a/c|bank|card|iban))"
    rf"{LINK}([0-9](?:[ .-]?[0-9]){{5,22}})(?![0-9])",
    re.IGNORECASE,
)
_DATE = re.compile(r"(?:19|20)[0-9]{2}[ .-]?[01]?[0-9][ .-]?[0-3]?[0-9](?![0-9])")


def _find(scan: Scan) -> Iterator[Span]:
    for match in _ACCOUNT.finditer(scan.text):
        start, end = match.span(1)
        if not _DATE.fullmatch(match[1]) and not is_amount(scan.text, start, end):
            yield Span(start, end)


RULES = (Rule("ACCOUNT", _find),)
