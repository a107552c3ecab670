"""The local stack for tests: real servers on free ports, stopped when the tests end."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from kafka import KafkaConsumer, TopicPartition

from pipeline.contract import DeadLetter, parse_dead_letter
from pipeline.domain.analysis import ContactAnalysis, TopicMention
from pipeline.domain.block import Block, Span
from pipeline.domain.contact import Channel, Contact, Handling, Language, Rating
from pipeline.domain.row import ContactRow
from pipeline.kafka import Producer, create_topics
from pipeline.local.processes import free_port
from pipeline.local.stack import LocalStack
from pipeline.local.worker import QUICK, WorkerProcess, fetch
from pipeline.settings import Settings, Topics, WarehouseSettings, load
from pipeline.warehouse import Warehouse, migrate

START_SECONDS = 60.0


class Front:
    """A local ClickHouse (`python -m pipeline.local.front`), to be killed and started again."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.host, self.port = "127.0.0.1", 0
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """On the port it had before, if it had one."""
        command = [sys.executable, "-m", "pipeline.local.front", "--data", str(self.data)]
        root = Path(__file__).parents[2]
        self._process = subprocess.Popen(
            [*command, "--port", str(self.port)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root)},
        )
        self.port = int(_first_line(self._process).rpartition(":")[2])

    def kill(self) -> None:
        """As by kill -9."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._close()

    def stop(self) -> None:
        """As by SIGTERM; kill -9 for one that does not listen."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._close()

    def settings(self, database: str, **more: object) -> WarehouseSettings:
        """Settings that lead to a database here."""
        given = {"host": self.host, "port": self.port, "database": database, **more}
        return WarehouseSettings(**given)  # type: ignore[arg-type]

    def _close(self) -> None:
        assert self._process is not None
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    deadline = time.monotonic() + START_SECONDS
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if not selector.select(deadline - time.monotonic()):
            process.kill()
            raise TimeoutError("the local warehouse does not start")
    line = process.stdout.readline()
    assert line.startswith("listening "), f"the local warehouse did not start: {line!r}"
    return line.strip()


