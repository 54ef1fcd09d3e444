"""Decisions by score: how many were approved, booked and overridden, and their amounts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, ClassVar, Literal, NamedTuple, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring_assets.statistics.profiles.bins import value_kind
from monitoring_assets.statistics.profiles.kernel import as_double
from monitoring_assets.statistics.profiles.source import ParquetSource, RowGroup

Count = Literal["scored", "undecided", "approved", "booked", "low_side", "high_side", "with_amount"]
Amount = Literal["amount", "approved_amount"]
COUNTS: tuple[Count, ...] = get_args(Count)
AMOUNTS: tuple[Amount, ...] = get_args(Amount)
RATES: tuple[Count, ...] = ("approved", "booked", "low_side", "high_side")
"""What there are rates of."""
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


@dataclass(frozen=True, eq=False)
class DecisionCounts:
    """The decided and undecided of some rows by score, in cells that bands are made of.

    Parameters
    ----------
    bands
        Ascending edges of the score bands: ``low < score <= high``, the outer ones open.
    cells
        Ascending edges of the cells, those of the bands among them.
    counts
        int64[C] by name: rows with a finite score; of them the undecided and the approved; of the
        approved the booked; overrides that were approved (low-side) and declined (high-side); rows
        with an amount. Without a name whose column is not declared.
    amounts
        float64[C] by name, sums over all scored and over the approved.
    left_out
        Rows without a finite score.
    """

    SCHEMA: ClassVar[pa.Schema] = pa.schema(
        [
            ("low", pa.float64()),
            ("high", pa.float64()),
            ("band", pa.int32()),
            *[(name, pa.int64()) for name in COUNTS],
            *[(name, pa.float64()) for name in AMOUNTS],
        ]
    )

    bands: tuple[float, ...]
    cells: tuple[float, ...]
    counts: dict[Count, NDArray[np.int64]]
    amounts: dict[Amount, NDArray[np.float64]]
    left_out: int = 0

    def __add__(self, other: DecisionCounts) -> DecisionCounts:
        """Return the counts of both; of what both have.

        Raises
        ------
        ValueError
            The cells differ.
        """
        if not self.is_like(other):
            raise ValueError("decisions that were counted in other cells do not add up")
        return DecisionCounts(
            self.bands,
            self.cells,
            {n: one + other.counts[n] for n, one in self.counts.items() if n in other.counts},
            {n: one + other.amounts[n] for n, one in self.amounts.items() if n in other.amounts},
            self.left_out + other.left_out,
        )

    def is_like(self, other: DecisionCounts) -> bool:
        """Whether both are counted in the same cells."""
        return (self.bands, self.cells) == (other.bands, other.cells)

    @property
    def band_of_cell(self) -> NDArray[np.int64]:
        """int64[C], the band that each cell is in."""
        return np.searchsorted(self.bands, [*self.cells, np.inf], "left").astype(np.int64)

    @property
    def decided(self) -> NDArray[np.int64]:
        """int64[C], the approved and declined."""
        return self.counts["scored"] - self.counts["undecided"]

    def by_band(self, of_cells: NDArray[np.int64]) -> NDArray[np.int64]:
        """int64[B], the sum of int64[C] over the cells of each band."""
        return self._summed(of_cells.astype(np.float64)).astype(np.int64)

    def amount_by_band(self, name: Amount) -> NDArray[np.float64] | None:
        """float64[B]; None where no amount is declared."""
        return self._summed(self.amounts[name]) if name in self.amounts else None

    def _summed(self, of_cells: NDArray[np.float64]) -> NDArray[np.float64]:
        summed: NDArray[np.float64] = np.bincount(
            self.band_of_cell, of_cells, len(self.bands) + 1
        ).astype(np.float64)
        return summed

    @property
    def totals(self) -> dict[Count, int]:
        """Rows of all cells by name."""
        return {name: int(one.sum()) for name, one in self.counts.items()}

    def to_table(self) -> pa.Table:
        """One row a cell; null for what is not declared. An open end is infinite."""
        edges = [-np.inf, *self.cells, np.inf]
        arrays: list[pa.Array] = [
            pa.array(edges[:-1]),
            pa.array(edges[1:]),
            pa.array(self.band_of_cell, pa.int32()),
        ]
        found: dict[str, NDArray[Any]] = dict(self.counts.items())
        found |= dict(self.amounts.items())
        for field in list(self.SCHEMA)[len(arrays) :]:
            values = found.get(field.name)
            empty = pa.nulls(len(edges) - 1, field.type)
            arrays.append(empty if values is None else pa.array(values, field.type))
        return pa.Table.from_arrays(arrays, schema=self.SCHEMA)

    @classmethod
    def from_table(cls, table: pa.Table, left_out: int) -> DecisionCounts:
        """Read what `to_table` made."""
        highs, bands = table["high"].to_numpy(), table["band"].to_numpy()
        counts: dict[Count, NDArray[np.int64]] = {
            name: table[name].to_numpy() for name in COUNTS if not table[name].null_count
        }
        amounts: dict[Amount, NDArray[np.float64]] = {
            name: table[name].to_numpy() for name in AMOUNTS if not table[name].null_count
        }
        of_bands = tuple(highs[:-1][np.diff(bands) > 0].tolist())
        return cls(of_bands, tuple(highs[:-1].tolist()), counts, amounts, left_out)


def rate(rows: Mapping[Count, int], name: Count) -> float | None:
    """Return the rate of approvals, bookings or overrides.

    Parameters
    ----------
    rows
        By name, as in `DecisionCounts`.
    name
        ``approved`` is of the decided, ``booked`` of the approved, ``low_side`` of those that the
        score would have declined, and ``high_side`` of those that it would have approved.

    Returns
    -------
    float or None
        None without rows to take it of, or where the column is not declared.
    """
    if name not in rows:
        return None
    decided, approved = rows["scored"] - rows["undecided"], rows["approved"]
    by_score = approved - rows.get("low_side", 0) + rows.get("high_side", 0)
    of = {"booked": approved, "low_side": decided - by_score, "high_side": by_score}
    total = of.get(name, decided)
    return rows[name] / total if total else None


def together(parts: Iterable[DecisionCounts]) -> DecisionCounts | None:
    """Add up days; None without any.

    Days that were counted in other cells than the last are left out: a version that is profiled
    again has other ones.
    """
    days = list(parts)
    return reduce(add, (one for one in days if one.is_like(days[-1]))) if days else None


def count_decisions(
    source: ParquetSource,
    columns: DecisionColumns,
    *,
    scores: ParquetSource,
    score_column: str,
    bands: Sequence[float],
    grid: Sequence[float] = (),
) -> DecisionCounts:
    """Count the decisions of a table by score. One pass, a row group in memory at a time.

    Parameters
    ----------
    source
        The table.
    columns
        Its columns.
    scores
        Table with the score of the same rows, in row groups of the same lengths.
    score_column
        Its column.
    bands, grid
        Ascending edges of the score bands, and of finer bins; cells are cut at both.

    Raises
    ------
    ValueError
        A column is missing, or holds what it may not; names it and what is allowed.
    """
    cells = np.union1d(bands, grid)
    names: list[Count] = ["scored", "undecided", "approved"]
    names += ["booked"] if columns.booked else []
    names += ["low_side", "high_side"] if columns.override else []
    names += ["with_amount"] if columns.amount else []
    counts: dict[Count, NDArray[np.int64]] = {n: np.zeros(len(cells) + 1, np.int64) for n in names}
    amounts: dict[Amount, NDArray[np.float64]] = {
        name: np.zeros(len(cells) + 1) for name in AMOUNTS if columns.amount
    }
    left_out = 0
    for group, scored in zip(source.row_groups, scores.row_groups, strict=True):
        score = as_double(_column(scores, scored, score_column)).to_numpy(zero_copy_only=False)
        usable = np.isfinite(score)
        at = np.searchsorted(cells, score, "left")
        masks, money = _rows(source, group, columns)
        left_out += len(score) - int(usable.sum())
        for name in names:
            counts[name] += np.bincount(at[usable & masks[name]], minlength=len(cells) + 1)
        for of, amount in money.items():
            amounts[of] += np.bincount(at[usable], amount[usable], len(cells) + 1)
    edges = tuple(float(one) for one in bands), tuple(cells.tolist())
    return DecisionCounts(*edges, counts, amounts, left_out)


def _rows(
    source: ParquetSource, group: RowGroup, columns: DecisionColumns
) -> tuple[dict[Count, NDArray[np.bool_]], dict[Amount, NDArray[np.float64]]]:
    """Which rows of a row group count as what, and their amounts."""
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
        As `count_decisions`.
    """
    return sum(
        int(_rows(source, group, columns)[0]["approved"].sum()) for group in source.row_groups
    )


def decision_codes(source: ParquetSource, columns: DecisionColumns) -> NDArray[np.uint8]:
    """Return what became of each row: a byte a row, a position in ``SIDES``.

    Raises
    ------
    ValueError
        As `count_decisions`.
    """
    found: list[NDArray[np.uint8]] = [np.empty(0, np.uint8)]
    for group in source.row_groups:
        masks, _ = _rows(source, group, columns._replace(booked=None, amount=None))
        nothing = np.zeros(group.rows, np.bool_)
        low, high = masks.get("low_side", nothing), masks.get("high_side", nothing)
        kinds = [low, high, masks["approved"], masks["undecided"]]
        found.append(np.select(kinds, [2, 3, 0, 4], 1).astype(np.uint8))
    return np.concatenate(found)


def _column(source: ParquetSource, group: RowGroup, name: str) -> pa.Array:
    arrays = (array for _, _, array in source.arrays(group, [name]))
    return pa.chunked_array(arrays).combine_chunks()


def _read(source: ParquetSource, group: RowGroup, name: str, field: str) -> pa.Array:
    reason = source.unreadable(name)
    if reason:
        raise ValueError(f"column {name!r} ({field}): {reason}")
    return _column(source, group, name)


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
