"""`voc demo`: everything at once, on this machine, in about a minute."""

# The parts load inside the functions that need them: `voc --help` must stay fast.
# ruff: noqa: PLC0415
from __future__ import annotations

import contextlib
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from pipeline import resources
from pipeline.cli import wiring
from pipeline.cli.console import err, out, print_json
from pipeline.cli.options import AsJson
from pipeline.cli.up import point, supervise, terminating, up
from pipeline.errors import LocalStackError
from pipeline.settings import Settings

if TYPE_CHECKING:
    from pipeline.local.stack import LocalStack
    from pipeline.warehouse import Warehouse

__all__ = ["demo", "up"]

PARTITIONS = 4
STALLED_SECONDS = 120.0
SEND_SECONDS = 60.0


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep everything running afterwards, until Ctrl-C.")
    ] = False,
    contacts: Annotated[
        int, typer.Option(min=1, max=100_000, help="How many sample contacts to send.")
    ] = 1200,
    json: AsJson = False,
) -> None:
    """Start everything on this machine, read sample contacts, and say what they are about.

    A broker, a warehouse and a worker start from Python wheels on free ports of this machine
    alone, in a temporary folder that is deleted at the end. No Docker, no Java.

    Examples:
        voc demo
        voc demo --keep
        voc demo --json > findings.json
    """
    from pipeline.local.stack import LocalStack

    with terminating(), _folder() as folder:
        stack = LocalStack(folder)
        with err.status("starting the broker and the warehouse"):
            stack.start()
        with stack:
            found = _run(stack, contacts)
            if json:
                print_json(found)
            else:
                _show(found, kept=keep)
            if keep:
                _keep(stack)


def _run(stack: LocalStack, contacts: int) -> dict[str, Any]:
    from pipeline.domain.taxonomy import Taxonomy
    from pipeline.kafka import create_topics
    from pipeline.local.processes import free_port
    from pipeline.local.worker import QUICK, WorkerProcess, quantile
    from pipeline.warehouse import migrate

    settings = _settings(stack, QUICK, free_port())
    with wiring.warehouse(settings) as warehouse:
        migrate(warehouse, settings)
        create_topics(settings.kafka)
        worker = WorkerProcess(settings, stack.logs)
        stack.attach(worker)
        worker.start()
        with err.status("loading the model and joining the group"):
            worker.wait()
        sent, seconds = _feed(settings, stack, warehouse, contacts)
        from pipeline.cli import findings

        taxonomy = Taxonomy.load(resources.taxonomy(settings.model.path))
        delays = worker.delays()
        return {
            **findings.collect(warehouse, {code: t.labels["en"] for code, t in taxonomy.items()}),
            "contacts": sent,
            "seconds": seconds,
            "contacts_per_second": sent / seconds,
            "event_to_row_seconds": {q: quantile(delays, float(q)) for q in ("0.5", "0.95")},
            "metrics": worker.metrics_url,
            "environment": stack.environment,
        }


def _settings(stack: LocalStack, quick: dict[str, Any], port: int) -> Settings:
    """The demo's own: nothing of the user's settings, a key that is forgotten afterwards."""
    return Settings(
        kafka={"bootstrap": stack.kafka, "partitions": PARTITIONS},
        warehouse={**stack.overrides["warehouse"], **quick["warehouse"]},
        worker={**quick["worker"], "port": port},
        privacy={"secret": secrets.token_hex(32)},
    )


def _feed(
    settings: Settings, stack: LocalStack, warehouse: Warehouse, contacts: int
) -> tuple[int, float]:
    """Sends the sample and waits until all of it is stored; returns how many and how long."""
    from pipeline import sample
    from pipeline.kafka import Producer

    until = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    topics = settings.kafka.topics
    rest = [(topics.volumes, e) for e in sample.volumes(size=contacts, until=until)]
    rest += [(topics.initiatives, e) for e in sample.initiatives(size=contacts, until=until)]
    with _progress() as progress, Producer(settings.kafka) as producer:
        sending = progress.add_task("sent to Kafka", total=contacts)
        storing = progress.add_task("read and stored", total=contacts)
        started = time.monotonic()
        count = 0
        for event in sample.contacts(size=contacts, until=until):
            producer.send(topics.contacts, event["contact_id"].encode(), orjson.dumps(event))
            count += 1
            progress.update(sending, completed=count)
        for topic, event in rest:
            producer.send(topic, _key(event), orjson.dumps(event))
        producer.flush(SEND_SECONDS)
        progress.update(storing, total=count)
        for stored in _stored(stack, warehouse, count):
            progress.update(storing, completed=stored)
        return count, time.monotonic() - started


def _key(event: dict[str, Any]) -> bytes:
    return str(event.get("initiative_id") or event["name"]).encode()


def _stored(stack: LocalStack, warehouse: Warehouse, wanted: int) -> Iterator[int]:
    """How many contacts are stored, again and again until all are."""
    stored, moved = 0, time.monotonic()
    while stored < wanted:
        stack.check()
        now = int(warehouse.query("SELECT sum(contacts) FROM contact_hours").rows[0][0] or 0)
        if now > stored:
            stored, moved = now, time.monotonic()
            yield stored
        if time.monotonic() - moved > STALLED_SECONDS:
            raise LocalStackError(
                f"only {stored} of {wanted} contacts were stored within {STALLED_SECONDS:g} s",
                fix=f"Look at {stack.logs / 'worker.log'}.",
            )
        time.sleep(0.2)


def _progress() -> Progress:
    columns = TextColumn("{task.description:<15}"), BarColumn(), MofNCompleteColumn()
    return Progress(*columns, TimeElapsedColumn(), console=err)


def _show(found: dict[str, Any], *, kept: bool) -> None:
    from pipeline.cli import findings

    findings.show(found)
    delays = found["event_to_row_seconds"]
    out.print(
        f"\n[italic]How fast[/italic]\n      {found['contacts']:,} contacts in"
        f" {found['seconds']:.1f} s, {found['contacts_per_second']:,.0f} a second;"
        f" from Kafka to the table: half within {delays['0.5'] or 0:.1f} s,"
        f" 95 % within {delays['0.95'] or 0:.1f} s",
        soft_wrap=True,
    )
    if not kept:
        out.print(
            "\n[italic]Next[/italic]\n"
            "      voc demo --keep    the same, left running for `voc query` and `voc report`\n"
            "      voc up             a stack that keeps your own data\n"
            "      voc send FILE      your own contacts, from CSV or JSON lines"
        )


def _keep(stack: LocalStack) -> None:
    from pipeline.local.processes import free_port

    port = free_port()
    point(stack, port)
    supervise(stack, port)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="voc-demo-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
