"""Passport numbers: by the word, or in a national format that little else has."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.language.mask.accounts import LINK
from pipeline.language.mask.numbers import is_order
from pipeline.language.mask.spans import Rule, Scan, Span

_WORDED = re.compile(
    rf"(?:护照|護照|여권|passport){LINK}([A-Z]{{0,2}}[0-9]{{3}}[A-Z]?[0-9]{{3,6}})(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_FORMAT = re.compile(
    r"(?<![A-Za-z0-9])(?:E[A-HJ-NP-Z][0-9]{7}|[EG][0-9]{8}"  # China: electronic, ordinary
    r"|[MSR][0-9]{3}[A-Z][0-9]{4}|[MS][0-9]{8})(?![A-Za-z0-9])"  # Korea: since 2021, before
)


def _find(scan: Scan) -> Iterator[Span]:
    yield from (Span(*match.span(1)) for match in _WORDED.finditer(scan.text))
    for match in _FORMAT.finditer(scan.text):
        if not is_order(scan.text, match.start()):
            yield Span(*match.span())


RULES = (Rule("PASSPORT", _find),)
