"""Tables of a Snowflake account."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from resources.table_formats.base import Evidence
from resources.table_formats.warehouse import TIMEOUT_SECONDS, Column, WarehouseTable

if TYPE_CHECKING:
    import pyarrow as pa
    from adbc_driver_manager import Error
    from adbc_driver_manager.dbapi import Connection, Cursor
    from sqlalchemy import Dialect

LOGIN_SECONDS = 30
ZONES = {"TIMESTAMP_NTZ": None, "TIMESTAMP_LTZ": "UTC", "TIMESTAMP_TZ": "UTC"}
"""Zone of each type of timestamp."""


class SnowflakeTable(WarehouseTable):
    """A table or view, of which each query sees what was committed when it began."""

    format: ClassVar[str] = "Snowflake"
    package: ClassVar[str] = "adbc-driver-snowflake"
    schemes: ClassVar[tuple[str, ...]] = ("snowflake",)
    url_form: ClassVar[str] = (
        "snowflake://<user>:<password>@<account>/<database>/<schema>?warehouse=<warehouse>"
    )
    default_schema: ClassVar[str] = "PUBLIC"
    column_query: ClassVar[str] = (
        "SELECT column_name, data_type, numeric_precision, numeric_scale "
        "FROM information_schema.columns WHERE table_schema = ? AND table_name = ? "
        "ORDER BY ordinal_position"
    )
    compared_as: ClassVar[frozenset[str]] = frozenset({"DATE", *ZONES})

    @staticmethod
    @override
    def connect(url: str) -> Connection:
        from adbc_driver_snowflake import dbapi

        option = "adbc.snowflake.sql.client_option."
        timeout = f"STATEMENT_TIMEOUT_IN_SECONDS={TIMEOUT_SECONDS}"
        connection: Connection = dbapi.connect(
            f"{url}{'&' if '?' in url else '?'}{timeout}",
            {
                f"{option}disable_telemetry": "true",
                f"{option}login_timeout": f"{LOGIN_SECONDS}s",
                # A date such as 9999-12-31 does not fit into nanoseconds.
                f"{option}max_timestamp_precision": "microseconds",
            },
        )
        return connection

    @staticmethod
    @override
    def is_refusal(error: Error) -> bool:
        return "Incorrect username or password" in str(error) or "JWT token" in str(error)

    @override
    def begin(self, cursor: Cursor) -> tuple[Evidence, dt.datetime]:
        cursor.execute("SELECT SYSDATE()")
        [(now,)] = cursor.fetchall()
        return {}, now.replace(tzinfo=dt.UTC)

    @staticmethod
    @override
    def arrow_type(column: Column, sent: pa.DataType) -> pa.DataType:
        import pyarrow as pa

        return pa.timestamp("us", ZONES[column.kind]) if column.kind in ZONES else sent

    @staticmethod
    @override
    def dialect() -> Dialect:
        from sqlalchemy.engine.default import DefaultDialect

        return DefaultDialect(paramstyle="qmark")
