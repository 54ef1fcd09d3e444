"""Bins of the score grid, and counting in memory against counting a table."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from monitoring_assets.statistics.profiles.profile import count
from monitoring_assets.statistics.profiles.score_grid import GRID_BINS, count_scores, score_grid

SCORES = arrays(
    np.float64,
    st.integers(1, 300),
    elements=st.one_of(st.integers(0, 9).map(float), st.floats(-1e6, 1e6)),
)


def in_order(values, edges):
    """Rows by bin ``(low, high]``, found the slow way."""
    return np.bincount(np.searchsorted(edges, values, "left"), minlength=len(edges) + 1)


@given(scores=SCORES, cut_offs=st.lists(st.floats(-10, 10), max_size=5))
def test_counts_are_those_of_the_intervals(scores, cut_offs):
    grid = score_grid(scores, cut_offs)
    profile = count_scores(scores, grid, scores)
    assert np.all(np.diff(grid.edges) > 0)
    assert len(grid.slots) <= 256
    assert profile.counts[: grid.missing].tolist() == in_order(scores, grid.edges).tolist()
    assert profile.score_sums.sum() == pytest.approx(scores.sum(), abs=1e-6)
    assert (profile.below, profile.above) == (0, 0)


def test_in_memory_as_from_a_table(write):
    rng = np.random.default_rng(3)
    scores, days = rng.beta(1, 9, 70_000), rng.beta(1, 5, 70_000)
    days[:50], days[50:60], days[60] = np.nan, np.inf, 7.0
    outcomes = (rng.random(70_000) < 0.1).astype(float)
    outcomes[100:300] = np.nan
    grid = score_grid(scores, [0.2])
    source = write({"score": days, "bad": outcomes})
    for summed in ("score", "bad"):
        table = count(source, {"score": grid}, scores=source, score_column=summed)
        memory = count_scores(days, grid, {"score": days, "bad": outcomes}[summed])
        found, expected = memory, table.columns["score"]
        assert found.counts.tolist() == expected.counts.tolist()
        assert (found.below, found.above) == (expected.below, expected.above)
        assert found.score_counts.tolist() == expected.score_counts.tolist()
        np.testing.assert_allclose(found.score_sums, expected.score_sums, rtol=1e-12)


def test_few_values_have_a_bin_each():
    """A score in points loses nothing: each of its values has a bin of its own."""
    points = np.repeat(np.arange(300.0, 500.0), 7)
    grid = score_grid(points)
    profile = count_scores(points, grid, points)
    assert profile.counts[profile.counts > 0].tolist() == [7] * 200


def test_spike_and_cut_off_have_a_bin_of_their_own():
    rng = np.random.default_rng(1)
    scores = np.concatenate([np.full(2_000, 0.25), rng.random(8_000)])
    grid = score_grid(scores, [0.5])
    for value in (0.25, 0.5):
        assert value in grid.edges
        assert np.nextafter(value, -np.inf) in grid.edges


def test_tails_are_cut_as_finely_as_the_middle():
    """A normal score has bins of nearly one width, also where the rows are few."""
    scores = np.random.default_rng(2).normal(size=1_000_000)
    edges = np.array(score_grid(scores).edges)
    inner = edges[np.abs(edges) < 3.5]
    assert len(edges) == GRID_BINS - 1
    assert np.diff(inner).max() < 3 * np.diff(inner).min()
    assert edges[-1] > 3.8


def test_no_finite_score_is_an_error():
    with pytest.raises(ValueError, match="none of 2 scores is finite"):
        score_grid(np.array([np.nan, np.inf]))


def test_more_cut_offs_than_fit_are_an_error():
    with pytest.raises(ValueError, match="at most 20 cut-offs"):
        score_grid(np.arange(5.0), np.linspace(0, 1, 21))
