"""Which slices explain a change: a pruned search over combinations of dimension values.

A *cell* is one combination of all dimension values with what was expected in it and what was seen.
A *slice* fixes the values of some dimensions.  If a slice is a cause, everything in it moved by the
same ratio (the ripple effect of Adtributor, Squeeze and RiskLoc), and nothing outside it moved.

For a slice S with the differences d = seen - expected of its cells, their variances v if nothing
changed, and weights w that are best for a common ratio (constant for counts, falling with the
level where relative noise rules),

    gain(S) = (sum w d)^2 / sum w^2 v                                         (chi-square, 1 df)

is what a change of S explains of the misfit of "nothing changed".  A slice with cells that did not
move is diluted, a slice that is only a part of the cause leaves gain behind: the cause itself has
the largest gain.  Slices of one cuboid (the same dimensions fixed) share no cell, so their gains
add up, and several causes of one cuboid are found together.  Each slice pays a price that grows
with the number of slices it was chosen from, which keeps noise and needless detail out.

Sources: Bhagwan et al. 2014 (Adtributor), Li et al. 2019 (Squeeze: the ripple effect), Kalander
2022 (RiskLoc: cells weighted by their deviation, layer by layer), Kulldorff 1997 (scan statistics).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Texts = Sequence[str] | NDArray[np.object_]

MAX_DIMENSIONS = 4
"""Dimensions that a slice fixes at most; deeper slices are not read by anybody."""

LEAST_DRIFT = 0.03
"""A move of the middle by less than 3 % is not called one of everything."""

_CACHED_CELLS = 200_000
"""Up to so many cells each cuboid's keys are kept: 163 cuboids of 8 dimensions take 260 MB."""

