"""Questions that cannot be asked are refused; queries hold names of ours and parameters only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.cli.options import moment
from pipeline.errors import ConfigError
from pipeline.explain import METRICS, Period, Question, sql

NOW = datetime(2026, 3, 2, tzinfo=UTC)
AFTER = Period(NOW - timedelta(days=7), NOW)
BEFORE = AFTER.previous


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"where": {"colour": "red"}}, "colour is not a dimension"),
        ({"dimensions": ("shoe",)}, "shoe is not a dimension"),
        ({"before": AFTER}, "overlap"),
        ({"metric": METRICS["cpx"]}, "go together"),
        ({"volume": "orders"}, "go together"),
    ],
)
def test_what_cannot_be_asked_is_refused(changed: dict[str, object], message: str) -> None:
    given = {"metric": METRICS["complaints"], "before": BEFORE, "after": AFTER, **changed}
    with pytest.raises(ConfigError, match=message):
        Question(**given)  # type: ignore[arg-type]


def test_values_never_reach_the_text_of_a_query() -> None:
    asked = Question(METRICS["complaints"], BEFORE, AFTER, {"region": "x' OR 1=1 --"})
    for text, parameters in (
        sql.distinct_values(asked),
        sql.cells(asked, ("topic", "product")),
        sql.verbatims(asked, {"topic": "a'b"}, 5),
    ):
        assert "OR 1=1" not in text
        assert "a'b" not in text
        assert parameters["where_region"] == "x' OR 1=1 --"
        assert parameters["after_end"] == "2026-03-02 00:00:00.000"


def test_a_dimension_that_is_fixed_is_not_searched_and_ratings_have_no_topic() -> None:
    asked = Question(METRICS["csat"], BEFORE, AFTER, {"region": "seoul"})
    assert set(sql.dimensions_of(asked)).isdisjoint({"region", "topic", "version"})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("now", NOW),
        ("7 days", NOW - timedelta(days=7)),
        ("1 hour ago", NOW - timedelta(hours=1)),
        ("2026-01-02", datetime(2026, 1, 2, tzinfo=UTC)),
        ("2026-01-02T09:00+09:00", datetime(2026, 1, 2, tzinfo=UTC)),
    ],
)
def test_times_as_people_type_them(text: str, wanted: datetime) -> None:
    assert moment(text, NOW) == wanted


@pytest.mark.parametrize("text", ["", "yesterday", "7 moons", "2026-13-01"])
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError, match="is not a time") as raised:
        moment(text, NOW)
    assert "2026-11-01" in raised.value.fix


@pytest.mark.parametrize("text", ["9999999 days", "99999999999999999999 weeks"])
def test_an_age_before_the_first_year_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="before the first year"):
        moment(text, NOW)
