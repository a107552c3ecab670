"""What the commands send reaches the warehouse, and what is put back is counted by the worker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.kafka.deadletters import Selection, letters, replay

pytestmark = pytest.mark.local


def _voc(pipe: Any, folder: Path, *words: str) -> Any:
    """Runs `voc` with the pipe's settings; the JSON it prints, None where it prints text."""
    keep = {k: v for k, v in os.environ.items() if not k.startswith("VOC_")}
    kafka, warehouse = pipe.settings.kafka, pipe.settings.warehouse
    names = kafka.topics.model_dump().items()
    env = {
        **keep,
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "VOC_KAFKA": kafka.bootstrap,
        "VOC_CLICKHOUSE": f"{warehouse.host}:{warehouse.port}/{warehouse.database}",
        **{f"VOC_KAFKA__TOPICS__{name.upper()}": topic for name, topic in names},
    }
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", *words],
        env=env,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if "--json" in words else None


def test_volumes_and_initiatives_go_the_whole_way(pipe: Any, tmp_path: Path) -> None:
    pipe.start()
    _voc(
        pipe,
        tmp_path,
        "volumes",
        "add",
        "--name",
        "orders",
        "--from",
        "2026-03-01",
        "--to",
        "2026-03-02",
        "--zone",
        "Asia/Seoul",
        "--value",
        "10",
        "--region",
        "north",
    )
    _voc(
        pipe,
        tmp_path,
        "volumes",
        "add",
        "--name",
        "orders",
        "--from",
        "2026-03-01",
        "--to",
        "2026-03-02",
        "--zone",
        "Asia/Seoul",
        "--value",
        "12",
        "--region",
        "north",
    )
    _voc(
        pipe,
        tmp_path,
        "initiatives",
        "add",
        "--id",
        "i-1",
        "--title",
        "배송 개선",
        "--owner",
        "me",
        "--topic",
        "delivery",
        "--topic",
        "wait",
        "--from",
        "2026-03-01T00:00:00Z",
        "--slice",
        "region=north",
    )
    pipe.wait_for(lambda: pipe.count("SELECT count() FROM initiatives") == 1)
    pipe.wait_for(lambda: pipe.count("SELECT toInt64(sum(value)) FROM volumes") == 12)

    (volume,) = _voc(pipe, tmp_path, "volumes", "list", "--json")
    assert (volume["name"], volume["value"], volume["region"]) == ("orders", 12.0, "north")
    assert volume["period_start"].startswith("2026-02-28T15:00:00")
    (initiative,) = _voc(pipe, tmp_path, "initiatives", "list", "--json")
    assert initiative["topics"] == ["delivery", "wait"]
    assert initiative["slice"] == {"region": "north"}

    _voc(pipe, tmp_path, "initiatives", "withdraw", "i-1")
    pipe.wait_for(lambda: pipe.count("SELECT count() FROM initiatives") == 0)
    assert _voc(pipe, tmp_path, "initiatives", "list", "--json") == []


def test_an_event_that_fails_again_becomes_a_letter_of_the_next_attempt(pipe: Any) -> None:
    kafka = pipe.settings.kafka
    pipe.start()
    pipe.send(kafka.topics.contacts, [b"{broken"])
    (first,) = pipe.dead_letters(1)
    assert first.attempt == 1
    list(replay(kafka, pipe.producer, letters(kafka, Selection())))
    second = max(pipe.dead_letters(2), key=lambda letter: letter.attempt)
    assert second.attempt == 2
    assert (second.key, second.payload) == (first.key, first.payload)
    assert second.dead_id != first.dead_id


def test_contacts_sent_twice_from_a_file_are_stored_once(pipe: Any, tmp_path: Path) -> None:
    rows = ["contact_id,occurred_at,channel,text"]
    rows += [f"c{n},2026-03-01T00:00:00Z,chat,The parcel is late ({n})" for n in range(50)]
    (tmp_path / "in.csv").write_text("\n".join(rows))
    pipe.start()
    for _ in range(2):
        report = _voc(pipe, tmp_path, "send", "in.csv", "--json")
        assert report["accepted"] == 50
    pipe.stored(50)
    pipe.send_contacts([1])  # what comes after the second copies
    pipe.stored(51)
    pipe.assert_exactly(51)
