"""What the columns of decisions say of each row."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring_assets.statistics.profiles.bins import value_kind
from monitoring_assets.statistics.profiles.kernel import as_double
from monitoring_assets.statistics.profiles.source import ParquetSource, RowGroup

Count = Literal["scored", "undecided", "approved", "booked", "low_side", "high_side", "with_amount"]
Amount = Literal["amount", "approved_amount"]
MAX_DECISIONS = 50
"""Most values of a column of decisions: one with more is another column."""
YES, NO = frozenset({"true", "1"}), frozenset({"false", "0"})
DECISION = "(decision)"
"""Name that the rows of a cohort are grouped under by what was decided of them."""
SIDES = ("approved", "declined", "low-side override", "high-side override", "undecided")
"""Rows by decision: as the score said, or against it."""
FLAGS_ALLOWED = "1 or true, 0 or false, null"
"""For a decision there is ``decisions.approved`` to name others."""


class DecisionColumns(NamedTuple):
    """Columns that say what was decided of a row.

    Parameters
    ----------
    decision
        Column of text, booleans or whole numbers; null where nothing is decided yet.
    approved
        Its values that mean approved, as text. With ``YES`` all others but ``NO`` are refused.
    booked
        Column that is true where the loan was drawn.
    override
        Column that is true where a person decided against the score.
    amount
        Column of amounts.
    """

    decision: str
    approved: frozenset[str]
    booked: str | None = None
    override: str | None = None
    amount: str | None = None


def decided_rows(
    source: ParquetSource, group: RowGroup, columns: DecisionColumns
) -> tuple[dict[Count, NDArray[np.bool_]], dict[Amount, NDArray[np.float64]]]:
    """Return which rows of a row group count as what, and their amounts.

    Returns
    -------
    masks : dict
        bool[rows] by what is counted, of the columns that are declared.
    amounts : dict
        float64[rows], 0 where there is none; empty without a column of amounts.

    Raises
    ------
    ValueError
        A column is missing, or holds what it may not; names it and what is allowed.
    """
    # A column of words that mean nothing here must not pass for one of declined rows.
    declined = NO if columns.approved == YES else None
    decided = _codes(
        source, group, columns.decision, "decisions.column", columns.approved, declined
    )
    approved = decided == 1
    masks: dict[Count, NDArray[np.bool_]] = {
        "scored": np.ones(len(decided), np.bool_),
        "undecided": decided < 0,
        "approved": approved,
    }
    if columns.booked:
        booked = _codes(source, group, columns.booked, "decisions.booked", YES, NO) == 1
        masks["booked"] = approved & booked
    if columns.override:
        override = _codes(source, group, columns.override, "decisions.override", YES, NO) == 1
        masks |= {"low_side": approved & override, "high_side": (decided == 0) & override}
    if not columns.amount:
        return masks, {}
    amount = _amounts(source, group, columns.amount)
    masks["with_amount"] = np.isfinite(amount)
    known = np.where(masks["with_amount"], amount, 0.0)
    return masks, {"amount": known, "approved_amount": np.where(approved, known, 0.0)}


def approved_rows(source: ParquetSource, columns: DecisionColumns) -> int:
    """Return how many rows are approved, having read all columns.

    Raises
    ------
    ValueError
        As `decided_rows`.
    """
    masks = (decided_rows(source, group, columns)[0] for group in source.row_groups)
    return sum(int(one["approved"].sum()) for one in masks)


def decision_codes(source: ParquetSource, columns: DecisionColumns) -> NDArray[np.uint8]:
    """Return what became of each row: a byte a row, a position in ``SIDES``.

    Raises
    ------
    ValueError
        As `decided_rows`.
    """
    found: list[NDArray[np.uint8]] = [np.empty(0, np.uint8)]
    for group in source.row_groups:
        masks, _ = decided_rows(source, group, columns._replace(booked=None, amount=None))
        nothing = np.zeros(group.rows, np.bool_)
        low, high = masks.get("low_side", nothing), masks.get("high_side", nothing)
        kinds = [low, high, masks["approved"], masks["undecided"]]
        found.append(np.select(kinds, [2, 3, 0, 4], 1).astype(np.uint8))
    return np.concatenate(found)


def whole_column(source: ParquetSource, group: RowGroup, name: str) -> pa.Array:
    """Return a column of a row group."""
    arrays = (array for _, _, array in source.arrays(group, [name]))
    return pa.chunked_array(arrays).combine_chunks()


def _read(source: ParquetSource, group: RowGroup, name: str, field: str) -> pa.Array:
    reason = source.unreadable(name)
    if reason:
        raise ValueError(f"column {name!r} ({field}): {reason}")
    return whole_column(source, group, name)


def _codes(
    source: ParquetSource,
    group: RowGroup,
    name: str,
    field: str,
    yes: frozenset[str],
    no: frozenset[str] | None = None,
) -> NDArray[np.int8]:
    """int8[rows], 1 for a value that means yes, 0 for any other, -1 for null.

    ``no`` are the other values that are allowed; all, if None.
    """
    array = _read(source, group, name, field)
    allowed = FLAGS_ALLOWED if no else "text, booleans or whole numbers"
    coded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.unify_dictionaries().combine_chunks()
    values = coded.dictionary.to_pylist()
    if len(values) > MAX_DECISIONS:
        raise ValueError(
            f"column {name!r} ({field}): found {len(values)} values; allowed: {allowed}, at most "
            f"{MAX_DECISIONS} values"
        )
    texts = [_text(one) for one in values]
    wrong = [one for one in texts if one is not None and no and one not in yes | no]
    unreadable = (
        one is None and value is not None and value == value  # NaN is null
        for one, value in zip(texts, values, strict=True)
    )
    if wrong or any(unreadable):
        raise ValueError(
            f"column {name!r} ({field}): found other values, of type {array.type}; "
            f"allowed: {allowed}"
        )
    # The last place is that of null.
    meaning = np.array([-1 if one is None else one in yes for one in texts] + [-1], np.int8)
    places: NDArray[np.int64] = coded.indices.cast(pa.int64()).fill_null(-1).to_numpy()
    return meaning[places]


def _text(value: object) -> str | None:
    """A value as the manifest writes it; None for one that is not allowed, and for NaN."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, str | int) else None


def _amounts(source: ParquetSource, group: RowGroup, name: str) -> NDArray[np.float64]:
    """float64[rows], NaN where there is none."""
    array = _read(source, group, name, "decisions.amount")
    where = f"column {name!r} (decisions.amount): found"
    if value_kind(array.type) not in ("numeric", "null"):
        raise ValueError(f"{where} values of type {array.type}; allowed: numbers of 0 or more")
    amounts: NDArray[np.float64] = as_double(array).to_numpy(zero_copy_only=False)
    wrong = int(((amounts < 0) | np.isinf(amounts)).sum())
    if wrong:
        raise ValueError(f"{where} {wrong} values under 0 or infinite; allowed: 0 or more")
    return amounts
