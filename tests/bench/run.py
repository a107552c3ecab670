"""Throughput, latency and memory of the whole path, beside the obvious alternative.

One run prints, for the machine it runs on: what the model alone reads, what the worker stores from
Kafka to ClickHouse, what the loader alone inserts, how long an event takes to become a row at half
load, how memory moves, and what a kafka-python loop with `transformers.pipeline()` and row-by-row
inserts makes of the same events.

    python tests/bench/run.py            20,000 contacts; memory over 200,000
    python tests/bench/run.py --quick    2,000 contacts; memory over 10,000

Everything shares the machine: broker, warehouse, sender and worker.  Texts are composed, one clause
of about 30 tokens each; hardly any comes twice, so that the cache of readings does not answer.
"""

# torch and transformers load where they are measured: they may be absent.
# ruff: noqa: PLC0415
from __future__ import annotations

import argparse
import importlib.util
import logging
import math
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import psutil
from clickhouse_driver import Client
from kafka import KafkaConsumer
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parent))

from compose import clause, composed, repeated

from pipeline import resources, sample
from pipeline.cli import wiring
from pipeline.clock import SystemClock
from pipeline.contract import default_scales
from pipeline.domain.block import Block, Source, Span
from pipeline.kafka import Message, Producer, create_topics
from pipeline.local.processes import free_port
from pipeline.local.stack import LocalStack
from pipeline.local.worker import QUICK, WorkerProcess, quantile
from pipeline.settings import Settings, WorkerSettings
from pipeline.stream.contacts import ContactHandler
from pipeline.stream.record import Record
from pipeline.warehouse import ContactTable, Warehouse, migrate

SECRET = "only-for-the-benchmark-0123456789"
BLOCK = WorkerSettings().block_rows
PARTITIONS = 4
console = Console()

Events = Iterable[tuple[bytes, bytes]]


@dataclass
class Line:
    """A figure and what it is."""

    what: str
    value: str
    note: str = ""


@dataclass
class Pipe:
    """Topics, a database and a worker of one measurement's own."""

    stack: LocalStack
    name: str
    block_rows: int = BLOCK
    worker: WorkerProcess = field(init=False)

    def __post_init__(self) -> None:
        base = Settings().kafka.topics.model_dump()
        topics = {name: f"{self.name}.{value}" for name, value in base.items()}
        self.settings = Settings(
            kafka={"bootstrap": self.stack.kafka, "partitions": PARTITIONS, "topics": topics},
            warehouse={
                **self.stack.overrides["warehouse"],
                "database": self.name,
                "insert_timeout": 4,
            },
            worker={
                **QUICK["worker"],
                "group": self.name,
                "port": free_port(),
                "block_rows": self.block_rows,
            },
            privacy={"secret": SECRET},
        )
        create_topics(self.settings.kafka)
        self.warehouse = Warehouse(self.settings.warehouse)
        migrate(self.warehouse, self.settings)
        self.worker = WorkerProcess(self.settings, self.stack.logs / self.name)

    @property
    def topic(self) -> str:
        return self.settings.kafka.topics.contacts

    def stored(self) -> int:
        """Rows in the table."""
        return int(self.warehouse.query("SELECT count() FROM contact_rows").rows[0][0])

    def send(self, events: Events, rate: float = 0.0) -> None:
        """Sends, as fast as it goes or at `rate` a second; returns once all is confirmed."""
        started = time.monotonic()
        with Producer(self.settings.kafka) as producer:
            for number, (key, value) in enumerate(events):
                producer.dispatch(Message(self.topic, key, value), lambda _: None)
                if rate and number % 20 == 0:
                    time.sleep(max(0.0, number / rate - (time.monotonic() - started)))
            producer.flush(120)

    def close(self) -> None:
        """Ends the worker."""
        self.worker.stop()
        self.warehouse.close()


@contextmanager
def pipe(stack: LocalStack, name: str, **more: Any) -> Iterator[Pipe]:
    """A `Pipe`, closed afterwards."""
    made = Pipe(stack, name, **more)
    try:
        yield made
    finally:
        made.close()


def model_alone(settings: Settings, count: int) -> tuple[float, float, float]:
    """Clauses per second of the classifier alone, its CPU seconds per 1,000, tokens per clause."""
    model = wiring.classifier(settings)
    draw = random.Random(2)
    texts = [clause(draw) for _ in range(count)]
    model.read(texts[:BLOCK])
    cpu, started = time.process_time(), time.monotonic()
    for at in range(0, count, BLOCK):
        model.read(texts[at : at + BLOCK])
    took, cpu = time.monotonic() - started, time.process_time() - cpu
    return count / took, cpu / count * 1000, _tokens(settings, texts)


