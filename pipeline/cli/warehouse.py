"""`voc migrate`, `voc query` and `voc forget`: the warehouse from the command line."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from pipeline import settings as configuration
from pipeline.cli.console import err, out, print_json, table
from pipeline.cli.options import AsJson, ConfigFile
from pipeline.errors import ConfigError, WarehouseRejected
from pipeline.settings import Settings

if TYPE_CHECKING:
    from pipeline.warehouse.client import Result, Warehouse

READ_ONLY = 164
"""ClickHouse's code for a statement that would change something."""

NARROWEST = 8
"""Characters a column needs; below it every row is printed as a list of its columns."""

# The driver is imported inside the commands: it costs a tenth of a second that `--help` need not.


def migrate(
    status: Annotated[
        bool, typer.Option("--status", help="Only show what is applied and what is missing.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print the statements that would run.")
    ] = False,
    topics: Annotated[
        bool, typer.Option("--topics", help="Also create the Kafka topics that are missing.")
    ] = False,
    json: AsJson = False,
    file: ConfigFile = None,
) -> None:
    """Create the database, tables and views, or bring them up to date.

    Repeating it is harmless. It also applies warehouse.retention_days.

    Examples:
        voc migrate
        voc migrate --topics
        voc migrate --status
        voc migrate --dry-run > statements.sql
    """
    if status and dry_run:
        raise ConfigError("--status and --dry-run exclude each other")
    settings = configuration.load(file)
    with _warehouse(settings) as warehouse:
        if status:
            _show_status(warehouse, as_json=json)
        elif dry_run:
            _show_statements(warehouse, settings, as_json=json)
        else:
            _migrate(warehouse, settings, topics=topics, as_json=json)


def query(
    sql: Annotated[str, typer.Argument(help="A SELECT; quote it for the shell.")],
    json: AsJson = False,
    limit: Annotated[
        int, typer.Option("--limit", min=0, help="Show this many rows at most; 0 shows all.")
    ] = 1000,
    file: ConfigFile = None,
) -> None:
    """Ask the warehouse: contacts, contact_topics, ratings, volumes, initiatives and rollups.

    Views: contacts, contact_topics, ratings, volumes, initiatives; contact_hours and topic_hours
    are sums by hour: read them with sum(...) GROUP BY.

    Examples:
        voc query "SELECT language, count() FROM contacts GROUP BY language"
        voc query "SELECT topic, sum(mentions) AS n FROM topic_hours GROUP BY topic ORDER BY n DESC"
        voc query --json "SELECT * FROM contacts LIMIT 5" | jq .
    """
    with _warehouse(configuration.load(file)) as warehouse:
        result = _ask(warehouse, sql, limit)
    rows = result.rows[:limit] if limit else result.rows
    if json:
        print_json([dict(zip(result.columns, map(_plain, row), strict=True)) for row in rows])
    else:
        _show_table(result, rows)
    if limit and len(result.rows) > limit:
        err.print(f"only the first {limit:,} rows; --limit 0 shows all")


