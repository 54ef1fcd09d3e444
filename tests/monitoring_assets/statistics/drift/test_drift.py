"""Status of columns, and the cases where other tools go wrong."""

import math

import numpy as np
import pyarrow as pa
import pytest

from monitoring_assets.statistics.drift.drift import compare
from monitoring_assets.statistics.drift.stability import StabilityIndex, stability_index
from monitoring_assets.statistics.drift.thresholds import Thresholds
from monitoring_assets.statistics.profiles.profile import Profile, count, fit_bins


@pytest.fixture(scope="session")
def drift(write):
    """Compare two columns, or tables."""

    def drift(reference, current, bins=10, **options):
        a, b = ({"x": t} if not isinstance(t, dict | pa.Table) else t for t in (reference, current))
        fitted = fit_bins(write(a), bins=bins)
        columns = compare(count(write(a), fitted), count(write(b), fitted), **options)
        return columns[0] if len(columns) == 1 else columns

    return drift


def status_of(index, n=1_000_000):
    """Status of two bins whose counts have about this index."""
    low, high = 0.0, 0.5
    for _ in range(60):
        middle = (low + high) / 2
        value = stability_index(
            [n, n], [n * (1 + 2 * middle), n * (1 - 2 * middle)], smoothing=1e-9
        )
        low, high = (middle, high) if value < index else (low, middle)
    return [round(n * (1 + 2 * low)), round(n * (1 - 2 * low))]


@pytest.mark.parametrize(
    ("index", "status"),
    [(0.05, "ok"), (0.099, "ok"), (0.101, "warn"), (0.249, "warn"), (0.251, "fail"), (2, "fail")],
)
def test_status_by_threshold(write, index, status):
    counts = status_of(index)
    source = write({"x": ["a", "b"]})
    profile = count(source, fit_bins(source))

    def of(a, b):
        column = profile.columns["x"]
        return Profile(a + b, {"x": type(column)(column.bins, np.array([a, b, 0, 0, 0]))})

    column = compare(of(1_000_000, 1_000_000), of(*counts))[0]
    assert column.value == pytest.approx(index, rel=0.01)
    assert column.status == status


def test_chance_at_a_small_size_is_not_a_breach(drift):
    rng = np.random.default_rng(5)
    reference = rng.normal(size=10_000)
    column = drift(reference, rng.normal(size=15))
    assert column.value > 0.1
    assert column.value <= column.critical_value
    assert column.status == "insufficient evidence"
    assert drift(reference, rng.normal(3, 1, 15)).status == "fail"


def test_thresholds_by_column(drift):
    rng = np.random.default_rng(5)
    tables = [{n: rng.normal(s, 1, 5_000) for n in "ab"} for s in (0, 0.5)]
    strict = Thresholds(0.01, 0.02)
    a, b = drift(*tables, overrides={"a": strict}, thresholds=Thresholds(1, 2), score="b")
    assert (a.status, a.index, a.thresholds) == ("fail", "CSI", strict)
    assert (b.status, b.index) == ("ok", "PSI")


def test_what_cannot_be_compared_says_why(write):
    reference, other = write({"x": np.arange(9.0), "y": [[1]] * 9}), write({"x": np.arange(5.0)})
    empty = write({"x": pa.array([], pa.float64()), "y": pa.array([], pa.list_(pa.int64()))})
    bins = fit_bins(reference)
    profile = count(reference, bins)

    def errors(current):
        return [column.error for column in compare(profile, current)]

    x, y = compare(profile, count(other, bins))
    assert x.error is None
    assert (y.status, y.value, y.critical_value, y.bins) == ("error", None, None, ())
    assert "list<element: int64>" in y.error
    assert errors(count(empty, bins))[0] == "current: no rows"
    assert errors(Profile(1, {}))[0] == "current: the column is missing"
    assert errors(count(other, fit_bins(other)))[0].endswith("different bins")
    assert compare(count(empty, bins), profile)[0].error == "reference: no rows"


def test_shares_that_are_reported_on_their_own(drift):
    column = drift(np.arange(100.0), [1.0, 2.0, -5.0, 200.0, np.nan, np.inf, None, 3.0])
    assert column.reference_missing == 0
    assert column.current_missing == pytest.approx(2 / 8)
    assert column.out_of_range == pytest.approx(2 / 8)
    assert (column.infinite, column.unseen) == (1, None)
    column = drift(["a", "b", None], ["a", "c", "d", None])
    assert column.unseen == pytest.approx(0.5)
    assert column.reference_missing == pytest.approx(1 / 3)
    assert (column.out_of_range, column.infinite) == (None, 0)


