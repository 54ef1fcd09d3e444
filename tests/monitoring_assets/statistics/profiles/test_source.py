"""Parquet files as one table."""

import datetime as dt

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_assets.statistics.profiles.source import HIVE_NULL, ParquetSource, isolate, together


@pytest.fixture
def files(tmp_path):
    """Write tables as files of one set; returns their paths."""

    def write(*tables, row_group=100):
        paths = []
        for number, table in enumerate(tables):
            paths.append(tmp_path / f"{number}.parquet")
            pq.write_table(pa.table(table), paths[-1], row_group_size=row_group)
        return paths

    return write


def test_rows_of_all_files_in_their_order(files):
    source = ParquetSource(files({"x": [1, 2, 3]}, {"x": []}, {"x": [4]}, row_group=2))
    assert source.rows == 4
    assert [group.rows for group in source.row_groups] == [2, 1, 1]
    read = [a.to_pylist() for group in source.row_groups for _, _, a in source.arrays(group, ["x"])]
    assert read == [[1, 2], [3], [4]]


def test_folders_that_say_what_is_the_same_in_their_files_are_columns(tmp_path):
    for at, region in enumerate(["north", "S%C3%BCd%2FWest", HIVE_NULL]):
        folder = tmp_path / "loans" / "year=2026" / f"region={region}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"x": [at] * 3, "year": [1] * 3}), folder / "a.parquet")
    paths = sorted(tmp_path.rglob("*.parquet"))
    source = ParquetSource(paths, folder=str(tmp_path / "loans"))
    assert source.schema.names == ["x", "year", "region"]  # the files' own year counts
    assert source.partition_columns == ("region",)
    rows = [
        (name, start, array.to_pylist())
        for group in source.row_groups
        for name, start, array in source.arrays(group, ["region", "x"])
    ]
    assert [row for row in rows if row[0] == "region"] == [
        ("region", 0, [value] * 3) for value in ("Süd/West", None, "north")
    ]
    assert ParquetSource(paths).schema.names == ["x", "year"]


def test_folders_that_disagree_on_their_columns_are_named(tmp_path):
    for folder in ("region=n", "branch=1"):
        (tmp_path / folder).mkdir()
        pq.write_table(pa.table({"x": [1]}), tmp_path / folder / "a.parquet")
    paths = [tmp_path / "region=n" / "a.parquet", tmp_path / "branch=1" / "a.parquet"]
    with pytest.raises(ValueError, match=r"branch=1/a\.parquet: its folders are named for"):
        ParquetSource(paths, folder=str(tmp_path))


def test_int96_timestamps_keep_their_century(tmp_path):
    table = pa.table({"closed_at": [dt.datetime(9999, 12, 31), dt.datetime(1600, 1, 1)]})
    pq.write_table(table, tmp_path / "a.parquet", use_deprecated_int96_timestamps=True)
    source = ParquetSource(tmp_path / "a.parquet")
    ((_, _, array),) = source.arrays(source.row_groups[0], ["closed_at"])
    assert array.to_pylist() == table["closed_at"].to_pylist()


def test_a_column_that_is_null_in_one_file_has_the_type_of_another(files):
    empty = pa.table({"x": pa.nulls(2)})
    source = ParquetSource(files(empty, {"x": ["a"]}))
    assert source.schema.field("x").type == pa.string()


def test_files_that_are_not_one_set_are_named(files, tmp_path):
    with pytest.raises(ValueError, match=r"1\.parquet: column 'y' is missing"):
        ParquetSource(files({"x": [1], "y": [1]}, {"x": [1]}))
    with pytest.raises(ValueError, match=r"1\.parquet: column 'x' is string, in .*0\.parquet"):
        ParquetSource(files({"x": [1.0]}, {"x": ["a"]}))
    (tmp_path / "text.parquet").write_text("no Parquet")
    with pytest.raises(ValueError, match=r"text\.parquet: not a readable Parquet file"):
        ParquetSource(tmp_path / "text.parquet")
    with pytest.raises(FileNotFoundError):
        ParquetSource(tmp_path / "absent.parquet")
    with pytest.raises(ValueError, match="no Parquet file given"):
        ParquetSource([])


def test_why_a_column_cannot_be_profiled(files):
    doubled = pa.Table.from_arrays([pa.array([1]), pa.array([2]), pa.array([[1]])], ["x", "x", "l"])
    source = ParquetSource(files(doubled))
    assert source.unreadable("x") == "2 columns have this name"
    assert source.unreadable("y") == "the column is missing"
    assert "list" in source.unreadable("l")


def test_groups_of_columns_are_bounded_and_never_empty():
    names = list("abcdef")
    assert together(names, 0) == [names]
    assert together(names, 1 << 19) == [["a", "b"], ["c", "d"], ["e", "f"]]
    assert together(names, 1 << 30) == [[name] for name in names]


def test_a_column_that_cannot_be_read_costs_no_other_one():
    def work(columns):
        if "bad" in columns:
            raise OSError("torn")
        return dict.fromkeys(columns, "read")

    found = isolate(work, ["good", "bad", "fine"], lambda reason: reason)
    assert found == {
        "good": "read",
        "bad": "the column cannot be read: torn",
        "fine": "read",
    }


def test_a_mistake_of_ours_is_not_taken_for_a_file_that_cannot_be_read():
    def work(columns):
        raise KeyError("ours")

    with pytest.raises(KeyError):
        isolate(work, ["a", "b"], lambda reason: reason)
