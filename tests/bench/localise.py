"""`make bench-localise`: F1 of change localisation beside Adtributor and a sorted pivot table."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from localise_cases import SHAPES, cases, quiet
from localise_rivals import adtributor, top_contribution

from pipeline.analysis.localise import Cells, Options, localise

Slice = frozenset[tuple[str, str]]


def ours(cells: Cells) -> set[Slice]:
    """The causes that voc names."""
    return {frozenset(cause.slice.items()) for cause in localise(cells).causes}


METHODS: dict[str, Callable[[Cells], set[Slice]]] = {
    "voc": ours,
    "adtributor": adtributor,
    "top contribution": top_contribution,
}


def score(shape_index: int, number: int, seed: int) -> dict[str, float]:
    """F1 over all slices of all cases of a family, per method."""
    shape = SHAPES[shape_index]
    hits = dict.fromkeys(METHODS, 0)
    named = dict.fromkeys(METHODS, 0)
    true = 0
    for case in cases(shape, number, seed):
        true += len(case.truth)
        for name, method in METHODS.items():
            found = method(case.cells)
            hits[name] += len(found & case.truth)
            named[name] += len(found)
    return {name: 2 * hits[name] / max(1, true + named[name]) for name in METHODS}


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--seed", type=int, default=5)
    options = parser.parse_args()
    print(f"F1 over {options.cases} cases a family, seed {options.seed}")
    print(f"{'family':26}" + "".join(f"{name:>18}" for name in METHODS))
    for index, shape in enumerate(SHAPES):
        found = score(index, options.cases, options.seed)
        print(f"{shape.name:26}" + "".join(f"{found[name]:18.3f}" for name in METHODS))
    for shape in (SHAPES[0], SHAPES[3], SHAPES[6]):
        claims = sum(bool(ours(cells)) for cells in quiet(shape, options.cases, options.seed))
        print(f"nothing moved, {shape.name.split(',')[0]:12} claims in {claims} of {options.cases}")
    print(_speed())


def _speed() -> str:
    chance = np.random.default_rng(1)
    sizes = (18, 5, 11, 12, 8, 4, 10, 6)
    columns = {
        f"d{n}": chance.integers(0, size, 1_000_000).astype(str) for n, size in enumerate(sizes)
    }
    period = chance.integers(0, 2, 1_000_000)
    started = time.perf_counter()
    cells = Cells.of(columns, (period == 1).astype(float), (period == 0).astype(float))
    found = localise(cells, Options())
    took = time.perf_counter() - started
    table = f"1,000,000 contacts x {len(sizes)} dimensions, slices of up to 4"
    return f"{table}: {took:.1f} s, {found.searched:,} slices weighed"


if __name__ == "__main__":
    main()
