"""Decisions by score: how many were approved, booked and overridden, and their amounts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, ClassVar, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring_assets.statistics.decisions.columns import (
    Amount,
    Count,
    DecisionColumns,
    decided_rows,
    whole_column,
)
from monitoring_assets.statistics.profiles.kernel import as_double
from monitoring_assets.statistics.profiles.source import ParquetSource

COUNTS: tuple[Count, ...] = get_args(Count)
AMOUNTS: tuple[Amount, ...] = get_args(Amount)
RATES: tuple[Count, ...] = ("approved", "booked", "low_side", "high_side")
"""What there are rates of."""


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
        As `decided_rows`.
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
        score = as_double(whole_column(scores, scored, score_column)).to_numpy(zero_copy_only=False)
        usable = np.isfinite(score)
        at = np.searchsorted(cells, score, "left")
        masks, money = decided_rows(source, group, columns)
        left_out += len(score) - int(usable.sum())
        for name in names:
            counts[name] += np.bincount(at[usable & masks[name]], minlength=len(cells) + 1)
        for of, amount in money.items():
            amounts[of] += np.bincount(at[usable], amount[usable], len(cells) + 1)
    edges = tuple(float(one) for one in bands), tuple(cells.tolist())
    return DecisionCounts(*edges, counts, amounts, left_out)
