"""Fixing the bins of columns by a reference."""

import numpy as np
import pyarrow as pa
import pytest

from monitoring_assets.statistics.profiles.binning import fit_bins
from monitoring_assets.statistics.profiles.bins import (
    MAX_CATEGORIES,
    CategoricalBins,
    ColumnError,
    NumericBins,
)


def test_quantiles_cut_a_number_and_categories_stand_for_themselves(write):
    income = np.arange(1000.0)
    grade = np.tile(["a", "b"], 500)
    found = fit_bins(write({"income": income, "grade": grade}), bins=4)
    assert isinstance(found["income"], NumericBins)
    counts = np.diff(np.searchsorted(income, [-1, *found["income"].edges, 1001]))
    assert counts.tolist() == pytest.approx([250] * 4, abs=1)
    assert (found["income"].low, found["income"].high) == (0.0, 999.0)
    assert isinstance(found["grade"], CategoricalBins)
    assert sorted(found["grade"].categories) == ["a", "b"]


def test_the_bins_are_those_of_the_rows_whatever_files_and_row_groups_hold_them(write):
    values = np.random.default_rng(1).lognormal(size=5000)
    whole = fit_bins(write({"x": values}))
    parts = fit_bins(write({"x": values}, row_group=700, files=3))
    assert whole == parts


def test_what_is_not_finite_cuts_nothing(write):
    values = np.array([np.nan, np.inf, -np.inf, *range(100)], float)
    bins = fit_bins(write({"x": values}))["x"]
    assert np.isfinite(bins.edges).all()
    assert (bins.low, bins.high) == (0.0, 99.0)


def test_a_column_without_values_has_no_range(write):
    bins = fit_bins(write({"x": pa.nulls(5, pa.float64())}))["x"]
    assert (bins.edges, bins.low, bins.high) == ((), None, None)


def test_an_identifier_and_a_column_that_is_not_there_say_why(write):
    names = [f"loan-{number}" for number in range(MAX_CATEGORIES + 1)]
    found = fit_bins(write({"loan_id": names}), ["loan_id", "income"])
    assert isinstance(found["loan_id"], ColumnError)
    assert "looks like an identifier" in found["loan_id"].reason
    assert found["income"] == ColumnError("the column is missing")


def test_columns_keep_the_order_they_are_asked_in_and_progress_ends_at_one(write):
    shares = []
    source = write({"a": [1.0], "b": [2.0], "c": ["x"]})
    assert list(fit_bins(source, ["c", "a", "c"], progress=shares.append)) == ["c", "a"]
    assert shares[-1] == 1.0


@pytest.mark.parametrize("bins", [1, 101])
def test_a_number_of_bins_out_of_range_is_refused(write, bins):
    with pytest.raises(ValueError, match=f"between 2 and 100, not {bins}"):
        fit_bins(write({"x": [1.0]}), bins=bins)