def forget(
    customer_id: Annotated[str, typer.Argument(help="The customer's id, as the sources send it.")],
    is_hash: Annotated[
        bool, typer.Option("--hash", help="It is the stored hash (column customer) already.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: AsJson = False,
    file: ConfigFile = None,
) -> None:
    """Erase every contact of one customer from the warehouse, rollups included.

    If it is interrupted, run it again. Kafka and backups keep their copies until they expire.

    Examples:
        voc forget customer-4711
        voc forget --hash 0f3a5c0e9d2b4b1f8a7c6d5e4f302112 --yes
    """
    from pipeline.warehouse import forget as erasure  # noqa: PLC0415 - see above

    settings = configuration.load(file)
    customer = customer_id.strip() if is_hash else _pseudonym(settings, customer_id)
    with _warehouse(settings) as warehouse:
        found = erasure.count_contacts(warehouse, customer)
        if not yes and found and not _confirmed(found):
            raise typer.Exit(1)
        with err.status(f"erasing {found:,} contacts; the server rewrites their parts"):
            erased = erasure.forget(warehouse, customer).contacts
    days = settings.kafka.retention_days
    if json:
        print_json({"customer": customer, "contacts": erased, "kafka_retention_days": days})
        return
    out.print(f"erased {erased:,} contacts of {customer}")
    out.print(
        f"Not erased: events and dead letters in Kafka, which go after their retention ({days:g}"
        " days for topics that voc made), and backups. Replaying them brings the contacts back.",
    )


def _warehouse(settings: Settings) -> Warehouse:
    from pipeline.warehouse import Warehouse  # noqa: PLC0415 - see above

    return Warehouse(settings.warehouse)


def _migrate(warehouse: Warehouse, settings: Settings, *, topics: bool, as_json: bool) -> None:
    from pipeline.warehouse import migrate as apply  # noqa: PLC0415 - see above

    with err.status("migrating"):
        applied = apply(warehouse, settings)
    made = _create_topics(settings) if topics else {}
    if as_json:
        names = [f"{m.number:04}_{m.name}" for m in applied]
        print_json({"database": settings.warehouse.database, "applied": names, "topics": made})
        return
    for migration in applied:
        out.print(f"applied {migration.number:04}_{migration.name}")
    if not applied:
        out.print(f"{settings.warehouse.database} is up to date")
    for name, outcome in made.items():
        out.print(f"topic {name}: {outcome}")


def _create_topics(settings: Settings) -> dict[str, str]:
    from pipeline.kafka.admin import create_topics  # noqa: PLC0415 - kafka-python, see above

    return create_topics(settings.kafka)


def _show_status(warehouse: Warehouse, *, as_json: bool) -> None:
    from pipeline.warehouse.migrations import status  # noqa: PLC0415 - see above

    steps = status(warehouse)
    if as_json:
        print_json(
            [{"number": s.number, "name": s.name, "applied_at": s.applied_at} for s in steps]
        )
        return
    shown = [(f"{s.number:04}", s.name, _when(s.applied_at)) for s in steps]
    out.print(table(("number", "migration", "applied"), shown))
    if any(step.applied_at is None for step in steps):
        err.print("`voc migrate` applies what is missing")


def _show_statements(warehouse: Warehouse, settings: Settings, *, as_json: bool) -> None:
    from pipeline.warehouse.migrations import pending  # noqa: PLC0415 - see above

    statements = pending(warehouse, settings)
    if as_json:
        print_json(statements)
        return
    for statement in statements:
        typer.echo(f"{statement};\n")
    if not statements:
        err.print("nothing to do")


def _when(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "missing"


def _ask(warehouse: Warehouse, sql: str, limit: int) -> Result:
    """Only reads, and lets the server stop early: whole tables do not belong in a terminal."""
    settings: dict[str, Any] = {"readonly": 2}
    if limit:
        settings |= {"max_result_rows": limit + 1, "result_overflow_mode": "break"}
    try:
        return warehouse.query(sql, settings=settings)
    except WarehouseRejected as error:
        if error.code != READ_ONLY:
            raise
        fix = "`voc query` only reads; change things with a ClickHouse client."
        raise WarehouseRejected(error.message, fix=fix, code=error.code) from error


def _show_table(result: Result, rows: list[tuple[Any, ...]]) -> None:
    if len(result.columns) * NARROWEST <= out.width:
        out.print(table(result.columns, rows))
    else:
        for number, row in enumerate(rows, start=1):
            pairs = list(zip(result.columns, row, strict=True))
            out.print(table((f"row {number}", ""), pairs))
    err.print(Text(f"{len(rows):,} rows", style="dim"))


def _plain(value: Any) -> Any:
    """Values that JSON knows: times as ISO 8601, tuples as lists, map keys as text."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return value


def _pseudonym(settings: Settings, customer_id: str) -> str:
    from pipeline.language.pseudonym import Pseudonyms  # noqa: PLC0415 - see above

    if not customer_id.strip():
        raise ConfigError("the customer id is empty")
    return Pseudonyms(configuration.secret_of(settings)).customer(customer_id)


def _confirmed(contacts: int) -> bool:
    return typer.confirm(f"Erase {contacts:,} contacts for good?", err=True)
