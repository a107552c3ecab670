"""Heads that were fitted after the encoder was trained: topics of a user's own.

They stand beside the graph in heads.npz and are applied to its outputs, so that adding a topic
touches no weight of the encoder. For topic t with the graph's embedding e, topic logits g and
sentiment logits s:

    topic_t    = g[column_t]    (0 without a column)          + w_t·e + b_t
    polarity_t = G[column_t, :] (share_t·s without a column)  + W_t·e + B_t
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ModelError

Floats = NDArray[np.float32]
Logits = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Heads:
    """`column` [n] (-1: none), `weight` [n, H], `bias` [n], `polarity_weight` [n, 3, H],
    `polarity_bias` [n, 3], `share` [n]; n topics, H the width of the embedding."""

    column: NDArray[np.int64]
    weight: Floats
    bias: Floats
    polarity_weight: Floats
    polarity_bias: Floats
    share: Floats

    @classmethod
    def of_graph(cls, columns: NDArray[np.int64], hidden: int) -> Self:
        """The graph's own heads, in the order `columns`; -1 for a topic that it does not have."""
        n = len(columns)
        return cls(
            columns.astype(np.int64),
            np.zeros((n, hidden), np.float32),
            np.zeros(n, np.float32),
            np.zeros((n, 3, hidden), np.float32),
            np.zeros((n, 3), np.float32),
            np.zeros(n, np.float32),
        )

    @classmethod
    def load(cls, path: Path, topics: int, graph_topics: int, hidden: int) -> Self:
        """Reads heads.npz. Raises ModelError if its shapes do not fit."""
        try:
            with np.load(path, allow_pickle=False) as file:
                heads = cls(*(file[field.name] for field in fields(cls)))
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise ModelError(f"{path} cannot be read: {error}", fix=_AGAIN) from error
        empty = cls.of_graph(np.full(topics, -1), hidden)
        for field in fields(cls):
            shape = getattr(heads, field.name).shape
            if shape != getattr(empty, field.name).shape:
                raise ModelError(f"{path}: {field.name} has the shape {shape}", fix=_AGAIN)
        if heads.column.max() >= graph_topics or heads.column.min() < -1:
            raise ModelError(f"{path} names a column that model.onnx does not have", fix=_AGAIN)
        return heads

    def bytes(self) -> bytes:
        """The file's content; equal heads give equal bytes."""
        buffer = io.BytesIO()
        np.savez(buffer, **{field.name: getattr(self, field.name) for field in fields(self)})
        return buffer.getvalue()

    def apply(self, logits: Logits) -> dict[str, Floats]:
        """`logits` with topic [B, n] and polarity [B, n, 3] of these heads."""
        embedding, there = logits["embedding"], self.column >= 0
        topic = embedding @ self.weight.T + self.bias
        topic[:, there] += logits["topic"][:, self.column[there]]
        polarity = np.einsum("bh,nkh->bnk", embedding, self.polarity_weight, optimize=True)
        polarity += self.polarity_bias
        polarity[:, there] += logits["polarity"][:, self.column[there]]
        polarity[:, ~there] += self.share[~there][None, :, None] * logits["sentiment"][:, None, :]
        return {**logits, "topic": topic, "polarity": polarity}


_AGAIN = "Copy the model directory again, or make it anew with `voc taxonomy fit`."
