"""Parquet files as a stream of small pieces."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePath
from typing import TypeVar
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from monitoring_assets.statistics.profiles.bins import value_kind

SLICE_ROWS = 1 << 20
"""Most rows decoded at a time: a larger row group is read in slices."""
TASK_VALUES = 1 << 20
"""Values decoded by a task: 8 MB of float64."""
OPEN_FILES = 32
"""Files of a source that a thread keeps open: wide ones are read a few columns at a time."""
THREADS = 2
"""Threads that work on tasks; memory grows with them."""

HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
"""Folder name for null."""
INT96_UNIT = "us"
"""Unit that INT96 timestamps, of Spark and Hive, are read in: in nanoseconds 9999 is 1816."""

Progress = Callable[[float], None]
"""Called with the share of the work that is done, 0 to 1."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RowGroup:
    """A row group of one of the files of a source.

    Parameters
    ----------
    path
        Path of the file, as the file system knows it.
    index
        Position in the file.
    rows
        Number of rows.
    """

    path: str
    index: int
    rows: int


def parquet_dataset(
    paths: str | os.PathLike[str] | Sequence[str], filesystem: fs.FileSystem | None = None
) -> pa.dataset.Dataset:
    """Return Parquet files as a dataset, for filters and SQL.

    Parameters
    ----------
    paths, filesystem
        As ``ParquetSource`` takes them.
    """
    import pyarrow.dataset as ds

    return ds.dataset(paths, filesystem=filesystem, format=parquet_format())


def parquet_format() -> pa.dataset.ParquetFileFormat:
    """Return how Parquet is read: as `ParquetSource` does."""
    import pyarrow.dataset as ds

    return ds.ParquetFileFormat(
        coerce_int96_timestamp_unit=INT96_UNIT, page_checksum_verification=True
    )


