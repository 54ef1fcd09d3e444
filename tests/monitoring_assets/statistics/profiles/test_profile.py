"""Counting tables in bins."""

import subprocess
import sys

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import fs

from monitoring_assets.statistics.profiles.bins import ColumnError
from monitoring_assets.statistics.profiles.profile import (
    ParquetSource,
    Profile,
    count,
    fit_bins,
    fit_profile,
)

ANY_FLOAT = st.floats(allow_nan=True, allow_infinity=True, width=32) | st.sampled_from(
    [0.0, 1.0, np.inf, -np.inf, np.nan, 5e-324, -5e-324, 1.7e308]
)
NUMBERS = st.lists(ANY_FLOAT | st.none(), min_size=0, max_size=200)
WORDS = st.lists(st.sampled_from(["a", "b", "c", "", "ü"]) | st.none(), max_size=200)


def mixed(rng, rows, shift=0.0):
    """A table with a column of each kind."""
    numbers = rng.normal(shift, 1, rows)
    return pa.table(
        {
            "number": pa.array(numbers, mask=rng.random(rows) < 0.1),
            "spiky": np.where(rng.random(rows) < 0.5, 0.0, numbers),
            "integer": rng.integers(0, 50, rows),
            "word": rng.choice(["a", "b", "c"], rows, p=[0.6, 0.397, 0.003]),
            "flag": rng.random(rows) < 0.3,
            "date": pa.array(rng.integers(0, 9_999, rows).astype(np.int32)).cast(pa.date32()),
            "nothing": pa.nulls(rows),
            "odd": pa.array([[1]] * rows, pa.list_(pa.int64())),
            "score": 1 / (1 + np.exp(-numbers)),
        }
    )


def brute_force(values, bins):
    """Count numbers one by one."""
    counts = np.zeros(len(bins.slots), int)
    for value in values:
        if value is None or np.isnan(value):
            counts[bins.missing] += 1
        elif np.isinf(value):
            counts[bins.infinite.start + (value > 0)] += 1
        else:
            counts[sum(value > edge for edge in bins.edges)] += 1
    return counts


@settings(deadline=None, max_examples=150)
@given(reference=NUMBERS, current=NUMBERS, bins=st.integers(2, 12))
def test_counts_of_numbers_are_those_of_a_loop(profiles, reference, current, bins):
    arrays = [pa.array(values, pa.float64()) for values in (reference, current)]
    for values, profile in zip((reference, current), profiles(*arrays, bins=bins), strict=True):
        assert profile.counts.tolist() == brute_force(values, profile.bins).tolist()
        finite = [v for v in values if v is not None and np.isfinite(v)]
        low = profile.bins.low
        if low is not None:
            assert profile.below == sum(v < low for v in finite)
            assert profile.above == sum(v > profile.bins.high for v in finite)


@settings(deadline=None, max_examples=50)
@given(reference=WORDS, current=WORDS)
def test_counts_of_words_are_those_of_a_loop(profiles, reference, current):
    _, profile = profiles(pa.array(reference, pa.string()), pa.array(current, pa.string()))
    known = profile.bins.categories
    expected = [current.count(name) for name in known]
    unseen = sum(word is not None and word not in known for word in current)
    assert profile.counts.tolist() == [*expected, 0, unseen, current.count(None)]


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 500),
    row_group=st.integers(1, 500),
    files=st.integers(1, 4),
)
def test_order_and_split_change_nothing(write, seed, rows, row_group, files):
    rng = np.random.default_rng(seed)
    table = mixed(rng, rows)
    whole = write(table)
    shuffled = write(table.take(pa.array(rng.permutation(rows))), row_group, files)
    bins = fit_bins(whole)
    assert fit_bins(shuffled) == bins
    assert count(shuffled, bins) == count(whole, bins)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), sizes=st.lists(st.integers(0, 300), min_size=2, max_size=4))
def test_profiles_add(write, seed, sizes):
    rng = np.random.default_rng(seed)
    bins = fit_bins(write(mixed(rng, 400)))
    tables = [mixed(rng, size, shift=1.0) for size in sizes]
    added = None
    for table in tables:
        source = write(table)
        part = count(source, bins, scores=source, score_column="score")
        added = part if added is None else added + part
    source = write(pa.concat_tables(tables))
    whole = count(source, bins, scores=source, score_column="score")
    assert added.rows == whole.rows
    for name in bins:
        a, b = added.columns[name], whole.columns[name]
        assert (a.bins, a.below, a.above, a.error) == (b.bins, b.below, b.above, b.error)
        assert (a.counts == b.counts).all()
        if a.bins:
            assert (a.score_counts == b.score_counts).all()
            np.testing.assert_allclose(a.score_sums, b.score_sums, rtol=1e-12)