_LARGEST_TABLE = 1 << 18
"""Slices of a cuboid that are counted without sorting the cells first."""


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of two periods.

    `codes` [n, d] are integers from 0 of each dimension's `values`; `seen` and `expected` [n] are
    amounts in the same unit (counts, sums), `variance` [n] that of their difference if nothing
    changed. `rates` [4, n], for rates and means, are the contacts and the sums of both periods and
    `spread` the variance of one contact's value (None: a share): a slice is then a cause only if
    its own plain rate moved as well, since a cell's expectation may be off where cells are thin.
    """

    dimensions: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    codes: Ints
    seen: Floats
    expected: Floats
    variance: Floats
    rates: Floats | None = None
    spread: float | None = None

    @classmethod
    def of(
        cls,
        columns: Mapping[str, Texts],
        seen: Sequence[float] | Floats,
        expected: Sequence[float] | Floats,
        variance: Sequence[float] | Floats | None = None,
        rates: Floats | None = None,
        value_variance: float | None = None,
    ) -> Cells:
        """Cells from text columns. Without `variance` both sides are taken for counts."""
        names, codes, values = tuple(columns), [], []
        for name in names:
            inverse, found = pd.factorize(np.asarray(columns[name], dtype=object), sort=True)
            values.append(tuple(str(value) for value in found))
            codes.append(inverse.astype(np.int64))
        new, old = np.asarray(seen, np.float64), np.asarray(expected, np.float64)
        spread = new + old if variance is None else np.asarray(variance, np.float64)
        table = np.stack(codes, 1) if codes else np.zeros((len(new), 0), np.int64)
        made = cls(names, tuple(values), table, new, old, spread, rates, value_variance)
        return _merged(made)

    def __len__(self) -> int:
        return len(self.seen)


def _merged(cells: Cells) -> Cells:
    """The same cells, each combination of values once."""
    key, size = _number(cells, tuple(range(len(cells.dimensions))))
    if size == len(cells):
        return cells
    _, first, dense = np.unique(key, return_index=True, return_inverse=True)
    seen, expected, variance = (
        np.bincount(dense, each).astype(np.float64)
        for each in (cells.seen, cells.expected, cells.variance)
    )
    rates = None
    if cells.rates is not None:
        rates = np.stack([np.bincount(dense, each) for each in cells.rates]).astype(np.float64)
    return replace(
        cells,
        codes=cells.codes[first],
        seen=seen,
        expected=expected,
        variance=variance,
        rates=rates,
    )


def _number(cells: Cells, dimensions: tuple[int, ...]) -> tuple[Ints, int]:
    """The slice of each cell in a cuboid as numbers below a size; dense where it would be large."""
    key, size = np.zeros(len(cells), np.int64), 1
    for dimension in dimensions:
        width = len(cells.values[dimension])
        if size * width > _LARGEST_TABLE:
            _, key = np.unique(key, return_inverse=True)
            size = int(key.max(initial=-1)) + 1
        key = key * width + cells.codes[:, dimension]
        size *= width
    if size > _LARGEST_TABLE:
        _, key = np.unique(key, return_inverse=True)
        size = int(key.max(initial=-1)) + 1
    return key, size


@dataclass(frozen=True, slots=True)
class Cause:
    """A slice that moved; the empty slice is everything.

    `expected` and `seen` are its totals, `share` its part of the whole change (above 1 or below 0
    where slices move against each other), `gain` the chi-square it explains, `p_value` corrected
    for all the slices searched, `fit` the part of its cells' misfit that one common ratio explains
    (0..1).
    """

    slice: Mapping[str, str]
    expected: float
    seen: float
    share: float
    gain: float
    p_value: float
    fit: float

    @property
    def change(self) -> float:
        """Seen minus expected."""
        return self.seen - self.expected


@dataclass(frozen=True, slots=True)
class Localisation:
    """What explains the change from `expected` to `seen`; no causes where nothing stands out."""

    expected: float
    seen: float
    causes: tuple[Cause, ...]
    explained: float
    searched: int
    dispersion: float


@dataclass(frozen=True, slots=True)
class Options:
    """How eagerly to search.

    `alpha` is the chance of a cause in data where nothing changed; `minimum_share` drops what
    explains less of the change; `minimum_count` drops slices with fewer events in both periods
    together; `detail` is the relative gain that a further dimension or slice must bring.
    """

    alpha: float = 0.01
    minimum_share: float = 0.02
    minimum_count: float = 10.0
    detail: float = 0.06
    max_causes: int = 5
    max_dimensions: int = MAX_DIMENSIONS


@dataclass(slots=True)
class _Search:
    """The state of a search, per cell [n].

    `difference` is seen - expected as far as no cause has explained it, `variance` that of the
    difference, `weight` its weight in a slice, 0 once a cause has it.
    """

    cells: Cells
    options: Options
    level: Floats
    difference: Floats
    variance: Floats
    weight: Floats
    searched: int = 0
    drifted: bool = False
    keys: dict[tuple[int, ...], tuple[Ints, int]] = field(default_factory=dict)


def localise(cells: Cells, options: Options | None = None) -> Localisation:
    """The slices that explain why `cells.seen` differs from `cells.expected`, largest gain first.

    Cost: one pass over the cells for each cuboid that is not pruned; a cuboid is pruned when the
    deviations left in it cannot beat the best one found.
    """
    options = options or Options()
    search, dispersion = _start(cells, options)
    total = float(cells.seen.sum() - cells.expected.sum())
    causes: list[Cause] = []
    while len(causes) < options.max_causes:
        found = _best_cuboid(search)
        if found is None:
            break
        accepted = [c for c in _settle(search, found, total) if _matters(c, options)]
        causes += accepted
    causes = sorted(causes, key=lambda cause: -cause.gain)[: options.max_causes]
    explained = _explained(cells, causes, total)
    expected, seen = float(cells.expected.sum()), float(cells.seen.sum())
    return Localisation(expected, seen, tuple(causes), explained, search.searched, dispersion)


def _start(cells: Cells, options: Options) -> tuple[_Search, float]:
    level = np.maximum((cells.seen + cells.expected) / 2, 1e-9)
    difference = cells.seen - cells.expected
    spread = np.maximum(cells.variance, 1e-9)
    dispersion, noise = dispersion_of(cells, level, difference, spread)
    variance = dispersion * spread + (noise * level) ** 2
    # The best weight for a common ratio is level / variance. The counting part of the variance
    # goes with the level; taken from the whole it does not give a cell with 1 where 0 was expected
    # another weight than one with 0 where 1 was.
    unit = dispersion * float(spread.sum()) / max(float(level.sum()), 1e-9)
    weight = 1.0 / (unit + noise**2 * level)
    weight[(cells.seen == 0) & (cells.expected == 0)] = 0.0
    return _Search(cells, options, level, difference, variance, weight), dispersion


_COUNTED, _MEASURED = 5.0, 20.0
"""Level from which a slice tells the dispersion, and a cell its relative noise."""


def dispersion_of(
    cells: Cells, level: Floats, difference: Floats, spread: Floats
) -> tuple[float, float]:
    """Overdispersion (1 to 10) and relative noise where nothing moved.

    Both from medians, which a change in under half of the data does not reach. The dispersion comes
    from the slices of all pairs of dimensions, since single cells are mostly too thin; the relative
    noise from the cells with the larger expectations: by what was seen, moved cells would gather.
    """
    chi = float(stats.chi2.ppf(0.5, 1))
    squared = _pairs(cells, level, difference, spread)
    dispersion = min(max(1.0, float(np.median(squared)) / chi), 10.0) if len(squared) >= 8 else 1.0
    large = level >= _MEASURED
    if large.sum() >= 8:
        large &= cells.expected >= np.median(cells.expected[large])
    if large.sum() < 8:
        return dispersion, 0.0
    left = difference[large] / level[large]
    relative = np.median(left**2 - dispersion * spread[large] / level[large] ** 2 * chi)
    return dispersion, math.sqrt(max(0.0, float(relative)) / chi)


def _pairs(cells: Cells, level: Floats, difference: Floats, spread: Floats) -> Floats:
    """Squared standardised differences of the slices of all pairs of dimensions."""
    found = []
    for pair in combinations(range(len(cells.dimensions)), 2):
        key, size = _number(cells, pair)
        counted = np.bincount(key, level, size) >= _COUNTED
        moved = np.bincount(key, difference, size)[counted]
        found.append(moved**2 / np.bincount(key, spread, size)[counted])
    return np.concatenate(found) if found else np.zeros(0)


@dataclass(frozen=True, slots=True)
class _Cuboid:
    """The best slices of one cuboid: their keys, gains, and what they are worth together."""

    dimensions: tuple[int, ...]
    chosen: Ints
    gains: Floats
    worth: float


def _best_cuboid(search: _Search) -> _Cuboid | None:
    """The cuboid whose slices are worth most, details paid for."""
    best: _Cuboid | None = None
    ceiling = float((search.difference**2 / search.variance)[search.weight > 0].sum())
    for dimensions in _cuboids(search):
        factor = (1 - search.options.detail) ** max(0, len(dimensions) - 1)
        if best is not None and ceiling * factor <= best.worth:
            break  # deeper cuboids only cost more
        found = _weigh(search, dimensions, factor)
        if found is not None and (best is None or found.worth > best.worth):
            best = found
    return best


def _cuboids(search: _Search) -> Iterator[tuple[int, ...]]:
    width = len(search.cells.dimensions)
    first = 1 if search.drifted else 0
    for layer in range(first, min(search.options.max_dimensions, width) + 1):
        yield from combinations(range(width), layer)


def _keys(search: _Search, dimensions: tuple[int, ...]) -> tuple[Ints, int]:
    """The slice of each cell in a cuboid, as dense numbers, and how many slices there are."""
    if dimensions in search.keys:
        return search.keys[dimensions]
    numbered = _number(search.cells, dimensions)
    if len(search.cells) <= _CACHED_CELLS:
        search.keys[dimensions] = numbered
    return numbered


def _weigh(search: _Search, dimensions: tuple[int, ...], factor: float) -> _Cuboid | None:
    key, size = _keys(search, dimensions)
    gains = _gains(search, key, size)
    search.searched += size
    price = _price(search.options.alpha, size, len(dimensions), len(search.cells.dimensions))
    enough = np.bincount(key, 2 * search.level, size) >= search.options.minimum_count
    if not dimensions:
        enough &= _everywhere(search)
    candidates = np.flatnonzero((gains > price) & enough)
    if not len(candidates):
        return None
    order = candidates[np.argsort(-gains[candidates])]
    kept = _prefix(gains[order], price, search.options.detail)
    chosen = order[:kept]
    worth = (
        float((gains[chosen] - price).sum()) * factor * (1 - search.options.detail) ** (kept - 1)
    )
    return _Cuboid(dimensions, chosen, gains[chosen], worth)


def _gains(search: _Search, key: Ints, size: int) -> Floats:
    """The gain of each slice of a cuboid; of rates the smaller of that and the plain one."""
    weight = search.weight
    pull = np.bincount(key, weight * search.difference, size)
    spread = np.bincount(key, weight**2 * search.variance, size)
    gains = np.divide(pull**2, spread, out=np.zeros(size), where=spread > 0)
    if search.cells.rates is None:
        return gains
    plain, sign = _plain(search, key, size)
    return np.where(sign * pull > 0, np.minimum(gains, plain), 0.0)


def _plain(search: _Search, key: Ints, size: int) -> tuple[Floats, Floats]:
    """Chi-square and direction of each slice's own change of rate, its cells thrown together."""
    rates, spread = search.cells.rates, search.cells.spread
    assert rates is not None
    open_ = search.weight > 0
    n0, y0, n1, y1 = (np.bincount(key, each * open_, size) for each in rates)
    both = np.maximum(n0, 0) * np.maximum(n1, 0) > 0
    safe0, safe1 = np.where(both, n0, 1.0), np.where(both, n1, 1.0)
    change = y1 / safe1 - y0 / safe0
    pooled = (y0 + y1) / np.where(both, n0 + n1, 1.0)
    value = pooled * (1 - pooled) if spread is None else np.full(size, spread)
    variance = np.maximum(value, 1e-9) * (1 / safe0 + 1 / safe1)
    return np.where(both, change**2 / variance, 0.0), np.sign(change)