def test_bins_carry_counts_that_give_the_value_again(drift):
    rng = np.random.default_rng(0)
    column = drift(rng.normal(size=500), rng.normal(0.2, 1, 400))
    counts = [[getattr(b, side) for b in column.bins] for side in ("reference", "current")]
    assert stability_index(*counts) == pytest.approx(column.value)
    assert sum(b.contribution for b in column.bins) == pytest.approx(column.value)
    assert [sum(side) for side in counts] == [500, 400]


class TestWherePeersAreWrong:
    """Each case is one that some tool gets wrong."""

    rng = np.random.default_rng(99)
    reference = rng.normal(size=20_000)
    shifted = rng.normal(0.58, 1, 20_000)

    @pytest.mark.parametrize("outlier", [1e6, -999_999.0])
    def test_outliers_do_not_hide_drift(self, drift, outlier):
        clean = drift(self.reference, self.shifted)
        assert clean.value == pytest.approx(0.34, abs=0.03)
        spoilt = self.reference.copy()
        spoilt[: 1 if outlier > 0 else 100] = outlier
        assert drift(spoilt, self.shifted).value == pytest.approx(clean.value, rel=0.1)

    def test_a_spike_that_shrinks(self, drift):
        reference, current = (
            np.concatenate([np.zeros(zeros), self.rng.lognormal(size=100_000 - zeros)])
            for zeros in (95_000, 90_000)
        )
        truth = 0.05 * math.log(0.95 / 0.90) + 0.05 * math.log(0.10 / 0.05)
        # One outer bin holds all that is over 0; the others over 0 have the same proportions.
        assert drift(reference, current).value == pytest.approx(truth, rel=0.02)
        assert round(truth, 3) == 0.037

    def test_a_constant_that_shifts(self, drift):
        for current in (2.0, 0.0):
            column = drift(np.ones(1_000), np.full(1_000, current))
            assert column.status == "fail"
            assert column.out_of_range == 1
        assert drift(np.ones(1_000), np.ones(500)).value == 0

    def test_a_sentinel_under_a_spike(self, drift):
        reference = np.concatenate([np.zeros(9_000), self.rng.lognormal(size=1_000)])
        current = np.where(self.rng.random(10_000) < 0.2, -999_999.0, reference)
        column = drift(reference, current)
        assert column.status == "fail"
        assert column.bins[0].label == "(-inf, 0.0)"
        assert column.bins[0].current == (current == -999_999).sum()

    def test_nulls_that_the_reference_never_had(self, drift):
        for missing in (None, np.nan):
            column = drift(
                self.reference, pa.array([missing] * 4_000 + self.reference[4_000:].tolist())
            )
            assert column.status == "fail"
            assert column.value > 1
            assert column.current_missing == 0.2

    def test_an_empty_batch_is_no_zero(self, drift):
        column = drift(self.reference, pa.array([], pa.float64()))
        assert (column.status, column.value) == ("error", None)

    def test_disjoint_distributions_are_far_apart(self, drift):
        assert drift(self.reference, self.reference + 100).value > 5

    def test_categories_that_appear_or_vanish(self, drift):
        reference = ["a"] * 500 + ["b"] * 500
        appeared = drift(reference, ["a"] * 400 + ["b"] * 400 + ["c"] * 200)
        vanished = drift(reference, ["a"] * 1_000)
        assert appeared.status == vanished.status == "fail"
        assert appeared.unseen == 0.2
        assert math.isfinite(vanished.value)

    def test_the_index_does_not_grow_with_the_rows(self, drift):
        small = drift(self.reference[:2_000], self.shifted[:2_000]).value
        assert drift(self.reference, self.shifted).value == pytest.approx(small, rel=0.3)

    @pytest.mark.parametrize("bins", [2, 5, 20])
    def test_the_number_of_bins_is_the_one_asked_for(self, drift, bins):
        column = drift(self.reference, self.shifted, bins=bins)
        assert sum(b.slot == "interval" for b in column.bins) == bins

    def test_the_smoothing_is_what_an_empty_bin_says(self, drift):
        reference, current = ["a"] * 900 + ["b"] * 100, ["a"] * 1_000
        values = [
            drift(reference, current, index=StabilityIndex(s)).value
            for s in (1e-4, "jeffreys", 1e-10)
        ]
        assert values[0] != pytest.approx(values[1], rel=0.01)
        assert values[2] > 2 * values[0]


def test_tiny_batches(drift):
    reference = np.arange(1_000.0)
    for rows in (1, 2, 3):
        column = drift(reference, reference[:rows])
        assert column.status in ("ok", "insufficient evidence")
    assert drift([1.0], [1.0]).value == 0
