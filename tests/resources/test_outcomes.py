"""A column of outcomes: booleans or numbers, and what is refused without being shown."""

import decimal

import pyarrow as pa
import pytest

from resources.errors import InputError
from resources.outcomes import not_outcomes, outcomes_of


@pytest.mark.parametrize(
    "values",
    [
        pa.array([True, None, False]),
        pa.array([1, None, 0], pa.uint8()),
        pa.array([1.0, float("nan"), 0.0]),
        pa.array([decimal.Decimal(1), None, decimal.Decimal(0)], pa.decimal128(9, 2)),
        pa.array([1, None, 0]).dictionary_encode(),
    ],
    ids=lambda values: str(values.type),
)
def test_what_may_be_an_outcome(values):
    assert not_outcomes(values, "binary") == ""
    assert outcomes_of(values, "binary", "outcomes").to_pylist() == [1, None, 0]


@pytest.mark.parametrize("kind", ["binary", "continuous"])
def test_a_column_without_a_value_has_no_outcome_yet(kind):
    assert outcomes_of(pa.nulls(2), kind, "outcomes").to_pylist() == [None, None]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([0.25, None, -1.5]),
        pa.array([0.25, float("nan"), -1.5], pa.float32()),
        pa.array([decimal.Decimal("0.25"), None, decimal.Decimal("-1.5")], pa.decimal128(9, 2)),
    ],
    ids=lambda values: str(values.type),
)
def test_what_may_be_a_number_that_is_predicted(values):
    found = outcomes_of(values, "continuous", "outcomes")
    assert (found.type, found.to_pylist()) == (pa.float64(), [0.25, None, -1.5])


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([0.5, float("inf"), float("-inf")], "2 infinite values"),
        ([True, False], "values of type bool"),
        (["0.5"], "values of type string"),
    ],
)
def test_what_is_no_number_is_refused(values, found):
    with pytest.raises(InputError, match=rf"found {found}; allowed: finite numbers"):
        outcomes_of(pa.array(values), "continuous", "sample, column 'lost'")


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([0, 1, 7751, -7751], "2 other values"),
        ([0.0, 0.7751, None, float("nan")], "1 other values"),
        (["1", "0"], "values of type string"),
    ],
)
def test_what_is_no_outcome_is_refused_in_the_same_words(values, found):
    assert not_outcomes(pa.array(values), "binary") == found
    with pytest.raises(InputError, match=rf"^sample, column 'bad': found {found}; allowed: 1 or"):
        outcomes_of(pa.array(values), "binary", "sample, column 'bad'")
