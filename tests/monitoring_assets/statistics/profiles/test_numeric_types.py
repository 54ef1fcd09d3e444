"""The same numbers in another numeric type are the same numbers."""

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from monitoring_assets.statistics.profiles.bins import ColumnError
from monitoring_assets.statistics.profiles.kernel import as_double
from monitoring_assets.statistics.profiles.profile import Profile, count, fit_bins

# Numbers of two decimals: as many of a price list, a few that hold most rows, and many.
PRICES = np.array([1.07, 1.14, 1.29, 1.57, 2.3, 3.35, 4.41, 9.99])


def population(kind, rows=4_000, seed=3):
    rng = np.random.default_rng(seed)
    many = np.round(rng.gamma(2.0, 1.5, rows), 2)
    if kind == "prices":
        return rng.choice(PRICES, rows)
    if kind == "spiky":
        return np.where(rng.random(rows) < 0.4, 0.3, many)
    return many


def decimals(scale=2, precision=9, bits=128):
    make = {32: pa.decimal32, 64: pa.decimal64, 128: pa.decimal128, 256: pa.decimal256}[bits]
    return lambda values: pa.array([Decimal(f"{v:.2f}") for v in values], make(precision, scale))


TYPES = {
    "double": pa.array,
    "float": lambda values: pa.array(values.astype(np.float32)),
    "decimal": decimals(),
    "wide decimal": decimals(18, 38),
    "decimal32": decimals(2, 9, 32),
    "decimal64": decimals(2, 18, 64),
    "decimal256": decimals(40, 76, 256),
    "dictionary": lambda values: pa.array(values).dictionary_encode(),
}


@pytest.mark.parametrize("kind", ["prices", "spiky", "many"])
@pytest.mark.parametrize("current", TYPES)
@pytest.mark.parametrize("reference", TYPES)
def test_counts_do_not_depend_on_the_type(profiles, kind, reference, current):
    values, later = population(kind), population(kind, seed=4)
    _, expected = profiles(values, later)
    _, found = profiles(TYPES[reference](values), TYPES[current](later))
    assert found.counts.tolist() == expected.counts.tolist()
    assert (found.below, found.above) == (expected.below, expected.above)


@pytest.mark.parametrize("kind", ["prices", "spiky"])
@pytest.mark.parametrize("swapped", [False, True])
def test_a_half_float_differs_by_what_it_rounds_at_most(profiles, kind, swapped):
    values, later = population(kind), population(kind, seed=4)
    _, expected = profiles(values, later)
    coarse = [one.astype(np.float16) for one in (values, later)]
    _, found = profiles(*((coarse[0], later) if swapped else (values, coarse[1])))
    assert len(found.counts) == len(expected.counts)
    # 0.01 beyond an edge is less than the rounding of numbers over 8.
    assert np.abs(found.counts - expected.counts).sum() <= 0.01 * len(later)


def test_a_decimal_becomes_the_nearest_double():
    rng = np.random.default_rng(0)
    for scale in (0, 1, 2, 9, 17, 22, 30):
        texts = [
            f"{int(n)}E-{scale}" for n in rng.integers(-(10**15), 10**15, 500) * rng.choice([1, 0])
        ]
        texts += [f"{rng.integers(1, 10**18)}{rng.integers(0, 10**17)}E-{scale}" for _ in range(99)]
        array = pa.array([None, *map(Decimal, texts)], pa.decimal128(38, scale))
        for piece in (array, array[7:]):
            expected = [None if v is None else float(v) for v in piece.to_pylist()]
            assert as_double(piece).to_pylist() == expected


def test_labels_show_a_spike_as_its_own_type_writes_it(profiles):
    for make in TYPES.values():
        (column,) = profiles(make(population("prices")))
        labels = [slot.label for slot in column.bins.slots]
        assert labels[1] == "= 1.07"
        assert labels[2] == "(1.07, 1.14]"


def test_spikes_survive_storage(write):
    source = write({"rate": population("spiky").astype(np.float32)})
    profile = count(source, fit_bins(source))
    assert profile.bins["rate"].spikes
    assert Profile.from_table(profile.to_table()) == profile


@pytest.mark.parametrize("offset", [2**53, 2**60, -(2**62)])
@pytest.mark.parametrize("make", [pa.array, lambda v: pa.array(v.tolist(), pa.decimal128(38, 0))])
def test_integers_that_a_double_cannot_tell_apart_are_refused(write, offset, make):
    values = np.random.default_rng(0).integers(0, 1_000, 5_000) + offset
    found = fit_bins(write({"account": make(values), "x": np.arange(5_000.0)}))
    assert isinstance(found["account"], ColumnError)
    assert "write an identifier as text" in found["account"].reason
    assert not isinstance(found["x"], ColumnError)


def test_large_integers_that_are_doubles_are_binned(profiles):
    # Nanoseconds of whole seconds.
    values = (1_700_000_000 + np.arange(100)) * 2**30
    column, same = profiles(values, values)
    assert column == same
    assert column.counts[:10].tolist() == [10] * 10
    _, other = profiles(values, values + 1)
    assert "write an identifier as text" in other.error


def test_a_current_sentinel_far_outside_the_reference_is_only_large(profiles):
    _, column = profiles(np.arange(100), np.array([5, 2**63 - 1]))
    assert (column.error, column.above) == (None, 1)


def test_infinities_of_different_signs_are_different(profiles):
    reference, current = profiles([np.inf] * 9, [-np.inf] * 9)
    assert (reference.counts * current.counts).sum() == 0


def test_an_integer_column_is_cut_at_integers(profiles):
    values = np.repeat(np.arange(0, 500, 5), 3) - 250
    column, same = profiles(values, values.astype(float))
    assert all(float(edge).is_integer() for edge in column.bins.edges)
    assert column == same
