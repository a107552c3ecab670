"""Secrets in URLs: credentials, and whatever a query or fragment carries. The page itself stays."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.language.mask.spans import Rule, Scan, Span

_PART = r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%|-]"
_URL = re.compile(rf"(?:https?|ftp|wss?)://{_PART}+|www\.{_PART}+", re.IGNORECASE)
_CREDENTIALS = re.compile(r"//[^/?#@\s]*@")
_QUERY = re.compile(r"[?#][^?#=]*=.*|\?[^=]{8,}")


def _find(scan: Scan) -> Iterator[Span]:
    for url in _URL.finditer(scan.text):
        if _CREDENTIALS.search(url[0]):
            yield Span(*url.span())
        elif query := _QUERY.search(url[0]):
            yield Span(url.start() + query.start(), url.end())


RULES = (Rule("URL", _find, keys=("://", "www.", "WWW.")),)
