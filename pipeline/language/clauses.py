"""Splitting a text into clauses: the sentence-like pieces that are classified one by one.

Chinese, Korean and English in one pass, since customers mix them. A clause is a slice of the text,
stripped; no character but white space is ever left out.
"""

from __future__ import annotations

import re
from itertools import pairwise

MAX_CHARS = 200
MAX_CLAUSES = 200
_MIN_WEIGHT = 4
"""Two CJK characters or four others; less is joined to its neighbour."""

_EMOJI = "\u2600-\u27bf\u2b50\ufe0f\u200d\U0001f1e6-\U0001faff"
_TAIL = rf"(?:[ \u3000]*[{_EMOJI}ㅠㅜㅋㅎ~～^♡♥]+|[\"'”’)）」』】\]>》]+(?![A-Z]+>))*"
_KO_FINITE = (
    "니었았했됐였갔왔샀썼졌렸겠있없싶같좋싫많렇났냈뀌꼈켰셨났잤놨뒀줬봤웠혔"  # 합니다, 했다, 없다
)
_BOUNDARY = re.compile(
    rf"\n+"
    rf"|[。！？!?；;…]+[。！？!?；;….]*{_TAIL}"
    rf"|\.{{2,}}{_TAIL}"
    rf"|(?<![0-9A-Z.])\.(?=[\s\"'”’)\u3040-\uffff]|$){_TAIL}"
    rf"|(?<=[0-9A-Z])\.(?=\s+[A-Z\u3040-\uffff]|\s*$){_TAIL}"
    rf"|(?<=[가-힣]요)(?<![중필수주소개강][요])[~.ㅠㅜㅋㅎ^]*(?=\s){_TAIL}"
    rf"|(?<=[가-힣]죠)[~.ㅠㅜㅋㅎ^]*(?=\s){_TAIL}"
    rf"|(?<=[{_KO_FINITE}]다)[~.ㅠㅜㅋㅎ^]*(?=\s)(?!\s*(?:[하합했해는라보가고며면싶]|치면)){_TAIL}"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|Sr|Jr|St|vs|etc|approx|dept|Inc|Ltd|Co|Corp|Tel|Ext|Fig|e\.g|i\.e"
    r"|a\.m|p\.m|U\.S|U\.K|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|Ave|Rd|Blvd)"
    r"|(?:^|\n)\s{0,4}[0-9]{1,2}|(?-i:\b[A-Z]))$",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"\b(?:No|Nr)$", re.IGNORECASE)
_DIGIT = re.compile(r"\s*[0-9]")
_URL = re.compile(r"(?:https?://|www\.)[^\s\u3000-\u9fff\uac00-\ud7a3<>]+")
_PLACEHOLDER = re.compile(r"<[A-Z][A-Z0-9_]{0,31}>")
_COMMA = re.compile(r"[,，、:：]|(?<=[가-힣][고만데서며])\s")
_SPACE = re.compile(r"\s")
_CJK = re.compile(r"[\u3040-\u30ff\u3131-\u318e\u3400-\u9fff\uac00-\ud7a3]")
_LETTER = re.compile(r"[^\W_]")


def split(text: str) -> list[str]:
    """The clauses of `text` in order: stripped, none empty, none longer than `MAX_CHARS`.

    Joined, they hold every character of `text` that is not white space.
    """
    if not text.strip():
        return []
    cuts = [0, *_sentences(text), len(text)]
    pieces = _merged(text, [(a, b) for a, b in pairwise(cuts) if a < b])
    limited = [span for piece in pieces for span in _limited(text, *piece)]
    return [clause for a, b in limited if (clause := text[a:b].strip())]


def _sentences(text: str) -> list[int]:
    """Positions where a sentence ends."""
    urls = [match.span() for match in _URL.finditer(text)] if "." in text or "?" in text else []
    return [
        match.end()
        for match in _BOUNDARY.finditer(text)
        if not any(a <= match.start() and match.end() < b for a, b in urls)
        and not (match[0].startswith(".") and _abbreviated(text, match))
    ]


def _abbreviated(text: str, dot: re.Match[str]) -> bool:
    if dot[0].startswith("..") or dot.end() == len(text):
        return False
    before = text[max(0, dot.start() - 8) : dot.start()]
    if _NUMBERED.search(before):  # "No. 5" and "No. Never."
        return _DIGIT.match(text, dot.end()) is not None
    return _ABBREVIATION.search(before) is not None


def _merged(text: str, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Joins what is too short to mean something to what is before it, or after it at the start."""
    merged: list[tuple[int, int]] = []
    short_before = False
    for start, end in spans:
        short = _is_short(text[start:end])
        if merged and (short or short_before) and end - merged[-1][0] <= MAX_CHARS:
            merged[-1] = (merged[-1][0], end)
            short_before = short_before and short
        else:
            merged.append((start, end))
            short_before = short
    return merged


def _is_short(piece: str) -> bool:
    if len(piece) > 12:
        return not _LETTER.search(piece)
    cjk = len(_CJK.findall(piece))
    return 2 * cjk + len(_LETTER.findall(piece)) - cjk < _MIN_WEIGHT


def _limited(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Cuts an over-long clause at its last comma, else its last space, else hard."""
    spans = []
    while end - start > MAX_CHARS:
        cut = _cut(text, start, start + MAX_CHARS)
        spans.append((start, cut))
        start = cut
    return [*spans, (start, end)]


def _cut(text: str, start: int, limit: int) -> int:
    low = start + MAX_CHARS // 4
    for pattern in (_COMMA, _SPACE):
        if cuts := [match.end() for match in pattern.finditer(text, low, limit)]:
            return cuts[-1]
    inside = (m for m in _PLACEHOLDER.finditer(text, limit - 34, limit + 34))
    return next((m.start() for m in inside if m.start() < limit < m.end()), limit)
