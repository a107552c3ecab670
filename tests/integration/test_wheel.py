"""The wheel alone, in an empty venv, outside any checkout, runs the demo."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import orjson
import pytest

pytestmark = [pytest.mark.local, pytest.mark.timeout(1200)]

ROOT = Path(__file__).parents[2]


def _run(*command: str | Path, folder: Path) -> subprocess.CompletedProcess[bytes]:
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("VOC_", "PYTHON", "VIRTUAL_ENV"))
    }
    done = subprocess.run(command, cwd=folder, env=clean, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    return done


def test_the_wheel_carries_everything_that_the_demo_needs(tmp_path: Path) -> None:
    _run(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, ROOT, folder=tmp_path)
    (wheel,) = tmp_path.glob("voc-*.whl")
    venv.create(tmp_path / "empty", with_pip=True)
    programs = tmp_path / "empty" / "bin"
    pip = programs / "pip", "install", "--quiet", "--disable-pip-version-check"
    _run(*pip, f"voc[local] @ {wheel.as_uri()}", folder=tmp_path)
    shown = _run(programs / "voc", "demo", "--json", "--contacts", "400", folder=tmp_path)
    found = orjson.loads(shown.stdout)
    assert found["contacts"] == 400
    assert {row["language"] for row in found["languages"]} >= {"zh-Hans", "zh-Hant", "ko", "en"}
