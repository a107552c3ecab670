"""Where the files that travel with the code are: schemas/ and models/.

In a checkout they are the folders beside the package; the wheel carries them inside it.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import ConfigError

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = _PACKAGE / "_resources"


def root() -> Path:
    """The folder that holds `schemas/` and `models/`."""
    return _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent


def schemas() -> Path:
    """Event schemas, migrations, taxonomy.yaml and scales.yaml."""
    return root() / "schemas"


def default_model() -> Path:
    """The model directory that the worker uses unless it is told otherwise."""
    return root() / "models" / "contact-small"


def taxonomy(model: Path | None = None) -> Path:
    """taxonomy.yaml of a model directory that brings its own, else the shipped one.

    Raises ConfigError for a directory that is not there: with the shipped taxonomy in its place
    the model's own topics would have neither label nor owner, and nobody would be told.
    """
    if model and not model.is_dir():
        raise ConfigError(
            f"there is no model directory {model}, whose taxonomy is needed",
            fix="Check model.path (or --model), and that the folder is mounted here too.",
        )
    own = (model or default_model()) / "taxonomy.yaml"
    return own if own.is_file() else schemas() / "taxonomy.yaml"
