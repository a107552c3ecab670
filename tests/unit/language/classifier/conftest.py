"""The shipped model, loaded once, and copies of its directory that tests may damage."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline import resources
from pipeline.language.classifier import LoadedClassifier, load


@pytest.fixture(scope="session")
def model() -> LoadedClassifier:
    return load(threads=2)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The shipped directory by links; a test that changes a file replaces its link."""
    folder = tmp_path / "model"
    folder.mkdir()
    for file in resources.default_model().iterdir():
        (folder / file.name).symlink_to(file)
    return folder


def replace(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(content)


def vouch(folder: Path) -> None:
    """Rewrites the manifest, so that it vouches for what is there now."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    for name in manifest["files"]:
        content = (folder / name).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        manifest["files"][name] = {"sha256": digest, "bytes": len(content)}
    replace(folder / "manifest.json", json.dumps(manifest).encode())


@pytest.fixture
def configured(copied: Path) -> Callable[[Callable[[dict[str, Any]], object]], Path]:
    """Changes config.json by a function and vouches for the result."""

    def change(edit: Callable[[dict[str, Any]], object]) -> Path:
        config = json.loads((copied / "config.json").read_bytes())
        edit(config)
        replace(copied / "config.json", json.dumps(config).encode())
        vouch(copied)
        return copied

    return change
