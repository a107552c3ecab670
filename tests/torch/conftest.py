"""These tests need the extra `torch`. Where it is not installed the run says so at its end."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

_THERE = find_spec("torch") is not None

collect_ignore_glob = [] if _THERE else ["test_*.py"]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _THERE:
        terminalreporter.write_line("tests/torch was left out: torch is not installed", yellow=True)
