"""What columns of decisions say, and what they may hold."""

import decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_assets.statistics.decisions.columns import (
    SIDES,
    YES,
    DecisionColumns,
    approved_rows,
    decided_rows,
    decision_codes,
)
from monitoring_assets.statistics.profiles.source import ParquetSource

COLUMNS = DecisionColumns("decision", frozenset({"A", "A2"}), "drawn", "override", "asked")
ALONE = DecisionColumns("decision", YES)
GOOD = {"decision": ["A"], "drawn": [True], "override": [1], "asked": [5.0]}


@pytest.fixture
def rows(tmp_path):
    """What the rows of a table, in one row group, count as."""

    def rows(columns, **values):
        source = source_of(tmp_path, values)
        masks, amounts = decided_rows(source, source.row_groups[0], columns)
        return {name: mask.tolist() for name, mask in masks.items()}, amounts

    return rows


def source_of(tmp_path, values, **options):
    file = tmp_path / "rows.parquet"
    pq.write_table(pa.table(values), file, **options)
    return ParquetSource([file])


@pytest.mark.parametrize(
    "values",
    [
        [True, False, None],
        [1, 0, None],
        [1.0, 0.0, float("nan")],
        ["1", "0", None],
        ["true", "false", None],
        pa.array(["true", "false", None]).dictionary_encode(),
    ],
)
def test_true_and_1_are_approved(rows, values):
    masks, amounts = rows(ALONE, decision=values)
    assert masks == {
        "scored": [True, True, True],
        "undecided": [False, False, True],
        "approved": [True, False, False],
    }
    assert amounts == {}


@pytest.mark.parametrize("kind", [pa.null(), pa.string(), pa.bool_(), pa.int64()])
def test_a_day_on_which_nothing_is_decided_yet(rows, kind):
    masks, _ = rows(COLUMNS._replace(amount=None), **dict.fromkeys(GOOD, pa.nulls(2, kind)))
    assert masks["undecided"] == [True, True]
    assert not any(masks["approved"] + masks["booked"] + masks["high_side"])


def test_only_the_approved_are_booked_and_sides_are_of_overrides(rows):
    masks, _ = rows(
        COLUMNS,
        decision=["A", "A2", "D", "D", None],
        drawn=[True, None, True, False, True],
        override=[None, True, True, False, True],
        asked=[1, 2, 3, 4, 5],
    )
    assert masks["booked"] == [True, False, False, False, False]
    assert masks["low_side"] == [False, True, False, False, False]
    assert masks["high_side"] == [False, False, True, False, False]


def test_amounts_may_be_decimals_or_absent(rows):
    masks, amounts = rows(
        COLUMNS._replace(booked=None, override=None),
        decision=["A", "D", "A"],
        asked=[decimal.Decimal("1.50"), decimal.Decimal(2), None],
    )
    assert masks["with_amount"] == [True, True, False]
    assert amounts["amount"].tolist() == [1.5, 2.0, 0.0]
    assert amounts["approved_amount"].tolist() == [1.5, 0.0, 0.0]


@pytest.mark.parametrize(
    ("change", "columns", "message"),
    [
        (
            {},
            COLUMNS._replace(booked="sold"),
            r"'sold' \(decisions.booked\): the column is",
        ),
        ({"override": ["x"]}, COLUMNS, r"'override' \(decisions.override\).*allowed: 1 or true"),
        ({"decision": ["APPROVED"]}, ALONE, r"'decision' \(decisions.column\): found other values"),
        ({"decision": [0.5]}, COLUMNS, r"'decision'.*allowed: text, booleans or whole numbers"),
        ({"asked": ["many"]}, COLUMNS, r"'asked' \(decisions.amount\): found values of type"),
        ({"asked": [-1.0]}, COLUMNS, r"'asked'.*found 1 values under 0 or infinite"),
        ({"asked": [np.inf]}, COLUMNS, r"'asked'.*found 1 values under 0 or infinite"),
        ({"decision": [[1]]}, COLUMNS, r"'decision' \(decisions.column\): columns of type list"),
        (
            {name: values * 51 for name, values in GOOD.items()}
            | {"decision": [f"k{n}" for n in range(51)]},
            COLUMNS,
            "found 51 values; allowed: text",
        ),
    ],
)
def test_other_values_are_refused(rows, change, columns, message):
    with pytest.raises(ValueError, match=message):
        rows(columns, **GOOD | change)


def test_rows_by_what_was_decided(tmp_path):
    table = {
        "decision": ["A", "D", "A2", "D", None],
        "override": [False, None, True, True, True],
    }
    codes = decision_codes(source_of(tmp_path, table, row_group_size=2), COLUMNS)
    assert [SIDES[code] for code in codes] == [*SIDES]


def test_approved_rows_are_counted_over_row_groups(tmp_path):
    table = {name: values * 5 for name, values in GOOD.items()} | {"decision": list("AADAD")}
    assert approved_rows(source_of(tmp_path, table, row_group_size=2), COLUMNS) == 3
    bad = table | {"asked": [1.0, 1.0, 1.0, 1.0, -1.0]}
    with pytest.raises(ValueError, match="under 0"):
        approved_rows(source_of(tmp_path, bad, row_group_size=2), COLUMNS)
