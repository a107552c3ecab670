"""Two forms of a text: the one people see, and the one the model reads.

`clean` gives the customer's words without markup and invisible characters: what is masked, split,
stored and shown. `normalise` gives a clause the form that is classified; nobody sees it.
"""

from __future__ import annotations

import html
import re
import unicodedata

_SIGNS = re.compile(r"[<&\r\t\u0000-\u0008\u000b-\u001f\u007f-\u00a0\u2028\u2029\ud800-\udfff]")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
# <address> is left out: <ADDRESS> is a placeholder.
_BLOCK = re.compile(
    r"<\s{0,3}/?\s{0,3}(?:br|p|div|li|ul|ol|tr|td|th|table|tbody|h[1-6]|section|blockquote|pre|hr)"
    r"(?:\s[^<>]{0,500})?/?>",
    re.IGNORECASE,
)
_INLINE = re.compile(
    r"<\s{0,3}/?\s{0,3}(?:a|b|i|u|s|em|strong|span|font|img|small|sub|sup|code|html|body|head|meta"
    r"|center|label|input|button|o:p)(?:\s[^<>]{0,500})?/?>|<!--.{0,500}?-->",
    re.IGNORECASE | re.DOTALL,
)
_HIDDEN = re.compile(
    r"<(script|style)\b[^<>]{0,500}>.{0,5000}?</\1\s{0,3}>", re.IGNORECASE | re.DOTALL
)
_BREAK = re.compile(r"\r\n?|[\u000b\u000c\u0085\u2028\u2029]")
_CONTROL = re.compile(r"[\u0000-\u0008\u000e-\u001f\u007f-\u0084\u0086-\u009f\ud800-\udfff]")

_INVISIBLE = re.compile("[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff]")
_JAMO = re.compile(r"[\u3131-\u318e]+")
_SPACES = re.compile(r"\s+")
_REPEATED = re.compile(r"([^\d\s<>]{1,4}?)\1{3,}")


def clean(text: str) -> str:
    """`text` without HTML and control characters, with \\n as its only line break.

    Entities are read twice, since machine sources escape twice. It comes before masking: an address
    written `a&#64;b.example` is an address.
    """
    if not _SIGNS.search(text):
        return text.strip()
    if "&" in text:
        text = _ENTITY.sub(_unescaped, _ENTITY.sub(_unescaped, text))
    if "<" in text:
        text = _INLINE.sub("", _BLOCK.sub("\n", _HIDDEN.sub("\n", text)))
    text = _BREAK.sub("\n", text).replace("\t", " ").replace("\u00a0", " ")
    return _CONTROL.sub("", text).strip()


def _unescaped(entity: re.Match[str]) -> str:
    return html.unescape(entity[0])


def normalise(text: str) -> str:
    """The clause as the model reads it.

    NFKC, but not for Hangul letters that stand alone: it would turn ㅠㅠ and ㅋㅋ into halves of
    syllables. Anything repeated more than three times (哈哈哈哈, !!!!!, ㅋㅋㅋㅋ, emoji) is there
    three times; digits are never shortened.
    """
    text = _INVISIBLE.sub("", text)
    if not unicodedata.is_normalized("NFKC", text):
        text = _compatible(text)
    text = _SPACES.sub(" ", text).strip()
    shorter = _REPEATED.sub(r"\1\1\1", text)
    while shorter != text:
        text, shorter = shorter, _REPEATED.sub(r"\1\1\1", shorter)
    return text


def _compatible(text: str) -> str:
    parts = []
    at = 0
    for jamo in _JAMO.finditer(text):
        parts += [unicodedata.normalize("NFKC", text[at : jamo.start()]), jamo[0]]
        at = jamo.end()
    return "".join([*parts, unicodedata.normalize("NFKC", text[at:])])
