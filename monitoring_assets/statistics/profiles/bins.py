"""Bins of one column, fixed by the reference.

Every profile of a model version is counted on the bins of its reference sample, so counts of
different files, days and segments add, and each index between two of them is a function of counts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

ValueKind = Literal["numeric", "date", "timestamp", "categorical", "null"]
SlotKind = Literal["interval", "category", "rare", "unseen", "new", "missing", "infinite"]

MAX_BINS = 100
"""Most bins a numeric column may be cut into: with a spike in each, codes still fit in a byte."""
MAX_CATEGORIES = 10_000
"""Most distinct categories of a column; one with more is taken for an identifier."""
RARE_SHARE = 0.005
"""A category with a smaller share of the reference is pooled with the other rare ones."""
RARE_ROWS = 10
"""So is one with fewer rows, where the reference has 200 or more; 5 % of them where it has less."""
COMPLETE_FROM = 5
"""Rows of the rarest category from which on hardly any other can have been missed."""
LEAST_SINGLES = 20
"""Categories of one row each that it takes to estimate the share of new ones."""
MOST_EXTRA_VARIANCE = 0.15
"""Most that the estimate may add to the variance of the index, in parts of a bin's."""
LEFTOVER_SHARE = 0.01
"""An inner bin beside a spike with a smaller share of the reference is merged."""
NEW_CATEGORY = "new category"
"""Label of the slot ``new``, whatever is in it on a day."""
_SHOWN_NAMES = 3
_PRECISION: dict[str, type[np.floating[Any]]] = {"halffloat": np.float16, "float": np.float32}
"""Types coarser than float64, by Arrow's name."""


@dataclass(frozen=True, slots=True)
class ColumnError:
    """Why a column cannot be profiled, in words.

    Parameters
    ----------
    reason
        One sentence for the person who reads the report.
    """

    reason: str