def test_a_row_group_is_read_in_slices(write, monkeypatch):
    table = mixed(np.random.default_rng(0), 5_000)
    whole = write(table)
    bins = fit_bins(whole)
    expected = count(whole, bins, scores=whole, score_column="score")
    for module in ("source", "profile"):
        monkeypatch.setattr(f"monitoring_assets.statistics.profiles.{module}.SLICE_ROWS", 999)
    sliced = count(whole, bins, scores=whole, score_column="score")
    for name in bins:
        a, b = expected.columns[name], sliced.columns[name]
        assert (a.counts == b.counts).all()
        if a.bins:
            np.testing.assert_allclose(a.score_sums, b.score_sums, rtol=1e-12)
    assert fit_bins(whole) == bins


def test_score_sums_are_those_of_a_group_by(write):
    rng = np.random.default_rng(3)
    table = mixed(rng, 3_000)
    scores = pa.table({"pd": pa.array(rng.random(3_000), mask=rng.random(3_000) < 0.05)})
    values = scores["pd"].to_numpy(zero_copy_only=False).copy()
    values[:3] = np.nan, np.inf, -np.inf
    scores = pa.table({"pd": values})
    features, beside = write(table, 700), write(scores, 700)
    profile = count(features, fit_bins(features), scores=beside, score_column="pd")
    finite = np.isfinite(values)
    for name, column in {"word": ["a", "b"], "integer": None}.items():
        result, expected = profile.columns[name], np.array(table[name].to_pylist())
        for i, slot in enumerate(result.bins.slots):
            if slot.kind == "category":
                rows = expected == slot.values[0]
            elif slot.kind == "interval" and column is None:
                rows = (expected > slot.low) & (expected <= slot.high)
            else:
                continue
            assert result.score_counts[i] == (rows & finite).sum()
            assert result.score_sums[i] == pytest.approx(values[rows & finite].sum())
    number = profile.columns["number"]
    assert number.score_counts[number.bins.missing] > 0
    assert number.score_counts.sum() == finite.sum()


def test_scores_must_lie_beside_the_features(write):
    table = {"x": np.arange(100.0)}
    source = write(table, 50)
    bins = fit_bins(source)
    with pytest.raises(ValueError, match="row by row"):
        count(source, bins, scores=write(table, 40), score_column="x")
    with pytest.raises(ValueError, match="row by row"):
        count(source, bins, scores=write({"x": np.arange(99.0)}, 50), score_column="x")
    with pytest.raises(ValueError, match=r"'y'.*missing"):
        count(source, bins, scores=source, score_column="y")
    with pytest.raises(ValueError, match="a score is a number"):
        count(source, bins, scores=write({"x": ["a"] * 100}, 50), score_column="x")
    with pytest.raises(ValueError, match="without score_column"):
        count(source, bins, scores=source)


def test_files_of_a_source_may_have_scores_in_others(write):
    table = mixed(np.random.default_rng(4), 1_000)
    one, many = write(table, 100), write(table, 100, files=5)
    bins = fit_bins(one)
    expected = count(one, bins, scores=one, score_column="score")
    assert count(many, bins, scores=one, score_column="score") == expected


def test_infinite_values_are_counted_apart_and_are_not_out_of_range(profiles):
    _, column = profiles(np.arange(100.0), [np.inf, -np.inf, 1e9, -1e9, np.nan, 50.0])
    assert column.counts[column.bins.infinite].tolist() == [1, 1]
    assert column.counts[column.bins.missing] == 1
    assert (column.below, column.above) == (1, 1)
    assert column.counts.sum() == 6


def test_a_bad_column_leaves_the_others_alone(write):
    bins = fit_bins(write(mixed(np.random.default_rng(0), 500)))
    assert isinstance(bins["odd"], ColumnError)
    table = mixed(np.random.default_rng(1), 100).drop_columns(["integer"])
    word = table.schema.get_field_index("word")
    table = table.set_column(word, "word", pa.array(np.arange(100)))
    profile = count(write(table), bins)
    assert list(profile.columns) == list(bins)
    assert profile.columns["integer"].error == "the column is missing"
    assert profile.columns["word"].error == "the type is int64, in the reference it is string"
    assert "list" in profile.columns["odd"].error
    assert profile.columns["number"].counts.sum() == 100


