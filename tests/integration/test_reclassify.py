"""`voc reclassify` as its users run it: a process of its own, killed and started again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline.domain.contact import Language
from pipeline.language.classifier import load
from pipeline.warehouse import ContactTable, Warehouse, migrate

pytestmark = pytest.mark.local

ROOT = Path(__file__).parents[2]
CONTACTS = 480
READ = "SELECT countIf(model_revision != 'r1') FROM contacts"

TEXTS = (
    (Language.EN, "The parcel came two weeks late. Nobody answered my call to <PHONE>."),
    (Language.EN, "Lovely staff, thank you!"),
    (Language.ZH_HANS, "客服态度很差，退款等了一个月还没有到。"),
    (Language.ZH_HANT, "客服人員很親切，五分鐘就解決問題了。"),
    (Language.KO, "배송이 너무 늦어요. 환불해 주세요."),
)

Blocks = Callable[..., Any]

ROLLUPS = (
    (
        "language, sentiment",
        "contacts",
        "count() AS n, sum(complaint), sum(churn)",
        "contact_hours",
        "sum(contacts) AS n, sum(complaints), sum(churns)",
    ),
    (
        "topic, polarity",
        "contact_topics",
        "count() AS n, sum(complaint)",
        "topic_hours",
        "sum(mentions) AS n, sum(complaints)",
    ),
)
"""What to group by, the base and its sums, the rollup and its sums."""


def command(warehouse: Warehouse, *arguments: str) -> subprocess.Popen[str]:
    settings = warehouse.settings
    address = f"clickhouse://{settings.host}:{settings.port}/{settings.database}"
    given = {k: v for k, v in os.environ.items() if not k.startswith("VOC_")}
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", "reclassify", "--since", "2026-01-01", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**given, "VOC_CLICKHOUSE": address, "VOC_MODEL__THREADS": "1"},
    )


def finished(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What `--json` printed; fails with what the command complained of."""
    out, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors
    found: dict[str, Any] = json.loads(out)
    return found


def wait_for_rows(warehouse: Warehouse, process: subprocess.Popen[str], wanted: int) -> None:
    """Returns while the command still runs, with `wanted` contacts replaced."""
    deadline = time.monotonic() + 120
    while warehouse.query(READ).rows[0][0] < wanted:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "the command does not get on"
        time.sleep(0.02)
    assert process.poll() is None, "it was done before it could be killed"


@pytest.fixture
def fill(make_block: Blocks) -> Callable[[Warehouse], None]:
    def insert(warehouse: Warehouse) -> None:
        table = ContactTable(warehouse)
        size = CONTACTS // len(TEXTS)
        for number, (language, text) in enumerate(TEXTS):
            table.insert(make_block(number * size, size, language=language, text=text))

    return insert


def facts(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    """What a reclassification must leave alone."""
    sql = """
        SELECT contact_id, occurred_at, channel, text, masked, customer, agent, product, region,
               wait_seconds, resolved, recovery, attributes, kafka_partition, kafka_offset
        FROM contacts ORDER BY contact_id
    """
    rated = "SELECT contact_id, kind, value, score FROM ratings ORDER BY contact_id"
    return [*warehouse.query(sql).rows, *warehouse.query(rated).rows]


def assert_read_once(warehouse: Warehouse) -> None:
    """Every contact is there once, read by the current model, replaced once; rollups agree."""
    model = load(threads=1)
    sql = """
        SELECT count(), uniqExact(contact_id), groupUniqArray(model_revision),
               groupUniqArray(taxonomy_version) FROM contacts
    """
    assert warehouse.query(sql).rows == [
        (CONTACTS, CONTACTS, [model.revision], [model.taxonomy_version])
    ]
    versions = "SELECT uniqExact(row_version), count() FROM contact_rows FINAL"
    assert warehouse.query(versions).rows == [(1, CONTACTS)]
    for keys, table, base, rollup, sums in ROLLUPS:
        grouped = f"GROUP BY {keys} HAVING n > 0 ORDER BY {keys}"
        expected = warehouse.query(f"SELECT {keys}, {base} FROM {table} {grouped}").rows
        assert warehouse.query(f"SELECT {keys}, {sums} FROM {rollup} {grouped}").rows == expected
        assert len(expected) > 1


def test_killed_twice_and_run_again_each_contact_is_read_once(
    warehouse: Warehouse, fill: Callable[[Warehouse], None]
) -> None:
    fill(warehouse)
    before = facts(warehouse)
    for wanted in (24, 120):
        process = command(warehouse, "--batch", "8")
        wait_for_rows(warehouse, process, wanted)
        process.kill()
        process.communicate()
    kept = warehouse.query(READ).rows[0][0]
    found = finished(command(warehouse, "--batch", "32", "--json"))
    # The block that was under way at the kill may land after `kept` was asked.
    assert CONTACTS - kept - found["replaced"] in {0, 8}
    assert_read_once(warehouse)
    assert facts(warehouse) == before
    assert finished(command(warehouse, "--json"))["found"] == 0


def test_it_outlives_the_database(
    new_front: Callable[[], Any], fill: Callable[[Warehouse], None]
) -> None:
    front = new_front()
    with Warehouse(front.settings("again")) as warehouse:
        migrate(warehouse, warehouse.settings)
        fill(warehouse)
        process = command(warehouse, "--batch", "8", "--json")
        wait_for_rows(warehouse, process, 40)
        front.kill()
        front.start()
        assert finished(process)["replaced"] == CONTACTS
        assert_read_once(warehouse)


def test_a_dry_run_counts_and_changes_nothing(
    warehouse: Warehouse, fill: Callable[[Warehouse], None]
) -> None:
    fill(warehouse)
    found = finished(command(warehouse, "--dry-run", "--json"))
    assert (found["found"], found["replaced"]) == (CONTACTS, 0)
    assert warehouse.query(READ).rows == [(0,)]


def changed(warehouse: Warehouse, arguments: Sequence[str]) -> set[str]:
    finished(command(warehouse, *arguments, "--json"))
    sql = "SELECT contact_id FROM contacts WHERE model_revision != 'r1'"
    return {row[0] for row in warehouse.query(sql).rows}


def test_only_the_selection_is_read(
    warehouse: Warehouse, fill: Callable[[Warehouse], None]
) -> None:
    fill(warehouse)
    wanted = "SELECT contact_id FROM contacts WHERE has(topics, 'topic-3') AND occurred_at < {}"
    until = "2026-02-03T00:00:00Z"
    rows = warehouse.query(wanted.format("toDateTime('2026-02-03 00:00:00', 'UTC')")).rows
    expected = {row[0] for row in rows}
    assert 0 < len(expected) < CONTACTS
    assert changed(warehouse, ["--until", until, "--topic", "topic-3"]) == expected


def test_a_mistyped_topic_is_no_run_that_is_done(
    warehouse: Warehouse, fill: Callable[[Warehouse], None]
) -> None:
    fill(warehouse)
    process = command(warehouse, "--topic", "topik-3")
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 78
    assert "topik-3" in errors
    process = command(warehouse, "--topic", "delivery")
    assert "no stored contact matches" in process.communicate(timeout=200)[0]
    assert process.returncode == 0


def test_without_a_database_it_says_so(tmp_path: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "pipeline", "reclassify", "--since", "1 day"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "VOC_CLICKHOUSE": "clickhouse://127.0.0.1:1/voc"},
        check=False,
    )
    assert process.returncode == 69
    assert "Traceback" not in process.stderr
