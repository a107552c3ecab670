"""Settings of one query that are gone for the next."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.local.front.engine import EngineSession
from pipeline.local.front.errors import UNKNOWN_SETTING, ServerError
from pipeline.local.front.packets import Setting


class SessionSettings:
    """Keeps the engine's session at `base` plus what the current query brought.

    The engine knows settings per session only.  Instead of setting and resetting around every
    query, the difference to the previous one is applied: a client that sends the same settings
    with each query, as clickhouse-driver does, costs nothing.
    """

    def __init__(self, engine: EngineSession, base: Mapping[str, str]) -> None:
        self._engine = engine
        self._base = dict(base)
        self._applied: dict[str, str] = {}
        self._sync(self._base, frozenset())

    def for_query(self, settings: Mapping[str, Setting]) -> None:
        """Makes the session ready for a query. Raises ServerError for a value that is refused."""
        wanted = self._base | {
            name: _literal(setting.value)
            for name, setting in settings.items()
            if not setting.custom
        }
        important = frozenset(name for name, setting in settings.items() if setting.important)
        self._sync(wanted, important)

    def remember(self, assigns: tuple[tuple[str, str], ...]) -> None:
        """A SET statement succeeded: its values are now the session's own."""
        for name, value in assigns:
            if value.upper() == "DEFAULT":
                self._base.pop(name, None)
                self._applied.pop(name, None)
            else:
                self._base[name] = self._applied[name] = value

    def _sync(self, wanted: Mapping[str, str], important: frozenset[str]) -> None:
        for name in [name for name in self._applied if name not in wanted]:
            self._engine.run(f"SET {name} = DEFAULT")
            del self._applied[name]
        for name, value in wanted.items():
            if self._applied.get(name) != value:
                self._apply(name, value, important)

    def _apply(self, name: str, value: str, important: frozenset[str]) -> None:
        try:
            _check(name)
            self._engine.run(f"SET {name} = {value}")
        except ServerError as error:
            if error.code != UNKNOWN_SETTING or name in important:
                raise
        self._applied[name] = value


def _check(name: str) -> None:
    """A setting's name goes into the statement as it is."""
    if not name.isidentifier():
        raise ServerError(UNKNOWN_SETTING, f"Unknown setting '{name}'")


def _literal(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
