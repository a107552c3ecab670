"""From a migration's text to statements: for one server, or for a cluster.

| in the text | one server | cluster |
|---|---|---|
| `storage("t")` | `t` | `t_local ON CLUSTER`: a part of the data on each shard |
| `distributed("t", key)` | nothing | the table `t` over all `t_local` |
| `everywhere("t")`, `view("v")` | the name | `ON CLUSTER`: the same on every server |
| `engine(name, …)` | the engine | its Replicated form; `shared=True`: one copy for all shards |
| `deduplication` | remembers tokens | remembers tokens in Keeper |
"""

from __future__ import annotations

import re

from jinja2 import Environment, StrictUndefined

from pipeline.settings import WarehouseSettings

TOKENS = 10_000
"""Blocks whose tokens a table remembers. An identical block comes again within seconds (a retry) or
after a restart, when the worker asks for its span before it sends it."""

TOKEN_SECONDS = 30 * 24 * 3600

_COMMENT = re.compile(r"^\s*--[^\n]*\n?", re.MULTILINE)
_END = re.compile(r";[ \t]*(?:\n|$)")
_PATH = "/clickhouse/tables"


def render(text: str, settings: WarehouseSettings) -> list[str]:
    """The statements of a migration, in order, comments removed."""
    environment = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701 - SQL
    rendered = environment.from_string(_COMMENT.sub("", text)).render(_words(settings))
    return [statement.strip() for statement in _END.split(rendered) if statement.strip()]


def local(table: str, settings: WarehouseSettings) -> str:
    """The table that holds the data, as ALTER needs it."""
    if not settings.cluster:
        return table
    return f"{table}_local{on_cluster(settings)}"


def on_cluster(settings: WarehouseSettings) -> str:
    """` ON CLUSTER …`, or nothing."""
    return f" ON CLUSTER `{settings.cluster}`" if settings.cluster else ""


def _words(settings: WarehouseSettings) -> dict[str, object]:
    def engine(name: str, *arguments: str, shared: bool = False) -> str:
        if not settings.cluster:
            return f"{name}({', '.join(arguments)})"
        shard, replica = ("all", "{shard}-{replica}") if shared else ("{shard}", "{replica}")
        path = f"'{_PATH}/{shard}/{{database}}/{{table}}', '{replica}'"
        return f"Replicated{name}({', '.join((path, *arguments))})"

    def distributed(name: str, key: str) -> str:
        if not settings.cluster:
            return ""
        target = f"`{settings.cluster}`, currentDatabase(), {name}_local, {key}"
        here = f"{name}{on_cluster(settings)}"
        return f"CREATE TABLE IF NOT EXISTS {here} AS {name}_local\nENGINE = Distributed({target});"

    def everywhere(name: str) -> str:
        return f"{name}{on_cluster(settings)}"

    return {
        "storage": lambda name: local(name, settings),
        "everywhere": everywhere,
        "view": everywhere,
        "engine": engine,
        "distributed": distributed,
        "deduplication": _deduplication(settings),
    }


def _deduplication(settings: WarehouseSettings) -> str:
    if not settings.cluster:
        return f"non_replicated_deduplication_window = {TOKENS}"
    return (
        f"replicated_deduplication_window = {TOKENS},"
        f" replicated_deduplication_window_seconds = {TOKEN_SECONDS}"
    )
