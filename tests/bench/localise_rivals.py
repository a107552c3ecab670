"""What change localisation is compared with."""

from __future__ import annotations

import numpy as np

from pipeline.analysis.localise import Cells

Slice = frozenset[tuple[str, str]]


def top_contribution(cells: Cells, number: int = 1) -> set[Slice]:
    """The single values with the largest change: what a sorted pivot table shows."""
    found = []
    for dimension, name in enumerate(cells.dimensions):
        key = cells.codes[:, dimension]
        change = np.bincount(key, cells.seen - cells.expected)
        found += [
            (abs(c), frozenset({(name, cells.values[dimension][v])})) for v, c in enumerate(change)
        ]
    found.sort(key=lambda pair: -pair[0])
    return {each for _, each in found[:number]}


def adtributor(cells: Cells, power: float = 0.1, enough: float = 0.67, most: int = 3) -> set[Slice]:
    """Bhagwan et al. 2014: one dimension, its values by surprise, until they explain enough."""
    total_old, total_new = cells.expected.sum(), cells.seen.sum()
    best: tuple[float, set[Slice]] = (-1.0, set())
    for dimension, name in enumerate(cells.dimensions):
        key = cells.codes[:, dimension]
        old, new = np.bincount(key, cells.expected), np.bincount(key, cells.seen)
        share = (new - old) / (total_new - total_old) if total_new != total_old else 0 * new
        surprise = _surprise(old / total_old, new / max(total_new, 1e-12))
        chosen, explained, sum_surprise = [], 0.0, 0.0
        for value in np.argsort(-surprise):
            if share[value] > power:
                chosen.append(frozenset({(name, cells.values[dimension][value])}))
                explained += share[value]
                sum_surprise += surprise[value]
            if explained > enough:
                break
        if explained > enough and len(chosen) <= most and sum_surprise > best[0]:
            best = (sum_surprise, set(chosen))
    return best[1]


def _surprise(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Jensen-Shannon terms."""
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.where(p > 0, p * np.log(p / middle), 0.0)
        right = np.where(q > 0, q * np.log(q / middle), 0.0)
    return (left + right) / 2
