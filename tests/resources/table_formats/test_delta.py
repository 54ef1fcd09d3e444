"""Delta Lake tables: versions, deletes, OPTIMIZE and VACUUM, and features that are not read."""

import datetime as dt
import json
from urllib.parse import quote

import pandas as pd
import pyarrow as pa
import pytest

from resources.errors import InputError
from resources.storage import open_storage
from resources.table_formats.rows import table_at
from tests.tables import DAYS, commit, deletion_vector, protocol, write_delta

DAY, NEXT = dt.date(2026, 9, 1), dt.date(2026, 9, 2)


def frame(*keys, day=DAY):
    return pd.DataFrame({"id": keys, "amount": [float(len(key)) for key in keys], "day": day})


def ids(rows):
    batches = rows.table.batches(rows.conditions)
    return sorted(key for batch in batches for key in batch["id"].to_pylist())


@pytest.fixture
def lake(any_lender):
    return open_storage(any_lender.lake.root)


def of_day(lake, day=DAY, read=None):
    return table_at(lake, f"loans/day={day}", read)


def add_of(lake, version):
    lines = lake.read(f"loans/_delta_log/{version:020d}.json").decode().splitlines()
    (found,) = (one["add"] for one in map(json.loads, lines) if "add" in one)
    return found


@pytest.mark.parametrize("partitions", [None, ["day"]])
def test_rows_of_a_day_after_deletes_optimize_and_vacuum(lake, partitions):
    for key in "abcd":
        write_delta(lake, "loans", frame(key, key * 2), partition_by=partitions)
    table = write_delta(lake, "loans", frame("z", day=NEXT))
    table.delete("id = 'bb'")
    first = of_day(lake)
    table.optimize.compact()
    assert ids(first) == ids(of_day(lake)) == ["a", "aa", "b", "c", "cc", "d", "dd"]
    table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    newest = of_day(lake)
    assert ids(newest) == ["a", "aa", "b", "c", "cc", "d", "dd"]
    assert newest.evidence["version"] > first.evidence["version"]
    with pytest.raises(InputError, match="a file of this version is gone, as after VACUUM"):
        ids(of_day(lake, read=first.evidence))


def test_a_version_that_was_read_is_read_again(lake):
    write_delta(lake, "loans", frame("a"))
    first = of_day(lake)
    write_delta(lake, "loans", frame("late"))
    other_day = of_day(lake).state
    write_delta(lake, "loans", frame("z", day=NEXT))
    assert ids(first) == ids(of_day(lake, read=first.evidence)) == ["a"]
    newest = of_day(lake)
    assert ids(newest) == ["a", "late"]
    assert (first.evidence["version"], newest.evidence["version"]) == (0, 2)
    # Rows of another day change the version, and not the state of this one.
    assert first.state != newest.state == other_day


def test_another_table_of_the_name_has_not_the_version_that_was_read(lake):
    write_delta(lake, "loans", frame("a"))
    read = of_day(lake).evidence | {"version": 7}
    with pytest.raises(InputError, match=r"Delta Lake table .*loans: .*version.*; allowed"):
        of_day(lake, read=read)
    assert ids(of_day(lake, read=read | {"table": "another"})) == ["a"]


def test_a_schema_that_was_overwritten(lake):
    write_delta(lake, "loans", frame("a"))
    rows = frame("b").rename(columns={"day": "applied"})
    write_delta(lake, "loans", rows, mode="overwrite", schema_mode="overwrite")
    with pytest.raises(
        InputError, match=r"loans \(version 1\): no column 'day'; it has id, amount"
    ):
        of_day(lake).has_rows()
    assert ids(table_at(lake, f"loans/applied={DAY}")) == ["b"]


def test_a_column_that_was_added_is_null_before(lake):
    write_delta(lake, "loans", frame("a"))
    write_delta(lake, "loans", frame("b").assign(region="north"), schema_mode="merge")
    rows = of_day(lake)
    found = pa.Table.from_batches(rows.table.batches(rows.conditions)).sort_by("id")
    assert found["region"].to_pylist() == [None, "north"]


