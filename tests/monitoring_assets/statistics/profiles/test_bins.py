"""Bins that a reference fixes."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from monitoring_assets.statistics.profiles.bins import (
    ColumnError,
    NumericBins,
    category_bins,
    quantile_edges,
    short_label,
)
from monitoring_assets.statistics.profiles.profile import Profile, count, fit_bins


def labels(column):
    return [slot.label for slot in column.bins.slots]


def midway(values, bins):
    """Return what lies midway between the inverted_cdf quantiles and what follows them."""
    shares = np.arange(1, bins) / bins
    quantiles = np.quantile(values, shares, method="inverted_cdf")
    ordered = np.sort(values)
    return tuple((quantiles + ordered[np.searchsorted(ordered, quantiles, "right")]) / 2)


def test_edges_are_midway_after_the_inverted_cdf_quantiles():
    values = np.random.default_rng(0).normal(size=9_973)
    assert quantile_edges(values.copy(), 10) == (midway(values, 10), ())


def test_bins_are_open_below_closed_above(profiles):
    (column,) = profiles(np.arange(1.0, 101.0))
    assert labels(column)[:2] == ["(-inf, 10.5]", "(10.5, 20.5]"]
    assert labels(column)[-4:] == ["(90.5, inf)", "missing", "-inf", "inf"]
    assert column.counts.tolist() == [10] * 10 + [0, 0, 0]


def test_a_spike_has_a_bin_of_its_own(profiles):
    values = np.concatenate([np.zeros(500), np.arange(1.0, 501.0)])
    (column,) = profiles(values)
    assert labels(column)[:3] == ["(-inf, 0.0)", "= 0.0", "(0.0, 100.5]"]
    assert column.counts[:3].tolist() == [0, 500, 100]


def test_a_value_just_under_a_bins_share_is_no_spike():
    values = np.concatenate([np.full(99, 500.25), np.arange(901.0)])
    assert np.nextafter(500.25, -np.inf) not in quantile_edges(values, 10)[0]
    edges, spikes = quantile_edges(np.append(values, 500.25)[1:], 10)
    assert np.nextafter(500.25, -np.inf) in edges
    assert spikes == (500.25,)


def test_a_spike_between_quantiles_is_found():
    # The spike's rows 95..205 of 1,000 cover one decile only.
    values = np.concatenate([np.arange(95.0), np.full(105, 1e3), 2e3 + np.arange(800.0)])
    assert {np.nextafter(1e3, -np.inf), 1e3} <= set(quantile_edges(values, 10)[0])


def test_a_leftover_beside_a_spike_goes_to_its_other_neighbour():
    values = np.concatenate([np.zeros(295), np.full(5, 1.0), 2.0 + np.arange(700.0)])
    edges, _ = quantile_edges(values.copy(), 10)
    assert 1.0 not in edges
    assert edges[:2] == (np.nextafter(0.0, -np.inf), 0.0)
    assert edges[2] > 2.0


def test_a_leftover_between_spikes_goes_to_one_of_them():
    edges, _ = quantile_edges(np.repeat([0.0, 1.0, 2.0], 100), 10)
    # = 0, (0, 1], (1, 2] and two open ends, which have no rows in the reference.
    assert edges == (np.nextafter(0.0, -np.inf), 0.0, 1.0, 2.0)


@pytest.mark.parametrize("bins", [2, 3, 10, 100])
@pytest.mark.parametrize("seed", range(20))
def test_edges_increase_and_no_inner_leftover_stays(seed, bins):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, rng.integers(1, 60), rng.integers(1, 2_000)).astype(float)
    edges = np.array(quantile_edges(values, bins)[0])
    assert (np.diff(edges) > 0).all()
    counts = np.diff(np.searchsorted(np.sort(values), edges, "right"))
    spikes = np.isin(edges, [v for v in edges if (values == v).sum() * bins >= len(values)])
    beside = np.append(spikes[2:], False) | spikes[:-1]
    assert not ((counts < 0.01 * len(values)) & ~spikes[1:] & beside).any()


def test_negative_zero_is_zero(profiles):
    (column,) = profiles(np.array([-0.0] * 5 + [0.0] * 5 + [1.0] * 10))
    assert "= 0.0" in labels(column)
    assert column.counts[labels(column).index("= 0.0")] == 10
    assert str(column.bins.low) == "0.0"


def test_integers_are_labelled_without_decimals(profiles):
    (column,) = profiles(np.arange(1, 101))
    assert labels(column)[:2] == ["(-inf, 10]", "(10, 20]"]


def test_float32_is_labelled_as_written(profiles):
    (column,) = profiles(np.full(10, 0.1, np.float32))
    assert "= 0.1" in labels(column)


def test_dates_and_timestamps_are_labelled_in_iso(profiles):
    days = [dt.date(2026, 1, 1) + dt.timedelta(days=i) for i in range(100)]
    (column,) = profiles(pa.array(days))
    assert labels(column)[0] == "(-inf, 2026-01-10]"
    assert column.counts[:10].tolist() == [10] * 10
    times = [dt.datetime(2026, 1, 1) + dt.timedelta(hours=i) for i in range(100)]
    for unit in ("s", "ms", "us", "ns"):
        (column,) = profiles(pa.array(times, pa.timestamp(unit)))
        assert labels(column)[0] == "(-inf, 2026-01-01T09:30:00]"
        assert column.counts[:10].tolist() == [10] * 10


def test_decimals_are_numbers(profiles):
    (column,) = profiles(pa.array([Decimal(i) / 4 for i in range(1, 101)]))
    assert labels(column)[0] == "(-inf, 2.625]"
    assert column.counts[:10].tolist() == [10] * 10


def test_booleans_are_categories(profiles):
    (column,) = profiles(pa.array([True] * 3 + [False] * 6 + [None]))
    assert labels(column) == ["false", "true", "rare", "unseen", "missing"]
    assert column.counts.tolist() == [6, 3, 0, 0, 1]


@pytest.mark.parametrize(
    "arrow_type",
    [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())],
    ids=str,
)
def test_every_kind_of_string_is_a_category(profiles, arrow_type):
    column = pa.array(["a", "b", "a", None, "ü"]).cast(arrow_type)
    (profile,) = profiles(column)
    assert labels(profile) == ["a", "b", "ü", "rare", "unseen", "missing"]
    assert profile.counts.tolist() == [2, 1, 1, 0, 0, 1]


def test_a_dictionary_of_numbers_is_numeric(profiles):
    (column,) = profiles(pa.array(np.arange(1, 101)).dictionary_encode())
    assert labels(column)[0] == "(-inf, 10]"
    assert column.counts[:10].tolist() == [10] * 10


def test_rare_categories_are_pooled_and_told_from_unseen(profiles):
    reference = ["a"] * 991 + ["b"] * 9
    column, current = profiles(reference, ["a", "b", "b", "c", None])
    assert column.bins.categories == ("a",)
    assert column.bins.rare == ("b",)
    assert labels(current) == ["a", "rare", "unseen", "new category", "missing"]
    assert current.counts.tolist() == [1, 2, 1, 0, 1]


def test_half_a_percent_is_not_rare(profiles):
    (column,) = profiles(["a"] * 1990 + ["b"] * 10)
    assert column.bins.categories == ("a", "b")


def test_small_references_keep_categories_of_a_twentieth(profiles):
    (column,) = profiles(["a"] * 17 + ["b"] * 2 + ["c"])
    assert column.bins.categories == ("a", "b", "c")
    (column,) = profiles(["a"] * 190 + ["b"] * 9 + ["c"])
    assert (column.bins.categories, column.bins.rare) == (("a",), ("b", "c"))


def test_the_cut_is_where_counts_are_farthest_apart():
    """Between 10 and 20 rows of 1,000 nothing says which categories are frequent but a gap."""
    low, high = range(8, 13), range(17, 22)
    counts = {f"c{rows}": rows for rows in (*low, *high)} | {"a": 1000 - sum((*low, *high))}
    bins = category_bins(counts, "string")
    assert bins.categories == ("a", *(f"c{rows}" for rows in sorted(high, reverse=True)))
    assert bins.rare == tuple(sorted(f"c{rows}" for rows in low))


def singles(number, twice=0, others=500):
    """Counts with so many categories of one row, and of two."""
    counts = {"a": 3000} | {f"o{i}": 5 for i in range(others // 5)}
    return counts | {f"s{i}": 1 for i in range(number)} | {f"t{i}": 2 for i in range(twice)}


def test_the_only_row_of_a_category_is_unseen_to_the_others(write):
    counts = singles(40, 2)
    source = write({"x": [name for name in counts for _ in range(counts[name])]}, 500)
    fitted = fit_bins(source)
    assert fitted["x"].once == tuple(sorted(f"s{i}" for i in range(40)))
    reference = count(source, fitted, is_reference=True).columns["x"]
    kinds = [slot.kind for slot in reference.bins.slots]
    assert kinds == ["category", "rare", "unseen", "new", "missing"]
    assert reference.counts.tolist() == [3000, 504, 40, 0, 0]
    day = count(write({"x": ["a", "s1", "t1", "new"]}, 4), fitted).columns["x"]
    assert day.counts.tolist() == [1, 2, 1, 0, 0]
    assert day.bins == reference.bins


@pytest.mark.parametrize(
    "counts",
    [singles(19), singles(0, 3), singles(40, 200), singles(40, 2, 0)],
    ids=["few", "none", "unsure", "alone"],
)
def test_where_the_unseen_are_not_known_they_are_pooled_with_the_rare(write, counts):
    source = write({"x": [name for name in counts for _ in range(counts[name])]}, 500)
    fitted = fit_bins(source)
    reference = count(source, fitted, is_reference=True).columns["x"]
    assert labels(reference)[1:] == ["rare or unseen", "new category", "missing"]
    assert reference.counts[1] == sum(counts.values()) - 3000
    day = count(write({"x": ["a", "s1", "new", None]}, 4), fitted).columns["x"]
    assert day.counts.tolist() == [1, 2, 0, 1]
    table = Profile(4, {"x": day}).to_table()
    assert Profile.from_table(table).columns["x"] == day


def test_a_profile_keeps_what_one_row_has(write):
    counts = singles(40)
    source = write({"x": [name for name in counts for _ in range(counts[name])]}, 500)
    profile = count(source, fit_bins(source), is_reference=True)
    assert Profile.from_table(profile.to_table()) == profile


def test_an_identifier_is_an_error_of_its_column(write):
    rows = 10_001
    table = {"id": [f"id {i}" for i in range(rows)], "x": np.arange(rows)}
    for row_group in (rows, 500):
        fitted = fit_bins(write(table, row_group))
        assert isinstance(fitted["id"], ColumnError)
        assert "identifier" in fitted["id"].reason
        assert isinstance(fitted["x"], NumericBins)
    assert not isinstance(fit_bins(write({"id": table["id"][1:]}))["id"], ColumnError)


@pytest.mark.parametrize(
    ("column", "named"),
    [
        (pa.array([[1]]), "list<element: int64>"),
        (pa.array([{"a": 1}]), "struct<a: int64>"),
        (pa.array([b"x"]), "binary"),
        (pa.array([dt.time(1)]), "time64[us]"),
    ],
)
def test_a_type_without_bins_is_named(write, column, named):
    fitted = fit_bins(write({"odd": column, "x": [1.0]}))
    assert named in fitted["odd"].reason
    assert isinstance(fitted["x"], NumericBins)


@pytest.mark.parametrize(
    "current",
    [
        pa.array([1.5, None, 2.5]),
        pa.array(["a", None, "b"]),
        pa.array(["a", None, "b"]).dictionary_encode(),
        pa.array(["a", None, "b"], pa.string_view()),
        pa.array([True, None, False]),
        pa.array([dt.date(2026, 1, 1), None, dt.date(2026, 1, 2)]),
        pa.array([dt.datetime(2026, 1, 1), None, dt.datetime(2026, 1, 2)]),
        pa.array([Decimal("1.5"), None, Decimal("2.5")]),
    ],
    ids=lambda column: str(column.type),
)
def test_beside_a_reference_of_no_type_every_value_is_one(profiles, write, current):
    reference, found = profiles(pa.nulls(4), current)
    assert reference.counts.tolist() == [0, 4, 0, 0]
    assert (found.error, found.counts.tolist()) == (None, [2, 1, 0, 0])
    source = write({"x": current, "score": [0.25, 0.5, 1.0]})
    scored = count(source, {"x": reference.bins}, scores=source, score_column="score")
    assert scored.columns["x"].score_sums.tolist() == [1.25, 0.5, 0, 0]


@pytest.mark.parametrize(
    "label", ["2024.000001", "ISIN 0.000001e-06", "59.999999", "(0.123456789, 1.0]", "1.23456789"]
)
def test_a_category_is_shown_as_it_is(label):
    assert short_label(label, "category") == label
    assert short_label("(0.123456789, 59.999999]", "interval") == "(0.123457, 60]"


def test_nulls_only(profiles):
    for column in (pa.nulls(5), pa.nulls(5, pa.float64()), pa.array([np.nan] * 5)):
        profile, current = profiles(column, pa.array([1.0, None]))
        assert labels(profile) == ["(-inf, inf)", "missing", "-inf", "inf"]
        assert profile.counts.tolist() == [0, 5, 0, 0]
        assert current.counts.tolist() == [1, 1, 0, 0]
        assert (current.below, current.above) == (0, 0)


def test_an_empty_reference(profiles):
    for column in (pa.array([], pa.float64()), pa.array([], pa.string())):
        (profile,) = profiles(column)
        assert profile.counts.sum() == 0


def test_quantiles_of_a_sample_of_a_long_column(write, monkeypatch):
    monkeypatch.setattr("monitoring_assets.statistics.profiles.binning.SAMPLE_ROWS", 1_000)
    values = np.random.default_rng(1).permutation(99_991).astype(float)
    bins = fit_bins(write({"x": values}, row_group=7_001))["x"]
    assert bins.edges == midway(values[::100], 10)
    assert (bins.low, bins.high) == (0, 99_990)


@pytest.mark.parametrize("bins", [1, 101])
def test_the_number_of_bins_is_bounded(write, bins):
    with pytest.raises(ValueError, match="between 2 and 100"):
        fit_bins(write({"x": [1.0]}), bins=bins)


@pytest.mark.parametrize("arrow_type", [pa.float64(), pa.float32()])
def test_a_lenders_grades_hold_the_scores_up_to_their_tops(write, arrow_type):
    """The tops themselves too, though 0.01 of a float32 is more than 0.01."""
    scores = pa.array([0.004, 0.01, 0.011, 0.05, 0.3, None], arrow_type)
    bins = fit_bins(write({"score": [0.02, 0.2, 0.4]}))["score"].graded(
        [("A", 0.01), ("B", 0.05), ("C", None)]
    )
    profile = count(write({"score": scores}), {"score": bins})
    column = Profile.from_table(profile.to_table()).columns["score"]
    assert column == profile.columns["score"]
    assert [slot.label for slot in column.bins.slots[:4]] == [
        "A (-inf, 0.01]",
        "B (0.01, 0.05]",
        "C (0.05, inf)",
        "missing",
    ]
    assert column.counts[:4].tolist() == [2, 2, 1, 1]
