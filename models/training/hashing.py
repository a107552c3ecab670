"""How letters become n-grams and find their row in a table; shared by fitting and export.

A text's pieces are spelt out in folded letters (lower case, Traditional characters as Simplified).
An n-gram's number is its letters in base 2^14, so no two share one. Its row is that number modulo
the table's rows, a prime, and the quotient is stored there as the row's key: n-grams that the table
does not know find another key, or none, and add nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LONGEST = 3
"""Letters of an n-gram."""

BASE = 1 << 14

FEELING_ROWS = 786_433
"""Rows of the table of positive against negative and of the complaint: most labels are these."""

SUBJECT_ROWS = 196_613
"""Rows of the wider table that learns from annotations alone: few texts, so few rows suffice."""

MOST_TOKENS = 256
"""Pieces of a training text that are counted."""

_SPELT = 8
"""Letters of a piece that count."""

_SPECIAL = {"<s>": "\x02", "</s>": "\x03", "<unk>": "\x04"}
_SILENT = {"<pad>", "<mask>"}


def spelling(pieces: Sequence[str]) -> NDArray[np.int64]:
    """[pieces, 8] numbers from 1 of each piece's folded letters; 0 where there are no more."""
    from opencc import OpenCC  # noqa: PLC0415 -- loads dictionaries

    simplify = OpenCC("t2s").convert
    found = np.zeros((len(pieces), _SPELT), np.int64)
    seen: dict[str, int] = {}
    for row, piece in enumerate(pieces):
        text = "" if piece in _SILENT else _SPECIAL.get(piece, piece)
        for at, letter in enumerate(text[:_SPELT]):
            folded = simplify(unicodedata.normalize("NFKC", letter).lower()[:1] or letter)
            found[row, at] = seen.setdefault(folded, len(seen) + 1)
    if len(seen) >= BASE:
        raise ValueError(f"{len(seen)} letters do not fit base {BASE}")
    return found
