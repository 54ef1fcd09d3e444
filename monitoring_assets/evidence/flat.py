"""Stored reports as flat tables: each list of records becomes a table of its own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

KEYS: Mapping[str, Sequence[str]] = {
    "drift": ("column",),
    "segments": ("segment_column", "segment", "column", "metric"),
    "performance": ("kind", "horizon"),
    "performance_segments": ("segment_column", "segment"),
    "decisions": ("family",),
}
"""Columns that say which row of a table a record of one of its lists is of."""


def flatten(name: str, table: pa.Table, day: dt.date) -> Iterator[tuple[str, pa.Table]]:
    """Split the report of a day into flat tables, each with the day and the keys of its parents.

    Yields
    ------
    tuple of str and pyarrow.Table
        ``drift``, then ``drift_bins`` and so on.
    """
    dates = pa.array([day] * table.num_rows, pa.date32())
    table = table.replace_schema_metadata(None).add_column(0, "date", dates)
    yield from _flatten(name, table, ["date"])


def _flatten(name: str, table: pa.Table, above: Sequence[str]) -> Iterator[tuple[str, pa.Table]]:
    keys = [*above, *KEYS.get(name, ())]
    lists = [field.name for field in table.schema if _is_records(field.type)]
    texts = [field.name for field in table.schema if field.type == pa.list_(pa.string())]
    flat = table.drop_columns(lists)
    for column in texts:
        at = flat.column_names.index(column)
        joined = pc.binary_join(flat[column].combine_chunks(), "; ")
        flat = flat.set_column(at, column, joined)
    yield name, flat
    for column in lists:
        records = table[column].combine_chunks()
        of_parent = table.select(keys).take(pc.list_parent_indices(records))
        values = pc.list_flatten(records)
        child = of_parent
        for field, value in zip(values.type, values.flatten(), strict=True):
            child = child.append_column(field.name, value)
        yield from _flatten(f"{name}_{column}", child, keys)


def _is_records(type_: pa.DataType) -> bool:
    return bool(pa.types.is_list(type_) and pa.types.is_struct(type_.value_type))
