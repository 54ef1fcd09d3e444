"""Columns that differ between any two tables, whatever the population, such as identifiers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from monitoring_assets.statistics.profiles.source import ParquetSource

FEWEST_ROWS = 100
# A running number with gaps, such as a day's share of a sequence, is still dense.
DENSITY = 0.5
INDEX = re.compile(r"__index_level_\d+__")
COMPARABLE = (pa.types.is_integer, pa.types.is_string, pa.types.is_large_string)


def columns_apart(source: ParquetSource, names: Iterable[str]) -> dict[str, str]:
    """Find what a table's rows are told apart by, and not described.

    Dates are known by their type, pandas' index by its name, partitions by their folders, and
    identifiers by the source's first row group.

    An identifier is a text that no two of at least 100 rows share, or a whole number that no two
    share and that fills at least half of its range.

    Returns
    -------
    ``date``, ``identifier``, ``index`` or ``partition`` by column; other columns are left out.
    """
    found: dict[str, str] = {}
    candidates: dict[str, list[pa.Array]] = {}
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
            candidates[name] = []
    if candidates and source.row_groups:
        try:
            for name, _, array in source.arrays(source.row_groups[0], list(candidates)):
                is_encoded = pa.types.is_dictionary(array.type)
                candidates[name].append(array.dictionary_decode() if is_encoded else array)
        except (OSError, pa.ArrowException):  # as above
            return found
        for name, arrays in candidates.items():
            if _identifies(pa.chunked_array(arrays)):
                found[name] = "identifier"
    return found


def _identifies(column: pa.ChunkedArray) -> bool:
    rows = len(column)
    if rows < FEWEST_ROWS or column.null_count or pc.count_distinct(column).as_py() < rows:
        return False
    if not pa.types.is_integer(column.type):
        return True
    ends = pc.min_max(column).as_py()
    return bool(rows >= DENSITY * (ends["max"] - ends["min"] + 1))
