"""What `voc volumes` and `voc initiatives` share: sending one event, a file, and listing a view."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import typer

from pipeline import settings
from pipeline.cli.console import out, print_json, table
from pipeline.errors import ContractError


def send_one(kind: str, event: dict[str, Any], config: Path | None) -> None:
    """Validates one event and sends it; returns once Kafka confirmed it.

    Raises ContractError with what is wrong, KafkaUnavailable or KafkaRejected.
    """
    from datetime import UTC, datetime  # noqa: PLC0415 - only here

    from pipeline.kafka import Producer, hush  # noqa: PLC0415 - kafka
    from pipeline.sources import KINDS  # noqa: PLC0415 - jsonschema-rs

    given = {name: value for name, value in event.items() if value not in (None, "", [], {})}
    raw = orjson.dumps(given)
    key = KINDS[kind].check(raw, datetime.now(UTC))
    hush()
    kafka = settings.load(config).kafka
    with Producer(kafka) as producer:
        producer.send(getattr(kafka.topics, KINDS[kind].topic), key, raw).result(60)


def in_zone(text: str, zone: str | None, name: str) -> str:
    """A time option in RFC 3339. Raises typer.BadParameter where it has no zone or is no time."""
    from pipeline.cli.sending import zone_of  # noqa: PLC0415 - keeps the import one-way
    from pipeline.sources.times import is_rfc3339, rfc3339  # noqa: PLC0415

    made = rfc3339(text.strip(), zone_of(zone))
    if not is_rfc3339(made):
        raise typer.BadParameter(
            f"{text!r} has no zone or is not a time: add --zone Asia/Seoul, or write"
            " 2026-03-01T00:00:00+09:00",
            param_hint=name,
        )
    return made


def list_view(sql: str, config: Path | None, *, as_json: bool, nothing: str) -> None:
    """Prints what a query on the warehouse answers."""
    from pipeline.warehouse import Warehouse  # noqa: PLC0415 - clickhouse-driver

    with Warehouse(settings.load(config).warehouse) as warehouse:
        result = warehouse.query(sql)
    if as_json:
        print_json([dict(zip(result.columns, row, strict=True)) for row in result.rows])
    elif result.rows:
        out.print(table(result.columns, [_readable(row) for row in result.rows]))
    else:
        out.print(nothing)


def refuse_unknown_topics(topics: Sequence[str], config: Path | None) -> None:
    """Raises ContractError for codes that the model's taxonomy does not have."""
    from pipeline import resources  # noqa: PLC0415 - only here
    from pipeline.domain.taxonomy import Taxonomy  # noqa: PLC0415 - yaml

    known = Taxonomy.load(resources.taxonomy(settings.load(config).model.path))
    unknown = [topic for topic in topics if topic not in known]
    if unknown:
        raise ContractError(
            f"{', '.join(unknown)} is not in the taxonomy", fix=f"Use one of {', '.join(known)}."
        )


def _readable(row: Sequence[Any]) -> list[Any]:
    return [_cell(value) for value in row]


def _cell(value: Any) -> Any:
    if isinstance(value, dict):
        return ", ".join(f"{name}={one}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value)
    return f"{value:%Y-%m-%d %H:%M}" if hasattr(value, "strftime") else value
