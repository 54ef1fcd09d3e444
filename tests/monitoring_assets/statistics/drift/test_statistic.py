"""What every statistic of drift must do: the stability index, and those of `ADDITIONAL`."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from monitoring_assets.statistics.drift.additional import ADDITIONAL
from monitoring_assets.statistics.drift.drift import judge_counts
from monitoring_assets.statistics.drift.stability import StabilityIndex

DECILES = np.full(10, 0.1)
RARE = 1 / np.arange(1, 21) ** 1.3  # of twenty categories, some with a handful of rows or none
COUNTS = st.lists(st.integers(0, 10**9), min_size=6, max_size=6).map(np.array)


@pytest.fixture(
    scope="module",
    params=[StabilityIndex(), *ADDITIONAL.values()],
    ids=lambda statistic: statistic.name,
)
def statistic(request):
    return request.param


def test_it_has_a_name_a_label_and_limits(statistic):
    assert statistic.name.isidentifier()
    assert statistic.name == statistic.name.lower()
    assert 0 < len(statistic.label) <= 8
    assert ADDITIONAL.get(statistic.name, statistic) is statistic
    assert statistic.limits.warn < statistic.limits.fail


@given(reference=COUNTS, current=COUNTS)
def test_parts_are_never_negative_and_add_up(statistic, reference, current):
    assume(reference.any() and current.any())
    parts = statistic.contributions(reference, current)
    assert parts.shape == reference.shape
    assert (parts >= 0).all()
    assert statistic.value(reference, current) == pytest.approx(parts.sum())
    unused = np.append(reference, 0), np.append(current, 0)
    assert statistic.contributions(*unused) == pytest.approx(np.append(parts, 0.0))


@given(counts=COUNTS, times=st.integers(1, 50))
def test_equal_shares_are_no_drift(statistic, counts, times):
    assume((counts > 100).all())
    # Smoothing makes shares of other sizes differ a little.
    assert statistic.value(counts, times * counts) == pytest.approx(0, abs=1e-4)
    assert statistic.value(counts, counts) == 0


def test_leading_axes_broadcast(statistic):
    rng = np.random.default_rng(0)
    reference, days = rng.multinomial(5_000, DECILES), rng.multinomial(500, DECILES, (3, 7))
    together = statistic.contributions(reference, days)
    assert together.shape == (3, 7, 10)
    assert together[2, 5] == pytest.approx(statistic.contributions(reference, days[2, 5]))
    assert np.isnan(statistic.contributions(reference, np.zeros((2, 10), int))).any(1).all()


def test_it_grows_with_the_shift(statistic):
    reference = np.full(10, 1_000)
    shifts = [reference + np.linspace(-n, n, 10).round().astype(int) for n in (50, 200, 500, 900)]
    values = [statistic.value(reference, current) for current in shifts]
    assert values == sorted(values)
    assert values[0] > 0


@pytest.mark.parametrize(
    ("reference", "current"),
    [([1, 2], [0, 0]), ([0, 0], [1, 2]), ([1, -2], [1, 2]), ([1, 2], [1, 2, 3]), ([], [])],
)
def test_what_is_no_pair_of_counts_is_refused(statistic, reference, current):
    with pytest.raises(ValueError, match=r"rows|negative|shape"):
        statistic.value(np.array(reference, int), np.array(current, int))


@pytest.mark.parametrize(
    ("shares", "n", "m"),
    [(DECILES, 100_000, 40), (DECILES, 2_000, 500), (RARE, 100_000, 300), (RARE, 1_000, 1_000)],
    ids=["deciles of 40 rows", "deciles", "rare", "rare on both sides"],
)
def test_without_drift_the_law_is_exceeded_as_rarely_as_it_says(statistic, shares, n, m):
    """At level 1e-2: at most what this rate gives in 99.9 % of such tests."""
    rng = np.random.default_rng(1)
    shares = shares / shares.sum()
    pairs = zip(rng.multinomial(n, shares, 500), rng.multinomial(m, shares, 500), strict=True)
    alarms = 0
    for before, now in pairs:
        law = statistic.null_law(before, now)
        alarms += law.p_value(statistic.value(before, now)) <= 1e-2
    assert alarms <= 13


def test_the_law_is_the_same_for_the_same_counts(statistic):
    rng = np.random.default_rng(2)
    before, now = rng.multinomial(9_000, DECILES), rng.multinomial(900, DECILES)
    law = statistic.null_law(before, now)
    assert law == statistic.null_law(before, now)
    assert law.p_value(law.critical_value(1e-3)) == pytest.approx(1e-3)
    assert law.p_value(0.0) == 1


def test_a_shift_is_found_and_chance_is_not(statistic):
    now = np.array([100, 100, 100, 100, 100, 100, 100, 100, 100, 1_100])
    judged = judge_counts(np.full(10, 1_000), now, statistic.limits, statistic)
    assert judged.status == "fail"
    assert judged.value > judged.critical_value
    few = np.array([3, 0, 1, 1, 0, 0, 2, 0, 1, 1])
    assert judge_counts(np.full(10, 1_000), few, statistic.limits, statistic).status == (
        "insufficient evidence"
    )


def test_one_bin_never_differs(statistic):
    judged = judge_counts(np.array([7, 0]), np.array([5, 0]), statistic.limits, statistic)
    assert (judged.value, judged.critical_value, judged.status) == (0, 0, "ok")
