"""Tables in a PostgreSQL server of the tests' own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.airflow.postgres import Postgres, postgres_server

VARIABLE = "MONITORING_WAREHOUSE_RISK_URL"


@contextmanager
def warehouse_server() -> Iterator[Postgres]:
    """A server until the end; tests are skipped where none is installed."""
    if not [*Path("/usr/lib/postgresql").glob("*/bin"), *filter(None, [shutil.which("initdb")])]:
        pytest.skip("no PostgreSQL server (Debian, Ubuntu: `apt-get install postgresql`)")
    with postgres_server() as server:
        yield server


def execute(server: Postgres, statement: str) -> None:
    """Run statements that give no rows."""
    connection = server.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()


def load(server: Postgres, name: str, frame: Any) -> None:
    """Append a frame to a table, which the first one creates."""
    from decimal import Decimal

    import sqlalchemy

    engine = sqlalchemy.create_engine(server.url("postgres"))
    try:
        with engine.begin() as connection:
            decimals = {
                column: sqlalchemy.Numeric(12, 2)
                for column in frame
                if isinstance(frame[column].dropna().iloc[0], Decimal)
            }
            frame.to_sql(name, connection, if_exists="append", index=False, dtype=decimals)
    finally:
        engine.dispose()
