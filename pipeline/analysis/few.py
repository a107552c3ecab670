"""What an analysis answers when the data do not carry an answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TooFew:
    """Too few data for a result: `have` of `needed` units of `what`.

    `what` is a short English word of the domain (contacts, customers, ratings, days ...) that a
    report translates. It stands where a number would, so that nobody draws noise.
    """

    what: str
    have: int
    needed: int