def _tokens(settings: Settings, texts: Sequence[str]) -> float:
    from tokenizers import Tokenizer

    path = settings.model.path or resources.default_model()
    tokenizer = Tokenizer.from_file(str(path / "tokenizer.json"))
    tokenizer.no_padding()
    encoded = tokenizer.encode_batch(list(texts[:1000]))
    return float(np.mean([len(each.ids) for each in encoded]))


def end_to_end(stack: LocalStack, name: str, events: Events, count: int) -> tuple[float, float]:
    """Contacts per second from the first stored row to the last; the worker's CPU per 1,000."""
    with pipe(stack, name) as made:
        made.send(events)
        made.worker.start()
        made.worker.wait()
        process = psutil.Process(made.worker.child.pid)
        first = made.stored()
        while first < min(2 * BLOCK, count // 4):
            time.sleep(0.02)
            first = made.stored()
        cpu, started = sum(process.cpu_times()[:2]), time.monotonic()
        while made.stored() < count:
            assert made.worker.child.alive, made.worker.child.text()[-2000:]
            time.sleep(0.05)
        took, cpu = time.monotonic() - started, sum(process.cpu_times()[:2]) - cpu
        return (count - first) / took, cpu / (count - first) * 1000


def loader_alone(stack: LocalStack, count: int) -> float:
    """Rows per second that the table takes in blocks of the worker's size."""
    with pipe(stack, "loader") as made:
        reader = wiring.analyser(made.settings)
        table = ContactTable(made.warehouse)
        handler = ContactHandler(reader, table, default_scales(), SystemClock())
        at = datetime.now(UTC)
        records = [
            Record(Source("contacts.v1", 0, n), at.timestamp(), key, value)
            for n, (key, value) in enumerate(repeated(count))
        ]
        rows = handler.prepare(records).rows
        blocks = []
        for start in range(0, len(rows), BLOCK):
            part = [(record.source.offset, row) for record, row in rows[start : start + BLOCK]]
            span = Span("contacts.v1", 0, part[0][0], part[-1][0])
            blocks.append(Block(span, at.replace(microsecond=0), tuple(part)))
        started = time.monotonic()
        for block in blocks:
            table.insert(block)
        return count / (time.monotonic() - started)


def latency(stack: LocalStack, rate: float, seconds: float) -> dict[str, float | None]:
    """Quantiles of seconds from event to row while `rate` events a second come in."""
    with pipe(stack, "latency") as made:
        made.worker.start()
        made.worker.wait()
        warm = list(composed(BLOCK, seed=8, prefix="warm"))
        made.send(warm)
        _until(made, len(warm))
        before = made.worker.delays()
        count = int(rate * seconds)
        made.send(composed(count, seed=9), rate)
        _until(made, len(warm) + count)
        time.sleep(1.0)
        after = made.worker.delays()
        moved = {bound: number - before.get(bound, 0) for bound, number in after.items()}
        return {
            name: quantile(moved, q) for name, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
        }


def memory(stack: LocalStack, count: int) -> tuple[float, float, float]:
    """Peak MB of the worker, its growth in MB per 100,000 contacts, and contacts per second.

    The growth is the slope of a straight line through the samples of the second half.
    """
    with pipe(stack, "memory") as made:
        made.worker.start()
        made.worker.wait()
        process = psutil.Process(made.worker.child.pid)
        samples: list[tuple[int, float]] = []
        started = time.monotonic()
        with Producer(made.settings.kafka) as producer:
            for number, (key, value) in enumerate(repeated(count)):
                producer.dispatch(Message(made.topic, key, value), lambda _: None)
                if number % 2000 == 0:
                    samples.append((made.stored(), process.memory_info().rss / 1e6))
            producer.flush(120)
        while (stored := made.stored()) < count:
            samples.append((stored, process.memory_info().rss / 1e6))
            time.sleep(0.5)
        took = time.monotonic() - started
        half = [(x, y) for x, y in samples if x > count / 2] or samples[-2:]
        slope = float(np.polyfit(*zip(*half, strict=True), 1)[0]) if len(half) > 2 else float("nan")
        return max(y for _, y in samples), slope * 100_000, count / took


def alternative(stack: LocalStack, count: int) -> float:
    """Contacts per second of the obvious loop: poll, `pipeline()` on each text, insert the row."""
    import torch
    from transformers import (
        DistilBertConfig,
        DistilBertForSequenceClassification,
        PreTrainedTokenizerFast,
        pipeline,
    )

    torch.manual_seed(0)
    # The size of distilbert-base-multilingual-cased: 6 layers of 768, 119,547 pieces.
    config = DistilBertConfig(vocab_size=119_547, num_labels=3)
    model = DistilBertForSequenceClassification(config).eval()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(resources.default_model() / "tokenizer.json"),
        pad_token="<pad>",
        model_max_length=512,
        model_input_names=["input_ids", "attention_mask"],
    )
    reader = pipeline("text-classification", model=model, tokenizer=tokenizer, device=-1)
    with pipe(stack, "alternative") as made:
        made.warehouse.execute(
            "CREATE TABLE plain (id String, text String, label String, score Float32)"
            " ENGINE = MergeTree ORDER BY id"
        )
        made.send(composed(count, seed=10))
        consumer = KafkaConsumer(
            made.topic,
            bootstrap_servers=stack.kafka,
            group_id="alternative",
            auto_offset_reset="earliest",
            session_timeout_ms=6000,
            max_poll_interval_ms=60_000,
        )
        client = Client("127.0.0.1", port=stack.warehouse.port, database="alternative")
        reader("warm up")
        done, started = 0, 0.0
        for record in consumer:
            started = started or time.monotonic()
            event = orjson.loads(record.value)
            read = reader(event["text"])[0]
            row = (event["contact_id"], event["text"], read["label"], read["score"])
            client.execute("INSERT INTO plain VALUES", [row])
            done += 1
            if done == count:
                break
        consumer.close()
        return done / (time.monotonic() - started)


