"""The explanation: what the search found, whose it is, and what customers said."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.analysis.change import Amounts, Decomposition, decompose, rate_cells
from pipeline.analysis.few import TooFew
from pipeline.analysis.localise import Cause, Cells, Localisation, Options, localise
from pipeline.analysis.verbatims import select
from pipeline.domain.taxonomy import Taxonomy
from pipeline.explain import sql
from pipeline.explain.question import Kind, Question

Query = Callable[[str, Mapping[str, Any]], Mapping[str, Sequence[Any]]]
"""Runs a SELECT with parameters and answers its columns by name."""

MIN_EVENTS = 30
"""Contacts in both periods together below which nothing is explained."""

MAX_VALUES = 400
"""Values of a dimension above which it names single things rather than a slice."""

_READ = 400
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Voice:
    """What a customer said, masked."""

    contact_id: str
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class ExplainedCause:
    """A cause with its level in both periods (in the metric's unit), owner and verbatims.

    `topic` is the topic of the slice, or the one most of its complaints are about ("" if none).
    """

    cause: Cause
    before: float
    after: float
    topic: str
    owner: str
    verbatims: tuple[Voice, ...]


@dataclass(frozen=True, slots=True)
class Mix:
    """A dimension along which the whole moved because the weights did, not the slices."""

    dimension: str
    within: float
    mix: float


@dataclass(frozen=True, slots=True)
class Answer:
    """Why the metric went from `before` to `after`.

    `before` is what was expected from the earlier period (scaled to the later one's length or
    volume for counts). `explained` is the part of the change inside the causes, `unseen` are
    dimensions that were not searched because they have one value or too many. `few` stands where
    there are not enough contacts to say anything.
    """

    question: Question
    before: float
    after: float
    causes: tuple[ExplainedCause, ...]
    explained: float
    mix: tuple[Mix, ...]
    unseen: tuple[str, ...]
    searched: int
    few: TooFew | None = None


@dataclass(frozen=True, slots=True)
class _Table:
    """The fetched cells: text columns by dimension and the amounts of both periods."""

    columns: Mapping[str, NDArray[np.object_]]
    amounts: Amounts


def explain(
    question: Question, query: Query, taxonomy: Taxonomy, options: Options | None = None
) -> Answer:
    """Asks the warehouse and explains. Raises what `query` raises."""
    useful, unseen = _useful(question, query)
    table = _fetch(question, query, useful)
    events = int(table.amounts.before_count.sum() + table.amounts.after_count.sum())
    before, after, scale = _levels(question, query, table.amounts)
    if events < MIN_EVENTS or not table.amounts.before_count.sum():
        few = TooFew("contacts", events, MIN_EVENTS)
        return Answer(question, before, after, (), 0.0, (), unseen, 0, few)
    cells = _cells(question, table, scale)
    found = localise(cells, options)
    causes = tuple(
        _explained(question, query, taxonomy, table, each, scale) for each in found.causes
    )
    mix = _mixes(question, table)
    return Answer(
        question, before, after, causes, _part(found), mix, unseen, found.searched
    )  # fmt: skip


def _part(found: Localisation) -> float:
    return found.explained if found.causes else 0.0


def _useful(question: Question, query: Query) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Dimensions that can tell slices apart, and those left out."""
    names = sql.dimensions_of(question)
    counts = query(*sql.distinct_values(question))
    useful = tuple(name for name in names if 2 <= int(counts[name][0]) <= MAX_VALUES)
    return useful, tuple(name for name in names if name not in useful)


def _fetch(question: Question, query: Query, dimensions: tuple[str, ...]) -> _Table:
    found = query(*sql.cells(question, dimensions))
    columns = {name: np.asarray(found[f"by_{name}"], dtype=object) for name in dimensions}
    before_count, before_sum, after_count, after_sum, squares = (
        np.asarray(found[name], np.float64)
        for name in ("before_count", "before_sum", "after_count", "after_sum", "squares")
    )
    variance = None
    if question.metric.kind is Kind.MEAN:
        number = max(float(before_count.sum() + after_count.sum()), 1.0)
        mean = float(before_sum.sum() + after_sum.sum()) / number
        variance = max(float(squares.sum()) / number - mean**2, 1e-9)
    return _Table(columns, Amounts(before_count, before_sum, after_count, after_sum, variance))


def _levels(question: Question, query: Query, amounts: Amounts) -> tuple[float, float, float]:
    """The metric in both periods, and what the earlier counts are multiplied by."""
    kind = question.metric.kind
    old, new = float(amounts.before_sum.sum()), float(amounts.after_sum.sum())
    if kind in {Kind.RATE, Kind.MEAN}:
        numbers = float(amounts.before_count.sum()), float(amounts.after_count.sum())
        return old / max(numbers[0], 1.0), new / max(numbers[1], 1.0), 1.0
    if kind is Kind.COUNT:
        scale = question.after.days / question.before.days
        return old * scale, new, scale
    found = query(*sql.volumes(question))
    was, now = float(found["before"][0] or 0), float(found["after"][0] or 0)
    scale = now / was if was and now else 1.0
    return old / (was or 1.0), new / (now or 1.0), scale


def _cells(question: Question, table: _Table, scale: float) -> Cells:
    if question.metric.kind in {Kind.RATE, Kind.MEAN}:
        return rate_cells(table.columns, table.amounts)
    old, new = table.amounts.before_sum, table.amounts.after_sum
    # Var(new - scale old) for counts of one rate, which is (new + old) / (1 + scale).
    return Cells.of(table.columns, new, old * scale, scale * (new + old))


def _explained(
    question: Question, query: Query, taxonomy: Taxonomy, table: _Table, cause: Cause, scale: float
) -> ExplainedCause:
    before, after = _slice_levels(question, table, cause, scale)
    rows = query(*sql.verbatims(question, cause.slice, _READ))
    topic = cause.slice.get("topic") or question.where.get("topic") or _main_topic(rows)
    owner = taxonomy[topic].owner if topic in taxonomy else ""
    return ExplainedCause(cause, before, after, topic, owner, _voices(rows))


def _voices(rows: Mapping[str, Sequence[Any]]) -> tuple[Voice, ...]:
    if not len(rows["evidence"]):
        return ()
    chosen = select(rows, how="typical", number=_SHOWN)
    return tuple(Voice(v.contact_id, str(rows["language"][v.row]), v.text) for v in chosen)


def _main_topic(rows: Mapping[str, Sequence[Any]]) -> str:
    counted = Counter(str(topic) for topic in rows["topic"])
    return min(counted, key=lambda topic: (-counted[topic], topic)) if counted else ""


def _slice_levels(
    question: Question, table: _Table, cause: Cause, scale: float
) -> tuple[float, float]:
    """The metric inside the slice in both periods."""
    amounts = table.amounts
    inside = np.ones(len(amounts.before_sum), bool)
    for name, value in cause.slice.items():
        inside &= table.columns[name] == value
    old, new = float(amounts.before_sum[inside].sum()), float(amounts.after_sum[inside].sum())
    if question.metric.kind in {Kind.COUNT, Kind.PER_VOLUME}:
        return old * scale, new
    numbers = amounts.before_count[inside].sum(), amounts.after_count[inside].sum()
    return old / max(float(numbers[0]), 1.0), new / max(float(numbers[1]), 1.0)


def _mixes(question: Question, table: _Table) -> tuple[Mix, ...]:
    """Dimensions along which a rate moved by its mix, the largest mix first."""
    if question.metric.kind not in {Kind.RATE, Kind.MEAN}:
        return ()
    parts = [decompose(name, column, table.amounts) for name, column in table.columns.items()]
    moved = [part for part in parts if part.paradox and _notable(part, table.amounts)]
    moved.sort(key=lambda part: -abs(part.mix))
    return tuple(Mix(part.dimension, part.within, part.mix) for part in moved)


def _notable(part: Decomposition, amounts: Amounts) -> bool:
    """Whether the mix moved the rate by more than two of its standard errors."""
    number = min(float(amounts.before_count.sum()), float(amounts.after_count.sum()))
    level = (part.before + part.after) / 2
    spread = level * (1 - level) if amounts.variance is None else amounts.variance
    return abs(part.mix) > 2 * math.sqrt(max(spread, 0.0) * 2 / max(number, 1.0))
