"""What an analysis answers when the data do not carry an answer."""

from __future__ import annotations

from dataclasses import dataclass

WORDS = (
    "answers",
    "attributes",
    "complainants",
    "complaints",
    "contacts",
    "customers",
    "days",
    "distinct ratings",
    "earlier contacts",
    "episodes",
    "layouts",
    "levels",
    "mentions",
    "middling ratings",
    "ratings",
    "volume",
    "weeks",
)
"""Every `what` there is, for whoever translates them. Earlier contacts are those before a change,
distinct ratings those that differ from another attribute's, volume what contacts are divided by."""


@dataclass(frozen=True, slots=True)
class TooFew:
    """Too few data for a result: `have` of `needed` units of `what`.

    `what` is one of WORDS. It stands where a number would, so that nobody draws noise.
    """

    what: str
    have: int
    needed: int
