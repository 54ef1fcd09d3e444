"""Tables that are no Parquet as such; the reference sample says what type text has."""

from __future__ import annotations

import csv
import glob
import gzip
import hashlib
import re
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from resources.duckdb_session import isolated_database, quoted, require_distinct
from resources.errors import InputError
from resources.file_formats import is_csv, is_text
from resources.storage import Copies, DayFiles, Files, Storage, Warehouse
from resources.table_formats.base import Evidence
from resources.table_formats.rows import TableRows, sha256_of_table, table_at

if TYPE_CHECKING:
    import duckdb

STRING = "string"
PANDAS_INDEX = "__index_level_0__"
"""A column without a name is the index that pandas has written; so does it call it in Parquet."""
_DELIMITERS = ",;\t|"
_LONGEST_HEADER = 1 << 20
"""Bytes that are read of a header: a quote that is never closed makes one of all the file."""
# Patterns where IN would do: DuckDB holds 32 KiB for each value of a list, in each column.
_IS_NULL = "({text} IS NULL OR regexp_full_match({text}, '|na|n/a|nan|null|none', 'i'))"
"""What stands for null in a column that is no string, whatever its case."""
_COUNTED_AT_ONCE = 50
"""Columns whose types are found in one query: to plan it takes time with the square of them."""
_ALLOWED = (
    "UTF-8, as CSV with a header and all lines ending in LF or all in CRLF, or a JSON object a line"
)


@dataclass(frozen=True)
class _Family:
    """How text is read as a family of types: expressions of DuckDB over ``{text}``.

    Attributes
    ----------
    value
        The value, null for text that is none.
    plain
        Whether text is taken for one where no type is known.
    allowed
        In words.
    """

    value: str
    plain: str
    allowed: str


_FAMILIES = {
    "boolean": _Family(
        "coalesce(try_cast({text} AS BOOLEAN), CASE try_cast({text} AS DOUBLE) "
        "WHEN 1 THEN true WHEN 0 THEN false END)",
        "regexp_full_match({text}, 'true|false', 'i')",
        "true, false, 1 or 0",
    ),
    "number": _Family(
        # A double holds every integer up to 2^53; longer ones would fall together. A cast takes
        # 1_2 for 12.
        r"CASE WHEN regexp_full_match({text}, '\s*[+-]?([0-9]{{1,16}}|[0-9]+e[+-]?[0-9]+|"
        r"([0-9]+\.[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|inf(inity)?)\s*', 'i') "
        "THEN try_cast({text} AS DOUBLE) END",
        # A leading zero is part of a code, such as a postcode.
        r"NOT regexp_matches({text}, '^\s*[+-]?0[0-9]')",
        "a decimal point, no other separators, at most 16 digits",
    ),
    "date": _Family(
        "CASE WHEN regexp_full_match({text}, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}( 00:00:00)?') "
        "THEN try_cast({text} AS DATE) END",
        "true",
        "YYYY-MM-DD",
    ),
    "timestamp": _Family(
        # A cast to TIMESTAMP drops the offset, and takes `epoch` and `infinity`.
        "CASE WHEN regexp_full_match({text}, '[0-9]{{4}}[-/][^(]*') "
        "THEN try_cast({text} AS TIMESTAMPTZ) AT TIME ZONE 'UTC' END",
        "true",
        "YYYY-MM-DD HH:MM:SS",
    ),
}
_PLAIN = {
    name: f"NOT {_IS_NULL} AND {family.value} IS NOT NULL AND {family.plain}"
    for name, family in _FAMILIES.items()
} | {STRING: f"NOT {_IS_NULL}"}


@contextmanager
def as_parquet(files: DayFiles, types: Mapping[str, str] | None) -> Iterator[DayFiles]:
    """Parquet files of a table: its own, or copies of what is in another format.

    Parameters
    ----------
    files
        Files of one format, or rows of a table of versions. CSV has a header, whose most frequent
        of comma, semicolon, tab and bar is the delimiter.
    types
        Family of types by column in text, as `resources.arrow_types.type_family` names it. A
        column that is not named is a string: no type is guessed from the values of a day. None for
        a table that sets the types for others, as `sample_as_parquet` guesses them.

    Yields
    ------
    DayFiles
        Copies keep the paths and URLs of the files, and last as long as the block.

    Raises
    ------
    InputError
        If a file cannot be read, or a value is not of its column's family; shows no value.
    """
    if isinstance(files, TableRows):
        with files.as_parquet() as rows:
            yield rows
        return
    if not any(is_text(path) for path in files.paths):
        yield files
        return
    with _copied(files.storage, files.paths, types, {}) as copies:
        yield DayFiles(copies, files.paths)