def _everywhere(search: _Search) -> bool:
    """Whether the middle value of every dimension moved, and all the same way.

    One loud part is not everything; and under relative noise the mean of all differences is not
    quite zero, which a large table would call sure.
    """
    middles = []
    for dimension in range(len(search.cells.dimensions)):
        key, size = _keys(search, (dimension,))
        level = np.bincount(key, search.level, size)
        moved = np.bincount(key, search.difference, size) / np.maximum(level, 1e-9)
        order = np.argsort(moved)
        reach = np.cumsum(np.bincount(key, search.cells.expected, size)[order])
        if reach[-1] <= 0:
            return False
        middles.append(float(moved[order[int(np.searchsorted(reach, reach[-1] / 2))]]))
    low, high = min(middles, default=0.0), max(middles, default=0.0)
    return low >= LEAST_DRIFT or high <= -LEAST_DRIFT


def _price(alpha: float, slices: int, layer: int, width: int) -> float:
    """The chi-square that chance reaches in one of all slices of a layer's cuboids."""
    tries = max(1, slices) * math.comb(max(width, layer), layer)
    return float(stats.chi2.isf(alpha / tries, 1))


def _prefix(gains: Floats, price: float, detail: float) -> int:
    """How many of the sorted slices to take: as long as each brings its part of those before."""
    total, kept = 0.0, 0
    for gain in gains:
        net = float(gain) - price
        if kept and net < detail * 2 * total / kept:
            break
        total, kept = total + net, kept + 1
    return kept


