"""A version's SQL over a batch, and what a reference sample must be where there is one."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from resources.duckdb_session import isolated_database, quoted, require_distinct
from resources.errors import InputError
from resources.limited import run_limited
from resources.registry import ModelRegistry
from resources.store import Landed

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

COMPARED_ROWS = 10_000


def read_sql(landed: Landed, registry: ModelRegistry) -> tuple[str, str]:
    """The text of a version's SQL, and its URL.

    Raises
    ------
    InputError
        If it is not what landed.
    """
    place, path = registry.locate(landed.folder, landed.manifest.features.sql or "")
    text, url = place.read(path), place.url(path)
    landed.verify("features.sql", hashlib.sha256(text).hexdigest(), url)
    return text.decode(), url


@contextmanager
def sql_session(batch: pa.Table | pa.dataset.Dataset) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database whose queries read the table ``batch`` and nothing else of this machine.

    A manifest is data, and so is its query.
    """
    with isolated_database() as connection:
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")  # last: it also locks itself
        connection.register("batch", batch)
        yield connection


def result_columns(found: Collection[str], wanted: Collection[str], where: str) -> dict[str, str]:
    """The columns that a query gives, by the names that the manifest has for them.

    SQL does not tell upper from lower case, and DuckDB spells a column as the batch does, whatever
    the query says.

    Raises
    ------
    InputError
        If two columns may be the same wanted one.
    """
    names = {name.lower(): name for name in wanted}
    given = [name for name in found if name.lower() in names]
    require_distinct(given, where)
    by_name = {names[name.lower()]: name for name in given}
    return {name: by_name[name] for name in wanted if name in by_name}


def require_finished(
    sample: pa.dataset.Dataset, url: str, landed: Landed, registry: ModelRegistry
) -> None:
    """Refuse a reference sample that the version's SQL would change.

    The SQL makes a day's characteristics; the sample holds them already made. One that still holds
    the SQL's inputs would be compared with other columns of the same names. So the SQL, where it
    runs on the sample at all, must give back rows of the sample.

    Parameters
    ----------
    sample
        The reference sample; its first 10,000 rows are looked at.
    url
        Its name, for the error.
    landed
        The version, whose manifest names an SQL file.
    registry
        Where that lies.

    Raises
    ------
    InputError
        If the SQL changes a column, or is not what landed.
    """
    text, sql_url = read_sql(landed, registry)
    manifest = landed.manifest
    changed = run_limited(
        f"{sql_url} (features.sql)",
        manifest.limits.bounds,
        InputError,
        changed_columns,
        sample.head(COMPARED_ROWS),
        text,
        sql_url,
        [*manifest.features.names, *manifest.carried],
    )
    if changed:
        raise InputError(
            f"{url} (reference.path): {sql_url} (features.sql) makes another "
            f"{', '.join(changed)} of it; the sample must hold what the SQL makes of a batch, and "
            "a column that the SQL changes needs another name than the batch's, such as "
            f"yearly_{changed[0]}"
        )


def changed_columns(sample: pa.Table, text: str, url: str, wanted: list[str]) -> list[str]:
    """Columns of which SQL makes other values than the sample has; none where it does not run.

    Raises
    ------
    InputError
        As `result_columns` says.
    """
    import duckdb

    with sql_session(sample) as connection:
        try:
            made = connection.sql(text)
            if made is None:  # no query, which a day says
                return []
            found = result_columns(made.columns, wanted, url)
            return [name for name in found if _differs(made, name)]
        except duckdb.Error:  # it needs columns that only a batch has
            return []


def _differs(made: duckdb.DuckDBPyRelation, name: str) -> bool:
    """Whether a column of the result has values that the sample's does not have."""
    column = quoted(name)
    new = f"SELECT {column} FROM made EXCEPT ALL SELECT {column} FROM batch"
    found = made.query("made", f"SELECT 1 FROM ({new}) LIMIT 1")
    return found is not None and bool(found.fetchall())
