"""Rows of different lengths to batches with little padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

TOKENS = 512
"""Of one batch, padding included: a batch of short texts has many rows, one of long texts few."""

_FEW = 8
_SLACK = 0.85


def plan(lengths: Sequence[int], budget: int = TOKENS) -> list[NDArray[np.int64]]:
    """Row numbers of each batch, the longest rows first; every row is in exactly one.

    A batch ends at `budget` tokens, or where its rows have become so much shorter than its first
    that the padding would cost more than a further call.
    """
    order = np.argsort(-np.asarray(lengths, np.int64), kind="stable")
    return list(_cut(order, np.asarray(lengths, np.int64)[order], budget))


def _cut(
    order: NDArray[np.int64], lengths: NDArray[np.int64], budget: int
) -> Iterator[NDArray[np.int64]]:
    start = 0
    while start < len(order):
        width = max(int(lengths[start]), 1)
        end = min(start + max(1, budget // width), len(order))
        close = start + int(np.count_nonzero(lengths[start:end] >= _SLACK * width))
        end = min(end, max(close, start + _FEW))
        yield order[start:end]
        start = end


def padded(rows: Sequence[Sequence[int]], pad: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ids and mask [B, T] of rows, filled up on the right with `pad` and 0."""
    width = max(map(len, rows))
    ids = np.full((len(rows), width), pad, np.int64)
    mask = np.zeros((len(rows), width), np.int64)
    for at, row in enumerate(rows):
        ids[at, : len(row)] = row
        mask[at, : len(row)] = 1
    return ids, mask