@pytest.mark.parametrize("partitions", [None, ["day"]])
def test_rows_without_a_day_are_of_none(lake, partitions):
    write_delta(
        lake, "loans", pd.concat([frame("a"), frame("z", day=None)]), partition_by=partitions
    )
    assert ids(of_day(lake)) == ["a"]
    assert ids(table_at(lake, "loans")) == ["a", "z"]
    assert not of_day(lake, NEXT).has_rows()


@pytest.mark.parametrize("partitions", [None, ["day"]])
@pytest.mark.parametrize(("values", "path"), DAYS.values(), ids=DAYS)
def test_what_says_a_day(lake, values, path, partitions):
    rows = frame("before", "on", "after").assign(day=values)
    write_delta(lake, "loans", rows, partition_by=partitions)
    rows = table_at(lake, f"loans/{path}/")
    assert ids(rows) == ["on"]
    assert rows.has_rows()


def test_statistics_say_whether_a_day_is_there(lake):
    for day in (DAY, NEXT):
        write_delta(lake, "loans", frame("a", "b", day=day), partition_by=["day"])
    for path in lake.list("loans"):
        if path.endswith(".parquet"):
            lake.delete(path)
    assert of_day(lake).has_rows()
    assert not of_day(lake, dt.date(2026, 9, 3)).has_rows()
    with pytest.raises(InputError, match="a file of this version is gone"):
        ids(of_day(lake))


def test_rows_that_a_deletion_vector_takes_are_not_read(lake):
    write_delta(lake, "loans", frame("a", "b", "c"))
    added = add_of(lake, 0)
    before = of_day(lake).state
    removed = {"path": added["path"], "deletionTimestamp": 1, "dataChange": True}
    vector = added | {"deletionVector": deletion_vector(0, 2)}
    commit(lake, "loans", 1, protocol("deletionVectors"), {"remove": removed}, {"add": vector})
    assert ids(of_day(lake)) == ["b"]
    assert of_day(lake).state != before
    removed["deletionVector"] = vector["deletionVector"]
    vector = added | {"deletionVector": deletion_vector(0, 1, 2)}
    commit(lake, "loans", 2, {"remove": removed}, {"add": vector})
    assert ids(of_day(lake)) == []
    assert not of_day(lake).has_rows()


@pytest.mark.parametrize("feature", ["typeWidening", "fromTheFuture"])
def test_a_feature_that_is_not_read_is_refused(lake, feature):
    write_delta(lake, "loans", frame("a"))
    commit(lake, "loans", 1, protocol(feature))
    with pytest.raises(InputError, match=f"(?i){feature}.*; allowed: .* deletionVectors"):
        ids(of_day(lake))


def test_a_log_that_is_none_is_refused(lake):
    lake.write("loans/_delta_log/00000000000000000000.json", b"{}")
    with pytest.raises(InputError, match=r"Delta Lake table .*loans: .*; allowed"):
        of_day(lake)


@pytest.mark.parametrize("name", ["my loans", "a#b", "höhe", "a+b"])
def test_a_folder_of_any_name(lake, name):
    """Never another folder that a URL of the name would lead to."""
    write_delta(lake, "a", frame("wrong"))
    write_delta(lake, "a b", frame("wrong"))
    write_delta(lake, name, frame("right"))
    assert ids(table_at(lake, name)) == ["right"]
    assert lake.list(f"{name}/_delta_log")


def test_a_folder_with_a_percent_sign_is_refused(lake):
    lake.write("a%20b/_delta_log/00000000000000000000.json", b"{}")
    with pytest.raises(InputError, match="a%20b: found % in its path; allowed: none"):
        table_at(lake, "a%20b")


@pytest.mark.parametrize("value", ["s x", "50%", "a/b", "a=b", "höhe"])
def test_partitions_of_any_value(lake, value):
    rows = pd.concat([frame("a").assign(part=value), frame("b").assign(part="other")])
    write_delta(lake, "loans", rows, partition_by=["part"])
    assert ids(table_at(lake, f"loans/part={quote(value, safe='')}")) == ["a"]
