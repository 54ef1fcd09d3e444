"""Tables of a PostgreSQL server, read by ADBC in one read-only transaction."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from resources.errors import InputError, NotArrivedError, StorageError
from resources.table_formats.base import Condition, Evidence, VersionedTable

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import ColumnElement, Executable, Select
    from sqlalchemy.types import TypeEngine

    from resources.storage import Warehouse

DEFAULT_SCHEMA = "public"
TIMEOUT_SECONDS = 300
# Of a precision that both the server and Arrow have; other numbers are read as doubles.
DECIMAL_DIGITS = 38
TOO_LONG = (
    f"a query took more than {TIMEOUT_SECONDS} s or was cancelled; an index on the column of the "
    "day helps"
)
PERMISSION_DENIED, QUERY_CANCELED = "42501", "57014"
# Of the connection, of the server's resources, and of a server that is going down.
OF_SERVER = ("08", "53", "57P")


class WarehouseTable(VersionedTable):
    """A table or view as it is when it is opened: later commits are not seen.

    The transaction ends when the object is dropped.

    Parameters
    ----------
    warehouse
        The server, by its name.
    name
        ``schema.table``, or a table of the schema ``public``.

    Raises
    ------
    NotArrivedError
        If there is no such table that the user may read.
    InputError
        If the server's URL is not in the environment, or the server refuses the user.
    StorageError
        If the server does not answer.
    """

    format: ClassVar[str] = "PostgreSQL"
    package: ClassVar[str] = "adbc-driver-postgresql"

    def __init__(self, warehouse: Warehouse, name: str) -> None:
        import pyarrow as pa
        from sqlalchemy import column, table
        from sqlalchemy.sql import quoted_name

        super().__init__(warehouse.url(name))
        self._connection = self._connected(warehouse)
        schema, _, relation = name.rpartition(".")
        schema = schema or DEFAULT_SCHEMA
        with self._explained(), self._connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute(f"SET LOCAL statement_timeout = '{TIMEOUT_SECONDS}s'")
            cursor.execute("SELECT pg_current_snapshot()::text, now()")
            self._snapshot, self._read_at = cursor.fetchone()
            cursor.execute(
                "SELECT column_name::text, data_type::text, numeric_precision, numeric_scale "
                "FROM information_schema.columns WHERE table_schema = $1 AND table_name = $2 "
                "ORDER BY ordinal_position",
                (schema, relation),
            )
            found = cursor.fetchall()
            if not found:
                raise NotArrivedError(
                    f"{self.format} table {self.url}: there is no table or view {relation!r} in "
                    f"the schema {schema!r} that the user may read"
                )
            self._table = table(
                quoted_name(relation, quote=True),
                *(column(quoted_name(name, quote=True)) for name, *_ in found),
                schema=quoted_name(schema, quote=True),
            )
            decimals = {
                name: pa.decimal128(precision, scale)
                for name, kind, precision, scale in found
                if kind == "numeric" and precision and precision <= DECIMAL_DIGITS and scale >= 0
            }
            self._kinds = {name: kind for name, kind, *_ in found if name not in decimals}
            sent = cursor.adbc_execute_schema(_sql(self._rows())[0])
        self.schema = pa.schema(
            [(field.name, decimals.get(field.name, field.type)) for field in sent]
        )

    def _connected(self, warehouse: Warehouse) -> Any:
        from adbc_driver_manager import Error
        from adbc_driver_postgresql import dbapi  # type: ignore[import-untyped]

        url = os.environ.get(warehouse.variable)
        if not url:
            raise InputError(
                f"{self.format} table {self.url}: {warehouse.variable} is not set in the "
                "environment; allowed: postgresql://<user>:<password>@<host>/<database>"
            )
        try:
            return dbapi.connect(url)
        except Error as error:
            refused = "authentication failed" in str(error)
        # The library's own text may show parts of the URL, and so of the password.
        if refused:
            raise InputError(
                f"{self.format} table {self.url}: the server refused the user or the password of "
                f"{warehouse.variable}"
            )
        raise StorageError(
            f"{self.format} table {self.url}: no connection to the server of {warehouse.variable}"
        )

    @property
    @override
    def evidence(self) -> Evidence:
        return {
            "format": self.format,
            "table": self.url,
            "snapshot": self._snapshot,
            "read_at": self._read_at.isoformat(),
        }

    @override
    def batches(self, conditions: Sequence[Condition]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        with self._explained(), self._connection.cursor() as cursor:
            cursor.execute(*_sql(self._rows().where(*self._conditions(conditions))))
            for batch in cursor.fetch_record_batch():
                columns = [
                    # Numbers of a fixed precision are sent as text.
                    values.cast(field.type) if pa.types.is_decimal(field.type) else values
                    for field, values in zip(self.schema, batch.columns, strict=True)
                ]
                yield pa.RecordBatch.from_arrays(columns, schema=self.schema)

    @override
    def has_rows(self, conditions: Sequence[Condition]) -> bool:
        from sqlalchemy import literal_column, select

        one: Select[Any] = (
            select(literal_column("1")).select_from(self._table).limit(literal_column("1"))
        )
        return bool(self._answer(one.where(*self._conditions(conditions))))

    @override
    def files(self, conditions: Sequence[Condition]) -> list[str]:
        from sqlalchemy import func, literal_column, select

        count = select(func.count(literal_column("*"))).select_from(self._table)
        [(rows,)] = self._answer(count.where(*self._conditions(conditions)))
        return [f"{rows} rows"]

    def _answer(self, statement: Executable) -> list[tuple[Any, ...]]:
        with self._explained(), self._connection.cursor() as cursor:
            cursor.execute(*_sql(statement))
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows

    def _rows(self) -> Select[Any]:
        """The query of all rows, with types that Parquet has."""
        from sqlalchemy import Double, Text, cast, select

        as_type: dict[str, type[TypeEngine[Any]]] = {"numeric": Double, "uuid": Text}
        columns: list[ColumnElement[Any]] = []
        for one in self._table.columns:
            kind = as_type.get(self._kinds.get(one.name, ""))
            columns.append(cast(one, kind).label(one.name) if kind else one)
        return select(*columns)

    def _conditions(self, conditions: Sequence[Condition]) -> list[ColumnElement[bool]]:
        """The conditions, whose values are parameters."""
        import operator

        from sqlalchemy import TIMESTAMP, Date, String, bindparam, cast, collate

        compare = {"=": operator.eq, ">=": operator.ge, "<": operator.lt}
        types: dict[str, TypeEngine[Any]] = {
            "date": Date(),
            "timestamp without time zone": TIMESTAMP(),
            "timestamp with time zone": TIMESTAMP(timezone=True),
        }
        found = []
        for number, (name, sign, value) in enumerate(self.comparisons(conditions)):
            left: ColumnElement[Any] = self._table.columns[name]
            right: ColumnElement[Any] = bindparam(f"value{number}", value)
            kind = self._kinds.get(name, "")
            if kind in types:
                # Sent as text, whose type the server would otherwise not compare.
                right = cast(bindparam(f"value{number}", value, String()), types[kind])
            elif isinstance(value, str):
                left = collate(left, "C")  # in other collations a dash may not count
            found.append(compare[sign](left, right))
        return found

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Faults of a query as words. The server's own text may show the value of a row."""
        import pyarrow as pa
        from adbc_driver_manager import Error

        where = f"{self.format} table {self.url}"
        try:
            yield
        except Error as error:
            state = error.sqlstate
            if state == PERMISSION_DENIED:
                raise InputError(f"{where}: the user may not read it; GRANT SELECT on it") from None
            if state == QUERY_CANCELED:
                raise OSError(f"{where}: {TOO_LONG}") from None
            # Of the server, not of the query; a connection that breaks has none.
            kind = StorageError if not state or state.startswith(OF_SERVER) else OSError
            raise kind(f"{where}: the query failed (SQLSTATE {state or 'unknown'})") from None
        except (pa.ArrowException, OSError) as error:
            # A stream that breaks has no SQLSTATE.
            if "statement timeout" in str(error):
                raise OSError(f"{where}: {TOO_LONG}") from None
            raise StorageError(f"{where}: rows could not be read") from None


def _sql(statement: Executable) -> tuple[str, tuple[Any, ...]]:
    """Text and parameters; SQLAlchemy quotes the names."""
    from sqlalchemy.dialects import postgresql

    compiled = statement.compile(dialect=postgresql.dialect(paramstyle="numeric_dollar"))  # type: ignore[attr-defined,no-untyped-call]
    names = compiled.positiontup or ()
    return str(compiled), tuple(compiled.params[name] for name in names)