@contextmanager
def sample_as_parquet(files: Files, path: str, declared: Mapping[str, str]) -> Iterator[Path]:
    """A local Parquet file of a reference sample, whose types hold for every day.

    Parameters
    ----------
    files
        Where the sample lies.
    path
        Its path there.
    declared
        Family of types by column. Of text, any other column is the first of boolean, number, date
        and timestamp that all its values are written as, else a string; a number with a leading
        zero is a string, and in JSON what is in quotes is no number.

    Raises
    ------
    InputError
        If text cannot be read, or a value is not of its column's family; shows no value.
    FileNotFoundError
        If there is no file.
    """
    if rows := _sample_table(files, path):
        with rows.as_parquet() as copy:
            yield Path(copy.locations[0])
        return
    if not is_text(path):
        with files.fetched(path) as local:
            yield local
        return
    with _copied(files, [path], None, declared) as copies:
        yield Path(copies.location(path))


def sample_version(files: Files, path: str) -> Evidence | None:
    """Which version of a table a reference sample is, if it is one of several."""
    rows = _sample_table(files, path)
    return rows.evidence if rows else None


def sample_sha256(files: Files, path: str, local: Path | None = None) -> str:
    """A hash that changes with a reference sample: of its file, or of the version of its table.

    ``local`` is what `sample_as_parquet` gives: a file that it fetched is not fetched again.
    """
    if rows := _sample_table(files, path):
        return sha256_of_table(rows.table)
    if local is None or is_text(path):
        return files.sha256(path)
    with local.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sample_table(files: Files, path: str) -> TableRows | None:
    if isinstance(files, Warehouse):
        raise InputError(
            f"{files.url(path)}: a table in a warehouse keeps no versions; allowed: a sample as a "
            "file, or as a table of Delta Lake or Iceberg"
        )
    return table_at(files, path) if isinstance(files, Storage) else None


@contextmanager
def _copied(
    files: Files,
    paths: Sequence[str],
    types: Mapping[str, str] | None,
    declared: Mapping[str, str],
) -> Iterator[Copies]:
    with tempfile.TemporaryDirectory(prefix="monitoring-text-") as folder:
        copies = Copies(folder, files)
        with isolated_database() as connection:
            # What has no offset is in UTC. More threads would write rows in any order.
            connection.execute("SET TimeZone = 'UTC'; SET threads = 1")
            known = {
                **(_types(connection, files, paths) if types is None else types),
                **declared,
            }
            for path in paths:
                copy = Path(copies.location(path))
                copy.parent.mkdir(parents=True, exist_ok=True)
                with _rows(connection, files, path) as rows:
                    _copy(connection, files.url(path), rows.columns, known, copy)
                if types is None:
                    _untype(copy, {*rows.columns} - known.keys())
        yield copies


def _untype(file: Path, columns: Set[str]) -> None:
    """Give columns without a value the type null, as Parquet's writers do: any type may follow."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not columns:
        return
    typed = file.rename(file.with_suffix(".typed"))
    with pq.ParquetFile(typed) as source:
        schema = pa.schema(
            field.with_type(pa.null()) if field.name in columns else field
            for field in source.schema_arrow
        )
        with pq.ParquetWriter(file, schema) as writer:
            for batch in source.iter_batches():
                nulls = pa.nulls(len(batch))
                arrays = [nulls if name in columns else batch[name] for name in schema.names]
                writer.write_batch(pa.record_batch(arrays, schema))
    typed.unlink()


def _types(
    connection: duckdb.DuckDBPyConnection, files: Files, paths: Iterable[str]
) -> dict[str, str]:
    """Family by column that has values; string where two files do not agree."""
    types: dict[str, str] = {}
    for path in paths:
        with _rows(connection, files, path) as rows:
            for column, family in rows.types().items():
                types[column] = family if types.get(column, family) == family else STRING
    return types


def _copy(
    connection: duckdb.DuckDBPyConnection,
    url: str,
    columns: Sequence[str],
    types: Mapping[str, str],
    target: Path,
) -> None:
    """Write the view ``rows`` as Parquet, or say which columns have values of another type."""
    families = {name: _FAMILIES[types[name]] for name in columns if types.get(name) in _FAMILIES}
    values = {
        name: f"CASE WHEN NOT {_IS_NULL} THEN {family.value} END".format(text=quoted(name))
        for name, family in families.items()
    }
    wrong = (
        f"count(*) FILTER (NOT {_IS_NULL.format(text=quoted(name))} AND {value} IS NULL)"
        for name, value in values.items()
    )
    counts = connection.execute(f"SELECT {', '.join(['count(*)', *wrong])} FROM rows").fetchall()
    rows, *found = counts[0]
    faults = [
        f"column {name!r}: {count:,} of {rows:,} values are no {types[name]} ({family.allowed})"
        for (name, family), count in zip(families.items(), found, strict=True)
        if count
    ]
    if faults:
        raise InputError(
            f"{url}: {'; '.join(faults)}; allowed: the type that a column has in the reference"
        )
    made = ", ".join(f"{values.get(name, quoted(name))} AS {quoted(name)}" for name in columns)
    connection.execute(
        f"COPY (SELECT {made} FROM rows) TO {_literal(str(target))} (FORMAT parquet)"
    )


@contextmanager
def _rows(
    connection: duckdb.DuckDBPyConnection, files: Files, path: str
) -> Iterator[_CsvRows | _JsonRows]:
    """A text file as the view ``rows``, in which every column is a string."""
    import duckdb

    url, kind = files.url(path), _CsvRows if is_csv(path) else _JsonRows
    with files.fetched(path) as local:
        try:
            rows = kind(connection, local)
            _require_names(url, rows.columns)
            connection.execute(f"CREATE OR REPLACE TEMP VIEW rows AS {rows.query}")
            yield rows
        except (
            UnicodeDecodeError,
            csv.Error,
            EOFError,
            gzip.BadGzipFile,
            zlib.error,
            duckdb.Error,
        ) as error:
            # Only the number of the line: the rest may show a row.
            line = re.search(r"[Ll]ine:? (\d+)", str(error))
            where = f"line {line[1]}" if line else "text"
            raise InputError(f"{url}: {where} cannot be read; allowed: {_ALLOWED}") from None


def _require_names(url: str, columns: Sequence[str]) -> None:
    """Refuse a table without columns, or with names that DuckDB does not tell apart."""
    if not columns:
        raise InputError(f"{url}: no columns; allowed: {_ALLOWED}")
    require_distinct(columns, url)


class _CsvRows:
    """Rows of a CSV file."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, local: Path) -> None:
        self._connection = connection
        header = _header(local)
        delimiter = max(_DELIMITERS, key=re.sub('"[^"]*"', "", header).count)
        names = next(csv.reader([header], delimiter=delimiter), [])
        self.columns = [name or PANDAS_INDEX for name in names]
        types = ", ".join(f"{_literal(name)}: 'VARCHAR'" for name in self.columns)
        # Without `auto_detect` a line of another length is an error, not the start of the table.
        self.query = (
            f"SELECT * FROM read_csv({_source(local)}, auto_detect=false, header=true, "
            f"hive_partitioning=false, delim={_literal(delimiter)}, quote='\"', escape='\"', "
            f"columns={{{types}}})"
        )

    def types(self) -> dict[str, str]:
        """Family by column that has values."""
        return _written_as(self._connection, self.columns)


