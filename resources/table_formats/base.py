"""One version of a table, and the conditions that rows of it are read by."""

from __future__ import annotations

import datetime as dt
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from typing_extensions import override

from resources.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

Evidence = dict[str, str | int]
"""Which version of which table was read, as JSON values."""
Comparison = tuple[str, Literal["=", ">=", "<"], str | int]
"""A column, and what its values are compared with: dates and times are text in ISO 8601."""


@dataclass(frozen=True)
class Condition:
    """What a column holds in the rows that are wanted.

    Parameters
    ----------
    column
        Its name.
    value
        As a path says it. YYYY-MM-DD is all of that day: in dates, in timestamps, and in strings
        that start so. Anything else is the value itself, of a string or a whole number.
    """

    column: str
    value: str


def in_words(read: Evidence) -> str:
    """Which version of which table was read, for people.

    Examples
    --------
    >>> in_words({"format": "Delta Lake", "table": "s3://lake/loans", "version": 12})
    'Delta Lake table s3://lake/loans (version 12)'
    """
    version = [f"{name} {value}" for name, value in read.items() if name not in ("format", "table")]
    return f"{read['format']} table {read['table']} ({', '.join(version)})"


class VersionedTable(ABC):
    """A table as it was when it was opened, whatever is written to it later.

    Parameters
    ----------
    url
        Its folder.

    Attributes
    ----------
    schema : pyarrow.Schema
        Its columns, as this version names them.
    """

    format: ClassVar[str]
    package: ClassVar[str]
    """What must be installed to read it."""
    schema: pa.Schema

    def __init__(self, url: str) -> None:
        self.url = url

    @property
    @abstractmethod
    def evidence(self) -> Evidence:
        """The version that is read."""

    @abstractmethod
    def batches(self, conditions: Sequence[Condition]) -> Iterator[pa.RecordBatch]:
        """Rows of the schema that meet all conditions, in no certain order.

        Raises
        ------
        InputError
            If a condition is on a column that is not there or of another type, or rows cannot be
            read as this version has them.
        """

    @abstractmethod
    def has_rows(self, conditions: Sequence[Condition]) -> bool:
        """Whether a row meets all conditions; rows are read only where statistics do not say."""

    @abstractmethod
    def files(self, conditions: Sequence[Condition]) -> list[str]:
        """What changes if rows change that meet all conditions: the files that may hold them."""

    @override
    def __str__(self) -> str:
        return in_words(self.evidence)

    def comparisons(self, conditions: Iterable[Condition]) -> list[Comparison]:
        """The conditions for columns of this table's types.

        Raises
        ------
        InputError
            If a column is not there, or of a type that the value is none of.
        """
        import pyarrow as pa

        found: list[Comparison] = []
        for one in conditions:
            if one.column not in self.schema.names:
                raise InputError(
                    f"{self}: no column {one.column!r}; it has {', '.join(self.schema.names)}"
                )
            kind = self.schema.field(one.column).type
            day = _day(one.value)
            if (pa.types.is_date(kind) or pa.types.is_timestamp(kind)) and day:
                time = "" if pa.types.is_date(kind) else "T00:00:00"
                zone = "+00:00" if time and kind.tz else ""
                after = day + dt.timedelta(days=1)
                found += [
                    (one.column, ">=", f"{day}{time}{zone}"),
                    (one.column, "<", f"{after}{time}{zone}"),
                ]
            elif (pa.types.is_string(kind) or pa.types.is_large_string(kind)) and day:
                # All that starts so: up to the text that is next to its last digit.
                after_all = one.value[:-1] + chr(ord(one.value[-1]) + 1)
                found += [(one.column, ">=", one.value), (one.column, "<", after_all)]
            elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
                found.append((one.column, "=", one.value))
            elif _whole(kind) and re.fullmatch(r"-?\d{1,18}", one.value):
                found.append((one.column, "=", int(one.value)))
            else:
                raise InputError(
                    f"{self}: column {one.column!r} is {kind}, and {one.value} was asked for; "
                    "allowed: dates, timestamps or strings that start as YYYY-MM-DD for a day, and "
                    "strings or integers for another form of it"
                )
        return found


def _whole(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale == 0))


def _day(text: str) -> dt.date | None:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None
