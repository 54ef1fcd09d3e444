"""Counting arrays against bins."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from monitoring_assets.statistics.profiles.bins import CategoricalBins, NumericBins
from monitoring_assets.statistics.profiles.kernel import (
    CodedCategories,
    as_arrow,
    category_codes,
    count_numeric,
    float_runs,
    slot_runs,
    sum_by_slot,
)

NUMBERS = NumericBins((0.0, 10.0), "numeric", -5.0, 15.0, "double")
LETTERS = CategoricalBins(("a", "b"), ("c",), "string")


def test_as_arrow_is_a_view_of_the_same_numbers():
    values = np.array([1.5, -2.0])
    array = as_arrow(values)
    assert array.equals(pa.array([1.5, -2.0]))
    assert array.buffers()[1].address == values.ctypes.data


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array([1, None, 3]), [1.0, np.nan, 3.0]),
        (pa.array([Decimal("1.50")]), [1.5]),
        (pa.array([dt.date(1970, 1, 3)]), [2.0]),
        (pa.array([dt.datetime(1970, 1, 1, 0, 0, 1)]), [1e6]),
        (pa.array([2.0, 4.0, 2.0]).dictionary_encode(), [2.0, 4.0, 2.0]),
        (pa.array([1.0, 2.0, 3.0]).slice(1), [2.0, 3.0]),
    ],
)
def test_float_runs_reads_every_kind_of_number(array, expected):
    np.testing.assert_array_equal(np.concatenate(list(float_runs(array, rows=2))), expected)


def test_category_codes_stand_for_names_and_null():
    codes, names = category_codes(pa.array(["x", None, "y", "x"]))
    assert names.to_pylist() == ["x", "y"]
    assert codes.tolist() == [0, 2, 1, 0]
    codes, names = category_codes(pa.array([True, False, None]))
    assert (codes.tolist(), names.to_pylist()) == ([1, 0, 2], ["false", "true"])


def test_text_that_is_not_utf_8_is_refused():
    broken = pa.StringArray.from_buffers(
        1, pa.py_buffer(np.array([0, 1], np.int32)), pa.py_buffer(b"\xff")
    )
    with pytest.raises(pa.ArrowInvalid, match="UTF8"):
        category_codes(broken)


def test_numbers_are_counted_in_half_open_bins_with_missing_and_infinite_apart():
    array = pa.array([0.0, 0.1, 10.0, 11.0, np.nan, None, np.inf, -np.inf, -6.0, 16.0])
    counts, below, above = count_numeric(array, NUMBERS)
    # (-inf, 0], (0, 10], (10, inf), missing, -inf, inf
    assert counts.tolist() == [2, 2, 2, 2, 1, 1]
    assert (below, above) == (1, 1)
    assert counts.sum() == len(array)


def test_without_a_range_nothing_is_outside_it():
    counts, below, above = count_numeric(
        pa.array([1.0, None, np.inf]), NumericBins((), "numeric", None, None, "double")
    )
    assert (counts.tolist(), below, above) == ([1, 1, 0, 1], 0, 0)


def count_categories(array, bins):
    coded = CodedCategories.of(array, bins)
    return coded.by_slot(coded.by_code(), bins)


def test_categories_are_counted_with_rare_unseen_and_missing_apart():
    array = pa.array(["a", "a", "b", "c", "new", None])
    assert count_categories(array, LETTERS).tolist() == [2, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("array", "bins"),
    [
        (pa.array([0.0, 5.0, 11.0, None, np.inf]), NUMBERS),
        (pa.array(["a", "c", "new", None, "b"]), LETTERS),
    ],
)
def test_the_slot_of_each_row_gives_the_same_counts(array, bins):
    slots = np.concatenate([run for _, run in slot_runs(array, bins)])
    counted = (
        count_numeric(array, bins)[0]
        if isinstance(bins, NumericBins)
        else count_categories(array, bins)
    )
    np.testing.assert_array_equal(np.bincount(slots, minlength=len(bins.slots)), counted)
    sums = sum_by_slot(array, bins, np.arange(1.0, 6.0))
    assert sums.sum() == 15
    np.testing.assert_array_equal(sums[slots[:1]], [np.arange(1.0, 6.0)[slots == slots[0]].sum()])
