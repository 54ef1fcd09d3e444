"""DuckDB with bounded memory: what does not fit is spilled to a folder of its own."""

from __future__ import annotations

import atexit
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from shutil import disk_usage
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

from resources.errors import InputError

# For queries of the product, beside what else a large day's process has in memory. With 1 GB they
# take as much CPU; a tally of 8M long keys takes a second less, as it does not spill.
OWN_MEMORY = "384MB"
# Of a database for SQL of others, which may sort and join as it likes.
ISOLATED_MEMORY = "1GB"
# At most, and half of what is free: a query that spills must leave room for the other models.
SPILL_BYTES = 20_000_000_000


@contextmanager
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    """A session in the process's database: its temporary tables and views are its own."""
    session = _process_database()[0].cursor()
    try:
        yield session
    finally:
        session.close()


@contextmanager
def isolated_database(memory: str = ISOLATED_MEMORY) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database of its own, so that its settings are too, and its memory is given back."""
    connection, folder = _open(memory)
    with folder, connection:
        yield connection


@atexit.register
def _close_process_database() -> None:
    """Close before the interpreter ends: what DuckDB then still holds is reported as a leak."""
    if _process_database.cache_info().currsize:
        connection, folder = _process_database()
        connection.close()
        folder.cleanup()
        _process_database.cache_clear()


@cache  # to open a database takes some 20 ms of CPU, a session a fraction of one
def _process_database() -> tuple[duckdb.DuckDBPyConnection, tempfile.TemporaryDirectory[str]]:
    return _open(OWN_MEMORY)


def _open(memory: str) -> tuple[duckdb.DuckDBPyConnection, tempfile.TemporaryDirectory[str]]:
    import duckdb

    folder = tempfile.TemporaryDirectory(prefix="monitoring-duckdb-")
    spill = min(SPILL_BYTES, disk_usage(folder.name).free // 2)
    connection = duckdb.connect(
        config={
            "memory_limit": memory,
            "temp_directory": folder.name,
            "max_temp_directory_size": f"{spill}B",
        }
    )
    return connection, folder


def require_distinct(names: Iterable[str], where: str) -> None:
    """Refuse columns that DuckDB does not tell apart.

    Raises
    ------
    InputError
        If two names are the same but for upper and lower case.
    """
    names = list(names)
    times = Counter(name.lower() for name in names)
    twice = [name for name in names if times[name.lower()] > 1]
    if twice:
        raise InputError(
            f"{where}: columns {', '.join(map(repr, twice))}; allowed: names that differ in more "
            "than upper and lower case"
        )


def quoted(name: str) -> str:
    """A column's name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'
