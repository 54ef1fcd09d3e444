"""Some columns of a day's files, which lie beside the batch: outcomes, protected columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from resources.errors import InputError
from resources.storage_faults import storage_of
from resources.text_tables import as_parquet

if TYPE_CHECKING:
    import pyarrow as pa

    from resources.storage import DayFiles

ROWS = 131_072
"""Rows of a piece."""


def day_columns(
    files: DayFiles, what: str, fields: Sequence[tuple[str, str]], types: Mapping[str, str]
) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Read columns of the files of a day, piece by piece.

    Parameters
    ----------
    files
        Of the day.
    what
        What they are, for errors.
    fields
        Field of the manifest that names a column, and its name.
    types
        Of columns in text, as `as_parquet` takes them.

    Yields
    ------
    url : str
        The file for people, after what it is.
    piece : pyarrow.RecordBatch
        The columns, in types of the file.

    Raises
    ------
    InputError
        If a file cannot be read, or has one of the columns never or twice; shows no value.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with as_parquet(files, types) as readable:
        storage = readable.storage
        for path in readable.paths:
            url = f"{what} {storage.url(path)}"
            try:
                with (
                    storage_of(url),
                    pq.ParquetFile(
                        storage.location(path),
                        filesystem=storage.filesystem,
                        page_checksum_verification=True,
                    ) as file,
                ):
                    names = file.schema_arrow.names
                    for field, name in fields:
                        if names.count(name) != 1:
                            raise InputError(
                                f"{url}: {names.count(name)} columns {name!r} ({field}); it has "
                                f"{', '.join(names)}"
                            )
                    columns = list(dict.fromkeys(name for _, name in fields))
                    for piece in file.iter_batches(ROWS, columns=columns):
                        yield url, piece
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
                # Its own text may show the value of a row.
                raise InputError(
                    f"{url}: {type(error).__name__}; allowed: a Parquet file"
                ) from None
