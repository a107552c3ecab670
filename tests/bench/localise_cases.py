"""Synthetic root-cause cases in the way of Squeeze (Li 2019) and RiskLoc (Kalander 2022).

A table of cells over a few dimensions, a forecast with relative noise, and one to three slices
whose cells all fall (or rise) by one ratio plus a deviation of their own (the noisy ripple effect).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.analysis.localise import Cells

SMALLEST = 0.03
"""Each cause makes at least this part of the change: less is no answer to "what happened"."""

Slice = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Case:
    """Cells and the slices that moved."""

    cells: Cells
    truth: frozenset[Slice]


@dataclass(frozen=True, slots=True)
class Shape:
    """A family of cases.

    `sizes` are the number of values of each dimension, `layers` the numbers of dimensions a cause
    fixes, `causes` how many there are, `same_cuboid` whether they fix the same dimensions (Squeeze)
    or any (RiskLoc), `noise` the relative error of the forecast, `zeros` the share of empty cells.
    """

    name: str
    sizes: tuple[int, ...]
    layers: tuple[int, ...]
    causes: tuple[int, ...]
    same_cuboid: bool
    noise: float
    zeros: float = 0.0
    counts: bool = False

    @property
    def least(self) -> float:
        """A cause moves at least this part of the whole; counts have to rise above their noise."""
        return 0.005 if self.counts else 0.0005


SHAPES = (
    Shape("squeeze, one cause", (10, 12, 10, 8), (1, 2, 3), (1,), True, 0.03),
    Shape("squeeze, two causes", (10, 12, 10, 8), (1, 2, 3), (2,), True, 0.03),
    Shape("squeeze, three causes", (10, 12, 10, 8), (1, 2, 3), (3,), True, 0.03),
    Shape("riskloc, one cause", (10, 5, 8, 5, 4), (1, 2, 3), (1,), False, 0.08, 0.1),
    Shape("riskloc, two causes", (10, 5, 8, 5, 4), (1, 2, 3), (2,), False, 0.08, 0.1),
    Shape("riskloc, three causes", (10, 5, 8, 5, 4), (1, 2, 3), (3,), False, 0.08, 0.1),
    Shape("contacts, one cause", (18, 4, 6, 8), (1, 2), (1,), False, 0.0, 0.2, True),
    Shape("contacts, two causes", (18, 4, 6, 8), (1, 2), (2,), False, 0.0, 0.2, True),
    Shape("contacts, three causes", (18, 4, 6, 8), (1, 2), (3,), False, 0.0, 0.2, True),
)


def cases(shape: Shape, number: int, seed: int) -> Iterator[Case]:
    """`number` cases of a family."""
    chance = np.random.default_rng(seed)
    for _ in range(number):
        yield _case(shape, chance)


def quiet(shape: Shape, number: int, seed: int) -> Iterator[Cells]:
    """Cases in which nothing moved."""
    chance = np.random.default_rng(seed)
    for _ in range(number):
        codes, base = _table(shape, chance)
        yield _cells(shape, chance, codes, base, base)


def _table(shape: Shape, chance: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    grids = np.meshgrid(*[np.arange(size) for size in shape.sizes], indexing="ij")
    codes = np.stack([grid.ravel() for grid in grids], 1)
    weights = [chance.dirichlet(np.full(size, 3.0)) for size in shape.sizes]
    density = np.prod([weights[d][codes[:, d]] for d in range(len(shape.sizes))], 0)
    total = 40_000 if shape.counts else 100.0 * len(codes)
    base = density / density.sum() * total * chance.weibull(1.5, len(codes))
    base[chance.random(len(codes)) < shape.zeros] = 0.0
    return codes, base


def _case(shape: Shape, chance: np.random.Generator) -> Case:
    while True:
        codes, base = _table(shape, chance)
        chosen = _causes(shape, chance)
        moved = base.copy()
        changes = []
        for cause in chosen:
            inside = np.all([codes[:, d] == v for d, v in cause.items()], 0)
            severity = chance.uniform(0.3, 0.9)
            sign = 1.0 if shape.counts else -1.0
            own = np.clip(severity + chance.normal(0, 0.05, inside.sum()), 0.05, 3.0)
            factor = 1 + sign * own * (2.5 if shape.counts else 1.0)
            moved[inside] = base[inside] * np.clip(factor, 0, None)
            changes.append(abs((moved - base)[inside].sum()))
        if min(changes) > SMALLEST * sum(changes) and min(changes) > shape.least * base.sum():
            truth = frozenset(frozenset((f"d{d}", str(v)) for d, v in c.items()) for c in chosen)
            return Case(_cells(shape, chance, codes, base, moved), truth)


def _causes(shape: Shape, chance: np.random.Generator) -> list[Mapping[int, int]]:
    number = int(chance.choice(shape.causes))
    found: list[Mapping[int, int]] = []
    dimensions = _dimensions(shape, chance)
    while len(found) < number:
        if not shape.same_cuboid:
            dimensions = _dimensions(shape, chance)
        cause = {int(d): int(chance.integers(shape.sizes[d])) for d in dimensions}
        if not any(_nested(cause, other) for other in found):
            found.append(cause)
    return found


def _dimensions(shape: Shape, chance: np.random.Generator) -> list[int]:
    layer = int(chance.choice(shape.layers))
    return sorted(int(d) for d in chance.choice(len(shape.sizes), layer, replace=False))


def _nested(one: Mapping[int, int], other: Mapping[int, int]) -> bool:
    """Whether the slices share cells: then neither is a cause of its own."""
    return all(other[d] == v for d, v in one.items() if d in other)


def _cells(
    shape: Shape,
    chance: np.random.Generator,
    codes: np.ndarray,
    base: np.ndarray,
    moved: np.ndarray,
) -> Cells:
    if shape.counts:
        before, after = chance.poisson(base).astype(float), chance.poisson(moved).astype(float)
        variance = None
    else:
        after = moved
        before = base * np.clip(1 + chance.normal(0, shape.noise, len(base)), 0, None)
        variance = np.maximum(1e-6, 1e-6 * (before + after))
    columns = {f"d{d}": [str(v) for v in codes[:, d]] for d in range(codes.shape[1])}
    return Cells.of(columns, after, before, variance)
