from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.language.classifier import batches


@given(st.lists(st.integers(1, 128), max_size=200), st.integers(1, 4096))
def test_every_row_is_in_one_batch_within_the_budget(lengths: list[int], budget: int) -> None:
    parts = batches.plan(lengths, budget)
    assert sorted(np.concatenate(parts).tolist() if parts else []) == list(range(len(lengths)))
    for part in parts:
        width = max(lengths[row] for row in part)
        assert len(part) == 1 or width * len(part) <= budget


@given(st.lists(st.integers(1, 128), min_size=1, max_size=300))
def test_padding_costs_little(lengths: list[int]) -> None:
    """Beyond the eight rows that a call is worth, padding is at most 15 % of a batch."""
    for part in batches.plan(lengths):
        width = max(lengths[row] for row in part)
        assert all(lengths[row] >= 0.85 * width for row in part[8:])


def test_rows_are_filled_up_on_the_right() -> None:
    ids, mask = batches.padded([[5, 6, 7], [8]], pad=1)
    assert ids.tolist() == [[5, 6, 7], [8, 1, 1]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]
