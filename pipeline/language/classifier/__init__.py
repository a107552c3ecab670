"""The classifier: clauses in, what they say out. `load` is all that others need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline import resources
from pipeline.domain.analysis import Classifier
from pipeline.domain.taxonomy import Taxonomy
from pipeline.errors import ConfigError
from pipeline.language.aggregate import Thresholds


class LoadedClassifier(Classifier, Protocol):
    """A classifier with what a caller needs beside its readings. Thread-safe."""

    @property
    def thresholds(self) -> Thresholds:
        """The calibrated thresholds of a contact."""
        ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors [n, H] of whole texts."""
        ...

    def warm_up(self) -> None:
        """Makes the first reading as fast as the later ones."""
        ...


def load(
    path: Path | None = None,
    *,
    engine: str = "onnx",
    threads: int = 0,
    labels: Mapping[str, str] | None = None,
    taxonomy: Taxonomy | None = None,
) -> LoadedClassifier:
    """Loads the model of `path` (the shipped one when None), verified and ready.

    `threads` 0 takes one per core. `engine` "torch" runs any Hugging Face sequence classification
    checkpoint for sentiment alone, with `labels` mapping its labels to ours; it needs the extra
    `torch`. Without `taxonomy` the directory's own counts, else the shipped one.

    Raises:
        ModelError: a file is missing, changed, or not what the manifest, the configuration or the
            taxonomy says. Nothing is loaded then.
    """
    if engine == "onnx":
        from pipeline.language.classifier.contact import ContactClassifier  # noqa: PLC0415  heavy
        from pipeline.language.classifier.directory import ModelDirectory  # noqa: PLC0415

        directory = ModelDirectory.read(path or resources.default_model(), taxonomy)
        return ContactClassifier(directory, threads=threads)
    if engine == "torch":
        from pipeline.language.classifier.torch import SentimentClassifier  # noqa: PLC0415  heavy

        return SentimentClassifier.load(path, threads=threads, labels=labels, taxonomy=taxonomy)
    raise ConfigError(f"model.engine {engine!r} is not known", fix="Use onnx or torch.")


__all__ = ["LoadedClassifier", "load"]
