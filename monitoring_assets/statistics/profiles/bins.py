"""Bins of one column, fixed by the reference.

Every profile of a model version is counted on the bins of its reference sample, so counts of
different files, days and segments add, and each index between two of them is a function of counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Family = Literal["numeric", "date", "timestamp", "categorical", "null"]
SlotKind = Literal["interval", "category", "rare", "unseen", "missing", "infinite"]

MAX_BINS = 100
"""Most bins a numeric column may be cut into: with a spike in each, codes still fit in a byte."""
MAX_CATEGORIES = 10_000
"""Most distinct categories of a column; one with more is taken for an identifier."""
RARE_SHARE = 0.005
"""A category with a smaller share of the reference is pooled with the other rare ones."""
LEFTOVER_SHARE = 0.01
"""An inner bin beside a spike with a smaller share of the reference is merged."""


@dataclass(frozen=True, slots=True)
class ColumnError:
    """Why a column cannot be profiled, in words.

    Parameters
    ----------
    reason
        One sentence for the person who reads the report.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Slot:
    """One place where a row can be counted.

    Parameters
    ----------
    kind
        What the slot holds.
    label
        The slot as text, for example ``"(-inf, 10.0]"`` or ``"missing"``.
    low, high
        Bounds of an interval, low excluded, high included; None for other kinds.
    values
        The category of a ``category`` slot, the pooled ones of a ``rare`` slot.
    """

    kind: SlotKind
    label: str
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class NumericBins:
    """Intervals ``(low, high]`` of a number, a date (days) or a timestamp (microseconds).

    Values are compared as float64: integers beyond 2**53 and long decimals are rounded to it.

    The slots are the ``len(edges) + 1`` intervals, the outer ones open, then ``missing`` (null or
    NaN), then ``infinite`` (both signs).

    Parameters
    ----------
    edges
        Strictly increasing finite edges. The pair ``nextafter(v, -inf), v`` is the bin of the
        single value ``v``, a spike.
    kind
        What the numbers stand for.
    low, high
        Least and greatest finite value of the reference; None where it has none.
    arrow_type
        Arrow type of the column in the reference, as text.
    """

    edges: tuple[float, ...]
    kind: Literal["numeric", "date", "timestamp"]
    low: float | None
    high: float | None
    arrow_type: str

    @property
    def missing(self) -> int:
        """Index of the slot of null and NaN."""
        return len(self.edges) + 1

    @property
    def infinite(self) -> int:
        """Index of the slot of infinite values."""
        return len(self.edges) + 2

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """Every slot, in the order of the counts."""
        bounds = (-np.inf, *self.edges, np.inf)
        intervals = (
            Slot("interval", self._label(bounds, i), float(bounds[i]), float(bounds[i + 1]))
            for i in range(len(bounds) - 1)
        )
        return (*intervals, Slot("missing", "missing"), Slot("infinite", "infinite"))

    def _label(self, bounds: tuple[float, ...], i: int) -> str:
        low, high = bounds[i], bounds[i + 1]
        if low == np.nextafter(high, -np.inf):
            return f"= {self._text(high)}"
        if high == np.inf:
            return f"({self._text(low)}, inf)"
        above = bounds[i + 2]
        if high == np.nextafter(above, -np.inf):
            return f"({self._text(low)}, {self._text(above)})"
        return f"({self._text(low)}, {self._text(high)}]"

    def _text(self, value: float) -> str:
        if np.isinf(value):
            return str(value)
        if self.kind == "date":
            return str(np.datetime64(int(value), "D"))
        if self.kind == "timestamp":
            return str(np.datetime64(int(value), "us")).removesuffix(".000000")
        if "int" in self.arrow_type:
            return str(int(value))
        if self.arrow_type == "float":
            return str(np.float32(value))
        return str(float(value))


@dataclass(frozen=True)
class CategoricalBins:
    """One bin per category of a string or boolean column.

    The slots are the categories, then ``rare``, ``unseen`` (in the data, not in the reference) and
    ``missing``.

    Parameters
    ----------
    categories
        Categories with a bin of their own, the most frequent first.
    rare
        Categories of the reference that are pooled, sorted.
    arrow_type
        Arrow type of the column in the reference, as text.
    """

    categories: tuple[str, ...]
    rare: tuple[str, ...]
    arrow_type: str

    kind = "categorical"

    @property
    def unseen(self) -> int:
        """Index of the slot of categories that the reference does not have."""
        return len(self.categories) + 1

    @property
    def missing(self) -> int:
        """Index of the slot of nulls."""
        return len(self.categories) + 2

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """Every slot, in the order of the counts."""
        return (
            *(Slot("category", name, values=(name,)) for name in self.categories),
            Slot("rare", "rare", values=self.rare),
            Slot("unseen", "unseen"),
            Slot("missing", "missing"),
        )


Bins = NumericBins | CategoricalBins


