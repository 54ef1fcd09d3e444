"""Arrow types by family: what may change between two files without changing what is counted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

# By the first word of a type's name: what follows it are units, time zones and digits.
_FAMILIES = {
    "number": re.compile(r"u?int\d+|half_?float|float\d*|double|decimal\d*"),
    "string": re.compile(r"str|(large_)?(string|utf8)|(string|utf8)_view"),
    "boolean": re.compile(r"bool(ean)?"),
    "date": re.compile(r"date(32|64)"),
    "timestamp": re.compile(r"timestamp"),
}
_DICTIONARY = re.compile(r"dictionary<values=(.*), indices=\w+, ordered=\d>")
_NULL = "null"
OUTCOME_FAMILIES = frozenset({"number", "boolean", _NULL})
SCORE_FAMILIES = frozenset({"number"})
BINNED_FAMILIES = frozenset({*_FAMILIES, _NULL})


def type_family(arrow_type: pa.DataType | str) -> str:
    """The family of an Arrow type: number, string, boolean, date, timestamp, or its own name.

    Widths (int32, int64, double, decimal) and encodings (dictionary, large_string) change with the
    writer, not with the meaning; a number that becomes a string does.

    Parameters
    ----------
    arrow_type
        A type, or its name: as Arrow prints it, which is how it is stored, or an alias.

    Examples
    --------
    >>> type_family("dictionary<values=timestamp[us, tz=UTC], indices=int8, ordered=0>")
    'timestamp'
    """
    # By name for types too, so that a type and its stored name are never told apart.
    name = str(arrow_type)
    if encoded := _DICTIONARY.fullmatch(name):
        return type_family(encoded[1])
    word = re.split(r"[\[(]", name, maxsplit=1)[0]
    for found, pattern in _FAMILIES.items():
        if pattern.fullmatch(word):
            return found
    return name


def column_families(schema: pa.Schema, *, key: str | None = None) -> dict[str, str]:
    """The family of each column but the key, by name: a key is compared as it is written."""
    return {field.name: type_family(field.type) for field in schema if field.name != key}


def same_family(one: pa.DataType | str, other: pa.DataType | str) -> bool:
    """Whether two Arrow types may hold the same kind of value.

    A column without any value has the type null, whatever its kind would have been.
    """
    kinds = {type_family(one), type_family(other)}
    return _NULL in kinds or len(kinds) == 1
