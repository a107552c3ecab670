"""The references that are generated from code are those in the repository (`make docs`)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli.config import metrics_reference, settings_reference

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("configuration.md", settings_reference()), ("metrics.md", metrics_reference())],
)
def test_references_are_up_to_date(name: str, wanted: str) -> None:
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == wanted + "\n", "run: make docs"


def test_dashboards_are_up_to_date() -> None:
    run = subprocess.run([sys.executable, ROOT / "helm" / "dashboards.py", "--check"], check=False)
    assert run.returncode == 0, "run: make docs"


def test_the_readme_names_only_commands_that_exist() -> None:
    from pipeline.cli.main import app  # noqa: PLC0415 - the whole command line

    known = {c.name for c in app.registered_commands} | {g.name for g in app.registered_groups}
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    used = {line.split()[1] for line in text.splitlines() if line.startswith("voc ")}
    assert used
    assert used <= known
