"""Arrow types by family: what may change between two files without changing what is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def family(arrow_type: pa.DataType | str) -> str:
    """The family of an Arrow type: number, string, boolean, date, timestamp, or its own name.

    Widths (int32, int64, double, decimal) and encodings (dictionary, large_string) change with the
    writer, not with the meaning; a number that becomes a string does.

    Parameters
    ----------
    arrow_type
        A type, or its name as the Arrow documentation writes it.
    """
    import pyarrow as pa
    import pyarrow.types as is_

    if isinstance(arrow_type, str):
        try:
            arrow_type = pa.type_for_alias(arrow_type)
        except ValueError:
            # Types with parameters have no alias: decimal128(10, 2), dictionary<...>.
            return "number" if arrow_type.startswith("decimal") else arrow_type
    if is_.is_dictionary(arrow_type):
        return family(arrow_type.value_type)
    if is_.is_integer(arrow_type) or is_.is_floating(arrow_type) or is_.is_decimal(arrow_type):
        return "number"
    if is_.is_string(arrow_type) or is_.is_large_string(arrow_type):
        return "string"
    for name in ("boolean", "date", "timestamp"):
        if getattr(is_, f"is_{name}")(arrow_type):
            return name
    return str(arrow_type)


def same_family(one: pa.DataType | str, other: pa.DataType | str) -> bool:
    """Whether two Arrow types hold the same kind of value."""
    return family(one) == family(other)