class _JsonRows:
    """Rows of a file of JSON objects."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, local: Path) -> None:
        self._connection, self._file = connection, _source(local)
        found = connection.execute(
            # A list of the keys in which none is twice: JSON says not which of the two would count.
            "SELECT name FROM (SELECT unnest(CASE WHEN json_type(json) = 'OBJECT' "
            "AND list_unique(json_keys(json)) = len(json_keys(json)) THEN json_keys(json) "
            "ELSE error('no object, or a key twice') END) AS name, row_number() OVER () AS row "
            f"FROM read_json_objects({self._file})) GROUP BY name ORDER BY min(row)"
        ).fetchall()
        self.columns = [name for (name,) in found]
        values = (f"json->>{_pointer(name)} AS {quoted(name)}" for name in self.columns)
        self.query = f"SELECT {', '.join(values)} FROM read_json_objects({self._file})"

    def types(self) -> dict[str, str]:
        """Family by column that has values: what is in quotes is no number."""
        found = _written_as(self._connection, self.columns)
        plain = [name for name, family in found.items() if family in ("boolean", "number")]
        if not plain:
            return found
        in_quotes = (f"bool_or(json_type(json, {_pointer(name)}) = 'VARCHAR')" for name in plain)
        query = f"SELECT {', '.join(in_quotes)} FROM read_json_objects({self._file})"
        (row,) = self._connection.execute(query).fetchall()
        return found | {name: STRING for name, quotes in zip(plain, row, strict=True) if quotes}


def _written_as(connection: duckdb.DuckDBPyConnection, columns: Sequence[str]) -> dict[str, str]:
    """Family by column, the first that all values are written as."""
    found: dict[tuple[str, str], int] = {}
    for start in range(0, len(columns), _COUNTED_AT_ONCE):
        counts = {
            (column, name): f"count(*) FILTER ({plain.format(text=quoted(column))})"
            for column in columns[start : start + _COUNTED_AT_ONCE]
            for name, plain in _PLAIN.items()
        }
        query = f"SELECT {', '.join(counts.values())} FROM rows"
        found.update(zip(counts, connection.execute(query).fetchall()[0], strict=True))
    return {
        column: next(name for name in _PLAIN if found[column, name] == found[column, STRING])
        for column in columns
        if found[column, STRING]
    }


def _header(local: Path) -> str:
    """The first line of a CSV file, with the line breaks that are within quotes."""
    with gzip.open(local) if _is_gzip(local) else local.open("rb") as file:
        header = b""
        while len(header) < _LONGEST_HEADER and (line := file.readline(_LONGEST_HEADER)):
            header += line
            if header.count(b'"') % 2 == 0:
                break
    return header.decode("utf-8-sig")


def _pointer(name: str) -> str:
    """A key as JSON pointer: as a path, a name with a dot or a bracket would be several."""
    return _literal("/" + name.replace("~", "~0").replace("/", "~1"))


def _is_gzip(local: Path) -> bool:
    return local.suffix.lower() == ".gz"


def _source(local: Path) -> str:
    """A file as DuckDB's readers take it, to which a name with a bracket or a star is a pattern."""
    compression = "gzip" if _is_gzip(local) else "none"
    return f"{_literal(glob.escape(str(local)))}, compression='{compression}'"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
