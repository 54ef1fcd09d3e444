"""P-values against scipy's chi-squared, adjustment against scipy's false discovery control."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import chi2, false_discovery_control, ncx2

from monitoring_assets.statistics.drift.multiple_testing import (
    adjusted,
    chance_law,
    indices,
    minimum_effect_p,
)
from monitoring_assets.statistics.drift.significance import critical_value
from monitoring_assets.statistics.drift.stability import stability_index
from monitoring_assets.statistics.profiles.bins import category_bins
from monitoring_assets.statistics.profiles.kernel import CodedCategories

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


@given(
    reference=arrays(np.int64, 4, elements=st.integers(1, 300)),
    current=COUNTS,
    true_index=st.floats(0.01, 1),
)
def test_p_value_of_a_true_index_is_the_noncentral_chi_squareds(reference, current, true_index):
    values, _ = indices(reference, current)
    law = chance_law(reference, current)
    found = minimum_effect_p(values, *law, true_index, values >= 0.2)
    for row, value, p in zip(current, values, found, strict=True):
        if not value >= 0.2:
            assert p == 1
            continue
        scale = 1 / reference.sum() + 1 / row.sum()
        assert p == pytest.approx(ncx2.sf(value / scale, 3, true_index / scale), abs=1e-9)


@pytest.mark.parametrize("rows", [100, 1_000])
def test_days_that_differ_by_a_true_index_seldom_surely_exceed_it(rows):
    rng = np.random.default_rng(5)
    shares = np.full(10, 0.1)
    moved = shares * np.exp(0.42 * np.linspace(-1.6, 1.6, 10))
    moved /= moved.sum()
    true_index = float(((moved - shares) * np.log(moved / shares)).sum())
    reference, days = np.full(10, 10_000), rng.multinomial(rows, moved, 20_000)
    values, _ = indices(reference, days)
    everywhere = np.ones(len(days), bool)
    p = minimum_effect_p(values, *chance_law(reference, days), true_index, everywhere)
    assert 0.005 < (p <= 0.01).mean() < 0.015


def test_a_true_index_by_day():
    reference, days = np.array([50, 50]), np.array([[10, 40], [10, 40], [10, 40]])
    values, _ = indices(reference, days)
    where = np.array([True, True, False])
    true_index = np.array([0.1, 0.5, 0.1])
    found = minimum_effect_p(values, *chance_law(reference, days), true_index, where)
    assert found[0] < found[1] < found[2] == 1


def test_the_law_without_rows_and_of_one_bin():
    scale, freedom = chance_law(np.array([10, 0]), np.array([[7, 0], [0, 0], [5, 5]]))
    assert scale == pytest.approx([1 / 10 + 1 / 7, np.inf, 1 / 10 + 1 / 10])
    assert freedom.tolist() == [0, 0, 1]


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


def populations():
    for name, exponent, levels in (
        ("uniform", 0, 300),
        ("Zipf 1.0", 1, 300),
        ("Zipf 1.0", 1, 2000),
        ("Zipf 1.0", 1, 9000),
        ("Zipf 1.3", 1.3, 300),
    ):
        weights = np.arange(1, levels + 1.0) ** -exponent
        yield pytest.param(weights / weights.sum(), id=f"{name}, {levels}")


@pytest.mark.parametrize("rows", [(1000, 1000), (1000, 10_000), (10_000, 1000), (10_000, 10_000)])
@pytest.mark.parametrize("shares", populations())
def test_a_long_tail_holds_the_level(shares, rows):
    """At a level of 2 %, 120 draws are expected to be over it 2.4 times; 10 have 1e-4."""
    random = np.random.default_rng(7)
    names = [f"{i:05}" for i in range(len(shares))]
    over = 0
    for _ in range(120):
        reference, current = (random.multinomial(size, shares) for size in rows)
        bins = category_bins({n: int(k) for n, k in zip(names, reference, strict=True) if k}, "str")
        counts = []
        for column, how in (
            (as_dictionary(names, reference), bins.as_new()),
            (as_dictionary(names, current), bins),
        ):
            coded = CodedCategories.of(column, how)
            counts.append(coded.by_slot(coded.by_code(), how))
        if np.count_nonzero(counts[0] + counts[1]) > 1:
            over += indices(*counts)[1] < 0.02
    assert over < 10


def as_dictionary(names, counts):
    codes = pa.array(np.repeat(np.arange(len(names), dtype=np.int32), counts))
    return pa.DictionaryArray.from_arrays(codes, pa.array(names))
