"""A day's rows: what a version's columns or SQL make of a batch, and its keys."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitoring_assets.reference.feature_sql import read_sql, result_columns, sql_session
from resources.arrow_types import same_family
from resources.duckdb_session import (
    OWN_MEMORY,
    SPILL_BYTES,
    isolated_database,
    quoted,
    require_distinct,
)
from resources.errors import InputError
from resources.keys import plain_keys
from resources.limited import run_limited
from resources.manifest import Manifest
from resources.registry import ModelRegistry
from resources.row_groups import ROW_GROUP_ROWS, row_groups, row_writer, rows_at_once
from resources.storage import DayFiles
from resources.storage_faults import storage_of
from resources.store import Landed
from resources.text_tables import as_parquet

ROW_BY_ROW = frozenset({"EMPTY_RESULT", "FILTER", "PROJECTION", "PYTHON_ARROW_SCAN", "UNNEST"})
"""Operators of DuckDB that make each row from one row."""
PART_BYTES = 1 << 28
"""Of the columns of a part's row groups, decoded: seconds of an executor's work."""

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping

    import pyarrow as pa


@dataclass(frozen=True)
class BatchPart(DayFiles):
    """Some row groups of one of the files of a batch.

    Parameters
    ----------
    row_groups
        Their numbers.
    schema
        Of the wanted columns of the batch.
    """

    row_groups: tuple[int, ...]
    schema: pa.Schema

    def dataset(self) -> pa.dataset.Dataset:
        """The rows."""
        import pyarrow.dataset as ds

        from monitoring_assets.statistics.profiles.source import parquet_format

        kind, filesystem = parquet_format(), self.storage.filesystem
        (file,) = self.locations
        fragment = kind.make_fragment(file, filesystem, row_groups=list(self.row_groups))
        return ds.FileSystemDataset([fragment], self.schema, kind, filesystem)


def batch_parts(
    files: DayFiles, manifest: Manifest, sql: tuple[str, str] | None
) -> list[BatchPart]:
    """A batch in parts that can be read apart, each as `part_rows` takes it.

    Raises
    ------
    InputError
        If the files cannot be read, do not agree, or have no key; or if the SQL needs rows of
        several parts to make one.
    """
    import pyarrow as pa

    where = f"batch {files.storage.url(files.paths[0])}"
    key, *others = wanted_columns(manifest)
    with storage_of(where):
        try:
            batch = open_batch(files, {key, *others} if sql is None else None)
            if sql is None:
                _require_key(key, next(batch.get_fragments()).physical_schema.names, files)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OSError) as error:
            raise InputError(f"{where}: {error}") from error
    if sql is not None:
        what = f"{sql[1]} (features.sql)"
        run_limited(what, manifest.limits.bounds, InputError, require_row_by_row, files, *sql)
    return in_parts(files, batch)


def in_parts(files: DayFiles, rows: pa.dataset.Dataset) -> list[BatchPart]:
    """The row groups of files in parts of about the same size; of no rows there is one part."""
    paths = dict(zip(files.locations, files.paths, strict=True))
    parts = []
    for fragment in rows.get_fragments():
        path = (paths[fragment.path],)
        groups, size = list[int](), 0
        for group in fragment.row_groups:
            if size >= PART_BYTES:
                parts.append(BatchPart(files.storage, path, tuple(groups), rows.schema))
                groups, size = [], 0
            groups.append(group.id)
            size += group.total_byte_size
        if groups:
            parts.append(BatchPart(files.storage, path, tuple(groups), rows.schema))
    return parts or [BatchPart(files.storage, files.paths[:1], (), rows.schema)]


def require_row_by_row(files: DayFiles, text: str, url: str) -> None:
    """Refuse SQL whose result over a batch is not that over its parts, one after the other.

    Raises
    ------
    InputError
        If DuckDB's plan does more than compute, filter and unnest rows.
    """
    import duckdb

    with sql_session(open_batch(files)) as connection:
        try:
            statements = connection.extract_statements(text)
            if [one.type for one in statements] != [duckdb.StatementType.SELECT]:
                raise InputError(f"{url}: allowed with engine: spark is one SELECT")
            plan = connection.execute(f"EXPLAIN (FORMAT json) {statements[0].query}").fetchall()
        except duckdb.Error as error:
            raise InputError(f"{url}: {error}") from error
    beyond = sorted(set(_steps(json.loads(plan[0][1]))) - ROW_BY_ROW)
    if beyond:
        raise InputError(
            f"{url}: found {', '.join(beyond)} in DuckDB's plan of it; with engine: spark it runs "
            "on parts of the batch, so a row may only be made from one row: no aggregates, "
            "windows, joins, subqueries, DISTINCT, ORDER BY, LIMIT, UNION or samples"
        )


def _steps(plan: list[dict[str, Any]]) -> Iterator[str]:
    """Names of the operators of a plan of DuckDB."""
    for node in plan:
        yield node["name"].strip()
        yield from _steps(node["children"])


def wanted_columns(manifest: Manifest) -> list[str]:
    """Columns that are read of a batch, or of the SQL's result: the key first."""
    others = (*manifest.carried, *manifest.decision_columns)
    return [manifest.batch.key, *manifest.features.names, *others]


