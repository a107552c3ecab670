"""Which customers' words to show: typical, recent or diverse ones; the same for the same rows.

* typical: facility location, the k texts that all the others are nearest to, Σ max similarity,
  chosen greedily, which is within 1 - 1/e of the best (Nemhauser, Wolsey and Fisher 1978)
* diverse: maximal marginal relevance, λ·similarity to the middle - (1 - λ)·similarity to what was
  chosen, λ = ½ (Carbonell and Goldstein 1998)
* recent: the newest, near-duplicates left out

Texts come masked from the warehouse. As a last line of defence a text that still holds an e-mail
address or seven digits in a row is never shown.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.analysis import ngrams
from pipeline.analysis.columns import Columns, Floats, Ints, texts, times

CANDIDATES = 1000
"""Texts that are compared at most; of more, an even sample over time is taken."""
SAME = 0.9
"""Cosine from which two texts are near-duplicates."""
MIN_LETTERS = 4
_BALANCE = 0.5
_LEAK = re.compile(r"[^\s@]+@[^\s@]+\.\w|\d(?:[ -]?\d){6,}")


class How(StrEnum):
    """The rule by which verbatims are chosen."""

    TYPICAL = "typical"
    RECENT = "recent"
    DIVERSE = "diverse"


@dataclass(frozen=True, slots=True)
class Verbatim:
    """A masked text. `row` is its place in the columns; `covers` the share of all candidates that
    are nearer to it than to the other chosen ones (they sum to 1)."""

    row: int
    contact_id: str
    text: str
    covers: float


def select(
    columns: Columns,
    *,
    how: How | str = How.TYPICAL,
    number: int = 3,
    vectors: NDArray[np.float32] | NDArray[np.float64] | None = None,
    text: str = "evidence",
) -> tuple[Verbatim, ...]:
    """Up to `number` verbatims, the best first; fewer if there are fewer different texts.

    Reads `contact_id`, `occurred_at` and the column `text`. `vectors` [n, d] are embeddings of the
    rows; without them character n-grams are compared.
    """
    how = How(how)
    rows = _candidates(columns, text, newest=how is How.RECENT)
    if not len(rows) or number < 1:
        return ()
    words = texts(columns, text)[rows]
    table = ngrams.vectors(words) if vectors is None else _unit(np.asarray(vectors)[rows])
    alike = ngrams.similarities(table)
    chosen = _RULES[how](alike, number)
    ids = texts(columns, "contact_id")
    covers = _covers(alike, chosen)
    return tuple(
        Verbatim(int(rows[place]), str(ids[rows[place]]), str(words[place]), covers[n])
        for n, place in enumerate(chosen)
    )


def showable(text: str) -> bool:
    """Whether a text says anything and holds nothing that masking should have taken."""
    return sum(map(str.isalnum, text)) >= MIN_LETTERS and not _LEAK.search(text)


def _candidates(columns: Columns, text: str, *, newest: bool) -> Ints:
    """Up to CANDIDATES rows with a showable text, newest first, each text once.

    Of many rows the newest, or an even sample over time, are looked at.
    """
    when, words = times(columns, "occurred_at"), texts(columns, text)
    order = np.argsort(-when, kind="stable")
    most = 4 * CANDIDATES
    if len(order) > most:
        order = order[:most] if newest else order[np.linspace(0, len(order) - 1, most).astype(int)]
    ids = texts(columns, "contact_id")
    seen: dict[str, int] = {}
    for row in sorted(order, key=lambda row: (-when[row], str(ids[row]))):
        if words[row] not in seen and showable(words[row]):
            seen[words[row]] = row
    rows = np.array(list(seen.values()), np.int64)
    if len(rows) <= CANDIDATES:
        return rows
    kept = np.arange(CANDIDATES) if newest else np.linspace(0, len(rows) - 1, CANDIDATES)
    return rows[kept.astype(np.int64)]


def _unit(vectors: NDArray[Any]) -> Floats:
    values = vectors.astype(np.float64)
    length = np.linalg.norm(values, axis=1, keepdims=True)
    scaled: Floats = np.divide(values, length, out=np.zeros_like(values), where=length > 0)
    return scaled


def _typical(alike: Floats, number: int) -> list[int]:
    chosen: list[int] = []
    best = np.zeros(len(alike))
    while len(chosen) < min(number, len(alike)):
        gains = np.maximum(alike, best).sum(1) - best.sum()
        gains[_near(alike, chosen)] = -np.inf
        place = int(np.argmax(gains))
        if not np.isfinite(gains[place]):
            break
        chosen.append(place)
        best = np.maximum(best, alike[place])
    return chosen


def _diverse(alike: Floats, number: int) -> list[int]:
    middle = alike.mean(1)
    chosen: list[int] = []
    while len(chosen) < min(number, len(alike)):
        nearest = alike[:, chosen].max(1) if chosen else np.zeros(len(alike))
        score = _BALANCE * middle - (1 - _BALANCE) * nearest
        score[_near(alike, chosen)] = -np.inf
        place = int(np.argmax(score))
        if not np.isfinite(score[place]):
            break
        chosen.append(place)
    return chosen


def _recent(alike: Floats, number: int) -> list[int]:
    chosen: list[int] = []
    for place in range(len(alike)):
        if len(chosen) == number:
            break
        if not chosen or alike[place, chosen].max() < SAME:
            chosen.append(place)
    return chosen


_RULES = {How.TYPICAL: _typical, How.DIVERSE: _diverse, How.RECENT: _recent}


def _near(alike: Floats, chosen: Sequence[int]) -> NDArray[np.bool_]:
    """Texts that are chosen already, or near-duplicates of one."""
    near = np.zeros(len(alike), bool)
    if chosen:
        near |= alike[:, list(chosen)].max(1) >= SAME
        near[list(chosen)] = True
    return near


def _covers(alike: Floats, chosen: list[int]) -> list[float]:
    nearest = alike[:, chosen].argmax(1)
    counts = np.bincount(nearest, minlength=len(chosen))
    return [float(count) / len(alike) for count in counts]
