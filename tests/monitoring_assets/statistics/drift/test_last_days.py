"""The last days together: which days are in them, and what their index says."""

import numpy as np
import pytest

from monitoring_assets.statistics.drift.last_days import WEEK, last_days
from monitoring_assets.statistics.drift.stability import stability_index
from monitoring_assets.statistics.drift.thresholds import Status, Thresholds

BINS = 10
REFERENCE = np.full(BINS, 2000)
ROWS = 73
NONE = np.zeros((0, BINS), np.int64)


def judged(week, limits=None, at_once=1.0):
    """Judge the last day of int64[D, B] with those before it."""
    return last_days(REFERENCE, week[-1], week[:-1], limits or Thresholds(), "jeffreys", at_once)


def weeks(number, rows, shares=None, seed=0):
    """int64[number, 7, B]: weeks of rows that are drawn from these shares, else without drift."""
    shares = np.full(BINS, 1 / BINS) if shares is None else shares
    return np.random.default_rng(seed).multinomial(rows, shares, (number, WEEK))


def drifted_shares(index):
    """Shares that rise from bin to bin, of this index against equal ones."""
    slope = np.linspace(-1, 1, BINS)
    equal = np.full(BINS, 1 / BINS)
    low, high = 0.0, 5.0
    for _ in range(60):
        middle = (low + high) / 2
        shares = np.exp(middle * slope) / np.exp(middle * slope).sum()
        value = ((shares - equal) * np.log(shares / equal)).sum()
        low, high = (middle, high) if value < index else (low, middle)
    return shares


def test_the_index_is_that_of_the_summed_counts():
    (week,) = weeks(1, ROWS, seed=1)
    found = judged(week)
    assert found.value == stability_index(REFERENCE, week.sum(0))
    assert (found.days, found.rows) == (7, 7 * ROWS)
    assert str(found) == f"{found.value:.2f} over 7 days, 511 rows: ok"


def test_days_without_rows_are_not_counted():
    (week,) = weeks(1, ROWS)
    week[[0, 3]] = 0
    assert (judged(week).days, judged(week).rows) == (5, 5 * ROWS)
    alone = judged(week[-1:])
    assert str(alone).endswith(" over 1 day, 73 rows: ok")
    assert last_days(REFERENCE, week[-1], NONE, Thresholds(), "jeffreys", 1.0) == alone


def test_a_broken_day_does_not_outlive_itself():
    (week,) = weeks(1, ROWS)
    week[2] = [200, *[0] * (BINS - 1)]
    assert judged(week, at_once=100.0).status == Status.FAIL
    assert (judged(week).days, judged(week).status) == (6, Status.OK)
    # On its own day it is what the day is about.
    week[-1] = week[2]
    assert judged(week).rows == 5 * ROWS + 200


def test_a_small_lender_that_drifts_fails_by_the_week_where_no_day_says_so():
    drifting = weeks(500, ROWS, drifted_shares(0.3), seed=2)
    days = np.array([judged(week[-1:]).status for week in drifting])
    found = [judged(week) for week in drifting]
    failed = np.array([one.status == Status.FAIL for one in found])
    decided = np.array([one.decides(day) for one, day in zip(found, days, strict=True)])
    assert np.mean(days == Status.INSUFFICIENT) > 0.45
    assert failed.mean() > 0.8
    assert (decided == (failed & (days == Status.INSUFFICIENT))).all()
    assert decided.mean() > 0.4


def test_a_small_lender_without_drift_stays_quiet():
    assert {str(judged(week).status) for week in weeks(2000, ROWS)} == {"ok"}


@pytest.mark.parametrize("rows", [12, ROWS])
def test_chance_fails_a_week_at_the_stated_level(rows):
    limits = Thresholds(0.001, 0.002, level=0.01)
    failed = np.mean([judged(week, limits).status == Status.FAIL for week in weeks(4000, rows)])
    assert 0.005 < failed < 0.015
