"""`voc migrate`, `voc query`, `voc forget` as a user runs them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner, Result

from pipeline.cli.main import app
from pipeline.domain.block import Block
from pipeline.domain.row import ContactRow
from pipeline.errors import ConfigError, WarehouseError, WarehouseRejected
from pipeline.language.pseudonym import Pseudonyms
from pipeline.warehouse import ContactTable, Warehouse

pytestmark = pytest.mark.local

SECRET = "a-secret-for-tests-only"


@pytest.fixture
def voc(front: Any, database: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("VOC_CLICKHOUSE", f"clickhouse://127.0.0.1:{front.port}/{database}")
    monkeypatch.setenv("VOC_PRIVACY__SECRET", SECRET)

    def run(*words: str, **more: Any) -> Result:
        return CliRunner().invoke(app, list(words), **more)

    return run


def test_migrate_says_what_it_did(voc: Callable[..., Result], database: str) -> None:
    before = voc("migrate", "--status")
    assert before.stdout.count("missing") >= 2
    assert "voc migrate" in before.stderr
    dry = voc("migrate", "--dry-run")
    assert dry.stdout.startswith(f"CREATE DATABASE IF NOT EXISTS `{database}`;")
    first = voc("migrate")
    assert "applied 0001_contacts" in first.stdout
    assert "up to date" in voc("migrate").stdout
    assert "nothing to do" in voc("migrate", "--dry-run").stderr
    status = orjson.loads(voc("migrate", "--status", "--json").stdout)
    assert [step["number"] for step in status] == list(range(1, len(status) + 1))
    assert all(step["applied_at"] for step in status)


def test_migrate_refuses_contradicting_flags(voc: Callable[..., Result]) -> None:
    assert isinstance(voc("migrate", "--status", "--dry-run").exception, ConfigError)


def test_query_prints_a_table_or_json(
    voc: Callable[..., Result], warehouse: Warehouse, make_block: Callable[..., Block[ContactRow]]
) -> None:
    ContactTable(warehouse).insert(make_block(0, 5))
    sql = "SELECT contact_id, occurred_at, topics, masked FROM contacts ORDER BY contact_id"
    assert "contact-4" in voc("query", sql).stdout
    found = orjson.loads(voc("query", "--json", f"{sql} LIMIT 2").stdout)
    assert found[1] == {
        "contact_id": "contact-1",
        "occurred_at": "2026-02-01T00:17:00.001000+00:00",
        "topics": ["topic-1"],
        "masked": {"PHONE": 1},
    }
    capped = voc("query", "--json", "--limit", "2", sql)
    assert len(orjson.loads(capped.stdout)) == 2
    assert "only the first 2 rows" in capped.stderr
    assert voc("query", "SELECT count() FROM contacts WHERE text LIKE '%late%'").exit_code == 0


def test_wide_rows_are_printed_as_lists(
    voc: Callable[..., Result], warehouse: Warehouse, make_block: Callable[..., Block[ContactRow]]
) -> None:
    ContactTable(warehouse).insert(make_block(0, 2))
    lines = voc("query", "SELECT * FROM contacts").stdout.splitlines()
    assert [line.split() for line in lines if line.startswith("contact_id")] == [
        ["contact_id", "contact-0"],
        ["contact_id", "contact-1"],
    ]


def test_query_only_reads(voc: Callable[..., Result], warehouse: Warehouse) -> None:
    error = voc("query", "INSERT INTO kept_spans VALUES ('a', 1, 1, 1, now())").exception
    assert isinstance(error, WarehouseRejected)
    assert "only reads" in error.fix
    assert warehouse.query("SELECT count() FROM kept_spans").rows == [(0,)]
    assert "contact_rows" in voc("query", "SHOW TABLES").stdout


def test_query_before_migrate_says_so(voc: Callable[..., Result]) -> None:
    error = voc("query", "SELECT 1 FROM contacts").exception
    assert isinstance(error, WarehouseRejected)
    assert "voc migrate" in error.fix


def test_query_without_a_server_says_so(
    voc: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOC_CLICKHOUSE", "clickhouse://127.0.0.1:1/voc")
    error = voc("query", "SELECT 1").exception
    assert isinstance(error, WarehouseError)
    assert "no ClickHouse at 127.0.0.1:1" in error.message


def test_forget_erases_a_customer_by_id_and_asks_first(
    voc: Callable[..., Result], warehouse: Warehouse, make_block: Callable[..., Block[ContactRow]]
) -> None:
    customer = Pseudonyms(SECRET.encode()).customer("customer-4711")
    table = ContactTable(warehouse)
    table.insert(make_block(0, 5, customer_hash=customer))
    table.insert(make_block(5, 5))
    count = "SELECT count() FROM contacts"
    assert voc("forget", "customer-4711", input="n\n").exit_code == 1
    assert warehouse.query(count).rows == [(10,)]
    done = voc("forget", "customer-4711", input="y\n")
    assert "erased 5 contacts" in done.stdout
    assert "Kafka" in done.stdout
    assert warehouse.query(count).rows == [(5,)]
    again = orjson.loads(voc("forget", "--hash", customer, "--json").stdout)
    assert again == {"customer": customer, "contacts": 0, "kafka_retention_days": 14.0}


def test_forget_needs_the_secret(
    voc: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VOC_PRIVACY__SECRET")
    assert isinstance(voc("forget", "customer-1", "--yes").exception, ConfigError)
