"""`voc schema`: the event contracts, and whether a changed one keeps its promises."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from pipeline import resources
from pipeline.cli.console import err, out, print_json, table
from pipeline.cli.options import AsJson
from pipeline.errors import ContractError

if TYPE_CHECKING:
    from pipeline.contract.compatibility import Change

app = typer.Typer(no_args_is_help=True, help="The event contracts: list, show, check, validate.")


class Event(StrEnum):
    """The events that have a contract."""

    CONTACT = "contact"
    VOLUME = "volume"
    INITIATIVE = "initiative"
    DEAD_LETTER = "dead_letter"


EventName = Annotated[Event, typer.Argument(help="Which event.")]


@app.command("list")
def list_schemas(json: AsJson = False) -> None:
    """List the event contracts and their files.

    Examples:
        voc schema list
    """
    rows = [_row(event) for event in Event]
    if json:
        print_json(
            [dict(zip(("event", "versions", "fields", "path"), r, strict=True)) for r in rows]
        )
        return
    for event, versions, fields, path in rows:
        out.print(
            Text(f"{event:<12} {', '.join(versions):<4} {fields:>3} fields  {path}"), soft_wrap=True
        )


@app.command("show")
def show(event: EventName, json: AsJson = False) -> None:
    """Show the fields of an event; --json prints its JSON Schema.

    Examples:
        voc schema show contact
        voc schema show contact --json > contact.v1.json
    """
    from pipeline.contract import event_schema  # noqa: PLC0415 - jsonschema-rs

    document = event_schema(event.value).document
    if json:
        print_json(document)
        return
    out.print(Text(document["description"]))
    _print_fields(document, document, "")


@app.command("validate")
def validate(
    event: EventName,
    file: Annotated[str, typer.Argument(metavar="FILE", help="JSON lines, or - for stdin.")],
    json: AsJson = False,
) -> None:
    """Validate JSON lines against a contract; ends with 65 if one breaks it.

    Like `voc send --dry-run`, and for dead letters too.

    Examples:
        voc schema validate contact contacts.jsonl
    """
    faults, valid = _validate(event, file)
    if json:
        print_json({"valid": valid, "invalid": len(faults), "errors": faults})
    else:
        for fault in faults[:20]:
            out.print(Text(f"line {fault['line']}: {fault['message']}"), soft_wrap=True)
        if len(faults) > 20:
            out.print(f"and {len(faults) - 20:,} more lines")
        out.print(f"{valid:,} valid, {len(faults):,} invalid")
    if faults:
        raise typer.Exit(ContractError.exit_code)


@app.command("check")
def check(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The schema that is in use.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The schema that shall replace it.")],
    json: AsJson = False,
) -> None:
    """Say whether NEW may replace OLD: ends with 1 if a change breaks a producer or a reader.

    A change breaks when an event that was valid is refused, or when a field goes away or means
    something else. Additions and relaxations do not break.

    Examples:
        voc schema check schemas/events/contact/v1.json contact.changed.json
    """
    from pipeline.contract.compatibility import compare  # noqa: PLC0415 - slow to import
    from pipeline.contract.schema import load_document  # noqa: PLC0415 - jsonschema-rs

    changes = compare(load_document(old), load_document(new))
    breaking = sum(change.breaking for change in changes)
    if json:
        print_json({"compatible": not breaking, "changes": [_plain(change) for change in changes]})
    else:
        _print_changes(changes, breaking)
    if breaking:
        raise typer.Exit(1)


def _row(event: Event) -> tuple[str, list[str], int, str]:
    from pipeline.contract import event_schema  # noqa: PLC0415 - jsonschema-rs

    folder = resources.schemas() / "events" / event.value
    versions = sorted(path.stem for path in folder.glob("v*.json"))
    fields = len(event_schema(event.value).document["properties"])
    return event.value, versions, fields, str(folder)


def _print_fields(schema: dict[str, Any], document: dict[str, Any], prefix: str) -> None:
    required = set(schema.get("required", ()))
    for name, given in schema.get("properties", {}).items():
        resolved = {**_definition(document, given.get("$ref", "")), **given}
        must = " (required)" if name in required else ""
        kind = _kind(resolved)
        out.print(Text.assemble((f"{prefix}{name}", "bold"), f"  {kind}{must}"))
        out.print(Text(f"    {resolved.get('description', '')}"))
        inner = resolved.get("items", resolved)
        if "properties" in inner:
            mark = "[]." if "items" in resolved else "."
            _print_fields(inner, document, f"{prefix}{name}{mark}")


def _definition(document: dict[str, Any], reference: str) -> dict[str, Any]:
    if not reference:
        return {}
    found: dict[str, Any] = document["$defs"][reference.rpartition("/")[2]]
    return found


def _kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return "one of " + ", ".join(str(value) for value in schema["enum"])
    if schema.get("format") == "date-time":
        return "time with zone"
    given = schema.get("type", "")
    return " or ".join(given) if isinstance(given, list) else str(given)


def _validate(event: Event, file: str) -> tuple[list[dict[str, Any]], int]:
    from pipeline.contract import InvalidEvent  # noqa: PLC0415 - jsonschema-rs
    from pipeline.sources.opening import open_source  # noqa: PLC0415
    from pipeline.sources.records import json_records  # noqa: PLC0415

    parse, faults, valid = _parser(event), [], 0
    with open_source(file) as source:
        for record in json_records(source, "utf-8", longest=1 << 26):
            try:
                parse(record.raw)
                valid += 1
            except InvalidEvent as invalid:
                messages = "; ".join(error.message for error in invalid.errors)
                faults.append({"line": record.line, "message": messages})
    return faults, valid


def _parser(event: Event) -> Any:
    from pipeline import contract  # noqa: PLC0415 - jsonschema-rs

    return getattr(contract, f"parse_{event.value}")


def _print_changes(changes: list[Change], breaking: int) -> None:
    rows = [
        ["breaks" if change.breaking else "fine", change.path or "(event)", change.message]
        for change in changes
    ]
    if rows:
        out.print(table(["", "field", "change"], rows))
    if not breaking:
        out.print("Compatible: nothing breaks." if rows else "The schemas say the same.")
    else:
        err.print(f"{breaking} of {len(changes)} changes break.", style="bold red")


def _plain(change: Change) -> dict[str, Any]:
    return {name: getattr(change, name) for name in ("path", "kind", "breaking", "message")}
