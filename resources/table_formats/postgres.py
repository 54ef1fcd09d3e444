"""Tables of a PostgreSQL server, read in one read-only transaction."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from resources.table_formats.base import Evidence
from resources.table_formats.warehouse import TIMEOUT_SECONDS, Column, WarehouseTable

if TYPE_CHECKING:
    import pyarrow as pa
    from adbc_driver_manager import Error
    from adbc_driver_manager.dbapi import Connection, Cursor
    from sqlalchemy import ColumnElement, Dialect

# Of a precision that both the server and Arrow have; other numbers are read as doubles.
DECIMAL_DIGITS = 38


class PostgresTable(WarehouseTable):
    """A table or view as it is when it is opened: later commits are not seen.

    The transaction ends when the object is dropped.
    """

    format: ClassVar[str] = "PostgreSQL"
    package: ClassVar[str] = "adbc-driver-postgresql"
    schemes: ClassVar[tuple[str, ...]] = ("postgresql", "postgres")
    url_form: ClassVar[str] = "postgresql://<user>:<password>@<host>/<database>"
    default_schema: ClassVar[str] = "public"
    column_query: ClassVar[str] = (
        "SELECT column_name::text, data_type::text, numeric_precision, numeric_scale "
        "FROM information_schema.columns WHERE table_schema = $1 AND table_name = $2 "
        "ORDER BY ordinal_position"
    )
    compared_as: ClassVar[frozenset[str]] = frozenset(
        {"date", "timestamp without time zone", "timestamp with time zone"}
    )

    @staticmethod
    @override
    def connect(url: str) -> Connection:
        from adbc_driver_postgresql import dbapi  # type: ignore[import-untyped]

        connection: Connection = dbapi.connect(url)
        return connection

    @staticmethod
    @override
    def is_refusal(error: Error) -> bool:
        return "authentication failed" in str(error)

    @override
    def begin(self, cursor: Cursor) -> tuple[Evidence, dt.datetime]:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute(f"SET LOCAL statement_timeout = '{TIMEOUT_SECONDS}s'")
        cursor.execute("SELECT pg_current_snapshot()::text, now()")
        [(snapshot, now)] = cursor.fetchall()
        return {"snapshot": snapshot}, now

    @staticmethod
    @override
    def arrow_type(column: Column, sent: pa.DataType) -> pa.DataType:
        import pyarrow as pa

        decimal = _decimal(column)
        return pa.decimal128(*decimal) if decimal else sent

    @staticmethod
    @override
    def dialect() -> Dialect:
        from sqlalchemy.dialects import postgresql

        return postgresql.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]

    @override
    def read_as(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        from sqlalchemy import Double, Text, cast

        of_server = self._columns[column.name]
        if of_server.kind == "numeric" and not _decimal(of_server):
            return cast(column, Double).label(column.name)
        return cast(column, Text).label(column.name) if of_server.kind == "uuid" else column

    @override
    def text(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        from sqlalchemy import collate

        return collate(column, "C")  # in other collations a dash may not count


def _decimal(column: Column) -> tuple[int, int] | None:
    """Digits of a number that is sent as text and that a decimal holds."""
    precision, scale = column.precision, column.scale
    if column.kind != "numeric" or precision is None or scale is None:
        return None
    return (precision, scale) if precision <= DECIMAL_DIGITS and scale >= 0 else None