def _settle(search: _Search, found: _Cuboid, total: float) -> list[Cause]:
    """Turns slices into causes; their cells are explained and take no further part."""
    causes = []
    for dimensions, number in _generalised(search, found):
        key, _ = _keys(search, dimensions)
        inside = (key == number) & (search.weight > 0)
        if inside.any():
            causes.append(_cause(search, dimensions, inside, total))
            _explain_away(search, dimensions, inside)
    return causes


def _explain_away(search: _Search, dimensions: tuple[int, ...], inside: NDArray[np.bool_]) -> None:
    if dimensions:
        search.weight[inside] = 0.0
        return
    # Everything moved: a slice may have moved more than the rest, so its cells stay.
    ratio = float((search.weight * search.difference).sum() / (search.weight * search.level).sum())
    search.difference -= ratio * search.level
    search.drifted = True


def _generalised(search: _Search, found: _Cuboid) -> list[tuple[tuple[int, ...], int]]:
    """Replaces chosen slices by a wider one that explains as much as they do together.

    Two causes of different cuboids meet in a finer cuboid, where the wider of them falls to pieces;
    here the pieces are put together again.
    """
    pieces = [(found.dimensions, int(number)) for number in found.chosen]
    gains = dict(zip(pieces, found.gains, strict=True))
    for wider in _subsets(found.dimensions):
        if search.drifted and not wider:
            continue
        for number, inside in _parents(search, wider, pieces).items():
            together = sum(float(gains[piece]) for piece in inside)
            gain = _gain(search, wider, number)
            if gain >= (1 - 2 * search.options.detail) * together:
                pieces = [piece for piece in pieces if piece not in inside] + [(wider, number)]
                gains[wider, number] = np.float64(gain)
    return sorted(pieces, key=lambda piece: -gains[piece])