def day_rows(
    files: DayFiles, landed: Landed, registry: ModelRegistry, types: Mapping[str, str]
) -> Iterator[pa.RecordBatch]:
    """The key and the characteristics of a batch, piece by piece.

    A characteristic that the batch does not have is left out: the batch quality check says so, and
    the segment check of a segment column. ``types`` are the families of the reference's columns,
    which a batch in text has.
    """
    sql = read_sql(landed, registry) if landed.manifest.features.sql is not None else None
    return part_rows(files, landed.manifest, sql, types)


def part_rows(
    files: DayFiles,
    manifest: Manifest,
    sql: tuple[str, str] | None,
    types: Mapping[str, str],
) -> Iterator[pa.RecordBatch]:
    """The same of a part of a batch, or of all; ``sql`` is as `read_sql` returns it."""
    key = manifest.batch.key
    url = files.storage.url(files.paths[0])
    where = f"batch {url}, column {key!r} (batch.key)"
    with storage_of(f"batch {url}"), as_parquet(files, types) as readable:
        for piece in _parquet_rows(readable, manifest, sql):
            yield piece.set_column(0, key, plain_keys(piece[key], where))


def _parquet_rows(
    files: DayFiles, manifest: Manifest, sql: tuple[str, str] | None
) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    where = f"batch {files.storage.url(files.paths[0])}"
    try:
        if sql is not None:
            yield from _query(files, manifest, *sql)
            return
        key, *wanted = wanted_columns(manifest)
        batch = open_batch(files, {key, *wanted})
        _require_key(key, next(batch.get_fragments()).physical_schema.names, files)
        names = [key, *(name for name in wanted if name in batch.schema.names)]
    except (pa.ArrowInvalid, pa.ArrowTypeError, OSError) as error:
        raise InputError(f"{where}: {error}") from error
    try:
        yield from _pieces(batch, pa.schema([batch.schema.field(name) for name in names]))
    except OSError as error:
        raise InputError(f"{where}: {error}") from error
    except pa.ArrowInvalid as error:
        raise _without_text(where, error) from None


