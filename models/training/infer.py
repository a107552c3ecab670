"""Runs the packaged model as the product does: onnxruntime and tokenizers, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.training.package import MAX_TOKENS, OUTPUTS, PAD
from pipeline.language.normalise import normalise

Logits = dict[str, NDArray[np.float32]]

_BATCH = 64


class Runner:
    """A session on one model file."""

    def __init__(
        self, model: Path, tokenizer: Path, *, threads: int = 2, cap: int = MAX_TOKENS
    ) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(
            str(model), options, providers=["CPUExecutionProvider"]
        )
        self.tokenizer = Tokenizer.from_file(str(tokenizer))
        self.tokenizer.enable_truncation(cap)
        self.tokenizer.no_padding()

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Piece ids of each text."""
        return [
            e.ids for e in self.tokenizer.encode_batch_fast([normalise(text) for text in texts])
        ]

    def run(self, ids: Sequence[Sequence[int]]) -> Logits:
        """One batch."""
        width = max(len(row) for row in ids)
        matrix = np.full((len(ids), width), PAD, np.int64)
        mask = np.zeros((len(ids), width), np.int64)
        for at, row in enumerate(ids):
            matrix[at, : len(row)] = row
            mask[at, : len(row)] = 1
        found = self.session.run(None, {"input_ids": matrix, "attention_mask": mask})
        return dict(zip(OUTPUTS, found, strict=True))

    def __call__(self, texts: Sequence[str]) -> Logits:
        """All texts in batches of like length; rows in the given order."""
        ids = self.ids(texts)
        order = np.argsort([len(row) for row in ids], kind="stable")
        parts = [
            self.run([ids[i] for i in order[start : start + _BATCH]])
            for start in range(0, len(order), _BATCH)
        ]
        back = np.argsort(order)
        return {name: np.concatenate([p[name] for p in parts])[back] for name in OUTPUTS}
