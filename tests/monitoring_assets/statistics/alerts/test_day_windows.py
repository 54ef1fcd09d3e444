"""Windows of days against sums written out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from monitoring_assets.statistics.alerts.day_windows import (
    earlier,
    is_an_exception,
    pooled,
)
from monitoring_assets.statistics.drift.multiple_testing import indices
from monitoring_assets.statistics.drift.stability import stability_index

DAYS = st.integers(1, 60).flatmap(
    lambda n: arrays(np.int64, (n, 3), elements=st.integers(0, 1_000))
)


@given(counts=DAYS, days=st.integers(1, 28))
def test_pooled_is_the_sum_of_the_last_days(counts, days):
    found = pooled(counts, days)
    for t in range(len(counts)):
        assert found[t].tolist() == counts[max(t - days + 1, 0) : t + 1].sum(0).tolist()


@given(counts=DAYS, days=st.integers(1, 70))
def test_earlier_days_are_those_some_days_before(counts, days):
    found = earlier(counts, days)
    for t in range(len(counts)):
        assert found[t].tolist() == (counts[t - days].tolist() if t >= days else [0, 0, 0])


@given(days=st.lists(st.sampled_from(["over", "under", "absent"]), min_size=1, max_size=40))
def test_an_exception_follows_six_days_of_which_no_more_than_half_were_over(days):
    over = np.array([day == "over" for day in days])
    found = is_an_exception(over, np.array([day != "absent" for day in days]))
    for t in range(len(days)):
        before = days[max(t - 6, 0) : t]
        assert found[t] == (before.count("over") <= before.count("under"))


def test_index_of_a_pool_is_that_of_the_summed_counts():
    rng = np.random.default_rng(1)
    reference, counts = rng.multinomial(900, [0.5, 0.3, 0.2]), rng.integers(1, 50, (9, 3))
    values, _ = indices(reference, pooled(counts, 4))
    assert values[8] == pytest.approx(stability_index(reference, counts[5:].sum(0)))
