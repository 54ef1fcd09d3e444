"""P-values against scipy's chi-squared, adjustment against scipy's false discovery control."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import chi2, false_discovery_control

from monitoring_assets.statistics.drift.multiple_testing import adjusted, indices
from monitoring_assets.statistics.drift.significance import critical_value
from monitoring_assets.statistics.drift.stability import stability_index

COUNTS = arrays(np.int64, (5, 4), elements=st.integers(0, 300))


@given(reference=arrays(np.int64, 4, elements=st.integers(1, 300)), current=COUNTS)
@pytest.mark.parametrize("smoothing", ["jeffreys", 1e-4])
def test_rows_are_stability_indices(smoothing, reference, current):
    values, p_values = indices(reference, current, smoothing)
    for row, value, p in zip(current, values, p_values, strict=True):
        if not row.any():
            assert np.isnan(value)
            assert np.isnan(p)
            continue
        assert value == pytest.approx(stability_index(reference, row, smoothing=smoothing))
        scale = 1 / reference.sum() + 1 / row.sum()
        assert p == pytest.approx(chi2.sf(value / scale, 3))


def test_p_value_and_critical_value_agree():
    """At the critical value for a level the p-value is that level."""
    reference, current = np.array([500, 300, 200]), np.array([[48, 30, 22]])
    value, p = indices(reference, current)
    assert critical_value(1000, 100, 2, float(p[0])) == pytest.approx(value[0])


def test_one_bin_says_nothing():
    values, p_values = indices(np.array([10, 0]), np.array([[7, 0]]))
    assert values.tolist() == [0.0]
    assert p_values.tolist() == [1.0]


def test_a_reference_by_day():
    reference = np.array([[10, 10], [30, 10]])
    values, _ = indices(reference, np.array([[20, 20], [60, 20]]), 1e-4)
    assert values == pytest.approx([0.0, 0.0])


@given(
    p=arrays(np.float64, (3, 7), elements=st.floats(0, 1) | st.just(np.nan)),
    dependence=st.sampled_from(["positive", "any"]),
)
def test_adjustment_is_scipys(p, dependence):
    found = adjusted(p, dependence)
    for row, mine in zip(p, found, strict=True):
        tested = np.isfinite(row)
        assert np.isnan(mine[~tested]).all()
        method = {"positive": "bh", "any": "by"}[dependence]
        expected = false_discovery_control(row[tested], method=method) if tested.any() else []
        assert mine[tested] == pytest.approx(expected)


def test_share_of_false_discoveries():
    """40 of 50 have nothing: of what is found, no more than a tenth of that share is false."""
    rng = np.random.default_rng(3)
    p = rng.random((4_000, 50))
    p[:, :10] *= 1e-3
    found = adjusted(p) <= 0.1
    false = found[:, 10:].sum(1) / np.maximum(found.sum(1), 1)
    assert 0.07 < false.mean() < 0.09  # 0.1 * 40 / 50, exactly, for independent tests
