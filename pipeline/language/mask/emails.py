"""E-mail addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.language.mask.spans import Rule, Scan, Span

_EMAIL = re.compile(
    r"[A-Za-z0-9._%+'-]{1,64}\s?@\s?[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,3}\.[A-Za-z][A-Za-z0-9-]{1,62}"
)


def _find(scan: Scan) -> Iterator[Span]:
    yield from (Span(*match.span()) for match in _EMAIL.finditer(scan.text))


RULES = (Rule("EMAIL", _find, keys=("@",)),)
