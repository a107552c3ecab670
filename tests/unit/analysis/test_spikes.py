"""The spike detector: planted spikes open once and close, quiet and thin series stay quiet."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pipeline.analysis.few import TooFew
from pipeline.analysis.spikes import (
    HOLIDAY,
    Calendar,
    Episode,
    Policy,
    Scores,
    episodes,
    negative_binomial_limit,
    score,
    tail,
)

FIRST = date(2026, 1, 5)
DAYS = 42


def _calendar(days: int = DAYS, holidays: tuple[date, ...] = ()) -> Calendar:
    return Calendar.hourly(FIRST, 0, days * 24, holidays)


def _mean(days: int = DAYS, level: float = 20.0) -> np.ndarray:
    hour = np.arange(days * 24) % 24
    return level * (0.4 + 1.2 * ((hour >= 9) & (hour < 21)))


def _counts(mean: np.ndarray, seed: int = 1, phi: float = 2.0) -> np.ndarray:
    chance = np.random.default_rng(seed)
    return chance.poisson(chance.gamma(mean / (phi - 1), phi - 1)).astype(float)


def _found(counts: np.ndarray, calendar: Calendar | None = None) -> list[Episode]:
    judged = score(counts, calendar or _calendar())
    assert isinstance(judged, Scores)
    return episodes(judged)


def test_a_jump_opens_one_spike_where_it_begins_and_closes_after_it() -> None:
    mean = _mean()
    at = 24 * 35 + 14
    mean[at : at + 4] *= 4
    (spike,) = _found(_counts(mean))
    assert spike.first in {at, at + 1}
    assert at + 3 <= spike.last <= at + 5
    assert spike.kind == "jump"
    assert not spike.open
    assert spike.observed > 2.5 * spike.expected


def test_a_slow_rise_is_found_within_a_day() -> None:
    mean = _mean()
    at = 24 * 35
    mean[at:] *= 1.6
    spike = _found(_counts(mean))[0]
    assert at <= spike.first <= at + 24


def test_the_last_spike_stays_open_until_it_is_calm() -> None:
    mean = _mean()
    mean[-3:] *= 6
    assert _found(_counts(mean))[-1].open


def test_quiet_series_stay_quiet() -> None:
    found = [len(_found(_counts(_mean(), seed))) for seed in range(30)]
    assert sum(found) <= 2


def test_a_single_complaint_in_a_silent_slice_is_no_spike() -> None:
    counts = np.zeros(DAYS * 24)
    counts[-2] = 4
    assert _found(counts) == []
    counts[-2] = 12
    assert len(_found(counts)) == 1


def test_too_little_history_is_said_and_not_guessed() -> None:
    days = Policy().min_history_days
    judged = score(np.ones(days * 24), _calendar(days))
    assert judged == TooFew("days", days, days + 1)
    assert isinstance(score(np.zeros(0), _calendar(0)), TooFew)


def test_a_gap_in_the_data_is_neither_a_spike_nor_a_past_of_zeros() -> None:
    mean = _mean()
    counts = _counts(mean)
    counts[24 * 20 : 24 * 34] = np.nan
    assert _found(counts) == []
    judged = score(counts, _calendar())
    assert isinstance(judged, Scores)
    expected = judged.expected[24 * 36 : 24 * 37]
    assert expected == pytest.approx(mean[24 * 36 : 24 * 37], rel=0.25)


def test_a_past_outbreak_hardly_raises_the_limit() -> None:
    mean = _mean()
    clean = score(_counts(mean), _calendar())
    mean[24 * 30 + 9 : 24 * 30 + 15] *= 10
    after = score(_counts(mean), _calendar())
    assert isinstance(clean, Scores)
    assert isinstance(after, Scores)
    last = slice(24 * 40, None)
    assert after.limit[last].mean() < 1.25 * clean.limit[last].mean()


def test_a_holiday_is_compared_with_holidays() -> None:
    holidays = (*(date(2026, 1, day) for day in (7, 13, 16, 22)), date(2026, 2, 9))
    mean = _mean()
    for day in holidays:
        at = (day - FIRST).days * 24
        mean[at : at + 24] *= 5
    calendar = _calendar(holidays=holidays)
    assert (calendar.kind == HOLIDAY).sum() == 24 * len(holidays)
    day = (holidays[-1] - FIRST).days * 24
    assert not [s for s in _found(_counts(mean), calendar) if day <= s.first < day + 24]
    assert [s for s in _found(_counts(mean)) if day <= s.first < day + 24]


def test_the_rule_is_stateless_the_same_past_gives_the_same_spikes() -> None:
    mean = _mean()
    at = 24 * 38 + 10
    mean[at : at + 5] *= 5
    counts = _counts(mean)
    whole = _found(counts)
    cut = at + 12
    early = _found(counts[:cut], Calendar.hourly(FIRST, 0, cut))
    assert early == [spike for spike in whole if spike.last < cut]


@given(st.floats(0.1, 400), st.floats(1.01, 5), st.floats(1e-6, 0.2))
def test_the_limit_is_the_quantile(mean: float, phi: float, alpha: float) -> None:
    limit = negative_binomial_limit(np.array([mean]), phi, alpha)[0]
    assert tail(np.array([limit]), np.array([mean]), phi)[0] <= alpha
    assert tail(np.array([limit - 1]), np.array([mean]), phi)[0] > alpha


def test_without_dispersion_the_limit_is_poisson() -> None:
    assert (
        negative_binomial_limit(np.array([10.0]), 1.0, 0.001)[0] == stats.poisson.isf(0.001, 10) + 1
    )


@given(st.integers(0, 60))
def test_more_complaints_never_have_a_larger_chance(count: int) -> None:
    pair = tail(np.array([float(count), count + 1.0]), np.array([12.0, 12.0]), 2.0)
    assert pair[1] <= pair[0]
