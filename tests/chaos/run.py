"""Kills everything with kill -9 while contacts flow, and then counts.

Two workers, the warehouse and the broker (on durable storage) die on a seeded schedule and are
started again.  Afterwards every contact has to be there exactly once, in the base table and in the
rollups; every poison event has to be a dead letter; blocks must not overlap; and no committed
offset may ever have gone back.  Prints a table and exits with 1 for any breach.

    python tests/chaos/run.py            17 kills, 100,000 contacts
    python tests/chaos/run.py --short    4 kills, 4,000 contacts
"""

from __future__ import annotations

import argparse
import logging
import random
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError as DriverError
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))

from compose import repeated

from pipeline.contract import parse_dead_letter
from pipeline.errors import KafkaError, WarehouseError
from pipeline.kafka import Delivery, Message, Producer, create_topics
from pipeline.local.processes import free_port
from pipeline.local.stack import LocalStack
from pipeline.local.worker import WorkerProcess
from pipeline.settings import Settings
from pipeline.warehouse import Warehouse, migrate

PARTITIONS = 4
POISON_EVERY = 500
SECRET = "only-for-the-chaos-run-0123456789"
STALL_SECONDS = 120.0
console = Console()


@dataclass(frozen=True)
class Plan:
    """What the run does."""

    contacts: int
    kills: int
    seed: int
    pause: tuple[float, float]

    @property
    def seconds(self) -> float:
        """How long contacts are sent."""
        return self.kills * sum(self.pause) / 2


