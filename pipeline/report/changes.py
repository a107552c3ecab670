"""What changed, and where: `pipeline.explain` from coarse to fine, each finding checked by itself.

The search looks at few dimensions first, so that its cells hold contacts enough, and then inside
each slice it found.  Whatever it names must also differ from its own past in a plain comparison of
the two periods at the 0.1 % level: the search has chosen it from many, and its p-value rests on a
model of the cells.  What fails that is not reported.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from scipy import stats

from pipeline.analysis.intervals import Estimate, Unit, normal, rate_ratio, share_difference
from pipeline.domain.taxonomy import Taxonomy
from pipeline.explain import METRICS, ExplainedCause, Metric, Query, Question, explain, sql
from pipeline.explain.question import Kind
from pipeline.report.log import Log
from pipeline.report.model import Change, Moved, Quote, Request

COARSE: Mapping[str, tuple[str, ...]] = {
    "complaints": ("topic", "region"),
    "complaint-share": ("topic", "region"),
    "csat": ("channel", "region"),
}
"""The metrics, and the dimensions that are searched first."""
FINE = ("channel", "product", "version", "team")
ALPHA = 0.001
MOST = 0.6
MIN_SIDE = 5
"""Events, or ratings, of both periods together that a comparison needs."""


def changes(request: Request, log: Log, taxonomy: Taxonomy) -> tuple[Change, ...]:
    """The change of each metric from the previous period. Raises what the query raises."""
    found = []
    for name, dimensions in COARSE.items():
        query = log.under(f"change-{name}")
        question = Question(METRICS[name], request.previous, request.period, dimensions=dimensions)
        answer = explain(question, query, taxonomy)
        whole = None if answer.few else compare(question, query, {})[0]
        moved = [_moved(question, query, cause) for cause in answer.causes]
        found.append(Change(name, answer, whole, tuple(one for one in moved if one is not None)))
    return tuple(found)


def _moved(question: Question, query: Query, cause: ExplainedCause) -> Moved | None:
    """A cause that holds by itself, with what is inside; None for one that does not."""
    chosen = cause.cause.slice
    change, p_value = compare(question, query, chosen)
    if change is None or p_value >= ALPHA or not chosen:
        return None
    return Moved(
        slice=dict(chosen),
        before=cause.before,
        after=cause.after,
        change=change,
        share=cause.cause.share,
        topic=cause.topic,
        owner=cause.owner,
        inside=_inside(question, query, chosen),
        quotes=tuple(Quote(v.contact_id, v.language, v.text) for v in cause.verbatims),
    )


def _inside(
    question: Question, query: Query, chosen: Mapping[str, str]
) -> tuple[Mapping[str, str], ...]:
    """Narrower slices, one of each dimension at most, that hold MOST of a slice's change."""
    found = []
    for dimension in ("region", *FINE):
        value = _holder(question, query, chosen, dimension)
        if value:
            change, p_value = compare(question, query, {**chosen, dimension: value})
            if change is not None and p_value < ALPHA:
                found.append({dimension: value})
    return tuple(found)


def _holder(question: Question, query: Query, chosen: Mapping[str, str], dimension: str) -> str:
    """The value of a dimension in which MOST of a count's change is, "" for none."""
    if dimension in chosen or question.metric.kind is not Kind.COUNT:
        return ""
    asked = Question(
        question.metric,
        question.before,
        question.after,
        where=dict(chosen),
        dimensions=(dimension,),
    )
    rows = query(*sql.cells(asked, (dimension,)))
    scale = question.after.days / question.before.days
    sides = zip(rows["before_sum"], rows["after_sum"], strict=True)
    moved = [after - before * scale for before, after in sides]
    total = sum(moved)
    # A dimension with one value, or all the contacts in it, tells nothing more.
    if not total or len(moved) < 2:
        return ""
    best = max(range(len(moved)), key=lambda place: moved[place] / total)
    return str(rows[f"by_{dimension}"][best]) if moved[best] / total >= MOST else ""


def compare(
    question: Question, query: Query, chosen: Mapping[str, str]
) -> tuple[Estimate | None, float]:
    """A slice against its own past, and the p-value of no change; None where too little is there.

    Counts are compared as a ratio of rates per day, shares and means as differences.
    """
    asked = Question(
        question.metric, question.before, question.after, where=dict(chosen), dimensions=()
    )
    row = query(*sql.cells(asked, ()))
    if not len(row["before_count"]):
        return None, 1.0
    n0, y0, n1, y1, squares = (
        float(row[name][0] or 0)
        for name in ("before_count", "before_sum", "after_count", "after_sum", "squares")
    )
    metric = question.metric
    if metric.kind is Kind.COUNT:
        return _counts(y0, y1, question.before.days, question.after.days)
    if min(n0, n1) < MIN_SIDE:
        return None, 1.0
    return _shares(y0, n0, y1, n1) if metric.kind is Kind.RATE else _means(n0, y0, n1, y1, squares)


def _counts(k0: float, k1: float, days0: float, days1: float) -> tuple[Estimate | None, float]:
    """The ratio, and the exact test that both rates are one."""
    if k0 + k1 < MIN_SIDE:
        return None, 1.0
    test = stats.binomtest(round(k1), round(k0 + k1), days1 / (days0 + days1))
    # Half a contact stands for none: a ratio has to be a number.
    return rate_ratio(k1, days1, max(k0, 0.5), days0), float(test.pvalue)


def _shares(k0: float, n0: float, k1: float, n1: float) -> tuple[Estimate, float]:
    pooled = (k0 + k1) / (n0 + n1)
    error = math.sqrt(max(pooled * (1 - pooled) * (1 / n0 + 1 / n1), 1e-18))
    p_value = float(2 * stats.norm.sf(abs(k1 / n1 - k0 / n0) / error))
    return share_difference(k1, n1, k0, n0), p_value


def _means(n0: float, y0: float, n1: float, y1: float, squares: float) -> tuple[Estimate, float]:
    """The difference of means; both periods share the spread about their own mean."""
    inner = squares - y0**2 / n0 - y1**2 / n1
    error = math.sqrt(max(inner, 0.0) / max(n0 + n1 - 2, 1) * (1 / n0 + 1 / n1))
    change = y1 / n1 - y0 / n0
    p_value = float(2 * stats.norm.sf(abs(change) / error)) if error else 1.0
    return normal(change, error, round(n0 + n1), Unit.SCORE_DIFFERENCE), p_value


def bad_direction(metric: Metric, change: Estimate) -> bool:
    """Whether the change hurts."""
    level = 1.0 if change.unit is Unit.RATIO else 0.0
    return (change.value > level) == (metric.bad > 0)
