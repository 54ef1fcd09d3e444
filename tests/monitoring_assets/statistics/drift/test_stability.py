"""The stability index of counts."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from monitoring_assets.statistics.drift.stability import contributions, stability_index

COUNTS = st.lists(st.integers(0, 10**12), min_size=1, max_size=20)
PAIRS = st.integers(1, 20).flatmap(
    lambda size: st.tuples(*[st.lists(st.integers(0, 10**12), min_size=size, max_size=size)] * 2)
)
SMOOTHING = st.just("jeffreys") | st.floats(1e-12, 0.01)


def test_closed_forms():
    # Shares 1/2, 1/2 against 3/4, 1/4: (1/4) ln(3/2) + (1/4) ln 2 = ln(3) / 4.
    assert stability_index([50, 50], [75, 25], smoothing=1e-4) == pytest.approx(math.log(3) / 4)
    # Adding 0.5 to 0 of 1 and to 1 of 1: shares 1/4, 3/4 against 3/4, 1/4.
    assert stability_index([0, 1], [1, 0]) == pytest.approx(math.log(3))
    # A share of 0 becomes 1e-4: (0.5 - 1e-4) ln(5000) + 0.5 ln 2.
    expected = (0.5 - 1e-4) * math.log(5000) + 0.5 * math.log(2)
    assert stability_index([1, 0], [1, 1], smoothing=1e-4) == pytest.approx(expected, abs=1e-12)


def test_equal_shares_are_zero_whatever_the_sizes():
    assert stability_index([10, 20, 30], [100, 200, 300], smoothing=1e-4) == pytest.approx(0)


@given(PAIRS, SMOOTHING)
def test_symmetric_and_never_negative(pair, smoothing):
    reference, current = pair
    assume(any(reference) and any(current))
    value = stability_index(reference, current, smoothing=smoothing)
    assert value >= 0
    assert value == pytest.approx(
        stability_index(current, reference, smoothing=smoothing), rel=1e-9, abs=1e-15
    )
    assert (contributions(reference, current, smoothing=smoothing) >= 0).all()


@given(PAIRS, SMOOTHING)
def test_order_of_bins_and_bins_without_rows_change_nothing(pair, smoothing):
    reference, current = pair
    assume(any(reference) and any(current))
    value = stability_index(reference, current, smoothing=smoothing)
    assert value == pytest.approx(
        stability_index([0, *reference[::-1]], [0, *current[::-1]], smoothing=smoothing),
        rel=1e-9,
        abs=1e-15,
    )


@given(COUNTS, SMOOTHING)
def test_zero_for_the_same_counts(counts, smoothing):
    assume(any(counts))
    assert stability_index(counts, counts, smoothing=smoothing) == 0


def test_what_an_empty_bin_adds_is_mostly_the_smoothing():
    reference, current = [500, 500], [1000, 0]
    values = [stability_index(reference, current, smoothing=s) for s in (1e-2, 1e-4, 1e-10)]
    assert values == sorted(values)
    assert values[-1] > 2 * values[1]


@pytest.mark.parametrize(
    ("reference", "current", "smoothing", "message"),
    [
        ([0, 0], [1, 1], "jeffreys", "reference has no rows"),
        ([1, 1], [0, 0], "jeffreys", "current has no rows"),
        ([], [], "jeffreys", "no rows"),
        ([1, 1], [1], "jeffreys", "one shape"),
        ([1, -1], [1, 1], "jeffreys", "negative"),
        ([1, 1], [1, 1], 0.0, "smoothing"),
        ([1, 1], [1, 1], "laplace", "smoothing"),
    ],
)
def test_bad_counts(reference, current, smoothing, message):
    with pytest.raises(ValueError, match=message):
        stability_index(np.array(reference), np.array(current), smoothing=smoothing)
