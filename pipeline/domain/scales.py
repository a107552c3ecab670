"""Rating scales: which keys a customer could press, in which order, and what they mean.

The same 1 is best on one keypad and worst on another, so a rating without its scale says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any

from pipeline.domain.yamlfile import YamlFile
from pipeline.errors import ContractError

LOCALES = ("zh-Hans", "zh-Hant", "ko", "en")


class Orientation(StrEnum):
    """Which end of the keys, in the order shown, is the good one."""

    ASCENDING = "ascending"
    DESCENDING = "descending"


class NpsClass(StrEnum):
    """The classes that the net promoter score counts."""

    PROMOTER = "promoter"
    PASSIVE = "passive"
    DETRACTOR = "detractor"


@dataclass(frozen=True, slots=True)
class Scale:
    """One layout of answers.

    `keys` are in the order shown; `scores` their normalised values in [0, 1], strictly monotone
    along `keys`, 0 at the worst end and 1 at the best. `default_key` is the key that is recorded
    when the customer makes no choice (None: nothing is). `labels` are by locale, then by key.
    `top_box` are the keys that count as satisfied; `nps` classes are empty where they don't apply.
    """

    id: str
    description: str
    keys: tuple[float, ...]
    orientation: Orientation
    scores: Mapping[float, float]
    labels: Mapping[str, Mapping[float, str]]
    top_box: frozenset[float]
    default_key: float | None = None
    nps: Mapping[float, NpsClass] = field(default_factory=dict)

    def __contains__(self, value: object) -> bool:
        return value in self.scores

    def normalise(self, value: float) -> float:
        """The score of a key in [0, 1]: 0 worst, 1 best. Raises ContractError for no key."""
        try:
            return self.scores[value]
        except KeyError:
            keys = ", ".join(f"{key:g}" for key in self.keys)
            raise ContractError(
                f"{value:g} is not a key of scale {self.id}", fix=f"Use one of {keys}."
            ) from None


class Scales(Mapping[str, Scale]):
    """The scales of a file by id, in file order."""

    def __init__(self, scales: Mapping[str, Scale], *, version: int = 1) -> None:
        self._scales = dict(scales)
        self.version = version

    @classmethod
    def load(cls, path: Path) -> Scales:
        """Reads scales.yaml. Raises TaxonomyError that names the key and its line."""
        file = YamlFile.load(path)
        file.only((), file.values, required={"version", "scales"})
        version = file.version()
        entries = file.mapping(("scales",), file.values["scales"])
        return cls({str(key): _scale(file, key) for key in entries}, version=version)

    def __getitem__(self, scale_id: str) -> Scale:
        return self._scales[scale_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._scales)

    def __len__(self) -> int:
        return len(self._scales)

    def normalise(self, scale_id: str, value: float) -> float:
        """The score of `value`, in [0, 1]. Raises ContractError for an unknown scale or key."""
        scale = self._scales.get(scale_id)
        if scale is None:
            known = ", ".join(self._scales)
            raise ContractError(f"{scale_id} is not a known scale", fix=f"Use one of {known}.")
        return scale.normalise(value)


_REQUIRED = {"description", "orientation", "keys", "default_key", "top_box", "labels"}
_OPTIONAL = {"normalisation", "nps"}


def _scale(file: YamlFile, scale_id: object) -> Scale:
    where = ("scales", scale_id)
    entry = file.mapping(where, file.values["scales"][scale_id])
    file.only(where, entry, required=_REQUIRED, optional=_OPTIONAL)
    keys = _keys(file, (*where, "keys"), entry["keys"])
    orientation = _orientation(file, (*where, "orientation"), entry["orientation"])
    default = entry["default_key"]
    if default is not None and default not in keys:
        raise file.error((*where, "default_key"), "is not one of the keys", "Use a key or null.")
    return Scale(
        id=str(scale_id),
        description=file.text((*where, "description"), entry["description"]),
        keys=keys,
        orientation=orientation,
        scores=_scores(file, where, keys, orientation),
        labels=_labels(file, (*where, "labels"), entry["labels"], keys),
        top_box=frozenset(_subset(file, (*where, "top_box"), entry["top_box"], keys)),
        default_key=None if default is None else float(default),
        nps=_nps(file, (*where, "nps"), entry["nps"], keys) if "nps" in entry else {},
    )


def _keys(file: YamlFile, where: tuple[Any, ...], value: object) -> tuple[float, ...]:
    fix = "List at least two different numbers in the order shown."
    if not isinstance(value, list) or len(value) < 2:
        raise file.error(where, "is not a list of at least two numbers", fix)
    for index, key in enumerate(value):
        if not _numeric(key):
            raise file.error((*where, index), "is not a number", fix)
        if key in value[:index]:
            raise file.error((*where, index), "is there twice", fix)
    return tuple(float(key) for key in value)


def _orientation(file: YamlFile, where: tuple[Any, ...], value: object) -> Orientation:
    try:
        return Orientation(str(value))
    except ValueError:
        fix = "Write ascending (the last key shown is best) or descending (the first is)."
        raise file.error(where, "is not an orientation", fix) from None


def _scores(
    file: YamlFile, where: tuple[Any, ...], keys: tuple[float, ...], orientation: Orientation
) -> dict[float, float]:
    entry = file.values["scales"][where[-1]]
    rule = entry.get("normalisation", "even")
    steps = len(keys) - 1
    upward = orientation is Orientation.ASCENDING
    even = [(n if upward else steps - n) / steps for n in range(len(keys))]
    scores = even if rule == "even" else _explicit(file, (*where, "normalisation"), rule, even)
    return dict(zip(keys, scores, strict=True))


def _explicit(
    file: YamlFile, where: tuple[Any, ...], rule: object, even: list[float]
) -> list[float]:
    fix = "Write even, or one number from 0 (worst) to 1 (best) for each key in the order shown."
    if not isinstance(rule, list) or len(rule) != len(even) or not all(map(_numeric, rule)):
        raise file.error(where, "does not give each key a number", fix)
    scores = [float(score) for score in rule]
    if scores[0] != even[0] or scores[-1] != even[-1]:
        raise file.error(where, "does not run from 0 at the worst key to 1 at the best", fix)
    rising = scores if even[0] == 0 else scores[::-1]
    if any(low >= high for low, high in pairwise(rising)):
        raise file.error(where, "does not rise from the worst key to the best", fix)
    return scores


def _labels(
    file: YamlFile, where: tuple[Any, ...], value: object, keys: tuple[float, ...]
) -> dict[str, dict[float, str]]:
    entry = file.mapping(where, value)
    file.only(where, entry, required=set(LOCALES))
    return {locale: _texts(file, (*where, locale), entry[locale], keys) for locale in LOCALES}


def _texts(
    file: YamlFile, where: tuple[Any, ...], value: object, keys: tuple[float, ...]
) -> dict[float, str]:
    entry = file.mapping(where, value)
    file.only(where, entry, required=set(keys))
    return {float(key): file.text((*where, key), label) for key, label in entry.items()}


def _subset(
    file: YamlFile, where: tuple[Any, ...], value: object, keys: tuple[float, ...]
) -> list[float]:
    if not isinstance(value, list) or not value or any(item not in keys for item in value):
        raise file.error(where, "is not a list of keys of the scale", "List at least one key.")
    return [float(item) for item in value]


def _nps(
    file: YamlFile, where: tuple[Any, ...], value: object, keys: tuple[float, ...]
) -> dict[float, NpsClass]:
    entry = file.mapping(where, value)
    file.only(where, entry, required={str(kind) for kind in NpsClass})
    classes: dict[float, NpsClass] = {}
    for kind in NpsClass:
        for key in _subset(file, (*where, str(kind)), entry[kind], keys):
            if key in classes:
                raise file.error((*where, str(kind)), f"repeats {key:g}", "Give each key a class.")
            classes[key] = kind
    if missing := [key for key in keys if key not in classes]:
        raise file.error(where, f"leaves out {missing[0]:g}", "Give every key one class.")
    return classes


def _numeric(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
