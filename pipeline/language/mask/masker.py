"""Replaces personal data by typed placeholders."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.errors import ConfigError
from pipeline.language.mask import (
    accounts,
    addresses,
    businesses,
    cards,
    emails,
    ids,
    ips,
    names,
    passports,
    phones,
    urls,
)
from pipeline.language.mask.fold import fold
from pipeline.language.mask.numbers import is_dense, runs
from pipeline.language.mask.spans import Hit, Scan, Span, resolve

_RULES = (
    *ids.RULES,
    *cards.RULES,
    *businesses.RULES,
    *passports.RULES,
    *phones.RULES,
    *accounts.RULES,
    *urls.RULES,
    *emails.RULES,
    *ips.RULES,
    *addresses.RULES,
    *names.RULES,
)
"""The more specific first: of two kinds that find the same characters, the earlier names them."""

KINDS = tuple(dict.fromkeys(rule.kind for rule in _RULES))
"""The placeholders of the product, without their brackets."""

_CAREFUL_ROUNDS = 8
"""Real texts need two or three."""

_BLUNT = "ACCOUNT"
_NUMBER = re.compile(r"[0-9](?:[ .()·~-]{0,3}[0-9]){5,}")

_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,31}")


@dataclass(frozen=True, slots=True)
class Masked:
    """A text without personal data. `counts` are the placeholders put in, by kind."""

    text: str
    counts: Mapping[str, int] = field(default_factory=dict)


class Masker:
    """Finds and replaces personal data; thread-safe, deterministic, idempotent.

    `extra` are a deployment's own patterns: (placeholder, regular expression), matched against the
    text with ASCII digits, letters and spaces instead of their full-width forms; they win over the
    product's rules where both find the same characters. Raises ConfigError for a bad one.
    """

    def __init__(self, *, extra: Sequence[tuple[str, str]] = ()) -> None:
        self._extra = tuple((name, _compiled(name, pattern)) for name, pattern in extra)
        kinds = dict.fromkeys((*KINDS, *(name for name, _ in extra)))
        self._placeholder = re.compile(f"<(?:{'|'.join(kinds)})>")

    def mask(self, text: str) -> Masked:
        """`text` with every find replaced.

        Repeats until nothing is found, because a placeholder can free what an overlap hid. Every
        round takes characters that no placeholder holds, so it ends. A text made for it could free
        one number a round, thousands of times: after some rounds every longer number goes.
        """
        counts: Counter[str] = Counter()
        rounds = 0
        while hits := self._hits(text, blunt=rounds >= _CAREFUL_ROUNDS):
            counts.update(hit.kind for hit in hits)
            text = _replaced(text, hits)
            rounds += 1
        return Masked(text, dict(counts))

    def _hits(self, text: str, *, blunt: bool) -> list[Hit]:
        folded, positions = fold(text)
        dense = is_dense(folded)
        scan = Scan(folded, runs(folded) if dense else (), dense)
        keep = [Span(*m.span()) for m in self._placeholder.finditer(folded)] if "<" in text else ()
        hits = resolve(self._found(scan), keep)
        if blunt and hits:
            numbers = (Hit(*m.span(), _BLUNT, -2) for m in _NUMBER.finditer(folded))
            hits = resolve([*hits, *numbers], keep)
        if positions is None:
            return hits
        return [Hit(positions[s], positions[e - 1] + 1, kind, rank) for s, e, kind, rank in hits]

    def _found(self, scan: Scan) -> Iterator[Hit]:
        for name, pattern in self._extra:
            for match in pattern.finditer(scan.text):
                yield Hit(*match.span(), name, -1)
        for rank, rule in enumerate(_RULES):
            if rule.applies(scan):
                yield from (Hit(*span, rule.kind, rank) for span in rule.find(scan))


def _replaced(text: str, hits: Sequence[Hit]) -> str:
    parts = []
    at = 0
    for hit in hits:
        parts += [text[at : hit.start], f"<{hit.kind}>"]
        at = hit.end
    return "".join([*parts, text[at:]])


def _compiled(name: str, pattern: str) -> re.Pattern[str]:
    where = f"privacy.patterns.{name}"
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{where}: the placeholder is not usable",
            fix="Use capital letters, digits and _, at most 32, beginning with a letter.",
        )
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ConfigError(
            f"{where} is not a regular expression: {error}", fix="Correct the pattern."
        ) from error
    if compiled.match(""):
        raise ConfigError(
            f"{where} matches the empty text", fix="Make at least one character of it mandatory."
        )
    return compiled
