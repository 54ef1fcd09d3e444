"""Tables in servers of the tests' own: PostgreSQL, and an emulator of Snowflake."""

from __future__ import annotations

import datetime as dt
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from resources.storage import open_path, open_storage
from resources.table_formats.rows import TableRows, table_at
from tests.integration.airflow.postgres import Postgres, postgres_server
from tests.integration.airflow.processes import free_port, wait_for

VARIABLE = "MONITORING_WAREHOUSE_RISK_URL"


@contextmanager
def warehouse_server() -> Iterator[Postgres]:
    """A server until the end; tests are skipped where none is installed."""
    if not [*Path("/usr/lib/postgresql").glob("*/bin"), *filter(None, [shutil.which("initdb")])]:
        pytest.skip("no PostgreSQL server (Debian, Ubuntu: `apt-get install postgresql`)")
    with postgres_server() as server:
        yield server


def rows_at(path: str) -> TableRows:
    """The rows of a table that a path says."""
    rows = table_at(*open_path(path, open_storage("/")))
    assert isinstance(rows, TableRows)
    return rows


def read_rows(rows: TableRows) -> pa.Table:
    """Read rows as a run does."""
    with rows.as_parquet() as files:
        return pq.read_table(files.locations)


def assert_days(table: str, column: str, days: list[int]) -> None:
    """Compare what days of September 2026 have with the days of all rows, by each way to ask."""
    for day in (1, 2, 3):
        rows = rows_at(table).of_day(column, dt.date(2026, 9, day))
        assert rows.has_rows() == (day in days)
        assert read_rows(rows).num_rows == days.count(day)
        assert rows.table.files(rows.conditions) == [f"{days.count(day)} rows"]


@dataclass(frozen=True)
class Snowflake:
    """An emulator on DuckDB, which is asked over HTTP by Snowflake's own driver.

    Parameters
    ----------
    port
        Of the loopback interface.
    """

    port: int
    password: str = "not-for-print"

    def url(self) -> str:
        """For ``MONITORING_WAREHOUSE_<NAME>_URL``; any password is accepted."""
        return (
            f"snowflake://monitoring:{self.password}@127.0.0.1:{self.port}/LENDER/PUBLIC"
            "?account=lender&protocol=http"
        )

    def answers(self) -> bool:
        """Whether it takes connections."""
        with closing(socket.socket()) as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def execute(self, *statements: str) -> None:
        """Run statements that give no rows."""
        from resources.table_formats.snowflake import SnowflakeTable

        with closing(SnowflakeTable.connect(self.url())) as connection:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
            connection.commit()

    def load(self, name: str, frame: Any) -> None:
        """Create a table of a frame, whose columns keep their names as they are."""
        kinds = {
            "int64": "NUMBER(38,0)",
            "float64": "FLOAT",
            Decimal: "NUMBER(12,2)",
            dt.date: "DATE",
            bool: "BOOLEAN",
            str: "VARCHAR",
        }
        types = {
            column: kinds.get(str(frame[column].dtype))
            or kinds[type(frame[column].dropna().iloc[0])]
            for column in frame
        }
        columns = ", ".join(f'"{column}" {kind}' for column, kind in types.items())
        rows = ", ".join(
            f"({', '.join(map(_literal, row))})"
            for row in frame.astype(object).where(frame.notna(), None).itertuples(index=False)
        )
        self.execute(
            f'CREATE TABLE "PUBLIC"."{name}" ({columns})',
            f'INSERT INTO "PUBLIC"."{name}" VALUES {rows}',
        )


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    return f"'{value}'" if isinstance(value, str | dt.date) else str(value)


@contextmanager
def snowflake_emulator() -> Iterator[Snowflake]:
    """An emulator until the end."""
    serve = "import sys; from fakesnow.cli import main; sys.exit(main(sys.argv[1:]))"
    server = Snowflake(free_port())
    arguments = [sys.executable, "-c", serve, "-s", "-p", str(server.port)]
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        try:
            wait_for(server.answers, seconds=60)
            yield server
        finally:
            run.kill()


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
