"""`python helm/generate.py [--check]`: README.md and values.schema.json from values.yaml.

A value's meaning is the comment `# -- …` above it, further rules the line `# @schema {…}`.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parent / "voc"
_KEY = re.compile(r"^(?P<indent> *)(?P<name>[A-Za-z0-9_]+):")
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}


def documented(text: str) -> dict[tuple[str, ...], tuple[str, dict[str, Any]]]:
    """Path of a value -> (meaning, further rules)."""
    found: dict[tuple[str, ...], tuple[str, dict[str, Any]]] = {}
    stack: list[tuple[int, str]] = []
    meaning, rules = "", {}
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("# -- "):
            meaning = stripped[5:]
        elif stripped.startswith("# @schema "):
            rules = json.loads(stripped[10:])
        elif match := _KEY.match(line):
            indent = len(match["indent"])
            stack = [(i, n) for i, n in stack if i < indent] + [(indent, match["name"])]
            if meaning:
                found[tuple(name for _, name in stack)] = meaning, rules
            meaning, rules = "", {}
    return found


def schema(values: dict[str, Any], docs: Any, path: tuple[str, ...] = ()) -> dict[str, Any]:
    """The JSON Schema of a mapping of values; a documented mapping is free in its keys."""
    properties = {}
    for name, value in values.items():
        here = (*path, name)
        if isinstance(value, dict) and here not in docs:
            properties[name] = schema(value, docs, here)
            continue
        meaning, rules = docs[here]
        kind = "object" if isinstance(value, dict) else _TYPES[type(value)]
        properties[name] = {"description": meaning, "type": kind, **rules}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def readme(values: dict[str, Any], docs: Any) -> str:
    """The chart's README: a table of all values."""
    rows = ["| value | default | meaning |", "|---|---|---|"]
    for path, (meaning, _) in docs.items():
        default: Any = values
        for name in path:
            default = default[name]
        shown = json.dumps(default, ensure_ascii=False)
        rows.append(f"| `{'.'.join(path)}` | `{shown}` | {meaning.replace('|', chr(92) + '|')} |")
    head = (CHART / "README.head.md").read_text(encoding="utf-8")
    return head + "\n".join(rows) + "\n"


def main() -> int:
    """Writes the files, or with --check says whether they are up to date."""
    text = (CHART / "values.yaml").read_text(encoding="utf-8")
    values, docs = yaml.safe_load(text), documented(text)
    made = {"$schema": "http://json-schema.org/draft-07/schema#", **schema(values, docs)}
    made["properties"]["global"] = {"description": "Helm's own.", "type": "object"}
    wanted = {
        "values.schema.json": json.dumps(made, indent=2, ensure_ascii=False) + "\n",
        "README.md": readme(values, docs),
    }
    stale = [n for n, t in wanted.items() if not (CHART / n).exists()
             or (CHART / n).read_text(encoding="utf-8") != t]  # fmt: skip
    if "--check" in sys.argv:
        return len(stale)
    for name in stale:
        (CHART / name).write_text(wanted[name], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
