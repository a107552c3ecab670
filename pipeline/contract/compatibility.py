"""Whether a changed schema still keeps its promises to those who write and read its events.

A change breaks when an event that was valid is refused (producers), or when a field that was there
goes away or means something else (consumers).  Additions and relaxations do not break.  What cannot
be compared counts as breaking: a false alarm costs a look, a missed one costs events.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_WAY_OUT = "keep it, or publish the change as a new version of the schema"
_MAXIMA = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_MINIMA = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_MEANING = ("const", "contentEncoding", "contentMediaType", "default", "format", "$schema")
_ANNOTATIONS = frozenset(
    {"$id", "$anchor", "$comment", "$defs", "title", "description", "examples", "deprecated"}
    | {"readOnly", "writeOnly"}
)
_COMPARED = frozenset(
    {"type", "enum", "pattern", "uniqueItems", "required", "properties", "additionalProperties"}
    | {"items", "propertyNames", "not", "anyOf", "oneOf", "allOf", *_MAXIMA, *_MINIMA, *_MEANING}
)
_TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `path` is the dotted field (`ratings[].value`), "" for the event itself.

    `kind` is the schema keyword that differs; `message` names the field and, if the change is
    breaking, the way out.
    """

    path: str
    kind: str
    breaking: bool
    message: str


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """The changes from `old` to `new`, both JSON Schemas; breaking ones first.

    Wording (titles, descriptions, `x-` keywords) is not compared. Follows `$ref` inside the
    document; recursive schemas are compared once per pair of references.
    """
    changes = _Comparison(old, new).schemas(old, new, "")
    return sorted(dict.fromkeys(changes), key=lambda change: not change.breaking)