@pytest.mark.parametrize("rows", [0, 1, 7, 900])
def test_a_reference_is_fitted_and_counted_as_in_two_steps(write, monkeypatch, rows):
    rng = np.random.default_rng(rows)
    table = mixed(rng, rows).append_column("key", pa.array([f"key {n}" for n in range(rows)]))
    source = write(table, row_group=100)
    monkeypatch.setattr("monitoring_assets.statistics.profiles.binning.MAX_CATEGORIES", 200)
    bins = fit_bins(source, bins=5)
    found = fit_profile(source, bins=5)
    assert found == count(source, bins, is_reference=True)
    assert found.columns["odd"].error
    assert bool(found.columns["key"].error) == (rows > 200)
    some = fit_profile(source, ["word", "absent"], bins=5)
    assert some.columns["word"] == found.columns["word"]
    assert some.columns["absent"].error == "the column is missing"


@pytest.mark.parametrize("fit", [fit_bins, fit_profile])
def test_a_number_of_bins_out_of_range_is_refused(write, fit):
    for bins, columns in ((1, None), (101, ["odd"]), (1, [])):
        with pytest.raises(ValueError, match=f"between 2 and 100, not {bins}"):
            fit(write(mixed(np.random.default_rng(0), 10)), columns, bins=bins)


def test_numbers_of_a_reference_are_decoded_once(write, monkeypatch):
    source = write(mixed(np.random.default_rng(0), 500), row_group=100)
    read = []
    arrays = source.arrays
    monkeypatch.setattr(source, "arrays", lambda *given: read.append(given) or arrays(*given))
    fit_profile(source, ["number", "spiky", "integer", "date", "nothing", "score"])
    assert len({(group, *names) for group, names in read}) == len(read) == 5


def test_a_column_that_is_null_now_is_missing_not_an_error(write):
    bins = fit_bins(write({"x": [1.0, 2.0], "w": ["a", "b"]}))
    profile = count(write({"x": pa.nulls(3), "w": pa.nulls(3)}), bins)
    for name in bins:
        assert profile.columns[name].counts[bins[name].missing] == 3


def test_a_column_that_changes_its_number_type_is_counted(write):
    bins = fit_bins(write({"x": np.arange(100)}))
    profile = count(write({"x": np.arange(100.0).astype(np.float32)}), bins)
    assert profile.columns["x"].counts.max() == 10


def test_a_column_with_corrupt_pages_leaves_the_others_alone(write):
    rng = np.random.default_rng(0)
    source = write({"bad": rng.random(1_000), "good": rng.random(1_000)})
    bins = fit_bins(source)
    chunk = pq.ParquetFile(source.paths[0]).metadata.row_group(0).column(0)
    with open(source.paths[0], "r+b") as file:  # noqa: PTH123
        file.seek(chunk.dictionary_page_offset or chunk.data_page_offset)
        file.write(b"\xff" * 64)
    again = ParquetSource(source.paths)
    profile = count(again, bins)
    assert "cannot be read" in profile.columns["bad"].error
    assert profile.columns["good"].counts.sum() == 1_000
    assert "cannot be read" in fit_bins(again)["bad"].reason
    fitted = fit_profile(again).columns
    assert "cannot be read" in fitted["bad"].error
    assert fitted["good"].counts.sum() == 1_000


def test_two_columns_of_one_name_are_an_error_of_it(write):
    table = pa.Table.from_arrays(
        [pa.array([1.0]), pa.array([2.0]), pa.array([3.0])], ["x", "x", "y"]
    )
    bins = fit_bins(write(table), ["x", "y"])
    assert bins["x"] == ColumnError("2 columns have this name")
    assert bins["y"].low == 3.0


def test_names_with_dots_are_names(write):
    table = {"a.b": [1.0, 2.0], "a": [3.0, 4.0]}
    profile = count(write(table), fit_bins(write(table)))
    assert [column.bins.low for column in profile.columns.values()] == [1.0, 3.0]


def test_adding_names_the_column_that_differs(write):
    a, b = write({"x": [1.0, 2.0], "y": [1.0, 2.0]}), write({"x": [1.0, 2.0], "y": [1.0, 3.0]})
    with pytest.raises(ValueError, match=r"'y'.*bins differ"):
        count(a, fit_bins(a)) + count(b, fit_bins(b))
    with pytest.raises(ValueError, match=r"'y'.*only one"):
        count(a, fit_bins(a)) + count(a, fit_bins(a, ["x"]))
    with pytest.raises(ValueError, match=r"'x'.*score"):
        count(a, fit_bins(a)) + count(a, fit_bins(a), scores=a, score_column="x")


