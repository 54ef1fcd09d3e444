"""The chart: its recursion, its run length, its estimate of the change point."""

import datetime as dt

import numpy as np
import pytest

from monitoring_assets.statistics.performance.control_chart import cusum
from monitoring_assets.statistics.performance.intervals import Estimate
from monitoring_assets.statistics.performance.pooling import DayEstimate, Pool, enough_rows, pool
from monitoring_assets.statistics.performance.run_length import average_run_length, threshold_for

TARGET = Estimate(0.0, 0.0)

# Montgomery's example of the tabular CUSUM (target 10, standard deviation 1, allowance 0.5,
# threshold 5): 20 observations in control, then 10 with the mean moved up by one.
OBSERVED = (
    "9.45 7.99 9.29 11.66 12.16 10.18 8.04 11.46 9.20 10.34 9.03 11.47 10.51 9.40 10.08 "
    "9.37 10.62 10.31 8.52 10.84 10.90 9.33 12.29 11.50 10.60 11.08 10.38 11.62 11.31 10.52"
)
RISE = (
    "0 0 0 1.16 2.82 2.50 0.04 1.00 0 0 0 0.97 0.98 0 0 0 0.12 0 0 0.34 0.74 0 1.79 2.79 2.89 "
    "3.47 3.35 4.47 5.28 5.30"
)
FALL = "0.05 1.56 1.77 0 0 0 1.46 0 0.30 0 0.47 0 0 0.10 0 0.13 0 0 0.98 0 0 0.17 0 0 0 0 0 0 0 0"


def points(values, error=1.0):
    days = (dt.date(2026, 1, 1) + dt.timedelta(i) for i in range(len(values)))
    return [
        Pool(day, day, float(value), error, 100, 50)
        for day, value in zip(days, values, strict=True)
    ]


def test_montgomery():
    """It signals at the 29th, with seven points since the side was last 0: it began at the 23rd."""
    pools = points(np.array(OBSERVED.split(), float))
    chart = cusum(pools, Estimate(10.0, 0.0), threshold=5, allowance=0.5)
    # The book's 30th, 5.30, goes on from 5.28; ours from the threshold, 5.
    rise = [*map(float, RISE.split()[:29]), 5 + 0.02]
    assert [p.rise for p in chart] == pytest.approx(rise, abs=0.011)
    assert [p.fall for p in chart] == pytest.approx(np.array(FALL.split(), float), abs=0.011)
    assert [i + 1 for i, p in enumerate(chart) if p.signals] == [29, 30]
    assert chart[28].change_point == pools[22].first
    assert chart[27].change_point is None


@pytest.mark.parametrize("sides", ["rise", "fall", "both"])
def test_the_recursion(sides):
    values = np.random.default_rng(1).normal(0, 2, 50)
    found = cusum(points(values), TARGET, threshold=1e9, sides=sides)
    rise = fall = 0.0
    for value, point in zip(values, found, strict=True):
        rise, fall = max(0, rise + value - 0.5), max(0, fall - value - 0.5)
        assert point.z == pytest.approx(value)
        assert point.rise == (None if sides == "fall" else pytest.approx(rise))
        assert point.fall == (None if sides == "rise" else pytest.approx(fall))
        assert not point.signals


def test_run_length_in_control_is_what_was_asked_for():
    rng = np.random.default_rng(2)
    threshold = threshold_for(40, 0.5, two_sided=True)
    lengths = []
    for _ in range(400):
        chart = cusum(points(rng.normal(size=600)), TARGET, threshold=threshold)
        lengths.append(next(i + 1 for i, point in enumerate(chart) if point.signals))
    assert np.mean(lengths) == pytest.approx(40, rel=0.15)


def test_a_change_is_found_as_soon_as_the_table_says():
    rng = np.random.default_rng(3)
    lengths = []
    for _ in range(300):
        chart = cusum(points(rng.normal(-1, 1, 100)), TARGET, threshold=4, sides="fall")
        lengths.append(next(i + 1 for i, point in enumerate(chart) if point.signals))
    assert np.mean(lengths) == pytest.approx(average_run_length(4, 0.5, 1), rel=0.1)


def test_a_signal_ends_with_the_first_good_point():
    chart = cusum(points([3.0] * 30 + [-0.1] * 3), TARGET, threshold=5)
    assert [point.signals for point in chart] == [False] * 2 + [True] * 28 + [False] * 3
    assert {point.change_point for point in chart[2:30]} == {chart[0].pool.first}


def test_the_targets_own_error_counts():
    (point,) = cusum(points([1.0], error=0.3), Estimate(0.5, 0.4), threshold=5)
    assert point.z == pytest.approx(1.0)


def test_small_days_are_pooled_into_a_chart():
    """One bad a day tells nothing; a month of them does. The bad rate doubles on day 600.

    At 370 points in control, five in a hundred charts signal within the 20 points before that.
    """
    rng = np.random.default_rng(4)
    first = dt.date(2026, 1, 1)
    error = np.sqrt(0.02 * 0.98 / 50)
    threshold = threshold_for(370, 0.5)
    false, delays, misplaced = 0, [], []
    for _ in range(60):
        bads = rng.binomial(50, np.repeat([0.02, 0.04], [600, 200])).tolist()
        days = [
            DayEstimate(first + dt.timedelta(i), bad / 50, error, 50, bad)
            for i, bad in enumerate(bads)
        ]
        complete, _ = pool(days, enough_rows(0.02))
        chart = cusum(complete, Estimate(0.02, 0.0), threshold=threshold, sides="rise")
        signal = next(point for point in chart if point.signals)
        delay = (signal.pool.last - first).days - 600
        if delay < 0:
            false += 1
        else:
            delays.append(delay)
            misplaced.append(abs((signal.change_point - first).days - 600))
    assert false <= 9
    assert max(delays) <= 90
    assert np.median(misplaced) <= 30


def test_what_has_no_value_is_refused():
    with pytest.raises(ValueError, match="no bads"):
        cusum([], Estimate(None, reason="no bads"), threshold=5)
    with pytest.raises(ValueError, match="has no value"):
        cusum([Pool(dt.date.min, dt.date.min, None, None, 9, 9)], TARGET, threshold=5)
