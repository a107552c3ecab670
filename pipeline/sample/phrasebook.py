"""Sentences from data: templates with slots and alternatives, put together as people write.

A template is a sentence with `$slots`, filled from the contact or from the file's `words`, and
`(one|another)` alternatives. In Korean, `을(를)` and its like become the form that fits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml

from pipeline.sample import company

TEXTS = Path(__file__).parent / "texts"
BOOKS = ("zh-Hans", "zh-Hant", "zh-Hant-HK", "ko", "en", "und")
"""Files in texts/: zh-Hant is written as in Taiwan, zh-Hant-HK as in Hong Kong."""

MOODS = ("negative", "neutral", "positive")

_SLOT = re.compile(r"\$\{?([a-z_]+)\}?")
_PIECE = re.compile(_SLOT.pattern + r"|\(([^()|]*(?:\|[^()|]*)+)\)")
_PARTICLE = re.compile(
    r"(.)(을\(를\)|이\(가\)|은\(는\)|과\(와\)|으로\(로\)|이에요\(예요\)|이라\(라\)|이랑\(랑\))"
)
_GROUPS = frozenset[str]().union(*(product.groups for product in company.PRODUCTS))
_FITS = (
    {"product": frozenset(product.key for product in company.PRODUCTS), "app": frozenset({"app"})}
    | {product.key: frozenset({product.key}) for product in company.PRODUCTS}
    | {g: frozenset(p.key for p in company.PRODUCTS if g in p.groups) for g in _GROUPS}
)
"""The products, by key, that a slot can speak of; a sentence without such a slot fits them all."""


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed sentence. `products` are the keys it can be said of; None: of anything."""

    source: str
    parts: tuple[tuple[str, Any], ...]
    products: frozenset[str] | None

    @classmethod
    def parse(cls, source: str) -> Template:
        """Raises nothing: what is no slot or alternative stays as it is."""
        return cls(source, _parts(source), _products(source))

    def fits(self, product: str) -> bool:
        """Whether it can be said about the product with that key."""
        return self.products is None or product in self.products

    def fill(self, slots: Mapping[str, str], words: Words, random: Random) -> str:
        """The sentence; a slot is taken from `slots`, else a word of the file is drawn."""
        return _particles("".join(_filled(part, slots, words, random) for part in self.parts))


Words = Mapping[str, Sequence[Template]]


@dataclass(frozen=True, slots=True)
class Phrasebook:
    """The sentences of one file of texts/."""

    name: str
    topics: Mapping[str, Mapping[str, tuple[Template, ...]]]
    lists: Mapping[str, Mapping[str, tuple[Template, ...]]]
    words: Words
    regional: Mapping[str, Words]
    products: Mapping[str, tuple[str, ...]]

    def words_in(self, region: str) -> Words:
        """The words that customers of a region use."""
        return self.regional.get(region, self.words)

    def pick(self, name: str, mood: str, random: Random) -> Template:
        """One of a list's templates, such as `openers` of `negative`."""
        return _one(self.lists[name][mood], random)

    def sentence(self, topic: str, mood: str, product: str, random: Random) -> Template:
        """One that fits the product's key, `app` for the app. Raises StopIteration for none."""
        templates = self.topics[topic][mood]
        for _ in range(12):
            template = _one(templates, random)
            if template.fits(product):
                return template
        return next(template for template in templates if template.fits(product))


@cache
def phrasebook(name: str) -> Phrasebook:
    """The file texts/<name>.yaml, read once."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = (TEXTS / f"{name}.yaml").read_text(encoding="utf-8")
    raw: dict[str, Any] = yaml.load(text, Loader=loader)  # noqa: S506 - a safe loader, in C
    words = {key: _templates(values) for key, values in raw["words"].items()}
    regional = raw.get("regional_words", {})
    return Phrasebook(
        name=name,
        topics={topic: _moods(moods) for topic, moods in raw["topics"].items()},
        lists={key: _moods(moods) for key, moods in raw["lists"].items()},
        words=words,
        regional={
            region: words | {key: _templates(values) for key, values in own.items()}
            for region, own in regional.items()
        },
        products={key: tuple(names) for key, names in raw["products"].items()},
    )


def _moods(raw: Mapping[str, Sequence[str]]) -> dict[str, tuple[Template, ...]]:
    return {mood: _templates(sources) for mood, sources in raw.items()}


def _templates(sources: Sequence[Any]) -> tuple[Template, ...]:
    return tuple(Template.parse(str(source)) for source in sources)


def _one(templates: Sequence[Template], random: Random) -> Template:
    return templates[int(random.random() * len(templates))]


def _parts(source: str) -> tuple[tuple[str, Any], ...]:
    parts: list[tuple[str, Any]] = []
    at = 0
    for match in _PIECE.finditer(source):
        parts.append(("text", source[at : match.start()]))
        if match[1]:
            parts.append(("slot", match[1]))
        else:
            parts.append(("choice", tuple(_parts(option) for option in match[2].split("|"))))
        at = match.end()
    parts.append(("text", source[at:]))
    return tuple(part for part in parts if part != ("text", ""))


def _products(source: str) -> frozenset[str] | None:
    found = [_FITS[name] for name in _SLOT.findall(source) if name in _FITS]
    return frozenset.intersection(*found) if found else None


def _filled(part: tuple[str, Any], slots: Mapping[str, str], words: Words, random: Random) -> str:
    kind, value = part
    if kind == "text":
        return str(value)
    if kind == "choice":
        option = value[int(random.random() * len(value))]
        return "".join(_filled(inner, slots, words, random) for inner in option)
    if value in slots:
        return slots[value]
    return _one(words[value], random).fill(slots, words, random)


def _particles(text: str) -> str:
    return _PARTICLE.sub(_particle, text) if "(" in text else text


def _particle(match: re.Match[str]) -> str:
    closed, opened = match[2][:-1].split("(")
    final = _final(match[1])
    if closed == "으로":
        return match[1] + (closed if final not in (0, 8) else opened)
    return match[1] + (closed if final else opened)


def _final(char: str) -> int:
    """The final consonant's number of a Hangul syllable, 0 for none; digits as they are read."""
    if "가" <= char <= "힣":
        return (ord(char) - 0xAC00) % 28
    return {"0": 21, "1": 8, "3": 16, "6": 1, "7": 8, "8": 8}.get(char, 0)