class _Comparison:
    """Compares subschemas; holds the two documents that references point into."""

    def __init__(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        self._old_root, self._new_root = old, new
        self._open: set[tuple[str, str]] = set()

    def schemas(self, old: Any, new: Any, path: str) -> Iterator[Change]:
        pair = (_ref(old), _ref(new))
        if all(pair) and pair in self._open:
            return
        self._open.add(pair)
        yield from self._resolved(
            _resolve(old, self._old_root), _resolve(new, self._new_root), path
        )
        self._open.discard(pair)

    def _resolved(self, old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Change]:
        yield from _types(old, new, path)
        yield from _enums(old, new, path)
        yield from _limits(old, new, path)
        yield from _rules(old, new, path)
        yield from _required(old, new, path)
        yield from self._properties(old, new, path)
        yield from self._closing(old, new, path)
        yield from self._inner(old, new, "items", f"{path}[]")
        yield from self._inner(old, new, "propertyNames", path)
        for keyword in ("anyOf", "oneOf", "allOf"):
            yield from self._branches(old, new, path, keyword)
        yield from _others(old, new, path)

    def _properties(self, old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Change]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name, schema in before.items():
            field = f"{path}.{name}" if path else name
            if name in after:
                yield from self.schemas(schema, after[name], field)
            else:
                yield _broken(field, "properties", "is gone")
        for name in after.keys() - before.keys():
            field = f"{path}.{name}" if path else name
            yield _fine(field, "properties", "is new")

    def _closing(self, old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Change]:
        keyword = "additionalProperties"
        before, after = old.get(keyword, True), new.get(keyword, True)
        if before is after or before == after:
            return
        if before is False:
            yield _fine(path, keyword, "now takes fields that it does not know")
        elif after is False:
            yield _broken(path, keyword, "no longer takes fields that it does not know")
        else:
            yield from self.schemas(before, after, f"{path}.*" if path else "*")

    def _inner(
        self, old: dict[str, Any], new: dict[str, Any], keyword: str, path: str
    ) -> Iterator[Change]:
        if keyword in old or keyword in new:
            yield from self.schemas(old.get(keyword, True), new.get(keyword, True), path)

    def _branches(
        self, old: dict[str, Any], new: dict[str, Any], path: str, keyword: str
    ) -> Iterator[Change]:
        before, after = old.get(keyword), new.get(keyword)
        if before == after:
            return
        if before is None:
            yield _broken(path, keyword, f"has a new rule {keyword}")
        elif after is None:
            yield _fine(path, keyword, f"no longer has the rule {keyword}")
        else:
            yield from self._alternatives(before, after, path, keyword)

    def _alternatives(
        self, before: list[Any], after: list[Any], path: str, keyword: str
    ) -> Iterator[Change]:
        gone = [branch for branch in before if branch not in after]
        come = [branch for branch in after if branch not in before]
        for one, other in zip(gone, come, strict=False):
            yield from self.schemas(one, other, path)
        if len(gone) > len(come):
            loosens = keyword == "allOf"
            words = f"lost an alternative of {keyword}"
            yield _fine(path, keyword, words) if loosens else _broken(path, keyword, words)
        if len(come) > len(gone):
            loosens = keyword == "anyOf"  # another oneOf may overlap with an old one
            words = f"has one more alternative of {keyword}"
            yield _fine(path, keyword, words) if loosens else _broken(path, keyword, words)


def _types(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Change]:
    before, after = _type_set(old), _type_set(new)
    if lost := sorted(before - after):
        yield _broken(path, "type", f"no longer takes {', '.join(lost)}")
    elif gained := sorted(after - before):
        yield _fine(path, "type", f"now takes {', '.join(gained)}")


def _type_set(schema: dict[str, Any]) -> frozenset[str]:
    """The types a schema takes; every integer is a number."""
    given = schema.get("type", _TYPES)
    types = frozenset({given}) if isinstance(given, str) else frozenset(given)
    return types | {"integer"} if "number" in types else types


def _enums(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Change]:
    before, after = old.get("enum"), new.get("enum")
    if before == after:
        return
    if before is None:
        yield _broken(path, "enum", "is now limited to a list of values")
    elif after is None:
        yield _fine(path, "enum", "takes more than a list of values")
    elif lost := [str(value) for value in before if value not in after]:
        yield _broken(path, "enum", f"no longer takes {', '.join(lost)}")
    elif gained := [str(value) for value in after if value not in before]:
        yield _fine(path, "enum", f"now takes {', '.join(gained)}")


def _limits(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Change]:
    for keyword, sign in [*((key, 1) for key in _MAXIMA), *((key, -1) for key in _MINIMA)]:
        before, after = old.get(keyword), new.get(keyword)
        if before == after:
            continue
        words = f"has {keyword} {_shown(after)} instead of {_shown(before)}"
        narrower = before is None or (after is not None and sign * after < sign * before)
        yield _broken(path, keyword, words) if narrower else _fine(path, keyword, words)


def _rules(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Change]:
    """Keywords that are compared as a whole; of these, meaning may not even be dropped."""
    for keyword in ("pattern", "not", "uniqueItems", *_MEANING):
        before, after = (_rule(schema, keyword) for schema in (old, new))
        if before == after:
            continue
        if after is not None or keyword in _MEANING:
            yield _broken(path, keyword, f"has another {keyword}")
        else:
            yield _fine(path, keyword, f"no longer has the rule {keyword}")


def _rule(schema: dict[str, Any], keyword: str) -> Any:
    """The keyword's value, None where it says nothing (`uniqueItems: false` is its default)."""
    value = schema.get(keyword)
    return None if keyword == "uniqueItems" and value is False else value


def _required(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Change]:
    before, after = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(after - before):
        yield _broken(f"{path}.{name}" if path else name, "required", "is now required")
    for name in sorted(before - after):
        yield _fine(f"{path}.{name}" if path else name, "required", "is no longer required")


def _others(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Change]:
    for keyword in sorted(old.keys() | new.keys()):
        if keyword in _COMPARED | _ANNOTATIONS or keyword.startswith("x-"):
            continue
        if old.get(keyword) != new.get(keyword):
            yield _broken(path, keyword, f"has another {keyword}, which cannot be compared")


def _broken(path: str, kind: str, words: str) -> Change:
    message = f"{path or 'the event'} {words}: {_WAY_OUT}"
    return Change(path, kind, breaking=True, message=message)


def _fine(path: str, kind: str, words: str) -> Change:
    return Change(path, kind, breaking=False, message=f"{path or 'the event'} {words}")


def _shown(limit: float | None) -> str:
    return "none" if limit is None else f"{limit:,}"


def _ref(schema: Any) -> str:
    return str(schema.get("$ref", "")) if isinstance(schema, Mapping) else ""


def _resolve(schema: Any, root: Mapping[str, Any]) -> dict[str, Any]:
    """The schema as a mapping, a local reference replaced by its target and what stands beside."""
    if isinstance(schema, bool):
        return {} if schema else {"not": {}}
    beside = {key: value for key, value in schema.items() if key != "$ref"}
    ref = _ref(schema)
    if ref != "#" and not ref.startswith("#/"):
        return dict(schema)  # an anchor or another document: compared as text
    target = _resolve(_target(ref, root), root)
    if (target.keys() & beside.keys()) - _ANNOTATIONS:
        return {"allOf": [target, beside]}
    return {**target, **beside}


def _target(ref: str, root: Mapping[str, Any]) -> Any:
    node: Any = root
    for part in ref[1:].split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        node = node[int(key)] if isinstance(node, Sequence) else node[key]
    return node
