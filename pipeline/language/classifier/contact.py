"""The packaged model as the analyser uses it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.domain.analysis import ClauseReading
from pipeline.errors import ModelError
from pipeline.language.aggregate import Thresholds
from pipeline.language.classifier.cores import bound_tokenizers, cores
from pipeline.language.classifier.decide import readings, sigmoid, softmax
from pipeline.language.classifier.directory import HEADS, TOKENIZER, WEIGHTS, ModelDirectory
from pipeline.language.classifier.heads import Heads
from pipeline.language.classifier.onnx import OUTPUTS, Logits, OnnxEngine
from pipeline.language.classifier.tokenize import Tokeniser

_READ = ("sentiment", "complaint", "churn", "topic", "polarity")


class ContactClassifier:
    """Implements `pipeline.domain.analysis.Classifier` on a verified directory."""

    def __init__(self, directory: ModelDirectory, *, threads: int = 0) -> None:
        self.directory = directory
        self.revision = directory.revision
        self.taxonomy_version = directory.taxonomy_version
        self.topics = directory.topics
        self.max_tokens = directory.max_tokens
        threads = threads or cores()
        bound_tokenizers(threads)
        self._tokenise = Tokeniser(directory.path / TOKENIZER, directory.max_tokens)
        self._engine = OnnxEngine(directory.path / WEIGHTS, pad=self._tokenise.pad, threads=threads)
        self._fitted = HEADS in directory.files
        self.heads = self._heads()

    @property
    def threads(self) -> int:
        """Batches that are read side by side."""
        return self._engine.threads

    @property
    def thresholds(self) -> Thresholds:
        """From which probabilities a contact is a complaint, announces leaving, has a sentiment."""
        return self.directory.calibration.thresholds

    def read(self, clauses: Sequence[str]) -> list[ClauseReading]:
        """One reading per clause, same order; the same whatever the batch. Thread-safe."""
        if not clauses:
            return []
        tokens = self._tokenise(clauses)
        rows = [each.ids for each in tokens]
        logits = self._run(rows) if self._fitted else self._engine(rows, _READ)
        cut = [each.truncated for each in tokens]
        return readings(logits, cut, self.topics, self.directory.calibration)

    def likelihoods(self, clauses: Sequence[str]) -> list[list[list[float]]]:
        """[text][topic][polarity]: how likely it is said, whatever the thresholds."""
        if not clauses:
            return []
        rows = [each.ids for each in self._tokenise(clauses)]
        logits = self._run(rows) if self._fitted else self._engine(rows, ("topic", "polarity"))
        heat = self.directory.calibration.temperatures
        likely = sigmoid(logits["topic"] / heat["topic"])
        signs = softmax(logits["polarity"] / heat["polarity"])
        found: list[list[list[float]]] = (likely[:, :, None] * signs).tolist()
        return found

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors [n, H]: texts that mean the same are close."""
        if not texts:
            return np.zeros((0, self.directory.hidden), np.float32)
        return self._engine([each.ids for each in self._tokenise(texts)], ("embedding",))[
            "embedding"
        ]

    def logits(self, texts: Sequence[str]) -> Logits:
        """Every output before calibration, fitted heads applied, one row per text."""
        return self._run([each.ids for each in self._tokenise(texts)])

    def tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens of each text are read, the two special ones included."""
        return [len(each.ids) for each in self._tokenise(texts)]

    def warm_up(self) -> None:
        """Reads a few made-up texts, so that the first customer does not wait for allocations."""
        self.read(["x " * length for length in (4, 16, self.max_tokens)] * self._engine.threads)

    def _run(self, rows: Sequence[Sequence[int]]) -> Logits:
        found = self._engine(rows, OUTPUTS)
        return self.heads.apply(found) if self._fitted else found

    def _heads(self) -> Heads:
        """The fitted heads, or the graph's own. Raises ModelError if they are for other topics."""
        there, hidden = self._engine.width("topic"), self._engine.width("embedding")
        if self._fitted:
            path = self.directory.path / HEADS
            return Heads.load(path, len(self.topics), there, hidden)
        if there != len(self.topics):
            raise ModelError(
                f"{self.directory.path / WEIGHTS} has {there} topics, its configuration"
                f" {len(self.topics)}",
                fix="Copy the model directory again.",
            )
        return Heads.of_graph(np.arange(there), hidden)
