"""Iceberg tables by their metadata: snapshots, deletes, renamed columns."""

import datetime as dt

import pandas as pd
import pyarrow as pa
import pytest
from pyiceberg.manifest import DataFileContent
from pyiceberg.transforms import IdentityTransform, MonthTransform

from resources.errors import InputError
from resources.storage import open_storage
from resources.table_formats.iceberg import metadata_numbers
from resources.table_formats.rows import table_at
from tests.tables import DAYS, Icebergs, delete_rows

DAY, NEXT = dt.date(2026, 9, 1), dt.date(2026, 9, 2)


def frame(*keys, day=DAY):
    return pd.DataFrame({"id": keys, "amount": [float(len(key)) for key in keys], "day": day})


def ids(rows):
    return sorted(
        key for batch in rows.table.batches(rows.conditions) for key in batch["id"].to_pylist()
    )


@pytest.fixture
def lake(any_lender):
    return open_storage(any_lender.lake.root)


@pytest.fixture
def icebergs(any_lender, lake):
    return Icebergs(lake, any_lender.scratch / "catalog")


def of_day(lake, day=DAY, read=None):
    return table_at(lake, f"loans/day={day}", read)


def test_rows_of_a_day_after_appends_deletes_and_a_column_with_a_new_name(lake, icebergs):
    icebergs.write("loans", frame("a", "bb", "ccc"))
    table = icebergs.write("loans", frame("d", day=NEXT))
    table.delete("id == 'bb'")
    assert ids(of_day(lake)) == ["a", "ccc"]
    with table.update_schema() as update:
        update.rename_column("amount", "loan_amount")
    icebergs.write("loans", frame("ee").rename(columns={"amount": "loan_amount"}))
    rows = of_day(lake)
    assert ids(rows) == ["a", "ccc", "ee"]
    found = pa.Table.from_batches(rows.table.batches(rows.conditions))
    assert found.schema.names == ["id", "loan_amount", "day"]
    # What was written under the old name is there under the new one.
    assert sorted(found["loan_amount"].to_pylist()) == [1.0, 2.0, 3.0]


def test_a_snapshot_that_was_read_is_read_again(lake, icebergs):
    icebergs.write("loans", frame("a"))
    first = of_day(lake)
    table = icebergs.write("loans", frame("late"))
    with table.update_schema() as update:
        update.rename_column("amount", "loan_amount")
    assert ids(first) == ["a"]
    again, newest = of_day(lake, read=first.evidence), of_day(lake)
    assert ids(again) == ["a"]
    assert again.evidence == first.evidence
    assert again.table.schema == first.table.schema
    assert ids(newest) == ["a", "late"]
    assert newest.evidence["snapshot"] == str(table.current_snapshot().snapshot_id)
    assert newest.evidence != first.evidence
    assert first.state == again.state != newest.state


@pytest.mark.parametrize("transform", [None, IdentityTransform(), MonthTransform()])
def test_rows_without_a_day_are_of_none(lake, icebergs, transform):
    rows = pd.concat([frame("a"), frame("z", day=None)])
    icebergs.write("loans", rows, by=transform)
    assert of_day(lake).has_rows()
    assert ids(of_day(lake)) == ["a"]
    assert not of_day(lake, NEXT).has_rows()


def test_statistics_say_whether_a_day_is_there(lake, icebergs):
    for day in (DAY, NEXT):
        icebergs.write("loans", frame("a", "b", day=day), by=IdentityTransform())
    for path in lake.list("loans/data"):
        lake.delete(path)
    assert of_day(lake).has_rows()
    assert not of_day(lake, dt.date(2026, 9, 3)).has_rows()
    with pytest.raises(InputError, match="a file of this snapshot is gone"):
        ids(of_day(lake))


@pytest.mark.parametrize(("values", "path"), DAYS.values(), ids=DAYS)
def test_what_says_a_day(lake, icebergs, values, path):
    icebergs.write("loans", frame("before", "on", "after").assign(day=values))
    assert ids(table_at(lake, f"loans/{path}/")) == ["on"]


def test_the_file_that_a_failed_commit_left_is_not_chosen(lake, icebergs):
    icebergs.write("loans", frame("a"))
    newest = max(path for path in lake.list("loans/metadata") if path.endswith(".metadata.json"))
    number = newest.rpartition("/")[2].partition("-")[0]
    lake.write(f"loans/metadata/{number}-orphan.metadata.json", lake.read(newest))
    with pytest.raises(InputError, match=f"{number}-.* and {number}-orphan.* both have the high"):
        of_day(lake)


def test_metadata_of_a_version_to_come_is_refused(lake):
    lake.write("loans/metadata/v1.metadata.json", b'{"format-version": 9}')
    with pytest.raises(InputError, match=r"Iceberg table .*loans, v1.metadata.json: .*; allowed"):
        of_day(lake)


@pytest.fixture
def local(lender):
    lake = open_storage(lender.lake.root)
    return lake, Icebergs(lake, lender.scratch / "catalog"), lender.scratch


def test_rows_that_are_deleted_by_their_position_are_not_read(local):
    lake, icebergs, _ = local
    table = icebergs.write("loans", frame("a", "b", "c"))
    (task,) = table.scan().plan_files()
    deletes = pa.table(
        {"file_path": [task.file.file_path], "pos": [1]},
        pa.schema(
            [
                pa.field("file_path", pa.string(), False, {"PARQUET:field_id": "2147483546"}),
                pa.field("pos", pa.int64(), False, {"PARQUET:field_id": "2147483545"}),
            ]
        ),
    )
    before = of_day(lake).state
    folder = lake.url("loans")
    delete_rows(table, folder, DataFileContent.POSITION_DELETES, deletes)
    assert ids(of_day(lake)) == ["a", "c"]
    assert of_day(lake).has_rows()
    assert of_day(lake).state != before


def test_deletes_by_value_are_refused(local):
    lake, icebergs, _ = local
    table = icebergs.write("loans", frame("a", "b", "c"))
    deletes = pa.table(
        {"id": ["b"]}, pa.schema([pa.field("id", pa.string(), True, {"PARQUET:field_id": "1"})])
    )
    delete_rows(table, lake.url("loans"), DataFileContent.EQUALITY_DELETES, deletes)
    for ask in (ids, lambda rows: rows.has_rows()):
        with pytest.raises(InputError, match=r"equality deletes.*; allowed: .* after a rewrite"):
            ask(of_day(lake))


def test_what_is_no_metadata_file():
    assert metadata_numbers(["metadata/columns.json", "data/v1.metadata.json"]) == {}