def _pieces(batch: pa.dataset.Dataset, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The columns of a schema in the order of the rows, piece by piece; first without rows.

    A dataset's own scanner decodes row groups ahead of the writer, without a limit:
    4 GB of a day of 10M rows.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from monitoring_assets.statistics.profiles.source import INT96_UNIT

    yield pa.RecordBatch.from_pylist([], schema)
    for fragment in batch.get_fragments():
        with pq.ParquetFile(
            fragment.path,
            filesystem=batch.filesystem,
            pre_buffer=True,
            page_checksum_verification=True,
            coerce_int96_timestamp_unit=INT96_UNIT,
        ) as file:
            for group in (one.id for one in fragment.row_groups):
                at_once = rows_at_once(file.metadata.row_group(group))
                for piece in file.iter_batches(at_once, [group], columns=schema.names):
                    yield piece.select(schema.names).cast(schema)


def open_batch(files: DayFiles, wanted: Container[str] | None = None) -> pa.dataset.Dataset:
    """The files of a day as one table of the wanted columns that they have; of all, if None.

    Raises
    ------
    InputError
        If two files do not agree on one of these columns.
    """
    import pyarrow as pa
    import pyarrow.dataset as ds

    from monitoring_assets.statistics.profiles.source import parquet_dataset

    if isinstance(files, BatchPart):
        return files.dataset()
    found = parquet_dataset(files.locations, files.storage.filesystem)
    fragments = list(found.get_fragments())
    urls = {files.storage.location(path): files.storage.url(path) for path in files.paths}
    columns: dict[str, dict[str, pa.DataType]] = {}
    for fragment in fragments:
        schema, url = fragment.physical_schema, urls[fragment.path]
        columns[url] = dict(zip(schema.names, schema.types, strict=True))
        if len(columns[url]) < len(schema):
            raise InputError(f"batch {url}: duplicate field names")
    names = dict.fromkeys(name for types in columns.values() for name in types)
    fields = [
        (name, _common_type(name, columns)) for name in names if wanted is None or name in wanted
    ]
    return ds.FileSystemDataset(fragments, pa.schema(fields), found.format, found.filesystem)


def _common_type(name: str, columns: Mapping[str, Mapping[str, pa.DataType]]) -> pa.DataType:
    """The type that a column of all files can be read as; ``columns`` are types by file."""
    import pyarrow as pa

    holders = {url: types[name] for url, types in columns.items() if name in types}
    absent = next((url for url in columns if url not in holders), None)
    if absent:
        raise InputError(f"batch {absent}: no column {name!r}; {next(iter(holders))} has it")
    common, first = pa.null(), ""
    for url, kind in holders.items():
        if pa.types.is_null(common):
            common, first = kind, url
        elif kind not in (common, pa.null()):
            promoted = _promoted(common, kind)
            if promoted is None:
                raise InputError(
                    f"batch {url}: column {name!r} is {kind}; in {first} it is {common}"
                )
            common = promoted
    return common


def _promoted(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """The type that holds the values of two of one family."""
    import pyarrow as pa

    plain = [kind.value_type if pa.types.is_dictionary(kind) else kind for kind in (one, other)]
    schemas = [pa.schema([("", kind)]) for kind in plain]
    try:
        if same_family(*plain):
            return pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    except pa.ArrowTypeError:  # such as times of two zones
        pass
    return None


def _without_text(where: str, error: Exception) -> InputError:
    """What failed where, for an error whose text may show the value of a row."""
    kind = type(error).__name__
    return InputError(
        f"{where}: {kind} while reading rows; its text, which may show one, is left out"
    )


def _query(files: DayFiles, manifest: Manifest, text: str, url: str) -> Iterator[pa.RecordBatch]:
    """What the version's SQL makes of the batch, in a process of its own."""
    import pyarrow as pa

    with tempfile.TemporaryDirectory(prefix="monitoring-sql-") as folder:
        made = Path(folder) / "made.arrow"
        run_limited(
            f"{url} (features.sql)",
            manifest.limits.bounds,
            InputError,
            write_query,
            files,
            text,
            url,
            wanted_columns(manifest),
            made,
        )
        with pa.OSFile(str(made)) as file, pa.ipc.open_stream(file) as reader:
            yield pa.RecordBatch.from_pylist([], reader.schema)
            yield from reader


def write_query(files: DayFiles, text: str, url: str, wanted: list[str], made: Path) -> None:
    """Write what SQL makes of a batch to a file, as a stream of Arrow's.

    Parameters
    ----------
    files
        The batch.
    text, url
        The SQL, and its name for errors.
    wanted
        Columns to write: the key, and those others that there are.
    made
        The file.

    Raises
    ------
    InputError
        If the SQL fails, or its result is too large.
    """
    import duckdb
    import pyarrow as pa

    with storage_of(f"batch {files.storage.url(files.paths[0])}"):
        batch = open_batch(files)
        require_distinct(batch.schema.names, f"batch {files.storage.url(files.paths[0])}")
        with sql_session(batch) as connection:
            try:
                result = connection.sql(text)
                if result is None:
                    raise InputError(f"{url}: the SQL is not a query")
                reader: pa.RecordBatchReader = result.to_arrow_reader(ROW_GROUP_ROWS)
                found = result_columns(reader.schema.names, wanted, url)
                if wanted[0] not in found:
                    _require_key(wanted[0], reader.schema.names, files)
            except duckdb.DataError as error:  # of a statement before the query
                raise _without_text(url, error) from None
            except duckdb.Error as error:
                raise InputError(f"{url}: {error}") from error
            try:
                schema = pa.schema(
                    [reader.schema.field(name).with_name(new) for new, name in found.items()]
                )
                with pa.OSFile(str(made), "wb") as file, pa.ipc.new_stream(file, schema) as stream:
                    for piece in reader:
                        stream.write_batch(piece.select([*found.values()]).rename_columns([*found]))
                        if file.tell() > SPILL_BYTES:
                            raise InputError(
                                f"{url}: its result takes more than {SPILL_BYTES / 1e9:g} GB"
                            )
            except (duckdb.Error, pa.ArrowInvalid, OSError) as error:
                raise _without_text(url, error) from None


def _require_key(key: str, names: list[str], files: DayFiles) -> None:
    if key not in names:
        raise InputError(
            f"batch {files.storage.url(files.paths[0])}: no key column {key!r} (batch.key); "
            f"it has {', '.join(names)}"
        )


def write_rows(pieces: Iterator[pa.RecordBatch], local: Path) -> pa.Schema:
    """Write pieces as row groups of a size that is good to scan, and say what columns they have."""
    first = next(pieces)  # there is always one, if without rows
    with row_writer(local, first.schema) as writer:
        for group in row_groups(chain([first], pieces)):
            writer.write_table(group, row_group_size=max(len(group), 1))
    return first.schema


def tally_keys(local: Path, key: str) -> dict[str, int]:
    """Rows by what their key is: ``unique``, ``repeated`` (after its first row) or ``missing``.

    Raises
    ------
    InputError
        If keys are so long that there is no room to compare them.
    """
    import duckdb

    with isolated_database(OWN_MEMORY) as connection:
        column = quoted(key)
        try:
            rows, present, unique = connection.execute(
                f"SELECT count(*), count({column}), count(DISTINCT {column}) FROM read_parquet(?)",
                [str(local)],
            ).fetchall()[0]
        except duckdb.OutOfMemoryException:
            raise InputError(
                f"column {key!r} (batch.key): found values that take more than {OWN_MEMORY} to "
                "be counted; allowed: keys of some bytes"
            ) from None
    return {"unique": unique, "repeated": present - unique, "missing": rows - present}
