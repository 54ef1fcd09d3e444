"""Columns of a day's files: read as they are, or refused with file, field and what is there."""

import datetime as dt

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from resources.day_columns import day_columns
from resources.errors import InputError
from resources.storage import open_storage

DAY = dt.date(2026, 9, 1)
FIELDS = [("batch.key", "id"), ("fairness.columns", "sex")]


def read(lender, path):
    files = lender.lake.day_files(path, DAY)
    return list(day_columns(files, "protected columns", FIELDS, {"sex": "string"}))


def test_columns_of_all_files_come_in_the_order_that_was_asked_for(any_lender):
    lake = open_storage(any_lender.lake.root)
    for part in ("a", "b"):
        frame = pd.DataFrame({"sex": ["f", "m"], "other": [1, 2], "id": [f"{part}1", f"{part}2"]})
        any_lender.put(lake, f"p/{DAY}/{part}.parquet", frame)
    found = read(any_lender, "p/{date}/")
    assert [url.rpartition("/")[2] for url, _ in found] == ["a.parquet", "b.parquet"]
    table = pa.Table.from_batches(piece.select(["id", "sex"]) for _, piece in found)
    assert table.to_pydict() == {"id": ["a1", "a2", "b1", "b2"], "sex": ["f", "m"] * 2}
    assert all({*piece.schema.names} == {"id", "sex"} for _, piece in found)


def test_text_is_read_too(lender):
    open_storage(lender.lake.root).write(f"p/{DAY}.csv", b"id,sex\na,01\nb,\n")
    ((url, piece),) = read(lender, "p/{date}.csv")
    assert url.endswith(f"p/{DAY}.csv")
    assert piece.to_pydict() == {"id": ["a", "b"], "sex": ["01", None]}


def test_a_column_that_is_not_there_is_named_with_its_field(lender):
    lender.put(open_storage(lender.lake.root), f"p/{DAY}.parquet", pd.DataFrame({"id": ["a"]}))
    with pytest.raises(
        InputError,
        match=r"protected columns .*: 0 columns 'sex' \(fairness.columns\); it has id",
    ):
        read(lender, "p/{date}.parquet")


def test_a_column_that_is_there_twice_is_refused(lender):
    with open_storage(lender.lake.root).writing(f"p/{DAY}.parquet") as local:
        twice = pa.Table.from_arrays([pa.array(["a"])] * 3, names=["id", "sex", "sex"])
        pq.write_table(twice, local)
    with pytest.raises(InputError, match="2 columns 'sex'"):
        read(lender, "p/{date}.parquet")


def test_a_file_that_is_no_parquet_is_refused_without_its_content(lender):
    open_storage(lender.lake.root).write(f"p/{DAY}.parquet", b"PRIVATE" * 10)
    with pytest.raises(InputError, match="allowed: a Parquet file") as raised:
        read(lender, "p/{date}.parquet")
    assert "PRIVATE" not in str(raised.value)