def sampled(count: int) -> list[tuple[bytes, bytes]]:
    """The sample company's contacts: several clauses each, repeating as people do."""
    until = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    made = sample.contacts(size=count, until=until)
    return [(event["contact_id"].encode(), orjson.dumps(event)) for event in made]


def _until(made: Pipe, count: int) -> None:
    while made.stored() < count:
        assert made.worker.child.alive, made.worker.child.text()[-2000:]
        time.sleep(0.05)


def machine() -> str:
    """What it ran on."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    load = os.getloadavg()[0]
    memory_gb = psutil.virtual_memory().total / 1e9
    return (
        f"{cpu}, {psutil.cpu_count()} cores, {memory_gb:.0f} GB, Python"
        f" {platform.python_version()}; load before the run {load:.1f}"
        + (" (NOT QUIET: the figures are too low)" if load > 0.7 else "")
    )


def measure(stack: LocalStack, options: argparse.Namespace) -> Iterator[Line]:
    """The figures, in order."""
    count = options.contacts
    settings = Settings(privacy={"secret": SECRET})
    alone, cpu, tokens = model_alone(settings, count)
    yield Line(
        "model alone", f"{alone:,.0f} contacts/s", f"{cpu:.2f} CPU s per 1,000; {tokens:.0f} tokens"
    )
    whole, cpu = end_to_end(stack, "whole", composed(count), count)
    share = f"{whole / alone:.0%} of the model alone; {cpu:.2f} CPU s per 1,000"
    yield Line("Kafka to ClickHouse", f"{whole:,.0f} contacts/s", share)
    natural = sampled(min(count, 40_000))
    rate, cpu = end_to_end(stack, "natural", natural, len(natural))
    note = f"the sample company: several clauses each, repeats; {cpu:.2f} CPU s per 1,000"
    yield Line("  with natural repetition", f"{rate:,.0f} contacts/s", note)
    yield Line("loader alone", f"{loader_alone(stack, count):,.0f} rows/s", f"blocks of {BLOCK}")
    delays = latency(stack, whole / 2, options.seconds)
    text = ", ".join(f"{name} {value or 0:.2f} s" for name, value in delays.items())
    yield Line("event to row", text, f"at {whole / 2:,.0f} contacts/s for {options.seconds:g} s")
    peak, slope, rate = memory(stack, options.memory)
    growth = "too short to tell" if math.isnan(slope) else f"{slope:+.1f} MB per 100,000"
    note = f"{growth} over {options.memory:,} short texts; {rate:,.0f} contacts/s"
    yield Line("worker's memory", f"peak {peak:,.0f} MB", note)
    if options.no_alternative:
        return
    if importlib.util.find_spec("torch") is None:
        yield Line("the obvious loop", "not measured", "needs torch: pip install 'voc[torch]'")
        return
    plain = alternative(stack, options.alternative)
    note = (
        f"kafka-python, transformers.pipeline(), one insert a row; {whole / plain:.0f} times slower"
    )
    yield Line("the obvious loop", f"{plain:,.1f} contacts/s", note)


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--contacts", type=int)
    parser.add_argument("--memory", type=int)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--alternative", type=int, default=200)
    parser.add_argument("--no-alternative", action="store_true")
    options = parser.parse_args()
    options.contacts = options.contacts or (2_000 if options.quick else 20_000)
    options.memory = options.memory or (10_000 if options.quick else 200_000)
    for noisy in ("kafka", "clickhouse_driver", "transformers"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    console.print(machine())
    console.print(f"{options.contacts:,} composed contacts of one clause, four scripts in turn")
    table = Table("", "figure", "how")
    with tempfile.TemporaryDirectory() as folder, LocalStack(Path(folder)) as stack:
        for line in measure(stack, options):
            console.print(f"  {line.what}: {line.value} ({line.note})", highlight=False)
            table.add_row(line.what, line.value, line.note)
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
