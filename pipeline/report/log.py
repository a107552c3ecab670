"""Runs the report's queries and keeps what was asked, so that every number can be asked again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pipeline.explain import Query
from pipeline.report.model import Asked
from pipeline.report.queries import Statement

_NAMES = {"at": "occurred_at"}

Progress = Callable[[str], None]


class Log:
    """Asks through a `Query`; `asked` are the statements by id, in the order of their first use."""

    def __init__(self, query: Query, progress: Progress | None = None) -> None:
        self._query = query
        self._progress = progress
        self.asked: dict[str, list[Asked]] = {}

    def ask(self, statement: Statement) -> dict[str, Sequence[Any]]:
        """The columns of a statement's answer. Raises what the query raises."""
        if self._progress is not None:
            self._progress(statement.id)
        found = self._query(statement.sql, statement.parameters)
        self._keep(statement.id, statement.sql, statement.parameters, found)
        return {_NAMES.get(name, name): values for name, values in found.items()}

    def under(self, name: str) -> Query:
        """A query whose statements are kept under one id."""

        def ask(sql: str, parameters: Mapping[str, Any]) -> Mapping[str, Sequence[Any]]:
            if self._progress is not None:
                self._progress(name)
            found = self._query(sql, parameters)
            self._keep(name, sql, parameters, found)
            return found

        return ask

    def _keep(
        self,
        name: str,
        sql: str,
        parameters: Mapping[str, Any],
        found: Mapping[str, Sequence[Any]],
    ) -> None:
        rows = len(next(iter(found.values()), ()))
        self.asked.setdefault(name, []).append(Asked(sql, dict(parameters), rows))


def runnable(asked: Asked) -> str:
    """The statement with its parameters' values in place, as `voc query` takes it."""
    literals = {name: literal(value) for name, value in asked.parameters.items()}
    return asked.sql % literals if literals else asked.sql


def literal(value: Any) -> str:
    """A value as ClickHouse writes it."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(literal(item) for item in value)}]"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        value = aware.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    escaped = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
