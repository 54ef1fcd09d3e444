"""Conditions of a path, as columns of each type take them."""

import pyarrow as pa
import pytest

from resources.errors import InputError
from resources.table_formats.base import Condition, VersionedTable

SCHEMA = pa.schema(
    {
        "date": pa.date32(),
        "time": pa.timestamp("us"),
        "utc": pa.timestamp("us", "UTC"),
        "text": pa.string(),
        "long_text": pa.large_string(),
        "number": pa.int32(),
        "amount": pa.float64(),
    }
)


class Table(VersionedTable):
    format = "Some"
    schema = SCHEMA
    evidence = {"format": "Some", "table": "lake/loans", "version": 3}  # noqa: RUF012

    def batches(self, conditions):
        return iter(())

    def has_rows(self, conditions):
        return False

    def files(self, conditions):
        return []


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("date", "2026-02-28", [(">=", "2026-02-28"), ("<", "2026-03-01")]),
        ("time", "2026-12-31", [(">=", "2026-12-31T00:00:00"), ("<", "2027-01-01T00:00:00")]),
        (
            "utc",
            "2026-09-01",
            [(">=", "2026-09-01T00:00:00+00:00"), ("<", "2026-09-02T00:00:00+00:00")],
        ),
        ("text", "2026-09-01", [(">=", "2026-09-01"), ("<", "2026-09-02")]),
        ("long_text", "2026-09-09", [(">=", "2026-09-09"), ("<", "2026-09-0:")]),
        ("text", "north", [("=", "north")]),
        ("text", "2026-13-01", [("=", "2026-13-01")]),
        ("number", "09", [("=", 9)]),
        ("number", "-1", [("=", -1)]),
    ],
)
def test_a_condition_for_a_type(column, value, expected):
    found = Table("lake/loans").comparisons([Condition(column, value)])
    assert found == [(column, *one) for one in expected]


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("day", "2026-09-01", r"Some table lake/loans \(version 3\): no column 'day'; it has date"),
        ("date", "20260901", "column 'date' is date32.*, and 20260901 was asked for; allowed"),
        ("number", "2026-09-01", "column 'number' is int32"),
        ("amount", "1", "column 'amount' is double"),
    ],
)
def test_a_condition_that_no_row_can_be_asked_by(column, value, words):
    with pytest.raises(InputError, match=words):
        Table("lake/loans").comparisons([Condition(column, value)])
