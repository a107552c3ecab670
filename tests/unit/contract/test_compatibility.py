"""Which changes of a schema break those who write or read its events."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from pipeline.contract import event_schema
from pipeline.contract.compatibility import compare
from pipeline.contract.schema import load_document
from pipeline.errors import ContractError

BASE: dict[str, Any] = {
    "type": "object",
    "required": ["id"],
    "additionalProperties": False,
    "properties": {
        "id": {"$ref": "#/$defs/id"},
        "n": {"type": "number", "minimum": 0, "maximum": 10},
        "kind": {"enum": ["a", "b"]},
        "at": {"type": "string", "format": "date-time"},
        "list": {
            "type": "array",
            "maxItems": 5,
            "items": {
                "type": "object",
                "required": ["x"],
                "properties": {"x": {"type": "integer"}},
            },
        },
        "map": {"additionalProperties": {"type": "string"}, "propertyNames": {"maxLength": 9}},
    },
    "anyOf": [{"required": ["n"]}, {"required": ["kind"]}],
    "not": {"required": ["n", "kind"]},
    "$defs": {"id": {"type": "string", "maxLength": 20, "pattern": "^c"}},
}
GONE = object()


def _changed(where: str, value: Any) -> dict[str, Any]:
    schema = copy.deepcopy(BASE)
    *parents, last = where.split("/")
    node: Any = schema
    for part in parents:
        node = node[part]
    if value is GONE:
        del node[last]
    else:
        node[last] = value
    return schema


@pytest.mark.parametrize(
    ("where", "value", "path", "kind"),
    [
        ("properties/kind", GONE, "kind", "properties"),
        ("properties/list/items/properties", {}, "list[].x", "properties"),
        ("required", ["id", "n"], "n", "required"),
        ("properties/list/items/required", ["x", "y"], "list[].y", "required"),
        ("properties/n/type", "integer", "n", "type"),
        ("properties/at/type", "number", "at", "type"),
        ("properties/n/maximum", 9, "n", "maximum"),
        ("properties/n/minimum", 1, "n", "minimum"),
        ("properties/n/exclusiveMaximum", 10, "n", "exclusiveMaximum"),
        ("properties/n/multipleOf", 2, "n", "multipleOf"),
        ("properties/list/maxItems", 4, "list", "maxItems"),
        ("properties/list/minItems", 1, "list", "minItems"),
        ("properties/list/uniqueItems", True, "list", "uniqueItems"),
        ("properties/list/items/properties/x/maximum", 1, "list[].x", "maximum"),
        ("properties/kind/enum", ["a", "c"], "kind", "enum"),
        ("properties/n/enum", [1, 2], "n", "enum"),
        ("properties/at/format", "date", "at", "format"),
        ("properties/at/format", GONE, "at", "format"),
        ("properties/at/const", "now", "at", "const"),
        ("$defs/id/maxLength", 19, "id", "maxLength"),
        ("$defs/id/pattern", "^[cd]", "id", "pattern"),
        ("properties/map/additionalProperties", False, "map", "additionalProperties"),
        ("properties/map/additionalProperties", {"type": "null"}, "map.*", "type"),
        ("properties/map/propertyNames", {"maxLength": 8}, "map", "maxLength"),
        ("anyOf", [{"required": ["n"]}], "", "anyOf"),
        ("anyOf", [{"required": ["n"]}, {"required": ["kind", "at"]}], "at", "required"),
        ("allOf", [{"required": ["at"]}], "", "allOf"),
        ("not", {"required": ["n"]}, "", "not"),
        ("not", {}, "", "not"),
        ("dependentRequired", {"n": ["at"]}, "", "dependentRequired"),
        ("$schema", "https://json-schema.org/draft-07/schema", "", "$schema"),
    ],
)
def test_a_narrowing_breaks_and_names_the_field(
    where: str, value: Any, path: str, kind: str
) -> None:
    breaking = [change for change in compare(BASE, _changed(where, value)) if change.breaking]
    assert [(change.path, change.kind) for change in breaking] == [(path, kind)]
    assert breaking[0].message.startswith(path or "the event")
    assert "publish the change as a new version" in breaking[0].message


@pytest.mark.parametrize(
    ("where", "value", "path", "kind"),
    [
        ("properties/new", {"type": "string", "maxLength": 5}, "new", "properties"),
        ("required", [], "id", "required"),
        ("properties/n/type", ["number", "string"], "n", "type"),
        ("properties/list/items/properties/x/type", "number", "list[].x", "type"),
        ("properties/n/maximum", 11, "n", "maximum"),
        ("properties/n/maximum", GONE, "n", "maximum"),
        ("properties/n/minimum", -1, "n", "minimum"),
        ("properties/kind/enum", ["b", "a", "c"], "kind", "enum"),
        ("properties/kind/enum", GONE, "kind", "enum"),
        ("$defs/id/maxLength", 21, "id", "maxLength"),
        ("$defs/id/pattern", GONE, "id", "pattern"),
        ("additionalProperties", True, "", "additionalProperties"),
        ("properties/map/propertyNames", GONE, "map", "maxLength"),
        ("anyOf", [*BASE["anyOf"], {"required": ["at"]}], "", "anyOf"),
        ("anyOf", GONE, "", "anyOf"),
        ("not", GONE, "", "not"),
    ],
)
def test_additions_and_relaxations_are_reported_and_pass(
    where: str, value: Any, path: str, kind: str
) -> None:
    changes = compare(BASE, _changed(where, value))
    assert [(change.path, change.kind, change.breaking) for change in changes] == [
        (path, kind, False)
    ]


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("title", "Other words"),
        ("properties/n/description", "other words"),
        ("properties/n/x-messages", {"maximum": "other words"}),
        ("properties/list/uniqueItems", False),
        ("properties/id", {"type": "string", "pattern": "^c", "maxLength": 20}),
        ("anyOf", BASE["anyOf"][::-1]),
    ],
)
def test_wording_order_and_equal_spellings_are_no_change(where: str, value: Any) -> None:
    assert compare(BASE, _changed(where, value)) == []


def test_a_limit_beside_a_reference_counts_as_well() -> None:
    changes = compare(BASE, _changed("properties/id", {"$ref": "#/$defs/id", "maxLength": 5}))
    assert any(change.breaking and change.path == "id" for change in changes)


def test_breaking_changes_come_first() -> None:
    new = _changed("properties/n/maximum", 11)
    new["properties"]["kind"] = {"enum": ["a"]}
    assert [change.path for change in compare(BASE, new)] == ["kind", "n"]


def test_recursive_schemas_are_compared_once() -> None:
    tree = {
        "$ref": "#/$defs/t",
        "$defs": {
            "t": {"properties": {"kids": {"items": {"$ref": "#/$defs/t"}}, "n": {"maximum": 2}}}
        },
    }
    lower = copy.deepcopy(tree)
    lower["$defs"]["t"]["properties"]["n"]["maximum"] = 1  # type: ignore[index]
    assert compare(tree, tree) == []
    assert [change.path for change in compare(tree, lower)] == ["n"]


@pytest.mark.parametrize("event", ["contact", "volume", "initiative", "dead_letter"])
def test_a_shipped_schema_is_compatible_with_itself(event: str) -> None:
    document = event_schema(event).document
    assert compare(document, copy.deepcopy(document)) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "is not a JSON Schema"),
        ('{"type": "strng"}', "is not a valid JSON Schema"),
        ('{"$ref": "#/$defs/none"}', "is not a valid JSON Schema"),
        ('{"$ref": "https://example.org/other.json"}', "is not a valid JSON Schema"),
        ('{"$schema": "http://json-schema.org/draft-07/schema#"}', "is not a JSON Schema of"),
    ],
)
def test_a_file_that_is_no_schema_is_refused(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "schema.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ContractError, match=words) as refused:
        load_document(path)
    assert refused.value.fix
    with pytest.raises(ContractError, match="cannot be read"):
        load_document(tmp_path / "none.json")
