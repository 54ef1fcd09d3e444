"""Dagster's event log in one SQLite file that is opened once."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

from sqlalchemy import Connection, Engine, create_engine, event

from resources.dagster_internals import (
    SQLITE_BUSY_TIMEOUT_SECONDS,
    ConsolidatedSqliteEventLogStorage,
)


class PooledSqliteEventLogStorage(ConsolidatedSqliteEventLogStorage):
    """Keeps its connections, and with them the statements that SQLAlchemy has compiled.

    Dagster's own makes an engine for each statement: a third of the time of a run of many days.
    """

    @cached_property
    def _engine(self) -> Engine:
        timeout = {"timeout": SQLITE_BUSY_TIMEOUT_SECONDS}
        engine = create_engine(self._conn_string, connect_args=timeout)
        event.listen(engine, "connect", _without_waiting_for_the_disk)
        return engine

    @contextmanager
    def _connect(self) -> Iterator[Connection]:
        with self._engine.begin() as connection:
            yield connection

    @cached_property
    def _tables(self) -> set[str]:
        return set()

    def has_table(self, table_name: str) -> bool:
        """Whether a table is there; one that was found stays."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def dispose(self) -> None:
        """Close what is open."""
        self._engine.dispose()
        super().dispose()  # type: ignore[no-untyped-call]


def _without_waiting_for_the_disk(connection: sqlite3.Connection, _: object) -> None:
    """A demo that a power cut ends is made again."""
    connection.execute("PRAGMA synchronous = OFF")
