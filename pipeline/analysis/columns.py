"""Columns as a query returns them, turned into arrays.

Analyses take `Columns`: a mapping of column names to sequences of one length, such as
`Result.dict()` of the warehouse gives. Names are those of the views.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from pipeline.analysis.period import seconds

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Texts = NDArray[Any]
Columns = Mapping[str, Sequence[Any] | NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Groups:
    """The values of a text column: row i has `names[codes[i]]`; `names` are sorted."""

    codes: Ints
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def among(self, *wanted: str) -> Bools:
        """Which rows have one of the `wanted` values."""
        inside = np.array([name in wanted for name in self.names], bool)
        return inside[self.codes] if len(self.names) else np.zeros(len(self.codes), bool)

    def count(self, weights: Floats | Bools | None = None) -> Floats:
        """Rows, or the sum of `weights` [n], of each group."""
        w = None if weights is None else np.asarray(weights, np.float64)
        return np.bincount(self.codes, w, len(self.names)).astype(np.float64)


def length(columns: Columns) -> int:
    """How many rows there are. Raises ValueError if columns differ in length."""
    sizes = {len(column) for column in columns.values()}
    if len(sizes) > 1:
        raise ValueError(f"columns differ in length: {sorted(sizes)}")
    return sizes.pop() if sizes else 0


def arrays(columns: Columns) -> dict[str, NDArray[Any]]:
    """Every column as an array: worth it where rows are taken more than once."""
    return {name: _array(column) for name, column in columns.items()}


def only(columns: Columns, *names: str) -> dict[str, Sequence[Any] | NDArray[Any]]:
    """The named columns: taking rows of the others would cost for nothing."""
    return {name: columns[name] for name in names}


def take(columns: Columns, rows: Bools | Ints) -> dict[str, NDArray[Any]]:
    """The chosen rows of every column."""
    return {name: _array(column)[rows] for name, column in columns.items()}


def texts(columns: Columns, name: str) -> Texts:
    """A column of text [n], dtype object."""
    return _array(columns[name])


def groups(columns: Columns, name: str) -> Groups:
    """A text column as codes; linear in the rows."""
    return group(_array(columns[name]))


def keys(values: Sequence[Any] | NDArray[Any]) -> Groups:
    """Values as codes of names in the order of their first row: for ids, which nobody reads."""
    seen: dict[str, int] = {}
    # A dictionary is linear where np.unique sorts a million texts.
    codes = np.fromiter((seen.setdefault(v, len(seen)) for v in values), np.int64, len(values))
    return Groups(codes, tuple(seen))


def group(values: Sequence[Any] | NDArray[Any]) -> Groups:
    """Values as codes of their sorted names."""
    found = keys(values)
    codes, seen = found.codes, {name: code for code, name in enumerate(found.names)}
    names = sorted(seen)
    rank = np.empty(len(names), np.int64)
    rank[[seen[name] for name in names]] = np.arange(len(names))
    return Groups(rank[codes], tuple(str(name) for name in names))


def cross(*parts: Ints) -> Ints:
    """One dense code [n] for each combination of codes that occurs."""
    code = np.zeros(len(parts[0]), np.int64)
    for part in parts:
        width = int(part.max()) + 1 if len(part) else 1
        code = np.unique(code * width + part, return_inverse=True)[1].reshape(-1).astype(np.int64)
    return code


def numbers(columns: Columns, name: str) -> Floats:
    """A column of numbers [n]; None becomes NaN."""
    column = columns[name]
    if isinstance(column, np.ndarray) and column.dtype != object:
        return column.astype(np.float64)
    return np.array([np.nan if value is None else value for value in column], np.float64)


def flags(columns: Columns, name: str) -> Bools:
    """A column of 0 and 1 [n] as booleans; None is false."""
    values = numbers(columns, name)
    return cast("Bools", np.nan_to_num(values) != 0)


def times(columns: Columns, name: str) -> Floats:
    """A column of times [n] in seconds since 1970. Takes datetimes, datetime64 and seconds."""
    column = columns[name]
    if isinstance(column, np.ndarray):
        if np.issubdtype(column.dtype, np.datetime64):
            return column.astype("datetime64[us]").astype(np.int64) / 1e6
        if column.dtype != object:
            return column.astype(np.float64)
    return np.fromiter((_second(value) for value in column), np.float64, len(column))


def weights(columns: Columns, name: str = "contacts") -> Floats:
    """The column of counts [n] of already summed rows; ones where there is none."""
    return numbers(columns, name) if name in columns else np.ones(length(columns))


def _second(value: Any) -> float:
    return seconds(value) if isinstance(value, datetime) else float(value)


def _array(column: Sequence[Any] | NDArray[Any]) -> NDArray[Any]:
    if isinstance(column, np.ndarray):
        return column
    array = np.empty(len(column), object)
    array[:] = list(column)
    return array
