"""Outcomes: what a column of them may hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from resources.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

OutcomeKind = Literal["binary", "continuous"]
"""Good or bad; or a number that the score predicts."""
OUTCOMES_ALLOWED: dict[OutcomeKind, str] = {
    "binary": "1 or true for a bad, 0 or false for a good, null where not known yet",
    "continuous": "finite numbers, null where not known yet, as outcome.kind is continuous",
}


def outcomes_of(values: pa.Array, kind: OutcomeKind, where: str) -> pa.Array:
    """Read a column of outcomes.

    Parameters
    ----------
    values
        Booleans or numbers. NaN is null.
    kind
        What the manifest says they are.
    where
        File and column, for the error.

    Returns
    -------
    pyarrow.Array
        int8, 1 for a bad, 0 for a good; float64 where they are numbers.

    Raises
    ------
    InputError
        If there is any other value. It is not shown: it may be a person's.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    wrong = not_outcomes(values, kind)
    if wrong:
        raise InputError(f"{where}: found {wrong}; allowed: {OUTCOMES_ALLOWED[kind]}")
    plain = _plain(values)
    if kind == "continuous":
        numbers = plain.cast(pa.float64(), safe=False)
        return pc.if_else(pc.is_nan(numbers), None, numbers)
    if pa.types.is_boolean(plain.type) or pa.types.is_null(plain.type):
        return plain.cast(pa.int8())
    numbers = plain.cast(pa.float64(), safe=False)
    return pc.if_else(pc.is_nan(numbers), None, numbers).cast(pa.int8())


def not_outcomes(values: pa.Array, kind: OutcomeKind) -> str:
    """What a column holds that is no outcome, in words and without a value; empty if nothing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    plain = _plain(values)
    found = plain.type
    if pa.types.is_null(found) or (pa.types.is_boolean(found) and kind == "binary"):
        return ""
    is_number = pa.types.is_integer(found) or pa.types.is_floating(found)
    if not (is_number or pa.types.is_decimal(found)):
        return f"values of type {found}"
    numbers = plain.cast(pa.float64(), safe=False)
    known = numbers.filter(pc.invert(pc.is_nan(numbers)))
    if kind == "continuous":
        infinite = pc.sum(pc.is_inf(known)).as_py()
        return f"{infinite} infinite values" if infinite else ""
    wrong = pc.sum(pc.and_(pc.not_equal(known, 0), pc.not_equal(known, 1))).as_py()
    return f"{wrong} other values" if wrong else ""


def _plain(values: pa.Array) -> pa.Array:
    import pyarrow as pa

    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
