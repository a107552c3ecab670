"""`voc volumes`: the business counts that contact rates are divided by."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.console import out
from pipeline.cli.events import in_zone, list_view, send_one
from pipeline.cli.loading import Topic, Zone, sender
from pipeline.cli.options import AsJson, ConfigFile

app = typer.Typer(
    no_args_is_help=True,
    help="Business volumes (orders, customers, shipments …) that contact rates are divided by.",
)

Part = Annotated[str, typer.Option(help="Only of this part of the business.")]


_SEND = """Send volumes from JSONL or CSV; the last of one name, period and part counts.

Examples:
    voc volumes send orders.csv --set name=orders --map value=count
      --map period_start=from --map period_end=to --zone Asia/Taipei
"""

app.command("send")(sender(Topic.VOLUMES, _SEND))


@app.command("add")
def add(
    name: Annotated[str, typer.Option(help="What is counted, as orders.")],
    start: Annotated[str, typer.Option("--from", help="Start of the period.")],
    end: Annotated[str, typer.Option("--to", help="End of the period, not included.")],
    value: Annotated[float, typer.Option(help="How many.")],
    zone: Zone = None,
    product: Part = "",
    region: Part = "",
    site: Part = "",
    channel: Part = "",
    config: ConfigFile = None,
) -> None:
    """Send one volume.

    Examples:
        voc volumes add --name orders --from 2026-03-01 --to 2026-03-02
          --zone Asia/Seoul --value 18250
    """
    event = {
        "name": name,
        "period_start": in_zone(start, zone, "--from"),
        "period_end": in_zone(end, zone, "--to"),
        "value": int(value) if value.is_integer() else value,
        "product": product,
        "region": region,
        "site": site,
        "channel": channel,
    }
    send_one("volumes", event, config)
    out.print(f"{name}: sent; the worker stores it.", markup=False)


@app.command("list")
def list_volumes(
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50,
    config: ConfigFile = None,
    json: AsJson = False,
) -> None:
    """List the volumes that the warehouse holds, newest first.

    Examples:
        voc volumes list
        voc volumes list --json --limit 1000
    """
    sql = (
        "SELECT name, period_start, period_end, value, product, region, site, channel"
        f" FROM volumes ORDER BY period_start DESC, name, product, region, site LIMIT {limit}"
    )
    list_view(sql, config, as_json=json, nothing="No volumes: `voc volumes add --help`.")
