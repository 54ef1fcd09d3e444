"""Tables as a workbook: one sheet a table, no formulas, the same bytes for the same tables."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import xlsxwriter

MOST_ROWS = 100_000
"""Rows of a sheet: a longer table takes a person's computer minutes to open."""
CELL_CHARACTERS = 32_767
CUT = " [cut: the Parquet file has all of it]"
CREATED = dt.datetime(2000, 1, 1)
"""Of every workbook: when a pack was made stands in its seal alone."""
MOST_WIDE = 60


def write_workbook(
    file: Path, title: str, tables: Mapping[str, pa.Table], about: Mapping[str, str]
) -> None:
    """Write tables as sheets, after one that lists them.

    Parameters
    ----------
    about
        What each table holds.
    """
    # In memory, each part has a fixed time; else it would be that of a temporary file.
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(str(file), options) as book:
        book.set_properties({"title": title, "created": CREATED})
        book.set_calc_mode("manual")
        formats = {
            "head": book.add_format({"bold": True, "bottom": 1}),
            "date": book.add_format({"num_format": "yyyy-mm-dd"}),
        }
        listed = [
            {
                "table": name,
                "rows": table.num_rows,
                "what it is": about[name],
                "where": f"tables/{name}.parquet"
                + ("" if _fits(table) else ", which alone has it: it is too long for a sheet"),
            }
            for name, table in tables.items()
        ]
        contents = pa.Table.from_pylist(listed)
        for name, table in ({"contents": contents} | dict(tables)).items():
            if _fits(table):
                _write_sheet(book.add_worksheet(name), table, formats)


def _fits(table: pa.Table) -> bool:
    return bool(table.num_rows <= MOST_ROWS)


def _write_sheet(sheet: Any, table: pa.Table, formats: Mapping[str, Any]) -> None:
    sheet.freeze_panes(1, 0)
    for at, name in enumerate(table.column_names):
        sheet.write_string(0, at, name, formats["head"])
        values = table[name].to_pylist()
        widest = max((len(str(value)) for value in values[:200]), default=0)
        sheet.set_column(at, at, min(max(widest, len(name)) + 2, MOST_WIDE))
        for row, value in enumerate(values, 1):
            _write_cell(sheet, row, at, value, formats)
    if table.num_rows:
        sheet.autofilter(0, 0, table.num_rows, table.num_columns - 1)


def _write_cell(sheet: Any, row: int, at: int, value: object, formats: Mapping[str, Any]) -> None:
    """Write by type: a text is a text, whatever it starts with."""
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, at, value)
    elif isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        sheet.write_datetime(row, at, value, formats["date"])
    elif isinstance(value, int | float) and math.isfinite(value):
        sheet.write_number(row, at, value)
    else:
        text = str(value)
        if len(text) > CELL_CHARACTERS:
            text = text[: CELL_CHARACTERS - len(CUT)] + CUT
        sheet.write_string(row, at, text)
