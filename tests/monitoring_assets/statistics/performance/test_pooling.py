"""Days are joined until there is enough, and no longer."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_assets.statistics.performance.pooling import DayEstimate, enough_rows, pool

FIRST = dt.date(2026, 1, 1)


def day(i, value=0.7, error=0.1, rows=100, bads=10):
    return DayEstimate(FIRST + dt.timedelta(i), value, error, rows, bads)


def test_a_large_day_is_a_pool_by_itself():
    complete, waiting = pool([day(i, value=i) for i in range(3)], 100)
    assert [(p.first, p.last, p.value, p.standard_error) for p in complete] == [
        (FIRST + dt.timedelta(i), FIRST + dt.timedelta(i), i, pytest.approx(0.1)) for i in range(3)
    ]
    assert waiting is None


def test_values_are_weighted_by_their_precision():
    """1 and 2 with errors 1 and 1/2: weights 1 and 4."""
    complete, waiting = pool([day(0, 1.0, 1.0), day(1, 2.0, 0.5), day(4)], 150)
    assert complete[0].value == pytest.approx(9 / 5)
    assert complete[0].standard_error == pytest.approx(5**-0.5)
    assert (complete[0].rows, complete[0].bads) == (200, 20)
    assert (waiting.first, waiting.last) == (day(4).day, day(4).day)


def test_a_day_without_a_value_still_counts():
    complete, _ = pool([day(0, None, None, 80, 0), day(1)], 150)
    assert (complete[0].first, complete[0].rows, complete[0].value) == (FIRST, 180, 0.7)
    complete, waiting = pool([day(0, None, None)], 50)
    assert (complete, waiting.value) == ([], None)
    assert pool([], 50) == ([], None)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 20)), max_size=40), st.integers(1, 500)
)
def test_nothing_is_lost_and_no_pool_is_larger_than_it_must_be(sizes, least):
    days = [day(i, rows=goods + bads, bads=bads) for i, (goods, bads) in enumerate(sizes)]
    complete, waiting = pool(days, least)
    pools = [*complete, *([waiting] if waiting else [])]
    assert sum(p.rows for p in pools) == sum(d.rows for d in days)
    assert sum(p.bads for p in pools) == sum(d.bads for d in days)
    rows = {d.day: d.rows for d in days}
    for p in complete:
        assert p.rows >= least > p.rows - rows[p.last]
    if waiting:
        assert waiting.rows < least


def test_enough_rows():
    assert enough_rows(0.02) == 1_500
    assert enough_rows(0.75) == 120
    for rate in (0.0, 1.0, -0.1):
        with pytest.raises(ValueError, match="bad rate"):
            enough_rows(rate)


def test_pools_are_not_biased():
    """Standardised bad rates of days with one bad each, pooled: mean 0, deviation 1."""
    rng = np.random.default_rng(1)
    bads = rng.binomial(50, 0.02, 30_000)
    error = (0.02 * 0.98 / 50) ** 0.5
    days = [day(i, bad / 50, error, 50, int(bad)) for i, bad in enumerate(bads)]
    complete, _ = pool(days, enough_rows(0.02))
    z = [(p.value - 0.02) / p.standard_error for p in complete]
    assert len(z) == 1_000
    assert np.mean(z) == pytest.approx(0, abs=0.1)
    assert np.std(z) == pytest.approx(1, abs=0.07)


def test_what_cannot_be_joined_is_refused():
    with pytest.raises(ValueError, match="ascend"):
        pool([day(1), day(1)], 50)
    for error in (None, 0.0):
        with pytest.raises(ValueError, match="2026-01-01: a value needs"):
            pool([day(0, error=error)], 50)
