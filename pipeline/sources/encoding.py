"""Which encoding a text is in, and refusing to read it in a wrong one."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from pipeline.sources.errors import SourceError

CHOICES = ("auto", "utf-8", "gb18030", "big5", "cp949")

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ALIASES = {
    "utf8": "utf-8",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "big5-hkscs": "big5hkscs",
    "big5": "big5hkscs",
    "euc-kr": "cp949",
    "euckr": "cp949",
    "uhc": "cp949",
}
_NAMES = {"gb18030": "Simplified Chinese", "big5hkscs": "Traditional Chinese", "cp949": "Korean"}
_COMMON = {
    # The commonest characters of customers' texts. Text that is decoded in a wrong encoding turns
    # into rare characters and hits these only by chance.
    "gb18030": "的一是不了在有我人这他们来个到说就要会可也你没时为好得那还都后下去多很买用货给吗"
    "服务快递收退款客问题质量产品评价格满意差电话等发现东西",
    "big5hkscs": "的一是不了在有我人這他們來個到說就要會可也你沒時為好得那還都後下去多很買用貨給嗎"
    "服務快遞收退款客問題質量產品評價格滿意差電話等發現東西",
    "cp949": "이다는을에고가하의를한은지로기도사리어나자서아그시대인들과수있보일게해요습니안주문"
    "배송상품네데만면라제않없너무좋",
}
_SURE = 0.08
_UNLIKELY = 0.04


@dataclass(frozen=True, slots=True)
class Guess:
    """An encoding, and how the guess was come by in words."""

    encoding: str
    why: str


def canonical(name: str) -> str:
    """The codec's name: big5 includes the Hong Kong characters, gbk and gb2312 are gb18030.

    Raises SourceError for a name that Python does not know.
    """
    wanted = _ALIASES.get(name.lower(), name.lower())
    try:
        codecs.lookup(wanted)
    except LookupError as error:
        raise SourceError(
            f"{name} is not a known encoding", fix=f"Use one of {', '.join(CHOICES)}."
        ) from error
    return wanted


def decide(sample: bytes, wanted: str, name: str) -> Guess:
    """The encoding to read with, from the first bytes of the source called `name`.

    `wanted` is an encoding or `auto`; a byte order mark wins over it. Raises SourceError, with a
    suggestion, where the sample is not text in it.
    """
    for mark, encoding in _BOMS:
        if sample.startswith(mark):
            return Guess(encoding, "a byte order mark")
    _refuse_binary(sample, name)
    unicode = first_bad_line(sample, "utf-8") == 0
    if wanted == "auto":
        return Guess("utf-8", "valid UTF-8") if unicode else _guess(sample, name)
    encoding = canonical(wanted)
    if encoding == "utf-8":
        mistaken = not unicode
    else:
        mistaken = not sample.isascii() and (unicode or _is_other(sample, encoding))
    if mistaken:
        _refuse(sample, name, encoding)
    return Guess(encoding, "as given")


def likely(text: bytes) -> str | None:
    """The East Asian encoding that makes sense of `text`, None where none surely does."""
    scores = {encoding: score(text, encoding) for encoding in _COMMON}
    best = max(scores, key=scores.__getitem__)
    return best if scores[best] >= _SURE else None


def score(text: bytes, encoding: str) -> float:
    """The share of common characters among the non-ASCII ones; 0 if too much is not text."""
    decoded = text.decode(encoding, "replace")
    foreign = [char for char in decoded if char > "\x7f"]
    damaged = foreign.count("\ufffd")
    if not foreign or damaged > max(1, len(foreign) // 200):
        return 0.0
    common = _COMMON[encoding]
    return sum(char in common for char in foreign) / len(foreign)


def _is_other(text: bytes, encoding: str) -> bool:
    other = likely(text)
    return other is not None and other != encoding and score(text, encoding) < _UNLIKELY


def _guess(text: bytes, name: str) -> Guess:
    found = likely(text)
    if found is None:
        raise SourceError(
            f"{name} is not UTF-8, and no other encoding makes sense of it",
            fix="Name its encoding with --encoding, or save it as UTF-8.",
        )
    return Guess(found, f"reads as {_NAMES[found]}")


def _refuse(text: bytes, name: str, encoding: str) -> None:
    """Raises SourceError with the line of the first bad byte and what to try instead.

    Returns where only a few lines are damaged: they become rejects, the rest can be read.
    """
    line = first_bad_line(text, encoding)
    place = f"line {line} of {name}" if line else name
    other = "utf-8" if encoding != "utf-8" and not first_bad_line(text, "utf-8") else likely(text)
    if other is None or (encoding == "utf-8" and not _mostly_bad(text)):
        return
    shown = {"big5hkscs": "big5"}.get(other, other)
    words = f"it reads as {_NAMES[other]}" if other in _NAMES else "it is valid UTF-8"
    raise SourceError(
        f"{place} is not {encoding}: {words}", fix=f"Add --encoding {shown}, or --encoding auto."
    )


def first_bad_line(text: bytes, encoding: str) -> int:
    """The line of the first byte that is not `encoding`, 0 if none; the end may be cut off."""
    try:
        codecs.getincrementaldecoder(encoding)().decode(text, final=False)
    except UnicodeDecodeError as error:
        return text.count(b"\n", 0, error.start) + 1
    return 0


def _mostly_bad(text: bytes) -> bool:
    """Whether most of the lines that are not ASCII are not UTF-8 either."""
    foreign = [line for line in text.split(b"\n") if not line.isascii()]
    bad = sum(first_bad_line(line, "utf-8") > 0 for line in foreign)
    return bad * 2 > len(foreign)


def _refuse_binary(sample: bytes, name: str) -> None:
    if sample.startswith(b"PK\x03\x04"):
        raise SourceError(
            f"{name} is a zip or Excel file, not text", fix='Export it as "CSV UTF-8" first.'
        )
    if b"\0" in sample:
        raise SourceError(
            f"{name} is a binary file, not text", fix="Give JSONL or CSV, plain or gzipped."
        )
