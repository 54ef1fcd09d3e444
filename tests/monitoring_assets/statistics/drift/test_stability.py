"""The stability index of counts."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from monitoring_assets.statistics.drift.stability import contributions, stability_index
from monitoring_assets.statistics.profiles.profile import count, fit_bins
from tests.monitoring_assets.statistics.peers.data import tables

FIGURES = json.loads((Path(__file__).parents[1] / "peers" / "figures.json").read_text())
EVERY_BIN_HAS_ROWS = [
    (peer, column)
    for peer in FIGURES
    for column in ("full", "grade")
    if column in FIGURES[peer]["figures"]
]

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


# The index of other libraries, on the same bins, as ``peers/record.py`` recorded it.
@pytest.fixture(scope="session")
def counts(write):
    """Counts by column, from the product's own bins."""
    reference, current = (write(table) for table in tables())
    bins = fit_bins(reference)
    sides = [count(source, bins).columns for source in (reference, current)]
    return {name: [side[name].counts for side in sides] for name in bins}


@pytest.mark.parametrize(("peer", "column"), EVERY_BIN_HAS_ROWS)
def test_the_same_where_every_bin_has_rows(counts, peer, column):
    ours = stability_index(*counts[column], smoothing=1e-4)
    assert ours == pytest.approx(FIGURES[peer]["figures"][column], abs=1e-9, rel=0)


@pytest.mark.parametrize("peer", ["feature-engine", "polars-ds"])
@pytest.mark.parametrize("column", ["gap", "vanished"])
def test_the_same_where_a_share_of_0_becomes_1e_4(counts, peer, column):
    ours = stability_index(*counts[column], smoothing=1e-4)
    assert ours == pytest.approx(FIGURES[peer]["figures"][column], abs=1e-9, rel=0)


def test_scouter_adds_1e_10_to_every_share(counts):
    e, a = (side[:10] / side.sum() + 1e-10 for side in counts["gap"])
    theirs = FIGURES["scouter-ml"]["figures"]["gap"]
    assert ((a - e) * np.log(a / e)).sum() == pytest.approx(theirs, abs=1e-9, rel=0)
    assert stability_index(*counts["gap"], smoothing=1e-10) == pytest.approx(theirs, rel=1e-8)


def test_toad_leaves_out_bins_that_are_empty_on_a_side(counts):
    for column in ("gap", "vanished"):
        both = np.logical_and(*counts[column])
        e, a = (side[both] / side.sum() for side in counts[column])
        theirs = FIGURES["toad"]["figures"][column]
        assert ((a - e) * np.log(a / e)).sum() == pytest.approx(theirs, abs=1e-9, rel=0)
        assert stability_index(*counts[column], smoothing=1e-4) > 10 * theirs
