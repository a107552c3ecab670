"""What a rule finds, and which find wins where two of them overlap."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pipeline.language.mask.numbers import Run


class Span(NamedTuple):
    """Characters `start` to `end` (exclusive) of a text."""

    start: int
    end: int


class Hit(NamedTuple):
    """A span with the placeholder it is replaced by; a lower `rank` is a more specific kind."""

    start: int
    end: int
    kind: str
    rank: int


@dataclass(frozen=True, slots=True)
class Scan:
    """A folded text, and its runs of digits if it has enough of them for a number.

    `dense`: somewhere six digits are near each other, with letters between them or not.
    """

    text: str
    runs: tuple[Run, ...]
    dense: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """One way to find one kind of personal data.

    `find` is asked only where one of `keys` is in the folded text; without keys, only where the
    text is dense.
    """

    kind: str
    find: Callable[[Scan], Iterable[Span]]
    keys: tuple[str, ...] = ()

    def applies(self, scan: Scan) -> bool:
        """Whether `find` could find anything; cheap."""
        if not self.keys:
            return scan.dense
        text = scan.text
        for key in self.keys:  # noqa: SIM110 - any() takes three times as long
            if key in text:
                return True
        return False


def resolve(hits: Iterable[Hit], keep: Sequence[Span] = ()) -> list[Hit]:
    """Hits without overlaps, in text order: the longest wins, then the most specific.

    Nothing that touches a span of `keep` survives; empty hits neither.
    """
    taken = sorted((span.start, span.end) for span in keep)
    chosen = []
    for hit in sorted(hits, key=_strength):
        at = bisect(taken, (hit.start, hit.end))
        if hit.start < hit.end and not _touches(hit, taken[max(0, at - 1) : at + 1]):
            taken.insert(at, (hit.start, hit.end))
            chosen.append(hit)
    return sorted(chosen)


def _strength(hit: Hit) -> tuple[int, int, int]:
    return hit.start - hit.end, hit.rank, hit.start


def _touches(hit: Hit, neighbours: Sequence[tuple[int, int]]) -> bool:
    """Whether it overlaps the spans next to it; the others are apart from those."""
    return any(hit.start < end and start < hit.end for start, end in neighbours)
