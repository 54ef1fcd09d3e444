"""Tables of a database server, read by ADBC."""

from __future__ import annotations

import datetime as dt
import operator
import os
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from resources.errors import InputError, NotArrivedError, StorageError
from resources.table_formats.base import Condition, Evidence, VersionedTable

if TYPE_CHECKING:
    import pyarrow as pa
    from adbc_driver_manager import Error
    from adbc_driver_manager.dbapi import Connection, Cursor
    from sqlalchemy import ColumnElement, Dialect, Executable, Select

    from resources.storage import Warehouse

TIMEOUT_SECONDS = 300
TOO_LONG = (
    f"a query took more than {TIMEOUT_SECONDS} s or was cancelled; an index on the column of the "
    "day helps"
)
PERMISSION_DENIED, QUERY_CANCELED = "42501", "57014"
# Of the connection, of the server's resources, and of a server that is going down.
OF_SERVER = ("08", "53", "57P")


@dataclass(frozen=True)
class Column:
    """A column as the server lists it.

    Parameters
    ----------
    name
        As it is stored.
    kind
        The server's name of its type.
    precision, scale
        Digits of a number, and those after the point; None for other types.
    """

    name: str
    kind: str
    precision: int | None
    scale: int | None


class WarehouseTable(VersionedTable):
    """A table or view of a server.

    Parameters
    ----------
    warehouse
        The server, by its name.
    name
        ``schema.table``, or a table of the server's default schema.

    Raises
    ------
    NotArrivedError
        If there is no such table that the user may read.
    InputError
        If the server refuses the user.
    StorageError
        If the server does not answer.
    """

    schemes: ClassVar[tuple[str, ...]]
    """How the URL of a server may start."""
    url_form: ClassVar[str]
    """What a URL looks like."""
    default_schema: ClassVar[str]
    column_query: ClassVar[str]
    """Columns of a schema's table, as the fields of `Column`; the two names are parameters."""
    compared_as: ClassVar[frozenset[str]]
    """Types of dates and times. Their values are sent as text, whose type is not compared."""

    def __init__(self, warehouse: Warehouse, name: str) -> None:
        import pyarrow as pa
        from sqlalchemy import column, table
        from sqlalchemy.sql import quoted_name

        super().__init__(warehouse.url(name))
        self._connection = self._connected(warehouse)
        schema, _, relation = name.rpartition(".")
        schema = schema or self.default_schema
        with self._explained(), self._connection.cursor() as cursor:
            self._version, self._read_at = self.begin(cursor)
            cursor.execute(self.column_query, (schema, relation))
            self._columns = {
                name: Column(name, kind, precision and int(precision), scale and int(scale))
                for name, kind, precision, scale in cursor.fetchall()
            }
            if not self._columns:
                raise NotArrivedError(
                    f"{self.format} table {self.url}: there is no table or view {relation!r} in "
                    f"the schema {schema!r} that the user may read"
                )
            self._table = table(
                quoted_name(relation, quote=True),
                *(column(quoted_name(name, quote=True)) for name in self._columns),
                schema=quoted_name(schema, quote=True),
            )
            sent = cursor.adbc_execute_schema(self._sql(self._rows())[0])
        self.schema = pa.schema(
            [(field.name, self.arrow_type(self._columns[field.name], field.type)) for field in sent]
        )

    @staticmethod
    @abstractmethod
    def connect(url: str) -> Connection:
        """A connection to the server of a URL."""

    @staticmethod
    @abstractmethod
    def is_refusal(error: Error) -> bool:
        """Whether a failure to connect is the user's or the password's."""

    @abstractmethod
    def begin(self, cursor: Cursor) -> tuple[Evidence, dt.datetime]:
        """Settle how long queries may take and what they see: its evidence, and the time."""

    @staticmethod
    @abstractmethod
    def arrow_type(column: Column, sent: pa.DataType) -> pa.DataType:
        """The type that a column is cast to, from that which the driver sends."""

    @staticmethod
    @abstractmethod
    def dialect() -> Dialect:
        """How SQLAlchemy writes statements; the parameters have an order."""

    def read_as(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """What a query has in place of a column whose type Parquet does not have."""
        return column

    def text(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """A column of text, which is compared by code points."""
        return column

    def _connected(self, warehouse: Warehouse) -> Connection:
        from adbc_driver_manager import Error

        try:
            return self.connect(os.environ[warehouse.variable])
        except Error as error:
            refused = self.is_refusal(error)
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
        read_at = self._read_at.isoformat()
        return {"format": self.format, "table": self.url, **self._version, "read_at": read_at}

    @override
    def batches(self, conditions: Sequence[Condition]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        with self._explained(), self._connection.cursor() as cursor:
            cursor.execute(*self._sql(self._rows().where(*self._conditions(conditions))))
            for batch in cursor.fetch_record_batch():
                columns = [
                    values.cast(field.type)
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
            cursor.execute(*self._sql(statement))
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows

    def _sql(self, statement: Executable) -> tuple[str, tuple[Any, ...]]:
        """Text and parameters of a statement; SQLAlchemy quotes the names."""
        compiled = statement.compile(dialect=self.dialect())  # type: ignore[attr-defined]
        names = compiled.positiontup or ()
        return str(compiled), tuple(compiled.params[name] for name in names)

    def _rows(self) -> Select[Any]:
        from sqlalchemy import select

        return select(*(self.read_as(one) for one in self._table.columns))

    def _conditions(self, conditions: Sequence[Condition]) -> list[ColumnElement[bool]]:
        """The conditions, whose values are parameters."""
        from sqlalchemy import bindparam, cast
        from sqlalchemy.types import UserDefinedType

        class Named(UserDefinedType[Any]):
            """A type by the server's own name of it."""

            cache_ok = True

            def __init__(self, kind: str) -> None:
                self.kind = kind

            def get_col_spec(self, **_: Any) -> str:
                return self.kind

        compare = {"=": operator.eq, ">=": operator.ge, "<": operator.lt}
        found = []
        for number, (name, sign, value) in enumerate(self.comparisons(conditions)):
            left: ColumnElement[Any] = self._table.columns[name]
            right: ColumnElement[Any] = bindparam(f"value{number}", value)
            kind = self._columns[name].kind
            if kind in self.compared_as:
                right = cast(right, Named(kind))
            elif isinstance(value, str):
                left = self.text(left)
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


def kind_of_server(
    warehouse: Warehouse, kinds: Sequence[type[WarehouseTable]]
) -> type[WarehouseTable]:
    """The kind of table that a server has, by its URL in the environment.

    Raises
    ------
    InputError
        If the environment has no URL of one of these kinds.
    """
    url = os.environ.get(warehouse.variable)
    scheme = url.partition("://")[0] if url and "://" in url else ""
    for kind in kinds:
        if scheme in kind.schemes:
            return kind
    found = f"starts with {scheme}:" if scheme else "has no scheme"
    if not url:
        found = "is not set in the environment"
    allowed = " or ".join(kind.url_form for kind in kinds)
    raise InputError(f"{warehouse.root}: {warehouse.variable} {found}; allowed: {allowed}")
