"""Rows as Parquet: no row is lost, and no damaged page is read."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_assets.statistics.profiles.bins import CategoricalBins, NumericBins
from monitoring_assets.statistics.profiles.profile import count
from monitoring_assets.statistics.profiles.source import ParquetSource, parquet_dataset
from resources import layout
from resources.row_groups import (
    ROW_GROUP_BYTES,
    ROW_GROUP_ROWS,
    row_groups,
    row_writer,
    rows_at_once,
)
from resources.store import Store

HALF = ROW_GROUP_ROWS // 2


def batches(*lengths):
    return [pa.record_batch({"x": pa.nulls(length)}) for length in lengths]


@pytest.mark.parametrize(
    ("lengths", "groups"),
    [
        ([HALF, HALF, 5], [ROW_GROUP_ROWS, 5]),
        ([HALF, HALF], [ROW_GROUP_ROWS]),
        ([1, ROW_GROUP_ROWS * 3], [ROW_GROUP_ROWS * 3 + 1]),
        ([0, 7, 0], [7]),
        ([0], [0]),
        ([], []),
    ],
)
def test_no_row_is_lost_and_no_group_is_small_but_the_last(lengths, groups):
    assert [len(table) for table in row_groups(batches(*lengths))] == groups


def test_rows_of_many_bytes_are_few_in_a_group_and_few_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr("resources.row_groups.ROW_GROUP_BYTES", 40_000)
    numbers = {f"x{n}": np.random.default_rng(n).random(100) for n in range(100)}
    wide = pa.table(numbers).to_batches(max_chunksize=10)  # of 8,000 bytes each
    assert [len(table) for table in row_groups(wide)] == [50, 50]
    file = tmp_path / "wide.parquet"
    pq.write_table(pa.Table.from_batches(wide), file, use_dictionary=False)
    assert 40 <= rows_at_once(pq.read_metadata(file).row_group(0)) <= 50
    cell = pa.table({"x": ["x" * 100_000, "y"]})
    assert len([*row_groups(cell.to_batches(max_chunksize=1))]) == 2
    pq.write_table(cell, file)
    assert rows_at_once(pq.read_metadata(file).row_group(0)) == 1


def test_rows_of_no_bytes_are_read_as_others(tmp_path):
    pq.write_table(pa.table({"x": pa.array([], pa.int64())}), tmp_path / "none.parquet")
    pq.write_table(pa.table({"x": pa.nulls(9)}), tmp_path / "null.parquet")
    for name in ("none", "null"):
        for group in range((meta := pq.read_metadata(tmp_path / f"{name}.parquet")).num_row_groups):
            assert rows_at_once(meta.row_group(group)) == ROW_GROUP_ROWS
    assert ROW_GROUP_BYTES / ROW_GROUP_ROWS > 400 * 8  # a table of 400 columns is as ever


ROWS = pa.table(
    {
        "income": np.random.default_rng(0).random(1_000),
        "region": pa.array(["north", "south"] * 500),
        "channel": pa.array(["web", "branch"] * 500).dictionary_encode(),
    }
)


@pytest.fixture
def written(tmp_path):
    file = tmp_path / "rows.parquet"
    with row_writer(file, ROWS.schema) as writer:
        writer.write_table(ROWS)
    return file


@pytest.fixture
def damaged(written):
    """A file in which one bit of one income is another."""
    content = bytearray(written.read_bytes())
    income = pq.read_metadata(written).row_group(0).column(0)
    content[income.data_page_offset + income.total_compressed_size // 2] ^= 0x10
    written.write_bytes(content)
    return written


def test_numbers_have_no_dictionary_and_text_has_one(written):
    file = pq.ParquetFile(written)
    assert file.read().equals(ROWS)
    columns = [file.metadata.row_group(0).column(at) for at in range(3)]
    assert [one.has_dictionary_page for one in columns] == [False, True, True]


def test_without_looking_a_damaged_page_is_read(damaged):
    assert not pq.read_table(damaged).equals(ROWS)


def test_a_damaged_page_is_an_error_of_its_column(damaged):
    bins = {
        "income": NumericBins((0.5,), "numeric", 0.0, 1.0, "double", ()),
        "region": CategoricalBins(("north", "south"), (), "string"),
    }
    found = count(ParquetSource(damaged), bins).columns
    assert "CRC checksum verification failed" in found["income"].error
    assert found["region"].counts.sum() == 1_000


def test_a_damaged_page_stops_sql(damaged):
    with pytest.raises(OSError, match="CRC checksum verification failed"):
        parquet_dataset(str(damaged)).to_table()


def test_a_damaged_report_is_not_read(tmp_path):
    store = Store(root=str(tmp_path))
    day = dt.date(2026, 1, 1)
    table = pa.table({"value": np.random.default_rng(0).random(1_000)})
    store.write_table("drift_report", "pd_cards.1", day, table, {})
    path = layout.partition("drift_report", "pd_cards.1", day)
    content = bytearray(store.storage.read(path))
    content[2_000] ^= 1
    store.storage.write(path, bytes(content))
    with pytest.raises(OSError, match="CRC checksum verification failed"):
        store.read_table("drift_report", "pd_cards.1", day)
