"""Columns that differ between any two tables, whatever the population, such as identifiers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from monitoring_assets.statistics.profiles.source import ParquetSource

FEWEST_ROWS = 100
# A running number with gaps, such as a day's share of a sequence, is still dense.
DENSITY = 0.5
INDEX = re.compile(r"__index_level_\d+__")
DATE = r"^\s*(\d{4}-\d\d-\d\d([T ].*)?|\d{1,2}[./]\d{1,2}[./]\d{4})\s*$"
LOOKED_AT = 1000
COMPARABLE = (pa.types.is_integer, pa.types.is_string, pa.types.is_large_string)


def columns_apart(source: ParquetSource, names: Iterable[str]) -> dict[str, str]:
    """Find what a table's rows are told apart by, and not described.

    Dates are known by their type or as texts such as 2026-09-01 or 1.9.2026, pandas' index by its
    name, partitions by their folders, and identifiers by the source's first row group.

    An identifier is a text that no two of at least 100 rows share, or a whole number that no two
    share and that fills at least half of its range.

    Returns
    -------
    ``date``, ``identifier``, ``index`` or ``partition`` by column; other columns are left out.
    """
    found: dict[str, str] = {}
    candidates: list[str] = []
    for name in names:
        if source.unreadable(name) is not None:  # the comparison says why
            continue
        kind = source.schema.field(name).type
        if name in source.partition_columns:
            found[name] = "partition"
        elif INDEX.fullmatch(name):
            found[name] = "index"
        elif pa.types.is_date(kind) or pa.types.is_timestamp(kind):
            found[name] = "date"
        elif any(test(kind) for test in COMPARABLE):
            candidates.append(name)
    for name, column in _first_rows(source, candidates).items():
        if _are_dates(column):
            found[name] = "date"
        elif len(column) >= FEWEST_ROWS and _is_unshared(column) and _is_dense(column):
            found[name] = "identifier"
    return found


def unshared_columns(source: ParquetSource, names: Iterable[str]) -> list[str]:
    """Columns of text or whole numbers that have a value in each row, and no value twice.

    The source's first row group is looked at.
    """
    readable = [name for name in names if source.unreadable(name) is None]
    comparable = [
        name
        for name in readable
        if any(test(source.schema.field(name).type) for test in COMPARABLE)
    ]
    rows = _first_rows(source, comparable)
    return [name for name, column in rows.items() if _is_unshared(column)]


def _first_rows(source: ParquetSource, names: Sequence[str]) -> dict[str, pa.ChunkedArray]:
    """Values in the first row group, by column; none if that cannot be read."""
    parts: dict[str, list[pa.Array]] = {name: [] for name in names}
    if not parts or not source.row_groups:
        return {}
    try:
        for name, _, array in source.arrays(source.row_groups[0], names):
            is_encoded = pa.types.is_dictionary(array.type)
            parts[name].append(array.dictionary_decode() if is_encoded else array)
    except (OSError, pa.ArrowException):  # the comparison says why
        return {}
    return {name: pa.chunked_array(arrays) for name, arrays in parts.items()}


def _are_dates(column: pa.ChunkedArray) -> bool:
    """Whether texts are dates."""
    if pa.types.is_integer(column.type):
        return False
    values = column.drop_null()[:LOOKED_AT]
    return len(values) > 0 and bool(pc.all(pc.match_substring_regex(values, DATE)).as_py())


def _is_unshared(column: pa.ChunkedArray) -> bool:
    """Whether every row has a value, and no two the same."""
    return bool(not column.null_count and pc.count_distinct(column).as_py() == len(column))


def _is_dense(column: pa.ChunkedArray) -> bool:
    """Whether whole numbers fill their range as a running number does; texts need not."""
    if not pa.types.is_integer(column.type):
        return True
    ends = pc.min_max(column).as_py()
    return bool(len(column) >= DENSITY * (ends["max"] - ends["min"] + 1))
