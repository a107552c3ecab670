"""The contact taxonomy: what a customer can be talking about, and what it means for the company."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from pipeline.domain.scales import LOCALES
from pipeline.domain.yamlfile import YamlFile

_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")


class Rater(StrEnum):
    """The dimensions of service quality (SERVQUAL: Parasuraman, Zeithaml and Berry 1988)."""

    TANGIBLES = "tangibles"
    RELIABILITY = "reliability"
    RESPONSIVENESS = "responsiveness"
    ASSURANCE = "assurance"
    EMPATHY = "empathy"


class Gap(StrEnum):
    """Gaps 1 to 4 of the gap model; the fifth, the customer's, is what they add up to."""

    KNOWLEDGE = "knowledge"
    STANDARDS = "standards"
    DELIVERY = "delivery"
    COMMUNICATION = "communication"


class Pillar(StrEnum):
    """What the company would have to change."""

    PEOPLE = "people"
    PROCESS = "process"
    TECHNOLOGY = "technology"


class Side(StrEnum):
    """The side of the service style that the topic speaks about."""

    PROCEDURAL = "procedural"
    PERSONAL = "personal"


class Touchpoint(StrEnum):
    """What the customer met."""

    HUMAN = "human"
    THING = "thing"
    INFORMATION = "information"


Choice = TypeVar("Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Topic:
    """A reason code. `definitions` and `labels` are by locale (zh-Hans, zh-Hant, ko, en)."""

    code: str
    definitions: Mapping[str, str]
    labels: Mapping[str, str]
    rater: Rater
    gap: Gap
    pillar: Pillar
    side: Side
    touchpoint: Touchpoint
    owner: str

    @property
    def definition(self) -> str:
        """The English definition."""
        return self.definitions["en"]


class Taxonomy(Mapping[str, Topic]):
    """The topics of a file by code, in file order: a model's outputs are in this order."""

    def __init__(self, version: int, topics: tuple[Topic, ...]) -> None:
        self.version = version
        self.topics = topics
        self._by_code = {topic.code: topic for topic in topics}

    @classmethod
    def load(cls, path: Path) -> Taxonomy:
        """Reads taxonomy.yaml. Raises TaxonomyError that names the key and its line."""
        file = YamlFile.load(path)
        file.only((), file.values, required={"version", "topics"})
        version = file.version()
        entries = file.mapping(("topics",), file.values["topics"])
        return cls(version, tuple(_topic(file, code) for code in entries))

    @property
    def codes(self) -> tuple[str, ...]:
        """The topics' codes in file order."""
        return tuple(topic.code for topic in self.topics)

    def __getitem__(self, code: str) -> Topic:
        return self._by_code[code]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_code)

    def __len__(self) -> int:
        return len(self.topics)


_REQUIRED = {"labels", "definition", "rater", "gap", "pillar", "side", "touchpoint", "owner"}


def _topic(file: YamlFile, code: object) -> Topic:
    where = ("topics", code)
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        fix = "Use small Latin letters, digits and _, at most 64, beginning with a letter."
        raise file.error(where, "is not a topic code", fix)
    entry = file.mapping(where, file.values["topics"][code])
    file.only(where, entry, required=_REQUIRED)
    return Topic(
        code=code,
        definitions=_localised(file, (*where, "definition"), entry["definition"]),
        labels=_localised(file, (*where, "labels"), entry["labels"]),
        rater=_one_of(file, (*where, "rater"), entry["rater"], Rater),
        gap=_one_of(file, (*where, "gap"), entry["gap"], Gap),
        pillar=_one_of(file, (*where, "pillar"), entry["pillar"], Pillar),
        side=_one_of(file, (*where, "side"), entry["side"], Side),
        touchpoint=_one_of(file, (*where, "touchpoint"), entry["touchpoint"], Touchpoint),
        owner=file.text((*where, "owner"), entry["owner"]),
    )


def _localised(file: YamlFile, where: tuple[Any, ...], value: object) -> dict[str, str]:
    entry = file.mapping(where, value)
    file.only(where, entry, required=set(LOCALES))
    return {locale: file.text((*where, locale), entry[locale]) for locale in LOCALES}


def _one_of(file: YamlFile, where: tuple[Any, ...], value: object, kind: type[Choice]) -> Choice:
    try:
        return kind(str(value))
    except ValueError:
        choices = ", ".join(kind)
        raise file.error(where, f"is {value!r}, which is not known", f"Use {choices}.") from None
