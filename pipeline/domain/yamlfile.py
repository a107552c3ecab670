"""YAML files that people edit: reading them so that an error can say the line."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import TaxonomyError


@dataclass(frozen=True, slots=True)
class YamlFile:
    """A parsed file: its plain values and the line of each of its keys and items.

    Lines are filed under the path of keys and positions: ("scales", "nps-0-10", "keys", 3).
    """

    path: Path
    values: dict[Any, Any]
    lines: dict[tuple[Any, ...], int]

    @classmethod
    def load(cls, path: Path) -> YamlFile:
        """Reads a file whose top is a mapping without duplicate keys. Raises TaxonomyError."""
        try:
            root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        except OSError as error:
            raise TaxonomyError(
                f"{path} cannot be read: {error.strerror}", fix="Check the path and its rights."
            ) from error
        except UnicodeDecodeError as error:
            raise TaxonomyError(f"{path} is not UTF-8", fix="Save it as UTF-8.") from error
        except yaml.YAMLError as error:
            raise TaxonomyError(f"{path} is not YAML: {error}", fix="Correct that line.") from error
        if not isinstance(root, yaml.MappingNode):
            raise TaxonomyError(f"{path} is not a mapping", fix="Start from the product's file.")
        lines: dict[tuple[Any, ...], int] = {}
        return cls(path, _values(root, (), lines, path), lines)

    def error(self, where: tuple[Any, ...], problem: str, fix: str) -> TaxonomyError:
        """The error `problem` at `where`, or at the nearest parent that has a line."""
        known = next((where[:n] for n in range(len(where), 0, -1) if where[:n] in self.lines), ())
        line = self.lines.get(known, 1)
        name = ".".join(f"{part:g}" if isinstance(part, float) else str(part) for part in where)
        return TaxonomyError(f"{self.path}, line {line}: {name} {problem}", fix=fix)

    def version(self) -> int:
        """The file's `version`, from 1. Raises TaxonomyError."""
        version = self.values["version"]
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            raise self.error(("version",), "is not a whole number from 1", "Write version: 1.")
        return version

    def mapping(self, where: tuple[Any, ...], value: object) -> dict[Any, Any]:
        """`value`, which must be a mapping with at least one key. Raises TaxonomyError."""
        if not isinstance(value, dict) or not value:
            raise self.error(where, "is not a mapping", "Compare it with the product's file.")
        return value

    def text(self, where: tuple[Any, ...], value: object) -> str:
        """`value`, which must be a text with more than spaces. Raises TaxonomyError."""
        if not isinstance(value, str) or not value.strip():
            raise self.error(where, "is not a text", "Write a text, in quotes if it is a number.")
        return value

    def only(
        self,
        where: tuple[Any, ...],
        entry: dict[Any, Any],
        *,
        required: AbstractSet[Any],
        optional: AbstractSet[Any] = frozenset(),
    ) -> None:
        """Raises TaxonomyError for the first key that is missing or unknown."""
        for key in sorted(required - entry.keys(), key=str):
            raise self.error((*where, key), "is missing", "Add it.")
        for key in entry:
            if key not in required and key not in optional:
                fix = "Check its spelling or delete it."
                raise self.error((*where, key), "is not known here", fix)


def _values(
    node: yaml.Node, where: tuple[Any, ...], lines: dict[tuple[Any, ...], int], path: Path
) -> Any:
    """The plain value of `node`; fills `lines`. A loader alone would keep the last of two keys."""
    lines.setdefault(where, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_values(item, (*where, n), lines, path) for n, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return _scalar(node)
    values: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = _scalar(key_node)
        line = key_node.start_mark.line + 1
        if key in values:
            name = ".".join(str(part) for part in (*where, key))
            raise TaxonomyError(f"{path}, line {line}: {name} is there twice", fix="Keep one.")
        lines[*where, key] = line
        values[key] = _values(value_node, (*where, key), lines, path)
    return values


def _scalar(node: yaml.Node) -> Any:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node, deep=True)
    except (yaml.YAMLError, ValueError):  # an unknown !tag; 2026-13-45, which looks like a date
        return str(node.value)
    finally:
        loader.dispose()