class ParquetSource:
    """One table that lies in one or many Parquet files.

    Only the footers are read here. Reading is safe from several threads; each has its own handles.

    Parameters
    ----------
    paths
        A file, or files in the order of their rows.
    filesystem
        Any pyarrow file system, such as ``pyarrow.fs.S3FileSystem``; local by default.
    folder
        Folder of the table, whose subfolders ``column=value`` say what is the same in all rows of
        their files, as Hive and Spark write them; none by default.

    Attributes
    ----------
    paths : tuple of str
        The files.
    schema : pyarrow.Schema
        Columns of the first file; a column that is null there has the type of another file. Those
        of the folders' names come last.
    partition_columns : tuple of str
        Columns of the folders' names.
    rows : int
        Rows in all files.
    row_groups : tuple of RowGroup
        Every row group that has rows, in order.

    Raises
    ------
    ValueError
        No file is given, a file is not Parquet, or the columns of two files differ.
    FileNotFoundError
        A file does not exist.
    """

    def __init__(
        self,
        paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        filesystem: fs.FileSystem | None = None,
        folder: str | None = None,
    ) -> None:
        if isinstance(paths, str | os.PathLike):
            paths = [paths]
        if not paths:
            raise ValueError("no Parquet file given")
        self.paths = tuple(os.fspath(path) for path in paths)
        self._filesystem = filesystem or fs.LocalFileSystem()
        # A footer is large where a table is wide: 10 MB for 10,000 column chunks.
        self._footer = lru_cache(OPEN_FILES)(self._read_footer)
        self._local = threading.local()
        row_groups: list[RowGroup] = []
        for path in self.paths:
            footer = self._footer(path)
            schema = footer.schema.to_arrow_schema()
            self.schema = schema if path == self.paths[0] else self._agreed(path, schema)
            row_groups += (
                RowGroup(path, i, footer.row_group(i).num_rows)
                for i in range(footer.num_row_groups)
            )
        self._position = {path: i for i, path in enumerate(self.paths)}
        self._partitions = self._read_partitions(folder) if folder else {}
        self.partition_columns = tuple(self._partitions)
        for name, values in self._partitions.items():
            self.schema = self.schema.append(pa.field(name, values.type))
        self.row_groups = tuple(group for group in row_groups if group.rows)
        self.rows = sum(group.rows for group in self.row_groups)

    def _read_footer(self, path: str) -> pq.FileMetaData:
        try:
            with self._filesystem.open_input_file(path) as file:
                return pq.read_metadata(file)
        except pa.ArrowInvalid as error:
            raise ValueError(f"{path}: not a readable Parquet file ({error})") from error

    def _read_partitions(self, folder: str) -> dict[str, pa.Array]:
        """Return the value of each file, by column that is in the folders' names alone."""
        said = []
        for path in self.paths:
            folders = PurePath(path).relative_to(folder).parts[:-1]
            pairs = dict(name.split("=", 1) for name in folders if "=" in name)
            said.append({name: unquote(text) for name, text in pairs.items()})
            if said[-1].keys() != said[0].keys():
                raise ValueError(
                    f"{path}: its folders are named for the columns {', '.join(said[-1])}; those "
                    f"of {self.paths[0]} for {', '.join(said[0])}"
                )
        return {
            name: pa.array([None if one[name] == HIVE_NULL else one[name] for one in said])
            for name in said[0]
            if name not in self.schema.names
        }

    def _agreed(self, path: str, schema: pa.Schema) -> pa.Schema:
        """Return the schema of the files so far if that of one more file agrees with it."""
        for name in sorted({*schema.names} ^ {*self.schema.names}):
            absent = path if name in self.schema.names else self.paths[0]
            raise ValueError(
                f"{absent}: column {name!r} is missing, other files of the set have it"
            )
        agreed = self.schema
        for i, field in enumerate(self.schema):
            other = schema.field(schema.get_all_field_indices(field.name)[0])
            if _kind(field.type) == "null":
                agreed = agreed.set(i, other)
            elif _kind(other.type) not in ("null", _kind(field.type)):
                raise ValueError(
                    f"{path}: column {field.name!r} is {other.type}, in {self.paths[0]} it is "
                    f"{field.type}: files of one set must have the same columns"
                )
        return agreed

    def unreadable(self, column: str) -> str | None:
        """Return why a column cannot be profiled, None if it can.

        Parameters
        ----------
        column
            Its name.

        Returns
        -------
        str or None
            A reason in words.
        """
        found = self.schema.get_all_field_indices(column)
        if len(found) != 1:
            return f"{len(found)} columns have this name" if found else "the column is missing"
        try:
            value_kind(self.schema.field(column).type)
        except TypeError as error:
            return str(error)
        return None

    def arrays(
        self, row_group: RowGroup, columns: Sequence[str]
    ) -> Iterator[tuple[str, int, pa.Array]]:
        """Read columns of a row group, in slices if it is large.

        Parameters
        ----------
        row_group
            One of ``row_groups``.
        columns
            Names of columns.

        Yields
        ------
        column : str
            Name of a column.
        start : int
            Position of the first row in the row group.
        array : pyarrow.Array
            At most about a million rows. Strings are dictionary-encoded.

        Raises
        ------
        OSError
            The file cannot be read, or is corrupt.
        """
        for name in columns:
            if name in self._partitions:
                value = self._partitions[name][self._position[row_group.path]]
                for start in range(0, row_group.rows, SLICE_ROWS):
                    rows = min(SLICE_ROWS, row_group.rows - start)
                    yield name, start, pa.repeat(value, rows).dictionary_encode()
        columns = [name for name in columns if name not in self._partitions]
        if not columns:
            return
        if not hasattr(self._local, "open"):
            self._local.open = lru_cache(OPEN_FILES)(self._open)
        file = self._local.open(row_group.path)
        if row_group.rows <= SLICE_ROWS:
            tables = iter([file.read_row_group(row_group.index, columns, use_threads=False)])
        else:
            batches = file.iter_batches(SLICE_ROWS, [row_group.index], columns, use_threads=False)
            tables = (pa.Table.from_batches([batch]) for batch in batches)
        first = 0
        for table in tables:
            for column in columns:
                start = first
                for array in table.column(column).chunks:
                    yield column, start, array
                    start += len(array)
            first += len(table)

    def pieces(self, columns: Sequence[str]) -> Iterator[tuple[str, int, pa.Array]]:
        """Read columns of every row group in turn, as `arrays` does."""
        for row_group in self.row_groups:
            yield from self.arrays(row_group, columns)

    def _open(self, path: str) -> pq.ParquetFile:
        """Return a handle on a file, for one thread."""
        words = [
            field.name
            for field in self.schema
            if _kind(field.type) == "categorical" and field.name not in self._partitions
        ]
        return pq.ParquetFile(
            self._filesystem.open_input_file(path),
            metadata=self._footer(path),
            read_dictionary=words,
            page_checksum_verification=True,
            coerce_int96_timestamp_unit=INT96_UNIT,
        )


def together(columns: Sequence[str], rows: int) -> list[Sequence[str]]:
    """Split columns into groups that are decoded together.

    Parameters
    ----------
    columns
        Names of columns.
    rows
        Rows of each that are in memory at a time.

    Returns
    -------
    list
        Groups of at least one column, and of about 8 MB of float64.
    """
    width = max(1, TASK_VALUES // max(rows, 1))
    return [columns[i : i + width] for i in range(0, len(columns), width)]


def isolate(
    work: Callable[[Sequence[str]], dict[str, T]],
    columns: Sequence[str],
    failed: Callable[[str], T],
) -> dict[str, T]:
    """Do work on columns together, or one by one where one of them cannot be read.

    Parameters
    ----------
    work
        Returns a result for each of the columns it is given.
    columns
        Names of columns.
    failed
        Makes the result of a column that cannot be read from the reason.

    Returns
    -------
    dict
        Result by column.
    """
    try:
        return work(columns)
    except (pa.ArrowException, OSError) as error:
        if len(columns) == 1:
            return {columns[0]: failed(f"the column cannot be read: {error}")}
    return {column: isolate(work, [column], failed)[column] for column in columns}


def _kind(arrow_type: pa.DataType) -> str:
    """Return the kind of values of a type, or the type's own name where it has no bins."""
    try:
        return value_kind(arrow_type)
    except TypeError:
        return str(arrow_type)
