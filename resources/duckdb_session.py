"""DuckDB with bounded memory: what does not fit is spilled to a folder of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

DUCKDB_MEMORY = "1GB"


@contextmanager
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory, that spills to a folder of its own."""
    import duckdb

    with (
        tempfile.TemporaryDirectory(prefix="monitoring-duckdb-") as folder,
        duckdb.connect() as connection,
    ):
        connection.execute(f"SET memory_limit = '{DUCKDB_MEMORY}'")
        connection.execute(f"SET temp_directory = '{folder}'")
        yield connection


def quoted(name: str) -> str:
    """A column's name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'
