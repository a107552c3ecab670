"""`voc send`, `voc dead` and `voc topics` as processes, before a real broker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from pipeline.contract import build_dead_letter
from pipeline.domain.block import Source
from pipeline.kafka import Message, Producer, create_topics, missing_topics
from pipeline.kafka.reading import read_to_end
from pipeline.local.broker import Broker
from pipeline.settings import KafkaSettings

pytestmark = pytest.mark.local


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    for name in ("broker", "logs"):
        (tmp_path / name).mkdir()
    made = Broker(tmp_path, tmp_path / "logs", durable=False)
    made.start()
    made.wait(60)
    yield made
    made.stop()


@pytest.fixture
def kafka(broker: Broker) -> KafkaSettings:
    made = KafkaSettings(bootstrap=broker.address, partitions=2)
    create_topics(made)
    return made


Voc = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(broker: Broker, tmp_path: Path) -> Iterator[Voc]:
    """Starts `voc` with arguments; what still runs at the end is killed."""
    keep = {k: v for k, v in os.environ.items() if not k.startswith("VOC_")}
    root = str(Path(__file__).parents[2])
    env = {**keep, "VOC_KAFKA": broker.address, "COLUMNS": "80", "PYTHONPATH": root}
    made: list[subprocess.Popen[bytes]] = []

    def run(*words: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            cwd=tmp_path,
        )
        made.append(process)
        return process

    yield run
    for process in made:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def voc(start: Voc) -> Callable[..., tuple[int, Any, str]]:
    """Runs `voc … --json` to its end: (exit code, document, stderr)."""

    def run(*words: str, stdin: bytes = b"") -> tuple[int, Any, str]:
        process = start(*words, "--json")
        out, err = process.communicate(stdin, timeout=120)
        return process.returncode, json.loads(out) if out.strip() else None, err.decode()

    return run


def _contacts(numbers: range) -> bytes:
    lines = [
        orjson.dumps(
            {
                "contact_id": f"c{n}",
                "occurred_at": "2026-03-01T00:00:00Z",
                "channel": "chat",
                "text": f"问题 {n}",
            }
        )
        for n in numbers
    ]
    return b"\n".join(lines) + b"\n"


def _ids(kafka: KafkaSettings) -> list[str]:
    return [record.key.decode() for record in read_to_end(kafka, kafka.topics.contacts)]


def test_a_file_with_rejects(kafka: KafkaSettings, voc: Any, tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl"
    file.write_bytes(_contacts(range(300)) + b"{broken\n" + _contacts(range(300, 400)))
    code, report, err = voc("send", "in.jsonl", "--rejects", "bad.jsonl")
    assert code == 65
    assert (report["accepted"], report["rejected"]) == (400, 1)
    assert report["files"][0]["reasons"][0]["first_lines"] == [301]
    assert json.loads((tmp_path / "bad.jsonl").read_text())["original"] == "{broken"
    assert "bad.jsonl" in err
    assert sorted(_ids(kafka)) == sorted(f"c{n}" for n in range(400))


def test_standard_input_and_a_dry_run(kafka: KafkaSettings, voc: Any) -> None:
    code, report, _ = voc("send", "-", "--dry-run", stdin=_contacts(range(5)))
    assert (code, report["accepted"]) == (0, 5)
    assert _ids(kafka) == []
    code, report, _ = voc("send", "-", stdin=_contacts(range(5)))
    assert (code, report["accepted"]) == (0, 5)
    assert len(_ids(kafka)) == 5


def test_ctrl_c_confirms_what_was_sent_and_going_on_completes_it(
    kafka: KafkaSettings, start: Voc, voc: Any, tmp_path: Path
) -> None:
    (tmp_path / "in.jsonl").write_bytes(_contacts(range(3000)))
    process = start("send", "in.jsonl", "--json", "--rate", "200")
    deadline = time.monotonic() + 60
    while not _ids(kafka):
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    report = json.loads(out)["files"][0]
    assert process.returncode == 130
    assert report["unconfirmed"] == 0
    assert report["next_line"] == report["accepted"] + 1
    assert f"--from-line {report['next_line']} in.jsonl" in err.decode()
    assert len(_ids(kafka)) == report["accepted"]
    code, rest, _ = voc("send", "in.jsonl", "--from-line", str(report["next_line"]))
    assert code == 0
    assert report["accepted"] + rest["accepted"] == 3000
    assert sorted(_ids(kafka)) == sorted(f"c{n}" for n in range(3000))


def test_ctrl_c_while_standard_input_is_silent(kafka: KafkaSettings, start: Voc) -> None:
    process = start("send", "-", "--json")
    assert process.stdin
    process.stdin.write(_contacts(range(7)))
    process.stdin.flush()
    deadline = time.monotonic() + 60
    while len(_ids(kafka)) < 7:
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert json.loads(out)["accepted"] == 7


def test_no_broker(broker: Broker, kafka: KafkaSettings, voc: Any) -> None:
    broker.child.kill()
    code, _, err = voc("send", "-", stdin=_contacts(range(5)))
    assert code == 69
    assert "refuses connections" in err
    assert "VOC_KAFKA" in err
    assert "Traceback" not in err


def test_a_missing_topic_is_not_created_by_sending(broker: Broker, voc: Any) -> None:
    code, _, err = voc("send", "-", stdin=_contacts(range(5)))
    assert code == 69
    assert "voc topics create" in err
    kafka = KafkaSettings(bootstrap=broker.address)
    assert missing_topics(kafka, [kafka.topics.contacts]) == [kafka.topics.contacts]
    code, outcome, _ = voc("topics", "create")
    assert (code, outcome["contacts.v1"]) == (0, "created")


def _bury(kafka: KafkaSettings, count: int) -> None:
    with Producer(kafka) as producer:
        producer.send_all(
            Message(
                kafka.topics.dead,
                b"k",
                build_dead_letter(
                    source=Source(kafka.topics.contacts, 0, number),
                    timestamp=datetime(2026, 3, 1, tzinfo=UTC),
                    key=b"c%d" % number,
                    payload=b"secret words",
                    reason_code=("contract", "analysis")[number % 2],
                    reason="why",
                    stage="contract",
                    failed_at=datetime(2026, 3, 1 + number, tzinfo=UTC),
                    version="1.0",
                ),
            )
            for number in range(count)
        )


def test_dead_letters_are_listed_shown_and_put_back_once(kafka: KafkaSettings, voc: Any) -> None:
    _bury(kafka, 6)
    code, listed, _ = voc("dead", "list", "--limit", "4")
    assert (code, listed["total"], listed["reasons"]) == (0, 6, {"contract": 3, "analysis": 3})
    times = [letter["failed_at"][:10] for letter in listed["letters"]]
    assert times == [f"2026-03-0{day}" for day in range(3, 7)]

    one = listed["letters"][0]["dead_id"]
    _, shown, err = voc("dead", "show", one[:10])
    assert "payload" not in shown
    assert "personal data" not in err
    _, shown, err = voc("dead", "show", one[:10], "--payload")
    assert shown["payload"] == "secret words"
    assert "personal data" in err

    _, plan, _ = voc("dead", "replay", "--all", "--dry-run")
    assert (plan["selected"], plan["replayed"]) == (6, 0)
    assert _ids(kafka) == []
    _, done, _ = voc("dead", "replay", "--reason", "contract", "--since", "2026-03-02", "--yes")
    assert (done["selected"], done["replayed"]) == (2, 2)
    _, done, _ = voc("dead", "replay", "--all", "--yes")
    assert (done["selected"], done["replayed"], done["replayed_before"]) == (4, 4, 2)
    _, done, _ = voc("dead", "replay", "--all", "--yes")
    assert (done["selected"], done["replayed_before"]) == (0, 6)
    assert sorted(_ids(kafka)) == [f"c{n}" for n in range(6)]
    _, done, _ = voc("dead", "replay", "--id", one, "--again", "--yes")
    assert done["replayed"] == 1


def test_a_replay_without_consent_does_nothing(kafka: KafkaSettings, voc: Any) -> None:
    _bury(kafka, 1)
    code, _, err = voc("dead", "replay", "--all", stdin=b"n\n")
    assert code == 1
    assert "Put back 1 to contacts.v1?" in err
    assert _ids(kafka) == []


def test_lag_and_topics(kafka: KafkaSettings, voc: Any) -> None:
    voc("send", "-", stdin=_contacts(range(20)))
    _, lags, _ = voc("topics", "lag")
    assert sum(each["lag"] for each in lags if each["topic"] == "contacts.v1") == 20
    _, topics, _ = voc("topics", "list")
    assert {each["name"]: each["partitions"] for each in topics}["contacts.v1"] == 2