def test_the_long_form_loses_nothing(write, tmp_path):
    source = write(mixed(np.random.default_rng(0), 2_000), 300)
    bins = fit_bins(source)
    for profile in (
        count(source, bins),
        count(source, bins, scores=source, score_column="score"),
        count(write(mixed(np.random.default_rng(0), 0)), bins),
    ):
        path = tmp_path / "profile.parquet"
        pq.write_table(profile.to_table(), path)
        assert Profile.from_table(pq.read_table(path)) == profile
        shuffled = duckdb.sql(f"from '{path}' order by hash(\"column\" || bin)").to_arrow_table()
        assert Profile.from_table(shuffled).columns == profile.columns
        rows = duckdb.sql(f"select sum(count) from '{path}' where \"column\" = 'word'").fetchall()
        assert rows == [(profile.rows,)]


def test_the_long_form_must_be_complete(write):
    source = write({"x": np.arange(100.0)})
    table = count(source, fit_bins(source)).to_table()
    with pytest.raises(ValueError, match=r"'x'.*missing or doubled"):
        Profile.from_table(table.slice(0, len(table) - 1))
    with pytest.raises(ValueError, match="no column count"):
        Profile.from_table(table.drop_columns(["count"]))


def test_files_of_one_source_must_agree(write):
    a = write({"x": [1.0], "y": [1.0]}).paths[0]
    with pytest.raises(ValueError, match="'y' is missing"):
        ParquetSource([a, write({"x": [1.0]}).paths[0]])
    with pytest.raises(ValueError, match=r"'x' is string.*double"):
        ParquetSource([a, write({"x": ["a"], "y": [1.0]}).paths[0]])
    assert ParquetSource([write({"x": pa.nulls(1), "y": [1]}).paths[0], a]).rows == 2


def test_a_source_must_be_parquet(tmp_path):
    (tmp_path / "x.parquet").write_text("not Parquet")
    with pytest.raises(ValueError, match=r"x\.parquet: not a readable Parquet file"):
        ParquetSource(tmp_path / "x.parquet")
    with pytest.raises(FileNotFoundError):
        ParquetSource(tmp_path / "y.parquet")
    with pytest.raises(ValueError, match="no Parquet file"):
        ParquetSource([])


def test_any_file_system(write):
    source = write(mixed(np.random.default_rng(0), 1_000), 300)
    folder, name = source.paths[0].rsplit("/", 1)
    other = ParquetSource(name, fs.SubTreeFileSystem(folder, fs.LocalFileSystem()))
    bins = fit_bins(other)
    assert count(other, bins) == count(source, fit_bins(source))


def test_s3(write, s3_endpoint):
    s3 = fs.S3FileSystem(
        access_key="test",
        secret_key="test",
        region="us-east-1",
        endpoint_override=s3_endpoint,
        allow_bucket_creation=True,
    )
    s3.create_dir("profiles")
    local = write(mixed(np.random.default_rng(0), 1_000), 300, files=2)
    paths = [f"profiles/{i}.parquet" for i in range(2)]
    for path, here in zip(paths, local.paths, strict=True):
        fs.copy_files(here, path, fs.LocalFileSystem(), s3)
    remote = ParquetSource(paths, s3)
    bins = fit_bins(remote)
    assert bins == fit_bins(local)
    assert count(remote, bins) == count(local, bins)
    with pytest.raises(FileNotFoundError):
        ParquetSource("profiles/gone.parquet", s3)


def test_progress_reaches_the_end(write):
    source = write(mixed(np.random.default_rng(0), 1_000), 300)
    seen = []
    bins = fit_bins(source, progress=seen.append)
    assert seen[-1] == 1
    seen.clear()
    count(source, bins, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1


@pytest.mark.parametrize("most", [100, 1_000])
def test_progress_of_a_reference_never_goes_back(write, monkeypatch, most):
    monkeypatch.setattr("monitoring_assets.statistics.profiles.profile.SAMPLE_ROWS", most)
    source = write(mixed(np.random.default_rng(0), 1_000), 300)
    seen = []
    fit_profile(source, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1


def test_counting_imports_no_pandas(write):
    source = write(mixed(np.random.default_rng(0), 100))
    code = f"""
import sys
from monitoring_assets.statistics.drift.drift import compare
from monitoring_assets.statistics.profiles.profile import ParquetSource, count, fit_bins
source = ParquetSource({source.paths[0]!r})
profile = count(source, fit_bins(source), scores=source, score_column="score")
compare(profile, profile)
assert not {{"pandas", "scipy.stats"}} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", code], check=True)