@pytest.fixture(scope="session")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """One local ClickHouse for all tests; each takes a database of its own."""
    server = Front(tmp_path_factory.mktemp("front"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def new_front(tmp_path: Path) -> Iterator[Callable[[], Front]]:
    """Makes local ClickHouses of a test's own, to be killed."""
    made: list[Front] = []

    def make() -> Front:
        server = Front(tmp_path / f"front-{len(made)}")
        made.append(server)
        server.start()
        return server

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def database() -> str:
    """A name that no other test uses."""
    return f"t_{uuid.uuid4().hex[:12]}"


@pytest.fixture
def warehouse(front: Front, database: str) -> Iterator[Warehouse]:
    """A migrated database of the test's own; `.settings` lead there."""
    with Warehouse(front.settings(database)) as made:
        migrate(made, made.settings)
        yield made
        made.execute(f"DROP DATABASE {database}")


# --- contacts as the worker stores them ---------------------------------------------------------

START = datetime(2026, 2, 1, tzinfo=UTC)


def analysis(number: int, **more: Any) -> ContactAnalysis:
    """A reading; the number decides everything in it."""
    topics = tuple(
        TopicMention(f"topic-{k}", k % 3 - 1, 0.5 + k / 10) for k in range(1, number % 4 + 1)
    )
    sentiment, score = (("negative", -0.5), ("neutral", 0.0), ("positive", 0.75))[number % 3]
    made = ContactAnalysis(
        text=f"The parcel is late. <PHONE> {number}",
        language=(Language.EN, Language.KO, Language.ZH_HANS, Language.ZH_HANT)[number % 4],
        sentiment=sentiment,
        score=score,
        confidence=0.9,
        complaint=number % 3 == 0,
        complaint_confidence=0.8,
        churn=number % 7 == 0,
        churn_confidence=0.25,
        topics=topics,
        clauses=(),
        evidence={mention.topic: f"clause about {mention.topic}" for mention in topics},
        attributes={"crm": "x"},
        masked={"PHONE": 1},
        customer_hash=f"{number % 5:032x}",
        agent_hash="a" * 32,
        model_revision="r1",
        taxonomy_version=1,
    )
    return replace(made, **more)


def contact_row(number: int, **more: Any) -> ContactRow:
    """A contact with its reading; `more` changes the reading."""
    rated = number % 2 == 0
    made = Contact(
        contact_id=f"contact-{number}",
        occurred_at=START + timedelta(minutes=17 * number, milliseconds=number),
        channel=(Channel.CHAT, Channel.CALL)[number % 2],
        product=("kettle", "toaster", "")[number % 3],
        region="north",
        ratings=(Rating("csat", 4, "csat-1-5"),) if rated else (),
        handling=Handling(wait_seconds=1.5, resolved=rated, recovery=("apology",)),
        attributes={"crm": "x"},
    )
    return ContactRow(made, analysis(number, **more), (0.75,) if rated else ())


def contact_block(
    first: int,
    rows: int = 10,
    *,
    partition: int = 0,
    at: datetime | None = None,
    offset: int | None = None,
    **more: Any,
) -> Block[ContactRow]:
    """A block of the contacts numbered from `first`; offsets are the numbers unless given."""
    start = first if offset is None else offset
    span = Span("contacts.v1", partition, start, start + rows - 1)
    made = tuple((start + n, contact_row(first + n, **more)) for n in range(rows))
    return Block(span, at or datetime.now(UTC).replace(microsecond=0), made)


@pytest.fixture
def make_block() -> Callable[..., Block[ContactRow]]:
    """`contact_block`."""
    return contact_block


@pytest.fixture
def make_analysis() -> Callable[..., ContactAnalysis]:
    """`analysis`."""
    return analysis


# --- the whole path: broker, warehouse, worker ----------------------------------------------------

TEXTS = (
    "The parcel came two weeks late and nobody answered my call.",
    "배송이 정말 빨라요. 포장도 꼼꼼해서 마음에 들어요.",
    "客服态度很差，退款等了一个月还没有到。",
    "客服人員很親切，五分鐘就解決問題了。",
    "thank you",
    "좋아요",
)


def contact(number: int, **more: object) -> dict[str, object]:
    """A valid contact event; its number decides everything in it."""
    made: dict[str, object] = {
        "contact_id": f"contact-{number}",
        "occurred_at": f"2026-02-{number % 28 + 1:02}T{number % 24:02}:15:00Z",
        "channel": ("chat", "call", "review")[number % 3],
        "text": TEXTS[number % len(TEXTS)],
        "customer_id": f"customer-{number % 50}",
        "product": "kettle",
    }
    return {**made, **more}


class Pipe:
    """A stack with topics, a group and a database of the test's own."""

    def __init__(self, stack: LocalStack | Elsewhere, name: str, partitions: int = 4) -> None:
        self.stack = stack
        self._name = name
        self._partitions = partitions
        self.workers: list[WorkerProcess] = []
        self.settings = self.settings_with()
        create_topics(self.settings.kafka)
        self.warehouse = Warehouse(self.settings.warehouse)
        migrate(self.warehouse, self.settings)
        self.producer = Producer(self.settings.kafka)

    def settings_with(self, **more: dict[str, object]) -> Settings:
        """The pipe's settings; `more` by section."""
        names = {name: f"{self._name}.{name}" for name in Topics.model_fields}
        base: dict[str, dict[str, Any]] = {
            "kafka": {
                "bootstrap": self.stack.kafka,
                "partitions": self._partitions,
                "topics": Topics(**names),
            },
            "warehouse": {
                **self.stack.overrides["warehouse"],
                **QUICK["warehouse"],
                "database": self._name,
            },
            "worker": {**QUICK["worker"], "group": self._name, "port": free_port()},
            "privacy": {"secret": "only-for-tests-only-for-tests"},
            "model": {"threads": 1},
        }
        return Settings(**{s: {**base.get(s, {}), **more.get(s, {})} for s in {*base, *more}})

    def start(self, *, wait: bool = True, **more: dict[str, object]) -> WorkerProcess:
        """A worker process; `more` changes its settings."""
        logs = self.stack.logs / f"{self._name}-{len(self.workers)}"
        made = WorkerProcess(self.settings_with(**more), logs)
        made.start()
        self.workers.append(made)
        if wait:
            made.wait()
        return made

    def recreate_topics(self) -> None:
        """Creates what was deleted, once the broker no longer shows it."""
        self.wait_for(lambda: "created" in create_topics(self.settings.kafka).values(), 30)

    def send(self, topic: str, events: Iterable[object]) -> None:
        """Sends JSON events, or bytes as they are; returns once they are confirmed."""
        for event in events:
            value = event if isinstance(event, bytes) else orjson.dumps(event)
            key = event.get("contact_id", "x") if isinstance(event, dict) else "x"
            self.producer.send(topic, str(key).encode(), value)
        self.producer.flush(60)

    def send_contacts(self, numbers: Iterable[int], **more: object) -> None:
        """Sends contacts by number."""
        self.send(self.settings.kafka.topics.contacts, (contact(n, **more) for n in numbers))

    def count(self, sql: str = "SELECT count() FROM contacts") -> int:
        """The one number that a query answers."""
        return int(self.warehouse.query(sql).rows[0][0] or 0)

    def wait_for(self, condition: Callable[[], object], seconds: float = 120) -> None:
        """Returns once the condition holds; fails with the workers' logs where it never does."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                logs = "\n".join(w.child.text()[-3000:] for w in self.workers)
                raise AssertionError(f"waited {seconds:g} s in vain\n{logs}")
            time.sleep(0.1)

    def stored(self, wanted: int, seconds: float = 120) -> None:
        """Waits for so many contacts."""
        self.wait_for(lambda: self.count() >= wanted, seconds)

    def assert_exactly(self, wanted: int) -> None:
        """Every contact once in the base table and in the rollup."""
        rows = self.warehouse.query("SELECT count(), uniqExact(contact_id) FROM contacts").rows
        assert rows == [(wanted, wanted)]
        assert self.count("SELECT sum(contacts) FROM contact_hours") == wanted

    def metric(self, worker: WorkerProcess, name: str) -> float:
        """The sum of a metric's samples whose line begins with `name`."""
        lines = fetch(worker.port, "/metrics").splitlines()
        return sum(float(ln.rpartition(" ")[2]) for ln in lines if ln.startswith(name))

    def dead_letters(self, wanted: int, seconds: float = 60) -> list[DeadLetter]:
        """The letters in the dead letter topic once they are `wanted`, and what comes after."""
        topic = self.settings.kafka.topics.dead
        consumer = KafkaConsumer(
            bootstrap_servers=self.stack.kafka,
            auto_offset_reset="earliest",
            consumer_timeout_ms=1000,
        )
        consumer.assign([TopicPartition(topic, p) for p in range(self._partitions)])
        found: list[DeadLetter] = []
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            came = [parse_dead_letter(record.value) for record in consumer]
            found += came
            if len(found) >= wanted and not came:
                break
        consumer.close()
        return found

    def close(self) -> None:
        """Ends the workers, then the clients."""
        for worker in self.workers:
            worker.child.kill()
        self.producer.close()
        self.warehouse.close()


class Elsewhere:
    """A Kafka and a ClickHouse that run already, where VOC_KAFKA and VOC_CLICKHOUSE point."""

    def __init__(self, logs: Path) -> None:
        found = load()
        self.kafka = found.kafka.bootstrap
        self.overrides = {"warehouse": found.warehouse.model_dump()}
        self.logs = logs


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack | Elsewhere]:
    """A broker and a warehouse for all tests: local ones, unless both variables name others."""
    folder = tmp_path_factory.mktemp("stack")
    if os.environ.get("VOC_KAFKA") and os.environ.get("VOC_CLICKHOUSE"):
        yield Elsewhere(folder)
        return
    with LocalStack(folder) as made:
        yield made


@pytest.fixture
def pipe(stack: LocalStack | Elsewhere, database: str) -> Iterator[Pipe]:
    """Topics, group and database of the test's own, on the shared stack."""
    made = Pipe(stack, database)
    yield made
    made.close()


@pytest.fixture
def own_pipe(tmp_path: Path, database: str) -> Iterator[Pipe]:
    """The same on a stack of the test's own, whose parts may be killed."""
    with LocalStack(tmp_path / "stack") as own:
        made = Pipe(own, database)
        yield made
        made.close()
