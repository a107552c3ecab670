"""`voc initiatives`: actions that somebody owns, judged before and after."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli.console import out
from pipeline.cli.events import in_zone, list_view, refuse_unknown_topics, send_one
from pipeline.cli.loading import Topic, Zone, sender
from pipeline.cli.options import AsJson, ConfigFile
from pipeline.cli.sending import pairs
from pipeline.errors import VocError

app = typer.Typer(
    no_args_is_help=True,
    help="Initiatives: what somebody does about a topic; the report says whether it worked.",
)

_SQL = (
    "SELECT initiative_id, title, owner, started_at, ended_at, topics, slice, comparison, note"
    " FROM initiatives ORDER BY started_at DESC, initiative_id"
)


_SEND = """Send initiatives from JSONL or CSV; a later one with the same id replaces the earlier.

In CSV, topics are separated by ; and parts are columns like slice.product or comparison.region.

Examples:
    voc initiatives send initiatives.jsonl
    voc initiatives send plan.csv --map started_at=begin --zone Asia/Seoul
"""

app.command("send")(sender(Topic.INITIATIVES, _SEND))


@app.command("add")
def add(
    initiative_id: Annotated[str, typer.Option("--id", help="Your id for it, without spaces.")],
    title: Annotated[str, typer.Option(help="What is done.")],
    owner: Annotated[str, typer.Option(help="Whose it is.")],
    topics: Annotated[list[str], typer.Option("--topic", help="A target topic; may be repeated.")],
    started: Annotated[str, typer.Option("--from", help="When it started.")],
    ended: Annotated[str, typer.Option("--to", help="When it ended; unset while it runs.")] = "",
    zone: Zone = None,
    parts: Annotated[
        list[str], typer.Option("--slice", metavar="NAME=VALUE", help="Only in this part.")
    ] = [],  # noqa: B006 - typer copies it
    comparison: Annotated[
        list[str],
        typer.Option("--compare", metavar="NAME=VALUE", help="A part that it does not touch."),
    ] = [],  # noqa: B006
    note: Annotated[str, typer.Option(help="Anything else.")] = "",
    config: ConfigFile = None,
) -> None:
    """Send one initiative; the same id again replaces it.

    Examples:
        voc initiatives add --id courier-2 --title "Second courier in the north"
          --owner logistics --topic delivery --from 2026-03-01 --zone Asia/Seoul
          --slice region=north --compare region=south
    """
    refuse_unknown_topics(topics, config)
    event: dict[str, Any] = {
        "initiative_id": initiative_id,
        "title": title,
        "owner": owner,
        "started_at": in_zone(started, zone, "--from"),
        "ended_at": in_zone(ended, zone, "--to") if ended else None,
        "topics": topics,
        "slice": pairs(parts, "--slice"),
        "comparison": pairs(comparison, "--compare"),
        "note": note,
    }
    send_one("initiatives", event, config)
    out.print(f"{initiative_id}: sent; the worker stores it.", markup=False)


@app.command("withdraw")
def withdraw(
    initiative_id: Annotated[str, typer.Argument(metavar="ID", help="Its id.")],
    config: ConfigFile = None,
) -> None:
    """Take an initiative back: it is no longer listed or judged.

    Examples:
        voc initiatives withdraw courier-2
    """
    event = _stored(initiative_id, config)
    send_one("initiatives", {**event, "withdrawn": True}, config)
    out.print(f"{initiative_id}: withdrawn; the worker stores it.", markup=False)


@app.command("list")
def list_initiatives(config: ConfigFile = None, json: AsJson = False) -> None:
    """List the initiatives that the warehouse holds, newest first.

    Examples:
        voc initiatives list
    """
    list_view(_SQL, config, as_json=json, nothing="No initiatives: `voc initiatives add --help`.")


def _stored(initiative_id: str, config: Path | None) -> dict[str, Any]:
    """The initiative's event as the warehouse knows it. Raises VocError if it does not."""
    from datetime import UTC, datetime  # noqa: PLC0415 - only here

    from pipeline import settings  # noqa: PLC0415
    from pipeline.warehouse import Warehouse  # noqa: PLC0415 - clickhouse-driver

    sql = f"SELECT * FROM ({_SQL}) WHERE initiative_id = %(id)s"
    with Warehouse(settings.load(config).warehouse) as warehouse:
        found = warehouse.query(sql, {"id": initiative_id})
    if not found.rows:
        raise VocError(
            f"there is no initiative {initiative_id}",
            fix="`voc initiatives list` shows those there are; a new one takes a moment.",
        )
    row = dict(zip(found.columns, found.rows[0], strict=True))
    for name in ("started_at", "ended_at"):
        at = row[name]
        if isinstance(at, datetime):
            row[name] = (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()
    return row
