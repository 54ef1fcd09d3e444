"""A workbook has no formulas, and the same bytes for the same tables."""

import datetime as dt
import zipfile

import openpyxl
import pyarrow as pa
import pytest

from monitoring_assets.evidence import workbook
from monitoring_assets.evidence.workbook import write_workbook

HOSTILE = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1+1",
    "http://evil.example",
    "<b>",
    "{=1}",
    "\x07bell",
]
TABLE = pa.table(
    {
        "=name": pa.array(HOSTILE),
        "day": pa.array([dt.date(2026, 9, 12)] * len(HOSTILE)),
        "value": pa.array([0.5, float("nan"), float("inf"), None, 1.0, 2.0, 3.0, 4.0, 5.0]),
        "flag": pa.array([True, None, *[False] * 7]),
    }
)


def written(tmp_path, table=TABLE):
    file = tmp_path / "one.xlsx"
    write_workbook(file, "<title>", {"drift": table}, {"drift": "=about"})
    return file


def test_a_text_is_a_text_whatever_it_starts_with(tmp_path):
    sheet = openpyxl.load_workbook(written(tmp_path))["drift"]
    cells = [sheet.cell(row, 1) for row in range(1, len(HOSTILE) + 2)]
    assert {cell.data_type for cell in cells} == {"s"}
    assert [cell.value for cell in cells[:5]] == ["=name", *HOSTILE[:4]]
    assert not any(cell.hyperlink for row in sheet.iter_rows() for cell in row)
    with zipfile.ZipFile(tmp_path / "one.xlsx") as parts:
        for name in parts.namelist():
            assert b"<f>" not in parts.read(name)


def test_values_keep_their_type(tmp_path):
    sheet = openpyxl.load_workbook(written(tmp_path))["drift"]
    assert [cell.value for cell in sheet[2]][1:] == [dt.datetime(2026, 9, 12), 0.5, True]
    assert [sheet.cell(row, 3).value for row in (3, 4, 5)] == ["nan", "inf", None]


def test_the_first_sheet_lists_the_others(tmp_path):
    book = openpyxl.load_workbook(written(tmp_path))
    assert book.sheetnames == ["contents", "drift"]
    assert [cell.value for cell in book["contents"][2]] == [
        "drift",
        len(HOSTILE),
        "=about",
        "tables/drift.parquet",
    ]


def test_a_table_that_is_too_long_for_a_sheet_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(workbook, "MOST_ROWS", len(HOSTILE) - 1)
    book = openpyxl.load_workbook(written(tmp_path))
    assert book.sheetnames == ["contents"]
    assert "which alone has it" in book["contents"]["D2"].value


def test_a_long_text_is_cut_and_says_so(tmp_path):
    table = pa.table({"text": ["x" * 40_000]})
    value = openpyxl.load_workbook(written(tmp_path, table))["drift"]["A2"].value
    assert len(value) == workbook.CELL_CHARACTERS
    assert value.endswith(workbook.CUT)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_the_bytes_are_those_of_the_tables(tmp_path, monkeypatch, zone):
    monkeypatch.setenv("TZ", zone)
    first = written(tmp_path).read_bytes()
    assert written(tmp_path).read_bytes() == first
    with zipfile.ZipFile(tmp_path / "one.xlsx") as parts:
        assert {one.date_time for one in parts.infolist()} == {(1980, 1, 1, 0, 0, 0)}
