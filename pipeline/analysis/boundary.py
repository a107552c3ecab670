"""The resource boundary: the level of an attribute above which more of it moves nothing.

A broken line is fitted to satisfaction y by the attribute's score x:

    y = a + b·min(x, c) + d·max(x - c, 0)

c runs over a grid and takes the least squares.  There is a boundary where the break is real (sup-F
against the straight line, its distribution simulated under the line; Andrews 1993; Muggeo 2003 for
broken lines), b is surely above 0, and the interval of d holds 0 or lies below it.  Beyond c the
money is better spent elsewhere.  The bounds of c come from a parametric bootstrap of the
level means.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.analysis.columns import Columns, Floats, Ints
from pipeline.analysis.few import TooFew
from pipeline.analysis.intervals import Estimate, Unit, normal, quantiles
from pipeline.analysis.kano import pivot

MIN_ANSWERS = 100
"""Pairs of attribute and whole that a broken line needs."""
MIN_LEVELS = 4
"""Different levels of the attribute that a broken line needs."""
LEVELS = 20
"""Finer scores are put into this many bins."""
DRAWS = 500
ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Boundary:
    """The broken line of one attribute.

    `at` is the break (score 0..1) or None where no boundary is shown; `below` and `beyond` are the
    slopes on either side of the best break (score of the whole per score of the attribute),
    `p_value` that of the break. `reached`: the share of answers at or above the break.
    """

    name: str
    at: Estimate | None
    below: Estimate
    beyond: Estimate
    p_value: float
    reached: float


def resource_boundaries(
    columns: Columns, *, whole: str = "csat", seed: int = 0
) -> tuple[tuple[str, Boundary | TooFew], ...]:
    """The boundary of each rated attribute, by name. Reads the columns of `kano.kano`."""
    table = pivot(columns, whole)
    found = []
    for name, values in table.attributes.items():
        known = np.isfinite(values)
        found.append((name, boundary(name, values[known], table.whole[known], seed=seed)))
    return tuple(found)


def boundary(name: str, attribute: Floats, whole: Floats, *, seed: int = 0) -> Boundary | TooFew:
    """The broken line of scores [n] of an attribute and of the whole, both 0..1."""
    if len(whole) < MIN_ANSWERS:
        return TooFew("ratings", len(whole), MIN_ANSWERS)
    levels = _levels(attribute, whole)
    if len(levels.x) < MIN_LEVELS:
        return TooFew("levels", len(levels.x), MIN_LEVELS)
    grid = np.linspace(levels.x[1], levels.x[-2], 41)
    lines = _Lines.of(levels, grid)
    best, gain = lines.best(levels.mean)
    p_value, breaks = _simulate(lines, levels, gain, seed)
    below, beyond = lines.slopes(levels, best)
    real = p_value < ALPHA and below.above(0) and beyond.low <= 0
    at = Estimate(float(grid[best]), *quantiles(grid[breaks]), len(whole), Unit.SCORE)
    reached = float(levels.n[levels.x >= grid[best] - 1e-9].sum() / levels.n.sum())
    return Boundary(name, at if real else None, below, beyond, p_value, reached)


@dataclass(frozen=True, slots=True)
class _Levels:
    """The answers by level of the attribute: level x, count n, mean and its squared error."""

    x: Floats
    n: Floats
    mean: Floats
    error2: Floats


def _levels(attribute: Floats, whole: Floats) -> _Levels:
    x = attribute
    if len(np.unique(x)) > LEVELS:
        edges = np.unique(np.quantile(x, np.linspace(0, 1, LEVELS + 1)))
        x = edges[np.clip(np.searchsorted(edges, x, "right") - 1, 0, len(edges) - 2)]
    level, inverse = np.unique(x, return_inverse=True)
    inverse = inverse.reshape(-1)
    n = np.bincount(inverse).astype(np.float64)
    centre = np.bincount(inverse, attribute) / n
    mean = np.bincount(inverse, whole) / n
    residual = float(((whole - mean[inverse]) ** 2).sum()) / max(len(whole) - len(level), 1)
    return _Levels(centre, n, mean, np.maximum(residual, 1e-12) / n)


@dataclass(frozen=True, slots=True)
class _Lines:
    """Broken lines for every break of a grid: how each turns means into coefficients."""

    straight: Floats  # [levels, levels] residual maker of the straight line
    broken: Floats  # [grid, levels, levels] residual makers of the broken ones
    solve: Floats  # [grid, 3, levels] coefficients a, b, d
    weight: Floats

    @classmethod
    def of(cls, levels: _Levels, grid: Floats) -> _Lines:
        """Weighted least squares on level means with the answers as weights."""
        ones, weight = np.ones_like(levels.x), levels.n
        designs = [
            np.column_stack([ones, np.minimum(levels.x, c), np.maximum(levels.x - c, 0)])
            for c in grid
        ]
        solve = np.stack([_solver(design, weight) for design in designs])
        eye = np.eye(len(levels.x))
        broken = np.stack([eye - d @ s for d, s in zip(designs, solve, strict=True)])
        plain = np.column_stack([ones, levels.x])
        return cls(eye - plain @ _solver(plain, weight), broken, solve, weight)

    def gains(self, means: Floats) -> Floats:
        """Drop [grid, k] of the weighted squares against the straight line; means [levels, k]."""
        flat = (self.weight[:, None] * (self.straight @ means) ** 2).sum(0)
        bent = (self.weight[None, :, None] * (self.broken @ means) ** 2).sum(1)
        drop: Floats = flat - bent
        return drop

    def best(self, mean: Floats) -> tuple[int, float]:
        """The break with the largest drop, and the drop."""
        gains = self.gains(mean[:, None])[:, 0]
        return int(np.argmax(gains)), float(gains.max())

    def slopes(self, levels: _Levels, index: int) -> tuple[Estimate, Estimate]:
        """The slopes below and beyond a break."""
        rows = self.solve[index]
        values = rows @ levels.mean
        errors = np.sqrt((rows**2) @ levels.error2)
        n = int(levels.n.sum())
        return (
            normal(float(values[1]), float(errors[1]), n, Unit.INDEX),
            normal(float(values[2]), float(errors[2]), n, Unit.INDEX),
        )


def _solver(design: Floats, weight: Floats) -> Floats:
    root = np.sqrt(weight)
    return np.asarray(np.linalg.pinv(design * root[:, None]) * root, np.float64)


def _simulate(lines: _Lines, levels: _Levels, gain: float, seed: int) -> tuple[float, Ints]:
    """P-value of the drop under the straight line, and the breaks of means drawn as observed."""
    random = np.random.default_rng(seed)
    noise = random.standard_normal((len(levels.x), DRAWS)) * np.sqrt(levels.error2)[:, None]
    # The line's own fit leaves the drop unchanged, so noise alone has its distribution.
    chance = lines.gains(noise).max(0)
    p_value = (1 + int((chance >= gain).sum())) / (1 + DRAWS)
    breaks = lines.gains(levels.mean[:, None] + noise).argmax(0)
    return p_value, breaks
