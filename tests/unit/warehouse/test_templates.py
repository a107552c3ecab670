"""Migrations as one server and as a cluster gets them."""

from __future__ import annotations

import re

import pytest
from jinja2 import UndefinedError

from pipeline.settings import WarehouseSettings
from pipeline.warehouse.migrations import known_migrations
from pipeline.warehouse.templates import local, render

ALONE = WarehouseSettings()
CLUSTER = WarehouseSettings(cluster="main")


def statements(settings: WarehouseSettings) -> list[str]:
    return [s for m in known_migrations() for s in render(m.text, settings)]


def created(settings: WarehouseSettings, name: str) -> str:
    pattern = re.compile(rf"^CREATE (?:TABLE IF NOT EXISTS|OR REPLACE VIEW) {name}\b")
    (found,) = [s for s in statements(settings) if pattern.match(s)]
    return found


def test_one_server_gets_plain_tables() -> None:
    table = created(ALONE, "contact_rows")
    assert "ENGINE = VersionedCollapsingMergeTree(sign, row_version)\n" in table
    assert "non_replicated_deduplication_window = 10000" in table
    everything = "\n".join(statements(ALONE))
    for word in ("ON CLUSTER", "Replicated", "Distributed", "_local", "{{", "--"):
        assert word not in everything


def test_a_cluster_gets_replicated_shards_behind_a_distributed_table() -> None:
    shard = created(CLUSTER, "contact_rows_local")
    assert shard.startswith("CREATE TABLE IF NOT EXISTS contact_rows_local ON CLUSTER `main`\n")
    assert (
        "ENGINE = ReplicatedVersionedCollapsingMergeTree("
        "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}', sign, row_version)\n"
    ) in shard
    assert "replicated_deduplication_window = 10000" in shard
    assert "replicated_deduplication_window_seconds = 2592000" in shard
    assert "non_replicated" not in shard


def test_a_kafka_partition_stays_on_one_shard() -> None:
    (table,) = [s for s in statements(CLUSTER) if "Distributed" in s]
    assert table == (
        "CREATE TABLE IF NOT EXISTS contact_rows ON CLUSTER `main` AS contact_rows_local\n"
        "ENGINE = Distributed(`main`, currentDatabase(), contact_rows_local,"
        " cityHash64(kafka_topic, kafka_partition))"
    )


@pytest.mark.parametrize("table", ["kept_spans", "volume_rows", "initiative_rows"])
def test_small_tables_are_the_same_on_every_server(table: str) -> None:
    made = created(CLUSTER, table)
    assert f"{table} ON CLUSTER `main`\n" in made
    assert "('/clickhouse/tables/all/{database}/{table}', '{shard}-{replica}', " in made
    assert "ReplicatedReplacingMergeTree" in made


@pytest.mark.parametrize(
    "view",
    "contacts contact_topics ratings contact_hours topic_hours volumes initiatives".split(),
)
def test_every_view_is_on_every_server_and_reads_the_same(view: str) -> None:
    there = created(CLUSTER, view)
    assert there.startswith(f"CREATE OR REPLACE VIEW {view} ON CLUSTER `main` AS\n")
    assert there.replace(" ON CLUSTER `main`", "") == created(ALONE, view)


def test_every_statement_may_be_repeated() -> None:
    for statement in statements(ALONE) + statements(CLUSTER):
        assert re.match(r"CREATE (TABLE IF NOT EXISTS|OR REPLACE VIEW) ", statement)


def test_a_semicolon_ends_a_statement_only_at_the_end_of_its_line() -> None:
    assert render("-- a; b;\nSELECT ';x' ;\n\n  SELECT 2;\n", ALONE) == ["SELECT ';x'", "SELECT 2"]


def test_an_unknown_word_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        render("CREATE TABLE {{ strorage('x') }}", ALONE)


def test_alter_means_the_table_that_holds_the_data() -> None:
    assert local("contact_rows", ALONE) == "contact_rows"
    assert local("contact_rows", CLUSTER) == "contact_rows_local ON CLUSTER `main`"
