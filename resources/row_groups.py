"""Rows as Parquet: row groups of a size that is good to scan, and pages whose damage shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    import pyarrow.parquet as pq

ROW_GROUP_ROWS = 131_072
# Of a row group in memory: tables of more than some 500 columns have fewer rows in each.
ROW_GROUP_BYTES = 1 << 29


def rows_at_once(group: pq.RowGroupMetaData) -> int:
    """Rows of someone's row group to read at a time: a row may have thousands of columns."""
    a_row = group.total_byte_size / max(group.num_rows, 1)
    return max(1, min(ROW_GROUP_ROWS, int(ROW_GROUP_BYTES / max(a_row, 1))))


def row_groups(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Batches, which an engine makes of some thousand rows, together as row groups.

    One has fewer rows than ``ROW_GROUP_ROWS`` where they take ``ROW_GROUP_BYTES``. The last may
    have fewer too, or none if no batch has any.
    """
    import pyarrow as pa

    held, rows, size = list[pa.RecordBatch](), 0, 0
    for batch in batches:
        held.append(batch)
        rows += batch.num_rows
        size += batch.nbytes
        if rows >= ROW_GROUP_ROWS or size >= ROW_GROUP_BYTES:
            yield pa.Table.from_batches(held)
            held, rows, size = [], 0, 0
    if held:
        yield pa.Table.from_batches(held)


def row_writer(file: Path | str, schema: pa.Schema) -> pq.ParquetWriter:
    """A writer of rows.

    Numbers have no dictionary: most values of a measured column differ, and to find that out takes
    three times as long as writing them. Each page has a checksum, so that a reader that asks for it
    notices a damaged one.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    words = [
        field.name
        for field in schema
        if pa.types.is_dictionary(field.type)
        or pa.types.is_string(field.type)
        or pa.types.is_large_string(field.type)
    ]
    return pq.ParquetWriter(file, schema, use_dictionary=words, write_page_checksum=True)
