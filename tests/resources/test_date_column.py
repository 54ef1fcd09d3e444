"""Tables of many days: the rows of one, whatever its column is made of."""

import datetime as dt

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from resources.date_column import has_rows_of, rows_of
from resources.errors import InputError, NotArrivedError
from resources.storage import DayFiles, open_storage

DAY = dt.date(2026, 3, 29)  # in Berlin the clock changes, and the day has 23 hours
LAST = dt.datetime(2026, 3, 29, 23, 59, 59, 999999)
MOMENTS = [
    dt.datetime(2026, 3, 28, 23, 59, 59, 999999),
    dt.datetime(2026, 3, 29),
    LAST,
    dt.datetime(2026, 3, 30),
    None,
]


@pytest.fixture
def table(any_lender):
    """Write a column of days as two files of several row groups."""

    def write(values):
        storage = open_storage(any_lender.lake.root)
        paths = ("t/a.parquet", "t/b.parquet")
        for path, at in zip(paths, (slice(0, 2), slice(2, None)), strict=True):
            column = values[at]
            with storage.writing(path) as local:
                ids = pa.array(range(at.start, at.start + len(column)))
                pq.write_table(pa.table({"id": ids, "day": column}), local, row_group_size=1)
        return DayFiles(storage, paths)

    return write


def ids(files, day=DAY):
    with rows_of(files, "day", day) as found:
        (path,) = found.locations
        assert found.storage.url(found.paths[0]) == files.storage.url(files.paths[0])
        return pq.read_table(path)["id"].to_pylist()


@pytest.mark.parametrize(
    "values",
    [
        pa.array([m and m.date() for m in MOMENTS], pa.date32()),
        pa.array([m and m.date() for m in MOMENTS], pa.date64()),
        *(pa.array(MOMENTS, pa.timestamp(unit)) for unit in ("us", "ns")),
        pa.array([m and m.isoformat() for m in MOMENTS], pa.string()),
        pa.array([m and m.date().isoformat() for m in MOMENTS], pa.large_string()),
    ],
    ids=lambda values: str(values.type),
)
def test_the_rows_of_a_day_whatever_the_column_is(table, values):
    files = table(values)
    assert ids(files) == [1, 2]
    assert has_rows_of(files, "day", DAY)
    assert not has_rows_of(files, "day", DAY + dt.timedelta(days=2))


def test_a_timestamp_with_a_zone_is_of_the_day_it_has_there(table):
    """Midnight in Berlin is 23:00 UTC in winter and 22:00 in summer."""
    utc = [
        dt.datetime(2026, 3, 28, 22, 59, 59),
        dt.datetime(2026, 3, 28, 23),
        dt.datetime(2026, 3, 29, 21, 59, 59),
        dt.datetime(2026, 3, 29, 22),
    ]
    assert ids(table(pa.array(utc, pa.timestamp("us", "Europe/Berlin")))) == [1, 2]


def test_a_day_without_a_row_has_not_arrived(table):
    with (
        pytest.raises(NotArrivedError, match=r"no row of 2026-04-02 in .*t/a\.parquet"),
        rows_of(table(pa.array(MOMENTS, pa.timestamp("us"))), "day", dt.date(2026, 4, 2)),
    ):
        pass


def test_a_column_that_says_no_day_is_named(table):
    files = table(pa.array([20260328, 20260329, 20260329, 20260330]))
    for column, words in (("day", "'day' is int64; allowed: dates"), ("when", "no column 'when'")):
        with pytest.raises(InputError, match=words):
            has_rows_of(files, column, DAY)
