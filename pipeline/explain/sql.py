"""The queries behind an explanation. Names of columns are ours; values are parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.explain.question import Question

_TOPIC = "if(has(polarities, -1), topics[indexOf(polarities, -1)], topics[1])"


def _time(name: str) -> str:
    """A parameter as a time: a bare datetime would be read in the server's zone."""
    return f"toDateTime64(%({name})s, 3, 'UTC')"


def _within(name: str) -> str:
    return f"(occurred_at >= {_time(f'{name}_start')} AND occurred_at < {_time(f'{name}_end')})"


_BEFORE, _AFTER = _within("before"), _within("after")

Statement = tuple[str, dict[str, Any]]


def dimensions_of(question: Question) -> tuple[str, ...]:
    """The dimensions that the metric's view has and the question does not fix."""
    absent = {"topic", "version"} if question.metric.view == "ratings" else set()
    return tuple(d for d in question.dimensions if d not in absent | set(question.where))


def distinct_values(question: Question) -> Statement:
    """One row: how many values each dimension has, to leave out those that cannot explain."""
    names = dimensions_of(question)
    counts = ", ".join(f"uniq({_expression(name)}) AS {name}" for name in names)
    sql = f"SELECT count() AS rows{', ' + counts if counts else ''} {_from(question)}"
    return sql, _parameters(question)


def cells(question: Question, dimensions: tuple[str, ...]) -> Statement:
    """One row for each combination of values: counts and sums of both periods."""
    value = question.metric.value
    groups = [f"toString({_expression(name)}) AS {_alias(name)}" for name in dimensions]
    sums = [
        f"toFloat64(countIf({_BEFORE})) AS before_count",
        f"toFloat64(sumIf({value}, {_BEFORE})) AS before_sum",
        f"toFloat64(countIf({_AFTER})) AS after_count",
        f"toFloat64(sumIf({value}, {_AFTER})) AS after_sum",
        f"toFloat64(sum(({value}) * ({value}))) AS squares",
    ]
    grouped = ", ".join(_alias(name) for name in dimensions)
    tail = f" GROUP BY {grouped}" if grouped else ""
    return f"SELECT {', '.join(groups + sums)} {_from(question)}{tail}", _parameters(question)


def volumes(question: Question) -> Statement:
    """One row: the business volume of both periods, each volume by the part that lies inside."""
    parts = ", ".join(_overlap(name) for name in ("before", "after"))
    sql = f"SELECT {parts} FROM volumes WHERE name = %(volume)s"
    return sql, {**question.span(), "volume": question.volume}


def _overlap(name: str) -> str:
    inside = (
        f"dateDiff('second', greatest(period_start, {_time(f'{name}_start')}),"
        f" least(period_end, {_time(f'{name}_end')}))"
    )
    whole = "greatest(dateDiff('second', period_start, period_end), 1)"
    return f"sum(value * greatest({inside}, 0) / {whole}) AS {name}"


def verbatims(question: Question, chosen: Mapping[str, str], limit: int) -> Statement:
    """Newest negative mentions of the later period in a slice."""
    conditions, parameters = _conditions({**question.where, **chosen}, "topic")
    sql = (
        "SELECT contact_id, occurred_at, language, topic, polarity, confidence, evidence"
        f" FROM contact_topics WHERE {_AFTER} AND polarity = -1{conditions}"
        f" ORDER BY occurred_at DESC LIMIT {int(limit)}"
    )
    return sql, {**question.span(), **parameters}


def _from(question: Question) -> str:
    conditions, _ = _conditions(question.where, _TOPIC)
    metric = f" AND ({question.metric.condition})" if question.metric.condition else ""
    return f"FROM {question.metric.view} WHERE ({_BEFORE} OR {_AFTER}){metric}{conditions}"


def _parameters(question: Question) -> dict[str, Any]:
    return {**question.span(), **_conditions(question.where, _TOPIC)[1]}


def _conditions(chosen: Mapping[str, str], topic: str) -> tuple[str, dict[str, str]]:
    texts, parameters = [], {}
    for name, value in chosen.items():
        expression = topic if name == "topic" else name
        texts.append(f" AND {expression} = %(where_{name})s")
        parameters[f"where_{name}"] = value
    return "".join(texts), parameters


def _expression(name: str) -> str:
    return _TOPIC if name == "topic" else name


def _alias(name: str) -> str:
    """An alias of its own: a view's column and an alias of the same name would collide."""
    return f"by_{name}"