def as_strings(names: Sequence[str]) -> pa.Array:
    """Return names as an Arrow array, where ``pa.array`` would import pandas (a second)."""
    encoded = [name.encode() for name in names]
    offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    buffers = map(pa.py_buffer, (offsets, b"".join(encoded)))
    return pa.StringArray.from_buffers(len(names), *buffers)


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
        The category of a ``category`` slot, the pooled ones of a ``rare`` slot, those of one row in
        the reference of an ``unseen`` slot, the spike that an ``interval`` ends with.
    """

    kind: SlotKind
    label: str
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class NumericBins:
    """Intervals ``(low, high]`` of a number, a date (days) or a timestamp (microseconds).

    Values are compared as float64, to which a decimal is rounded correctly.

    The slots are the ``len(edges) + 1`` intervals, the outer ones open, then ``missing`` (null or
    NaN), then two that are ``infinite``: -inf and inf.

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
    spikes
        Those of the edges that are a value of the reference, or that a person has named. Any other
        lies between two.
    names
        Of the intervals, such as a lender's grades; empty if they have none.
    """

    edges: tuple[float, ...]
    kind: Literal["numeric", "date", "timestamp"]
    low: float | None
    high: float | None
    arrow_type: str
    spikes: tuple[float, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def missing(self) -> int:
        """Index of the slot of null and NaN."""
        return len(self.edges) + 1

    @property
    def infinite(self) -> slice:
        """The slots of -inf and of inf."""
        return slice(len(self.edges) + 2, len(self.edges) + 4)

    # Kept by value: each day's profile is read with bins that are equal, not the same.
    @property
    @lru_cache(4096)  # noqa: B019 - some hundred bytes each
    def slots(self) -> tuple[Slot, ...]:
        """Every slot, in the order of the counts."""
        bounds = (-np.inf, *self.edges, np.inf)
        spikes = {*self.spikes}
        intervals = (
            Slot(
                "interval",
                f"{self.names[i]} {self.interval(i)}" if self.names else self.interval(i),
                float(bounds[i]),
                float(bounds[i + 1]),
                (repr(float(bounds[i + 1])),) if bounds[i + 1] in spikes else (),
            )
            for i in range(len(bounds) - 1)
        )
        return (
            *intervals,
            Slot("missing", "missing"),
            Slot("infinite", "-inf"),
            Slot("infinite", "inf"),
        )

    @property
    def interval_names(self) -> list[str]:
        """Names of the intervals for people, in order: grades by name."""
        return [
            short_label(slot.label, slot.kind) for slot in self.slots if slot.kind == "interval"
        ]

    def as_new(self) -> NumericBins:
        """Return the same bins: an interval holds values that the reference does not have."""
        return self

    def graded(self, grades: Sequence[tuple[str, float | None]]) -> NumericBins:
        """Return the bins of the same column by a lender's grades.

        Parameters
        ----------
        grades
            Name and highest value of each, ascending; the last one has none.
        """
        names, tops = zip(*grades, strict=True)
        edges = tops[:-1]
        return replace(self, edges=edges, spikes=edges, names=names)

    def read_as(self, arrow_type: pa.DataType) -> NumericBins:
        """Return the bins with room for the rounding of a column of another type.

        A spike, and an end of the range, takes in all that rounds to the same number of the coarser
        of the two types: 0.07 of a double is another number than 0.07 of a float32. Between spikes
        nothing moves, as an edge lies midway between values of the reference.

        Parameters
        ----------
        arrow_type
            Type of the column that is counted.

        Returns
        -------
        NumericBins
            Bins to count by; the edges increase, if not strictly.
        """
        precisions = [_PRECISION.get(str(one), np.float64) for one in (self.arrow_type, arrow_type)]
        coarser = min(precisions, key=lambda one: np.finfo(one).bits)
        if coarser is np.float64 or self.low is None or self.high is None:
            return self

        def rounded(value: float, towards: float) -> float:
            """Return the last float64 that rounds to the same number of the coarser type."""
            with np.errstate(over="ignore"):
                same = coarser(value)
                halfway = (float(same) + float(np.nextafter(same, coarser(towards)))) / 2
            # Beyond its range the type has infinity alone.
            return halfway if math.isfinite(halfway) else value

        ends = {value: rounded(value, np.inf) for value in self.spikes}
        starts = {
            float(np.nextafter(value, -np.inf)): rounded(value, -np.inf) for value in self.spikes
        }
        edges = np.maximum.accumulate([(ends | starts).get(edge, edge) for edge in self.edges])
        return NumericBins(
            tuple(edges.tolist()),
            self.kind,
            rounded(self.low, -np.inf),
            rounded(self.high, np.inf),
            self.arrow_type,
        )

    def interval(self, i: int) -> str:
        """Return an interval as people write it, without its name."""
        bounds = (-np.inf, *self.edges, np.inf)
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
        own = _PRECISION.get(self.arrow_type, np.float64)(value)
        return str(own if own == value else float(value))


@dataclass(frozen=True)
class CategoricalBins:
    """One bin per category of a string or boolean column.

    The slots are the categories, then ``rare``, ``unseen`` (in the data, not in the reference),
    ``new`` (unseen, and in more rows than chance explains) and ``missing``. Rows of the reference
    are counted `as_new`, so that it has a share of unseen ones too: the share that is expected of a
    day. Where it says too little of that share, ``rare`` takes in the unseen ones and there is no
    slot ``unseen``. There is no slot ``new`` where nothing is rare: ``unseen`` is as good.

    Parameters
    ----------
    categories
        Categories with a bin of their own, the most frequent first.
    rare
        Categories of the reference that are pooled, sorted.
    arrow_type
        Arrow type of the column in the reference, as text.
    once
        Those of the rare that one row of the reference has.
    tells_unseen
        Whether there is a slot ``unseen``.
    reference_rows
        Rows of the reference that have a category; None in bins of a release that did not keep it,
        which have no slot ``new``.
    """

    categories: tuple[str, ...]
    rare: tuple[str, ...]
    arrow_type: str
    once: tuple[str, ...] = ()
    tells_unseen: bool = True
    reference_rows: int | None = None

    kind = "categorical"

    @property
    def unseen(self) -> int:
        """Index of the slot of categories that the reference does not have."""
        return len(self.categories) + self.tells_unseen

    @cached_property
    def names(self) -> pa.Array:
        """The categories, then the rare ones; made once, as it takes as long as to count rows."""
        return as_strings((*self.categories, *self.rare))

    @property
    def tells_new(self) -> bool:
        """Whether there is a slot ``new``."""
        return self.reference_rows is not None and bool(self.rare or self.once)

    @property
    def new(self) -> int:
        """Index of the slot ``new``, where there is one."""
        return self.unseen + 1

    @property
    def missing(self) -> int:
        """Index of the slot of nulls."""
        return self.unseen + 1 + self.tells_new

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """Every slot, in the order of the counts."""
        categories = tuple(Slot("category", name, values=(name,)) for name in self.categories)
        pooled = (
            (Slot("rare", "rare", values=self.rare), Slot("unseen", "unseen", values=self.once))
            if self.tells_unseen
            else (Slot("rare", "rare or unseen", values=self.rare),)
        )
        new = (Slot("new", NEW_CATEGORY),) if self.tells_new else ()
        return (*categories, *pooled, *new, Slot("missing", "missing"))

    def as_new(self) -> CategoricalBins:
        """Return the bins that count each row of the reference as if it came after the others.

        The only row of a category is unseen to the others.
        """
        once = {*self.once}
        return replace(self, rare=tuple(name for name in self.rare if name not in once))


Bins = NumericBins | CategoricalBins


def short_label(label: str, kind: SlotKind) -> str:
    """Return a bin's label for people: the numbers of an interval are cut to six digits.

    Parameters
    ----------
    label, kind
        As in ``Slot``. A category is shown as it is, whatever it looks like.

    Examples
    --------
    >>> short_label("(0.013634979724884033, 0.5]", "interval")
    '(0.013635, 0.5]'
    """
    if kind != "interval":
        return label
    return re.sub(r"-?\d+\.\d{5,}(e[+-]?\d+)?", lambda number: f"{float(number[0]):.6g}", label)


def new_label(names: Sequence[str]) -> str:
    """Return the label of the slot ``new`` on a day, with what is in it.

    Examples
    --------
    >>> new_label(["fax"])
    "new category 'fax'"
    >>> new_label(list("abcde"))
    "new categories 'a', 'b', 'c' and 2 more"
    """
    if not names:
        return NEW_CATEGORY
    shown = ", ".join(f"'{name}'" for name in names[:_SHOWN_NAMES])
    more = f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else ""
    return f"{NEW_CATEGORY if len(names) == 1 else 'new categories'} {shown}{more}"


def value_kind(arrow_type: pa.DataType) -> ValueKind:
    """Return how values of an Arrow type are binned.

    Parameters
    ----------
    arrow_type
        Type of a column.

    Returns
    -------
    ValueKind
        Integers, floats and decimals are ``numeric``; strings and booleans ``categorical``;
        a dictionary is what its values are.

    Raises
    ------
    TypeError
        The type (list, struct, binary, time, ...) has no bins.
    """
    if pa.types.is_dictionary(arrow_type):
        return value_kind(arrow_type.value_type)
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


def quantile_edges(
    values: NDArray[np.float64], bins: int, *, whole: bool = False
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Cut values at their quantiles, with a bin of its own for each spike.

    A spike is a value that holds at least ``1 / bins`` of the rows. Other edges lie midway between
    the ``inverted_cdf`` quantiles at ``k / bins`` and the next greater value, so ties never make an
    edge twice, and rounding to another numeric type moves no value over an edge. An inner bin under
    1 % beside a spike is merged with its neighbour that is no spike, else with the spike. An outer
    bin beside a spike is kept even if it is empty: values never seen before land there.

    Parameters
    ----------
    values
        float64[n], finite; n may be 0. They are sorted in place, as a copy would be large.
    bins
        Number of quantile bins, 2 to 100.
    whole
        Whether all values are integers, and edges must be.

    Returns
    -------
    edges : tuple of float
        Strictly increasing; empty for no values.
    spikes : tuple of float
        Those of the edges that are spikes.

    References
    ----------
    Hyndman and Fan (1996), "Sample Quantiles in Statistical Packages", definition 1.
    """
    n = len(values)
    if n == 0:
        return (), ()
    # Several times as fast as a partition, of which numpy has no vectorised way.
    values.sort()
    ranks = -(-np.arange(1, bins + 1) * n // bins) - 1
    quantiles = np.unique(values[ranks])
    first, after = (np.searchsorted(values, quantiles, side) for side in ("left", "right"))
    # Of n / bins equal values one is at a rank, so no spike is overlooked.
    is_spike = (after - first) * bins >= n
    spikes = quantiles[is_spike]
    below, above = quantiles[:-1], values[after[:-1]]
    midway = below / 2 + above / 2
    if whole:
        midway = np.floor(midway)
    # Between neighbouring floats there is nothing.
    midway = np.where((below <= midway) & (midway < above), midway, below)[~is_spike[:-1]]
    edges = np.unique(np.concatenate([midway, spikes, np.nextafter(spikes, -np.inf)]))
    # Adding zero turns -0.0 into 0.0, for the labels.
    tops = tuple(float(spike) + 0.0 for spike in spikes)
    return _merge_leftovers([float(edge) + 0.0 for edge in edges], {*tops}, values), tops


def _merge_leftovers(
    edges: list[float], spikes: set[float], values: NDArray[np.float64]
) -> tuple[float, ...]:
    """Merge inner bins under 1 % that are left over beside a spike, from the lowest up."""

    def share(low: float, high: float) -> float:
        start, end = np.searchsorted(values, [low, high], "right")
        return float(end - start) / len(values)

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
    """Give each frequent category of the reference a bin, and pool the rare ones.

    Pooled are those under 0.5 % or ten rows, and more of them up to twice that, so that the cut is
    where the counts of two neighbours are farthest apart: chance alone then moves hardly any
    category over it. Otherwise the frequent ones would be those that were lucky in the reference,
    and every later sample would seem to have lost them.

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

    References
    ----------
    Good (1953), "The population frequencies of species and the estimation of population
    parameters", Biometrika 40: the expected share of unseen categories is that of rows whose
    category no other row has. With ``N_k`` categories of ``k`` rows its variance is about
    ``(N_1 + 2 N_2) / n^2``, where a bin with ``N_1`` rows has ``N_1 / n^2``.
    """
    cut = _frequent_from(np.array(sorted(counts.values()), float))
    kept = sorted((name for name in counts if counts[name] >= cut), key=lambda n: (-counts[n], n))
    rare = sorted(name for name in counts if counts[name] < cut)
    once = tuple(name for name in rare if counts[name] == 1)
    others = sum(counts[name] for name in rare) - len(once)
    tells_unseen = not rare or min(counts.values()) >= COMPLETE_FROM
    if len(once) >= LEAST_SINGLES and others:
        twice = sum(counts[name] == 2 for name in rare)
        tells_unseen = twice * (1 / len(once) + 1 / others) <= MOST_EXTRA_VARIANCE
    return CategoricalBins(
        tuple(kept),
        tuple(rare),
        arrow_type,
        once if tells_unseen else (),
        tells_unseen,
        sum(counts.values()),
    )


def _frequent_from(counts: NDArray[np.float64]) -> float:
    """Return the rows from which on a category is frequent.

    Parameters
    ----------
    counts
        float64[c], rows by category, ascending.
    """
    rows = counts.sum()
    least = max(RARE_SHARE * rows, min(RARE_ROWS, rows / 20))
    if not len(counts) or counts[0] >= least:
        return 0.0
    # The spread of a count is that of its root, whatever the count.
    start, end = np.searchsorted(counts, [least, 2 * least])
    near = np.append(counts[start - 1 : end], counts[end] if end < len(counts) else 2 * least)
    return float(near[np.diff(np.sqrt(near)).argmax() + 1])