def short_label(label: str) -> str:
    """Return a bin's label with its numbers cut to six digits, for people.

    Parameters
    ----------
    label
        As in ``Slot.label``, exact.

    Examples
    --------
    >>> short_label("(0.013634979724884033, 0.5]")
    '(0.013635, 0.5]'
    """
    return re.sub(r"-?\d+\.\d{5,}(e[+-]?\d+)?", lambda number: f"{float(number[0]):.6g}", label)


def family(arrow_type: pa.DataType) -> Family:
    """Return how values of an Arrow type are binned.

    Parameters
    ----------
    arrow_type
        Type of a column.

    Returns
    -------
    Family
        Integers, floats and decimals are ``numeric``; strings and booleans ``categorical``;
        a dictionary is what its values are.

    Raises
    ------
    TypeError
        The type (list, struct, binary, time, ...) has no bins.
    """
    if pa.types.is_dictionary(arrow_type):
        return family(arrow_type.value_type)
    if pa.types.is_null(arrow_type):
        return "null"
    if (
        pa.types.is_integer(arrow_type)
        or pa.types.is_floating(arrow_type)
        or pa.types.is_decimal(arrow_type)
    ):
        return "numeric"
    if pa.types.is_date(arrow_type):
        return "date"
    if pa.types.is_timestamp(arrow_type):
        return "timestamp"
    if (
        pa.types.is_boolean(arrow_type)
        or pa.types.is_string(arrow_type)
        or pa.types.is_large_string(arrow_type)
        or pa.types.is_string_view(arrow_type)
    ):
        return "categorical"
    raise TypeError(
        f"columns of type {arrow_type} cannot be binned: use numbers, strings, booleans, "
        "dates or timestamps"
    )


def quantile_edges(values: NDArray[np.float64], bins: int) -> tuple[float, ...]:
    """Cut values at their quantiles, with a bin of its own for each spike.

    A spike is a value that holds at least ``1 / bins`` of the rows. Other edges are the
    ``inverted_cdf`` quantiles at ``k / bins``, so every edge is an observed value and ties never
    make an edge twice. An inner bin under 1 % beside a spike is merged with its neighbour that is
    no spike, else with the spike. An outer bin beside a spike is kept even if it is empty: values
    never seen before land there.

    Parameters
    ----------
    values
        float64[n], finite; n may be 0. They are reordered in place, as a copy would be large.
    bins
        Number of quantile bins, 2 to 100.

    Returns
    -------
    tuple of float
        Strictly increasing edges; empty for no values.

    References
    ----------
    Hyndman and Fan (1996), "Sample Quantiles in Statistical Packages", definition 1.
    """
    n = len(values)
    if n == 0:
        return ()
    ranks = -(-np.arange(1, bins + 1) * n // bins) - 1
    values.partition(ranks)
    quantiles = values[ranks]
    # Of n / bins equal values in sorted order one is at a rank, so no spike is overlooked.
    candidates = np.unique(quantiles)
    rows = np.array([np.count_nonzero(values == value) for value in candidates])
    spikes = candidates[rows * bins >= n]
    edges = np.unique(np.concatenate([quantiles[:-1], spikes, np.nextafter(spikes, -np.inf)]))
    # Adding zero turns -0.0 into 0.0, for the labels.
    return _merge_leftovers([float(edge) + 0.0 for edge in edges], set(spikes.tolist()), values)


def _merge_leftovers(
    edges: list[float], spikes: set[float], values: NDArray[np.float64]
) -> tuple[float, ...]:
    """Merge inner bins under 1 % that are left over beside a spike, from the lowest up."""

    def share(low: float, high: float) -> float:
        return np.count_nonzero((values > low) & (values <= high)) / len(values)

    i = 1
    while i < len(edges):
        below, here, above = (j < len(edges) and edges[j] in spikes for j in (i - 1, i, i + 1))
        if here or not (below or above) or share(edges[i - 1], edges[i]) >= LEFTOVER_SHARE:
            i += 1
        elif below:
            # With the bin above; where that is a spike too, it takes in the values just below it.
            del edges[i]
        else:
            del edges[i - 1]
            i = max(i - 1, 1)
    return tuple(edges)


def category_bins(counts: Mapping[str, int], arrow_type: str) -> CategoricalBins:
    """Give each category of the reference a bin, and pool those under 0.5 %.

    Parameters
    ----------
    counts
        Rows by category, missing ones left out.
    arrow_type
        Arrow type of the column, as text.

    Returns
    -------
    CategoricalBins
        The same bins whatever the order of the rows.
    """
    least = RARE_SHARE * sum(counts.values())
    kept = sorted((name for name in counts if counts[name] >= least), key=lambda n: (-counts[n], n))
    rare = sorted(name for name in counts if counts[name] < least)
    return CategoricalBins(tuple(kept), tuple(rare), arrow_type)
