"""`voc topics`: creating the product's topics, and how far the worker is behind."""

from __future__ import annotations

import typer

from pipeline import settings
from pipeline.cli.console import out, print_json, table
from pipeline.cli.options import AsJson, ConfigFile

app = typer.Typer(no_args_is_help=True, help="The Kafka topics: create, list, lag.")


@app.command()
def create(config: ConfigFile = None, json: AsJson = False) -> None:
    """Create the topics that are missing; leaves the others as they are.

    Partitions, replication and retention come from the settings kafka.partitions,
    kafka.replication and kafka.retention_days.

    Examples:
        voc topics create
        VOC_KAFKA=broker:9092 VOC_KAFKA__REPLICATION=3 voc topics create
    """
    from pipeline.kafka import create_topics, hush  # noqa: PLC0415 - kafka

    hush()
    outcome = create_topics(settings.load(config).kafka)
    if json:
        print_json(outcome)
        return
    out.print(table(["topic", "outcome"], list(outcome.items())))


@app.command("list")
def list_topics(config: ConfigFile = None, json: AsJson = False) -> None:
    """List the topics that voc uses, with partitions and replicas.

    Examples:
        voc topics list
    """
    from pipeline.kafka import describe_topics, hush, product_topics  # noqa: PLC0415 - kafka

    hush()
    kafka = settings.load(config).kafka
    states = describe_topics(kafka, product_topics(kafka))
    if json:
        print_json([{name: getattr(s, name) for name in s.__slots__} for s in states])
        return
    rows = [
        [s.name, s.partitions if s.exists else None, s.replication if s.exists else "missing"]
        for s in states
    ]
    out.print(table(["topic", "partitions", "replicas"], rows))


@app.command()
def lag(config: ConfigFile = None, json: AsJson = False) -> None:
    """Show how many events the worker's group has still to read, by partition.

    Examples:
        voc topics lag
        voc topics lag --json
    """
    from pipeline.kafka import group_lag, hush  # noqa: PLC0415 - kafka

    hush()
    loaded = settings.load(config)
    topics = loaded.kafka.topics
    read = [topics.contacts, topics.volumes, topics.initiatives]
    found = group_lag(loaded.kafka, loaded.worker.group, read)
    if json:
        print_json([{name: getattr(each, name) for name in each.__slots__} for each in found])
        return
    rows = [[each.topic, each.partition, each.committed, each.end, each.lag] for each in found]
    out.print(table(["topic", "partition", "committed", "end", "lag"], rows))
    out.print(f"{sum(each.lag or 0 for each in found):,} events to read")
