"""The report's words: texts by key and locale, with numbers put in as links to their queries."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any

import yaml

from pipeline.analysis.few import TooFew
from pipeline.domain.scales import LOCALES
from pipeline.domain.taxonomy import Taxonomy
from pipeline.report.formats import Format
from pipeline.report.model import Part, Sentence

FOLDER = Path(__file__).parent / "texts"


@cache
def texts(locale: str) -> Mapping[str, str]:
    """The texts of a locale by dotted key. Raises KeyError for a locale that there is none of."""
    if locale not in LOCALES:
        raise KeyError(locale)
    tree = yaml.safe_load((FOLDER / f"{locale}.yaml").read_text(encoding="utf-8"))
    return dict(_flat(tree, ""))


def _flat(tree: Mapping[str, Any], prefix: str) -> list[tuple[str, str]]:
    found = []
    for name, value in tree.items():
        key = f"{prefix}{name}"
        found += _flat(value, f"{key}.") if isinstance(value, dict) else [(key, str(value))]
    return found


def placeholders(text: str) -> frozenset[str]:
    """The names in braces of a text."""
    return frozenset(name for _, name, _, _ in Formatter().parse(text) if name)


class Words:
    """Texts of one locale: `words("key", name=value)` is a sentence, `words.text` plain text."""

    def __init__(self, locale: str, taxonomy: Taxonomy) -> None:
        self.locale = locale
        self.format = Format(locale)
        self._texts = texts(locale)
        self._taxonomy = taxonomy

    def __call__(self, key: str, **values: str | Part) -> Sentence:
        """A sentence; values may be parts with a query, which become links."""
        parts: list[Part] = []
        for literal, name, _, _ in Formatter().parse(self._texts[key]):
            if literal:
                parts.append(Part(literal))
            if name:
                value = values[name]
                parts.append(value if isinstance(value, Part) else Part(value))
        return Sentence(tuple(parts))

    def text(self, key: str, **values: str | Part) -> str:
        """A text without links."""
        return self(key, **values).text

    def known(self, key: str, otherwise: str) -> str:
        """A text if there is one, else what the data call it."""
        return self._texts.get(key, otherwise)

    def topic(self, code: str) -> str:
        """A topic's label; "" is no topic."""
        if not code:
            return self.text("name.no_topic")
        return self._taxonomy[code].labels[self.locale] if code in self._taxonomy else code

    def owner(self, name: str) -> str:
        """A department's name."""
        if not name:
            return self.text("name.nobody")
        return self.known(f"owner.{name.replace(' ', '_').replace('-', '_')}", name)

    def dimension(self, name: str) -> str:
        """A dimension's name."""
        return self.known(f"dimension.{name}", name)

    def member(self, dimension: str, value: str) -> str:
        """A dimension value's name; "" is an unknown one."""
        if dimension == "topic":
            return self.topic(value)
        if not value:
            return self.text("name.unknown")
        if dimension in {"channel", "language"}:
            return self.known(f"{dimension}.{value}", value)
        return value

    def slice(self, chosen: Mapping[str, str]) -> str:
        """A slice in words: the topic first, then the rest."""
        if not chosen:
            return self.text("name.everything")
        order = sorted(chosen.items(), key=lambda pair: pair[0] != "topic")
        return " · ".join(self.member(name, value) for name, value in order)

    def attribute(self, name: str) -> str:
        """A rated attribute: a topic, a SERVQUAL dimension, or as the survey calls it."""
        if name in self._taxonomy:
            return self.topic(name)
        return self.known(f"rater.{name}", name)

    def few(self, missing: TooFew) -> Sentence:
        """Too few data: what, how many there are, how many it takes."""
        what = self.known(f"few.{missing.what}", missing.what)
        have, needed = self.format.count(missing.have), self.format.count(missing.needed)
        return self("few.sentence", what=what, have=have, needed=needed)
