"""Tables of many days: a column says which day a row is of."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from resources.errors import InputError, NotArrivedError
from resources.storage import Copies, DayFiles
from resources.table_formats.rows import TableRows

if TYPE_CHECKING:
    import pyarrow.dataset as ds


def has_rows_of(files: DayFiles, column: str, day: dt.date) -> bool:
    """Whether a table has a row of a day; what statistics exclude is not read.

    Raises
    ------
    InputError
        As `rows_of` says.
    """
    from monitoring_assets.statistics.profiles.source import parquet_dataset

    if isinstance(files, TableRows):
        return files.of_day(column, day).has_rows()
    table = parquet_dataset(files.locations, files.storage.filesystem)
    rows = table.scanner(columns=[column], filter=_is_of(table, files, column, day)).head(1)
    return bool(rows.num_rows)


@contextmanager
def rows_of(files: DayFiles, column: str, day: dt.date) -> Iterator[DayFiles]:
    """The rows of a day: of a table of versions as they are, else as a file for the block.

    Parameters
    ----------
    files
        A table in Parquet, or of versions.
    column
        Its dates, timestamps or strings that start as YYYY-MM-DD. A timestamp with a time zone is
        of the day that it has there.
    day
        The day.

    Raises
    ------
    InputError
        If there is no such column, or it says no day.
    NotArrivedError
        If there is no row of the day yet.
    """
    import pyarrow.parquet as pq

    from monitoring_assets.statistics.profiles.source import parquet_dataset

    if isinstance(files, TableRows):
        if not has_rows_of(files, column, day):
            raise NotArrivedError(
                f"no row of {day} in {files.table} (batch.date_column: {column!r})"
            )
        yield files.of_day(column, day)
        return
    table = parquet_dataset(files.locations, files.storage.filesystem)
    scanner = table.scanner(
        filter=_is_of(table, files, column, day), batch_readahead=1, fragment_readahead=1
    )
    with tempfile.TemporaryDirectory(prefix="monitoring-day-") as folder:
        # Under the first file's path, so that errors name that.
        copies = DayFiles(Copies(folder, files.storage), files.paths[:1])
        Path(copies.locations[0]).parent.mkdir(parents=True, exist_ok=True)
        rows = 0
        with pq.ParquetWriter(copies.locations[0], table.schema) as writer:
            for batch in scanner.to_batches():
                if batch.num_rows:
                    writer.write_batch(batch)
                    rows += batch.num_rows
        if not rows:
            url = files.storage.url(files.paths[0])
            raise NotArrivedError(f"no row of {day} in {url} (batch.date_column: {column!r})")
        yield copies


def _is_of(table: ds.Dataset, files: DayFiles, column: str, day: dt.date) -> ds.Expression:
    """The condition that a row is of the day."""
    import pyarrow as pa
    import pyarrow.compute as pc

    where = f"batch {files.storage.url(files.paths[0])}: batch.date_column"
    if column not in table.schema.names:
        raise InputError(f"{where}: no column {column!r}; it has {', '.join(table.schema.names)}")
    kind, value = table.schema.field(column).type, pc.field(column)
    if pa.types.is_date(kind):
        return value == pa.scalar(day, kind)
    if pa.types.is_timestamp(kind):
        zone = ZoneInfo(kind.tz) if kind.tz else None
        start, end = (
            pa.scalar(dt.datetime.combine(one, dt.time(), zone), kind)
            for one in (day, day + dt.timedelta(days=1))
        )
        return (value >= start) & (value < end)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pc.starts_with(value, day.isoformat())
    raise InputError(
        f"{where}: {column!r} is {kind}; allowed: dates, timestamps, or strings that start as "
        "YYYY-MM-DD"
    )
