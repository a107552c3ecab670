"""Rows and foreign JSON to events: names mapped, texts turned into what the contract wants."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import partial
from typing import Any

import orjson

from pipeline.contract.errors import FieldError, MalformedEvent
from pipeline.sources.errors import SourceError
from pipeline.sources.kinds import Kind
from pipeline.sources.times import rfc3339

_RATING = re.compile(r"rating\.(?P<kind>[a-z_]+)(?:\.(?P<dimension>[^@]+))?@(?P<scale>[a-z0-9-]+)")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_TRUE = {"true", "yes", "y", "t", "1", "是", "예", "네"}
_FALSE = {"false", "no", "n", "f", "0", "否", "아니요", "아니오"}
_LIST = re.compile(r"[;|,]")

Convert = Callable[[str], Any]
Place = Callable[[dict[str, Any], Any], None]


@dataclass(frozen=True, slots=True)
class Shaping:
    """How the fields of a source become those of an event.

    `maps` is field -> column, `sets` field -> value for every event. Fields are dotted
    (`handling.wait_seconds`, `attributes.shop`); a rating is `rating.KIND[.DIMENSION]@SCALE`.
    Columns that are named like a field need no mapping; others are kept as attributes unless
    `drop_unknown`. Times without a zone are in `zone`; `time_format` is a strptime pattern.
    `make_ids` gives events without an id one from their content, the same whenever it is read.
    """

    maps: Mapping[str, str] = field(default_factory=dict)
    sets: Mapping[str, str] = field(default_factory=dict)
    zone: tzinfo | None = None
    time_format: str = ""
    make_ids: bool = False
    drop_unknown: bool = False

    @property
    def changes(self) -> bool:
        """Whether JSON lines have to be rewritten at all."""
        return self != Shaping()


class Shaper:
    """Builds events of one kind. Raises SourceError for fields that the contract does not have."""

    def __init__(self, kind: Kind, shaping: Shaping) -> None:
        self._kind = kind
        self._shaping = shaping
        self._types = kind.fields()
        self._constants = [
            (self._place(name), self._value(name, text)) for name, text in shaping.sets.items()
        ]
        self._fields_of = _inverted(shaping.maps)
        for name in shaping.maps:
            self._place(name)

    def columns(self, header: list[str]) -> Callable[[list[str]], dict[str, Any]]:
        """What turns a row under `header` into an event.

        Raises SourceError where the header lacks a mapped column, names one twice, or none of its
        names is known: then it is a row of data.
        """
        names = [name.strip() for name in header]
        self._check_header(names)
        plan = [
            (index, self._converter(target), self._place(target))
            for index, name in enumerate(names)
            for target in self._targets(name)
        ]
        width = len(names)
        return partial(self._row_event, plan, width)

    def event(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """The event of a JSON object with foreign names; texts of times get their zone."""
        event: dict[str, Any] = {}
        for name, given in value.items():
            for target in self._targets_of_json(name):
                is_time = isinstance(given, str) and self._types.get(target) == "time"
                place = self._place(target) if "." in target else partial(_set, target)
                place(event, self._time(given) if is_time else given)
        return self._finish(event)

    def _row_event(
        self, plan: list[tuple[int, Convert, Place]], width: int, row: list[str]
    ) -> dict[str, Any]:
        if len(row) != width:
            fault = f"the row has {len(row)} columns, its header {width}: quote texts with commas"
            raise MalformedEvent(self._kind.event, [FieldError("", fault)])
        event: dict[str, Any] = {}
        for index, convert, place in plan:
            if text := row[index].strip():
                place(event, convert(text))
        return self._finish(event)

    def _finish(self, event: dict[str, Any]) -> dict[str, Any]:
        for place, value in self._constants:
            place(event, value)
        if self._shaping.make_ids and "contact_id" in self._types and "contact_id" not in event:
            event["contact_id"] = (
                "made-" + hashlib.sha256(encode(self._kind, event)).hexdigest()[:27]
            )
        return event

    def _targets(self, name: str) -> list[str]:
        """The fields that column `name` fills; none for a column that is dropped."""
        if name in self._fields_of or name in self._shaping.maps:
            return self._fields_of.get(name, [])
        if self._known(name):
            return [name.casefold() if name.casefold() in self._types else name]
        if not name or self._shaping.drop_unknown:
            return []
        return [f"attributes.{name}" if "attributes" in self._types else name]

    def _targets_of_json(self, name: str) -> list[str]:
        if name in self._fields_of or name in self._shaping.maps:
            return self._fields_of.get(name, [])
        return [name] if self._known(name) or not self._shaping.drop_unknown else []

    def _check_header(self, names: list[str]) -> None:
        twice = {name for name in names if name and names.count(name) > 1}
        if twice:
            raise SourceError(
                f"the header names {', '.join(sorted(twice))} twice", fix="Rename one of them."
            )
        for target, column in self._shaping.maps.items():
            if column not in names:
                raise SourceError(
                    f"--map {target}={column}: there is no column {column}{_close(column, names)}",
                    fix=f"The header has: {_listed(names)}.",
                )
        if not self._shaping.maps and not any(self._known(name) for name in names):
            raise SourceError(
                f"the first line names no field of a {self._kind.event}: {_listed(names)}",
                fix="Name columns with --map field=column, or, if the file has no header,"
                " with --columns.",
            )

    def _known(self, name: str) -> bool:
        """Whether the contract has a field of this name, whole objects and ratings included."""
        head, _, rest = name.partition(".")
        inside = bool(rest) and self._types.get(head) == "map"
        whole = any(path.startswith(f"{name}.") for path in self._types)
        rating = "ratings" in self._types and bool(_RATING.fullmatch(name))
        return name.casefold() in self._types or inside or whole or rating

    def _place(self, target: str) -> Place:
        """What puts a value where `target` says. Raises SourceError for an unknown field."""
        if not self._known(target):
            raise self._unknown(target)
        rating = _RATING.fullmatch(target)
        if rating:
            return partial(_add_rating, rating.groupdict())
        head, _, rest = target.partition(".")
        return partial(_set_nested, head, rest) if rest else partial(_set, target)

    def _unknown(self, target: str) -> SourceError:
        if target.startswith("rating"):
            return SourceError(
                f"{target} is not a rating",
                fix="Write rating.KIND@SCALE or rating.KIND.DIMENSION@SCALE, such as"
                " rating.csat@satisfaction-1-5.",
            )
        own = f"to keep your own field: attributes.{target}"
        more = own if "attributes" in self._types else "--drop-unknown leaves out other columns"
        return SourceError(
            f"{target} is not a field of a {self._kind.event}{_close(target, self._types)}",
            fix=f"`voc schema show {self._kind.event}` lists the fields; {more}.",
        )

    def _converter(self, target: str) -> Convert:
        if _RATING.fullmatch(target):
            return _number
        kind = self._types.get(target, "text")
        converters: dict[str, Convert] = {
            "number": _number,
            "boolean": _boolean,
            "list": _listing,
            "time": self._time,
            "map": _json,
        }
        return converters.get(kind, str)

    def _value(self, target: str, text: str) -> Any:
        return self._converter(target)(text)

    def _time(self, text: str) -> str:
        return rfc3339(text.strip(), self._shaping.zone, self._shaping.time_format)


def encode(kind: Kind, event: dict[str, Any]) -> bytes:
    """The event as JSON. Raises MalformedEvent for text that the given encoding cannot explain."""
    try:
        return orjson.dumps(event)
    except orjson.JSONEncodeError as error:
        fault = "holds bytes that are not text in the given encoding: check --encoding"
        raise MalformedEvent(kind.event, [FieldError("", f"the line {fault}")]) from error


def _inverted(maps: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for target, column in maps.items():
        found.setdefault(column, []).append(target)
    return found


def _set(name: str, event: dict[str, Any], value: Any) -> None:
    event[name] = value


def _set_nested(head: str, name: str, event: dict[str, Any], value: Any) -> None:
    event.setdefault(head, {})[name] = value


def _add_rating(rating: Mapping[str, str | None], event: dict[str, Any], value: Any) -> None:
    entry = {key: part for key, part in rating.items() if part is not None}
    event.setdefault("ratings", []).append({**entry, "value": value})


def _number(text: str) -> float | int | str:
    if not _NUMBER.fullmatch(text):
        return text  # the contract says what is wrong with it
    return float(text) if "." in text else int(text)


def _boolean(text: str) -> bool | str:
    folded = text.casefold()
    return True if folded in _TRUE else False if folded in _FALSE else text


def _listing(text: str) -> Any:
    if text.startswith("["):
        return _json(text)
    return [part.strip() for part in _LIST.split(text) if part.strip()]


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _close(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(names), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _listed(names: list[str]) -> str:
    shown = ", ".join(name[:40] for name in names[:12])
    return f"{shown} and {len(names) - 12} more" if len(names) > 12 else shown