def _subsets(dimensions: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """The proper subsets, widest slices first."""
    for layer in range(len(dimensions)):
        yield from combinations(dimensions, layer)


def _parents(
    search: _Search, wider: tuple[int, ...], pieces: Sequence[tuple[tuple[int, ...], int]]
) -> dict[int, list[tuple[tuple[int, ...], int]]]:
    """The pieces that lie in each slice of a wider cuboid."""
    key, _ = _keys(search, wider)
    found: dict[int, list[tuple[tuple[int, ...], int]]] = {}
    for dimensions, number in pieces:
        if set(wider) < set(dimensions):
            inner, _ = _keys(search, dimensions)
            parent = int(key[int(np.argmax(inner == number))])
            found.setdefault(parent, []).append((dimensions, number))
    return found


def _gain(search: _Search, dimensions: tuple[int, ...], number: int) -> float:
    if not dimensions and not _everywhere(search):
        return 0.0
    key, size = _keys(search, dimensions)
    return float(_gains(search, key, size)[number])


def _cause(
    search: _Search, dimensions: tuple[int, ...], inside: NDArray[np.bool_], total: float
) -> Cause:
    cells = search.cells
    gain = float(_gains(search, np.where(inside, 0, 1), 2)[0])
    first = int(np.argmax(inside))
    named = {cells.dimensions[d]: cells.values[d][cells.codes[first, d]] for d in dimensions}
    expected, seen = float(cells.expected[inside].sum()), float(cells.seen[inside].sum())
    misfit = float((search.difference[inside] ** 2 / search.variance[inside]).sum())
    p_value = min(1.0, float(stats.chi2.sf(gain, 1)) * max(1, search.searched))
    share = (seen - expected) / total if total else math.copysign(math.inf, seen - expected)
    fit = min(1.0, gain / misfit) if misfit else 1.0
    return Cause(named, expected, seen, share, gain, p_value, fit)


def _matters(cause: Cause, options: Options) -> bool:
    return cause.p_value <= options.alpha and abs(cause.share) >= options.minimum_share


def _explained(cells: Cells, causes: Sequence[Cause], total: float) -> float:
    """The part of the change that lies inside the causes, each cell once."""
    if not total or not causes:
        return 0.0
    inside = np.zeros(len(cells), bool)
    for cause in causes:
        inside |= member(cells, cause.slice)
    return float((cells.seen[inside] - cells.expected[inside]).sum()) / total


def member(cells: Cells, chosen: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Which cells lie in a slice."""
    inside = np.ones(len(cells), bool)
    for name, value in chosen.items():
        dimension = cells.dimensions.index(name)
        inside &= cells.codes[:, dimension] == cells.values[dimension].index(value)
    return inside