@dataclass(eq=False)
class Sender(threading.Thread):
    """Sends contacts and poison at an even rate; what is not confirmed is sent again."""

    settings: Settings
    plan: Plan
    again: list[Message] = field(default_factory=list)
    confirmed: int = 0
    repeats: int = 0
    poison: set[bytes] = field(default_factory=set)
    ends: dict[int, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        super().__init__(name="sender", daemon=True)
        self.failure: BaseException | None = None

    @property
    def total(self) -> int:
        """Contacts and poison together."""
        return self.plan.contacts + len(self.poison)

    def run(self) -> None:
        """Returns once everything is confirmed."""
        try:
            self._send_all()
        except BaseException as error:
            self.failure = error
            raise

    def _send_all(self) -> None:
        topic = self.settings.kafka.topics.contacts
        producer = Producer(self.settings.kafka, timeout=8)
        started, rate = time.monotonic(), self.plan.contacts / self.plan.seconds
        for number, (key, value) in enumerate(repeated(self.plan.contacts, self.plan.seed)):
            self._dispatch(producer, Message(topic, key, value))
            if number % POISON_EVERY == 0:
                bad = b"not json, number %d" % number
                self.poison.add(bad)
                self._dispatch(producer, Message(topic, bad, bad))
            time.sleep(max(0.0, number / rate - (time.monotonic() - started)))
        while self.confirmed < self.total:
            self._repeat(producer)
            time.sleep(0.5)
        producer.close()

    def _repeat(self, producer: Producer) -> None:
        with self._lock:
            failed, self.again = self.again, []
        self.repeats += len(failed)
        for message in failed:
            self._dispatch(producer, message)

    def _dispatch(self, producer: Producer, message: Message) -> None:
        def settled(result: Delivery | KafkaError) -> None:
            with self._lock:
                if isinstance(result, Delivery):
                    self.confirmed += 1
                    end = max(self.ends.get(result.partition, 0), result.offset + 1)
                    self.ends[result.partition] = end
                else:
                    self.again.append(message)

        producer.dispatch(message, settled)


@dataclass(eq=False)
class Offsets(threading.Thread):
    """Watches the group's committed offsets; `breaches` are those that went back."""

    settings: Settings
    stop: threading.Event = field(default_factory=threading.Event)
    seen: dict[int, int] = field(default_factory=dict)
    breaches: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(name="offsets", daemon=True)

    def run(self) -> None:
        while not self.stop.wait(1.0):
            self.look()

    def look(self) -> None:
        """Reads the offsets once; a broker that is away is no news."""
        try:
            admin = KafkaAdminClient(bootstrap_servers=self.settings.kafka.bootstrap)
            found = admin.list_group_offsets(self.settings.worker.group)
            admin.close()
        except (DriverError, OSError, ValueError, RuntimeError):
            return
        for tp, committed in found.get(self.settings.worker.group, {}).items():
            if tp.topic != self.settings.kafka.topics.contacts or committed.offset < 0:
                continue
            before = self.seen.get(tp.partition, 0)
            if committed.offset < before:
                self.breaches.append(f"{tp.partition}: {before} -> {committed.offset}")
            self.seen[tp.partition] = committed.offset


class Run:
    """One run from an empty folder."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.random = random.Random(plan.seed)
        self.stack = LocalStack(folder, durable=True)
        self.kills: dict[str, int] = {}
        self.exits = 0

    def __enter__(self) -> Self:
        self.stack.start()
        self.settings = self._settings(0)
        create_topics(self.settings.kafka)
        self.warehouse = Warehouse(self.settings.warehouse)
        migrate(self.warehouse, self.settings)
        logs = self.stack.logs
        self.workers = {
            name: WorkerProcess(self._settings(free_port()), logs / name) for name in ("a", "b")
        }
        for worker in self.workers.values():
            worker.start()
        self.sender = Sender(self.settings, self.plan)
        self.offsets = Offsets(self.settings)
        return self

    def __exit__(self, *_: object) -> None:
        self.offsets.stop.set()
        for worker in self.workers.values():
            worker.child.kill()
        self.warehouse.close()
        self.stack.stop()

    def _settings(self, port: int) -> Settings:
        return Settings(
            kafka={"bootstrap": self.stack.kafka, "partitions": PARTITIONS},
            warehouse={**self.stack.overrides["warehouse"], "insert_timeout": 4},
            worker={
                "port": port,
                "session_timeout": 6,
                "heartbeat": 1,
                "rebalance_timeout": 6,
                "drain": 5,
                "commit_interval": 1,
            },
            model={"threads": 1},
            privacy={"secret": SECRET},
        )

    def disturb(self) -> None:
        """Sends everything, and kills on schedule meanwhile."""
        for worker in self.workers.values():
            worker.wait()
        self.sender.start()
        self.offsets.start()
        # Each of them at least once, then as it comes.
        victims = self.random.sample(sorted(self._victims()), k=4)
        victims += self.random.choices(sorted(self._victims()), k=max(0, self.plan.kills - 4))
        for victim in victims[: self.plan.kills]:
            self._watch(self.random.uniform(*self.plan.pause))
            self.kills[victim] = self.kills.get(victim, 0) + 1
            console.print(f"  kill -9 {victim:<10} {self._stored():>9,} stored")
            self._victims()[victim]()

    def _victims(self) -> dict[str, Callable[[], None]]:
        return {
            "worker a": lambda: self._kill_worker("a"),
            "worker b": lambda: self._kill_worker("b"),
            "warehouse": self._kill_warehouse,
            "broker": self._kill_broker,
        }

    def _kill_worker(self, name: str) -> None:
        self.workers[name].child.kill()
        self.workers[name].start()

    def _kill_warehouse(self) -> None:
        self.stack.warehouse.child.kill()
        self.stack.warehouse.restart(60)

    def _kill_broker(self) -> None:
        self.stack.broker.child.kill()
        self.stack.broker.restart(60)

    def _watch(self, seconds: float) -> None:
        """Waits; a worker that ended by itself is started again, as Kubernetes would."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.exits += sum("started" in worker.revive() for worker in self.workers.values())
            time.sleep(0.2)

    def _stored(self) -> int:
        try:
            return int(self.warehouse.query("SELECT count() FROM contacts").rows[0][0])
        except WarehouseError:
            return -1

    def settle(self) -> float:
        """Waits until nothing is left to store; returns how long it took."""
        started = moved = time.monotonic()
        last = -1
        while (
            self.sender.is_alive() or self._stored() < self.plan.contacts or not self._committed()
        ):
            self._watch(1.0)
            now = self._stored() + self.sender.confirmed + sum(self.offsets.seen.values())
            if now != last:
                last, moved = now, time.monotonic()
            if time.monotonic() - moved > STALL_SECONDS:
                console.print("[red]nothing moves any longer[/red]")
                break
        return time.monotonic() - started

    def _committed(self) -> bool:
        return all(self.offsets.seen.get(p, 0) >= end for p, end in self.sender.ends.items())

    # -- what has to be true
    def checks(self) -> list[tuple[str, Any, Any]]:
        """(what, found, wanted)."""
        wanted = self.plan.contacts
        ask = self.warehouse.query
        rows, distinct, strays = ask(
            "SELECT count(), uniqExact(contact_id), countIf(NOT match(contact_id, '^load-[0-9]+$')"
            f" OR toUInt64OrZero(substring(contact_id, 6)) >= {wanted}) FROM contacts"
        ).rows[0]
        [(hours,)] = ask("SELECT sum(contacts) FROM contact_hours").rows
        [(mentions,)] = ask("SELECT count() FROM contact_topics").rows
        [(rolled,)] = ask("SELECT sum(mentions) FROM topic_hours").rows
        letters = self._letters()
        return [
            ("contacts confirmed by Kafka", self.sender.confirmed, self.sender.total),
            ("rows in contacts", rows, wanted),
            ("distinct contact ids", distinct, wanted),
            ("ids that were never sent", strays, 0),
            ("sum of contact_hours", hours, wanted),
            ("sum of topic_hours", rolled, mentions),
            ("poison events that are dead letters", len(letters), len(self.sender.poison)),
            ("blocks that overlap", self._overlaps(), 0),
            ("rows outside of their block", self._outside(), 0),
            ("committed offsets that went back", len(self.offsets.breaches), 0),
            ("partitions not committed to their end", self._behind(), 0),
        ]

    def _overlaps(self) -> int:
        blocks = self.warehouse.query(
            "SELECT kafka_partition, block_first, block_last FROM contact_rows"
            " GROUP BY kafka_partition, block_first, block_last"
            " ORDER BY kafka_partition, block_first"
        ).rows
        return sum(a[0] == b[0] and b[1] <= a[2] for a, b in pairwise(blocks))

    def _outside(self) -> int:
        sql = "SELECT countIf(kafka_offset < block_first OR kafka_offset > block_last)"
        return int(self.warehouse.query(f"{sql} FROM contact_rows").rows[0][0])

    def _behind(self) -> int:
        return sum(self.offsets.seen.get(p, 0) < end for p, end in self.sender.ends.items())

    def _letters(self) -> set[bytes]:
        consumer = KafkaConsumer(
            bootstrap_servers=self.stack.kafka,
            auto_offset_reset="earliest",
            consumer_timeout_ms=5000,
        )
        topic = self.settings.kafka.topics.dead
        consumer.assign([TopicPartition(topic, p) for p in range(PARTITIONS)])
        found = {parse_dead_letter(record.value).payload or b"" for record in consumer}
        consumer.close()
        return found & self.sender.poison


def main() -> int:
    """The run and its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="4 kills, 4,000 contacts")
    parser.add_argument("--contacts", type=int)
    parser.add_argument("--kills", type=int)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--keep", type=Path, help="folder to use and to leave")
    options = parser.parse_args()
    contacts = options.contacts or (4_000 if options.short else 100_000)
    kills = options.kills or (4 if options.short else 17)
    plan = Plan(contacts, kills, options.seed, (4.0, 8.0) if options.short else (5.0, 10.0))
    for noisy in ("kafka", "clickhouse_driver"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    folder = options.keep or Path(tempfile.mkdtemp(prefix="voc-chaos-"))
    console.print(f"{contacts:,} contacts, {kills} kills, seed {plan.seed}, in {folder}")
    started = time.monotonic()
    with Run(plan, folder) as run:
        run.disturb()
        settled = run.settle()
        checks = run.checks()
        _print(run, checks, settled, time.monotonic() - started)
    failed = [what for what, found, wanted in checks if found != wanted]
    if not options.keep and not failed:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if failed else 0


def _print(run: Run, checks: list[tuple[str, Any, Any]], settled: float, took: float) -> None:
    table = Table("check", "found", "wanted", "")
    for what, found, wanted in checks:
        mark = "[green]ok[/green]" if found == wanted else "[red]BREACH[/red]"
        table.add_row(what, f"{found:,}", f"{wanted:,}", mark)
    console.print(table)
    killed = ", ".join(f"{name} {count}" for name, count in sorted(run.kills.items()))
    console.print(
        f"killed: {killed}; workers that left by themselves and came back: {run.exits};"
        f" events sent again: {run.sender.repeats:,}; caught up in {settled:.0f} s;"
        f" {took:.0f} s in all"
    )
    for breach in run.offsets.breaches:
        console.print(f"  offset went back: {breach}")


if __name__ == "__main__":
    sys.exit(main())
