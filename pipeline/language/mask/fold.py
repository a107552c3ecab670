"""One plain form of a text to search in, whose positions lead back to the text itself."""

from __future__ import annotations

import re
import unicodedata

_IGNORED = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u00ad\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u2064\u2066-\u2069\u20e3\ufe00-\ufe0f\ufeff]"
)
"""Characters without a width: a number is the same number with them inside."""

_RANGES = (
    (0x00A0, 0x00C0),  # superscript digits, no-break space
    (0x2000, 0x2010),  # typographic spaces
    (0x2070, 0x20A0),  # superscripts and subscripts
    (0x2460, 0x2500),  # circled digits and letters
    (0x3000, 0x3001),  # ideographic space
    (0xFF01, 0xFFEF),  # full-width forms
    (0x1D400, 0x1D800),  # mathematical letters and digits
)
_DIGIT_RANGES = ((0x0660, 0x066A), (0x06F0, 0x06FA), (0x0966, 0x0970), (0x0E50, 0x0E5A))
_DASHES = "‐‑‒–—―−ー─﹣－"


def _table() -> dict[int, str]:
    table = {ord(dash): "-" for dash in _DASHES}
    for first, last in _RANGES:
        for code in range(first, last):
            plain = unicodedata.normalize("NFKC", chr(code))
            if len(plain) == 1 and plain != chr(code) and (plain.isascii() or plain in "¥₩£"):
                table.setdefault(code, plain)
    for first, last in _DIGIT_RANGES:
        table |= {code: str(unicodedata.digit(chr(code))) for code in range(first, last)}
    return table


_TABLE = _table()


def fold(text: str) -> tuple[str, list[int] | None]:
    """`text` with ASCII digits, Latin letters, dashes and spaces, without zero-width characters.

    The second value gives each folded character's position in `text`; None if they are the same.
    """
    if text.isascii() and text.isprintable():
        return text, None
    positions = None
    if _IGNORED.search(text):
        positions = [at for at, char in enumerate(text) if not _IGNORED.match(char)]
        text = "".join([text[at] for at in positions])
    # Not searched for first: a class of that many characters takes ten times as long.
    return text.translate(_TABLE), positions
