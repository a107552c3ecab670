"""Statements: parameters match their text, times are UTC, shown queries can be run as they are."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

import pytest

from pipeline.analysis.period import Period
from pipeline.report import queries
from pipeline.report.log import Log, literal, runnable
from pipeline.report.model import Asked
from pipeline.report.queries import Statement

SEOUL = timezone(timedelta(hours=9))
PERIOD = Period(datetime(2026, 2, 1, 9, tzinfo=SEOUL), datetime(2026, 3, 1, 9, tzinfo=SEOUL))
STATEMENTS = [
    queries.bounds(),
    queries.mix_contacts(PERIOD, "region"),
    queries.mix_volumes(PERIOD, "region", "orders"),
    queries.volumes(PERIOD, "orders"),
    queries.snowballs(PERIOD, 7),
    queries.initiatives(PERIOD.end, 364),
    queries.initiative_mentions(PERIOD.start, PERIOD.end, {"region", "team"}),
    queries.verbatims(PERIOD, ["wait"], 10),
    queries.untopical(PERIOD, 10),
    *(
        make(PERIOD)
        for make in (
            queries.overview, queries.cells, queries.mentions, queries.volume_names,
            queries.portfolio, queries.moments, queries.teams, queries.whole_ratings,
            queries.earlier_ratings, queries.attribute_ratings, queries.rated_topics,
            queries.customers, queries.recovery, queries.hotspot_problems,
            queries.hotspot_contacts, queries.rise_problems, queries.rise_contacts,
            queries.spikes, queries.untopical_count,
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda s: s.id)
def test_parameters_are_those_of_the_text(statement: Statement) -> None:
    named = set(re.findall(r"%\((\w+)\)s", statement.sql))
    assert named <= set(statement.parameters)
    assert re.fullmatch(r"[a-z-]+", statement.id)
    shown = runnable(Asked(statement.sql, statement.parameters, 0))
    assert "%(" not in shown
    times = {"since", "until", "before", "early", "late"} & named
    assert shown.count("toDateTime64('") >= len(times)


def test_times_are_utc_text() -> None:
    assert queries.overview(PERIOD).parameters == {
        "since": "2026-02-01 00:00:00.000",
        "until": "2026-03-01 00:00:00.000",
        "before": "2026-01-04 00:00:00.000",
    }


def test_literals_cannot_break_out() -> None:
    assert literal("it's") == "'it\\'s'"
    assert literal("\\") == "'\\\\'"
    assert literal(["a", "b'"]) == "['a', 'b\\'']"
    assert literal(3) == "3"
    assert literal(datetime(2026, 1, 1, 9, tzinfo=SEOUL)) == "'2026-01-01 00:00:00'"


def test_the_log_keeps_what_was_asked_and_names_times() -> None:
    log = Log(lambda *_: {"at": [1.0, 2.0], "topic": ["a", "b"]})
    found = log.ask(queries.moments(PERIOD))
    assert found == {"occurred_at": [1.0, 2.0], "topic": ["a", "b"]}
    log.under("change")("SELECT 1", {"x": 1})
    assert {name: [one.rows for one in asked] for name, asked in log.asked.items()} == {
        "moments": [2],
        "change": [2],
    }
