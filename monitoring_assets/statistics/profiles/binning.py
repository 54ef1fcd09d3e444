"""Fixing the bins of columns by a reference sample."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring_assets.statistics.profiles.bins import (
    MAX_BINS,
    MAX_CATEGORIES,
    Bins,
    CategoricalBins,
    ColumnError,
    NumericBins,
    category_bins,
    quantile_edges,
    value_kind,
)
from monitoring_assets.statistics.profiles.kernel import (
    as_arrow,
    category_codes,
    float_runs,
    refuse_rounding,
)
from monitoring_assets.statistics.profiles.source import (
    THREADS,
    ParquetSource,
    Progress,
    isolate,
    together,
)

T = TypeVar("T")

SAMPLE_ROWS = 1_000_000
"""Most rows of a column that its quantiles are taken from."""


def fit_bins(
    source: ParquetSource,
    columns: Sequence[str] | None = None,
    *,
    bins: int = 10,
    progress: Progress | None = None,
) -> dict[str, Bins | ColumnError]:
    """Fix the bins of columns by a reference.

    Parameters
    ----------
    source
        The reference. Quantiles are exact up to a million rows; of more, they are taken from at
        most a million that are evenly spaced, so memory is bounded.
    columns
        Names of columns; all by default.
    bins
        Quantile bins of a numeric column, 2 to 100.
    progress
        Called with the share of the columns that are done.

    Returns
    -------
    dict
        Bins by column, or why a column has none.

    Raises
    ------
    ValueError
        ``bins`` is out of range.
    """
    require_bins(bins)
    return each_column(
        source,
        columns,
        lambda part: fit_columns(source, part, bins, source.pieces(part)),
        ColumnError,
        progress,
    )


def require_bins(bins: int) -> None:
    """Refuse a number of bins that is out of range."""
    if not 2 <= bins <= MAX_BINS:
        raise ValueError(f"bins must be between 2 and {MAX_BINS}, not {bins}")


def each_column(
    source: ParquetSource,
    columns: Sequence[str] | None,
    work: Callable[[Sequence[str]], dict[str, T]],
    failed: Callable[[str], T],
    progress: Progress | None,
) -> dict[str, T]:
    """Do work on a few columns of all row groups at a time, in threads.

    Parameters
    ----------
    source, columns, progress
        As `fit_bins` takes them.
    work, failed
        As `isolate` takes them.

    Returns
    -------
    dict
        Result by column.
    """
    names = list(dict.fromkeys(source.schema.names if columns is None else columns))
    reasons = {name: source.unreadable(name) for name in names}
    readable = [name for name in names if reasons[name] is None]
    results = {name: failed(reason) for name, reason in reasons.items() if reason}
    groups = together(readable, min(source.rows, SAMPLE_ROWS))
    with ThreadPoolExecutor(THREADS) as pool:
        done_in_turn = pool.map(lambda group: isolate(work, group, failed), groups)
        for done, result in enumerate(done_in_turn, 1):
            results |= result
            if progress:
                progress(done / len(groups))
    return {name: results[name] for name in names}


class _NumericFit:
    """The range and a sample of the finite values of a column."""

    def __init__(self, arrow_type: pa.DataType, rows: int, bins: int) -> None:
        self._arrow_type = arrow_type
        self._bins = bins
        self._stride = -(-rows // SAMPLE_ROWS)
        self._skip = 0
        self._low, self._high = np.inf, -np.inf
        self._sample: list[NDArray[np.float64]] = []

    def add(self, array: pa.Array) -> None:
        """Take in the next rows of the column."""
        refuse_rounding(array)
        for run in float_runs(array):
            spaced = run[self._skip :: self._stride]
            if self._stride > 1:  # a view would keep the whole run in memory
                spaced = spaced.copy()
            low, high = run.min(), run.max()
            if not np.isfinite([low, high]).all():  # a NaN is the least and the greatest
                finite = run[np.isfinite(run)]
                low, high = finite.min(initial=np.inf), finite.max(initial=-np.inf)
                spaced = spaced[np.isfinite(spaced)]
            self._low, self._high = min(self._low, low), max(self._high, high)
            self._sample.append(spaced)
            self._skip = (self._skip - len(run)) % self._stride

    def result(self) -> NumericBins:
        """Return the bins of the rows so far."""
        values = np.concatenate([np.empty(0), *self._sample])
        found = value_kind(self._arrow_type)
        kind = found if found in ("date", "timestamp") else "numeric"
        whole = kind != "numeric" or pa.types.is_integer(self._arrow_type)
        edges, spikes = quantile_edges(values, self._bins, whole=whole)
        return NumericBins(
            edges,
            kind,
            # Adding zero turns -0.0 into 0.0, whichever of the two comes first.
            float(self._low) + 0.0 if self._low <= self._high else None,
            float(self._high) + 0.0 if self._low <= self._high else None,
            str(self._arrow_type),
            spikes,
        )


class _CategoricalFit:
    """The rows of a column by category."""

    def __init__(self, arrow_type: pa.DataType) -> None:
        self._arrow_type = arrow_type
        self._counts: Counter[str] = Counter()
        self._identifier = False

    def add(self, array: pa.Array) -> None:
        """Take in the next rows of the column; nothing once it looks like an identifier."""
        if self._identifier:
            return
        codes, dictionary = category_codes(array)
        rows = np.bincount(codes, minlength=len(dictionary) + 1)[:-1]
        present = np.flatnonzero(rows)
        if len(present) <= MAX_CATEGORIES:
            names = dictionary.take(as_arrow(present)).to_pylist()
            self._counts.update(dict(zip(names, rows[present].tolist(), strict=True)))
        self._identifier = max(len(present), len(self._counts)) > MAX_CATEGORIES

    def result(self) -> CategoricalBins | ColumnError:
        """Return the bins of the rows so far."""
        if self._identifier:
            return ColumnError(
                f"more than {MAX_CATEGORIES:,} distinct values: it looks like an identifier"
            )
        return category_bins(self._counts, str(self._arrow_type))


def fit_columns(
    source: ParquetSource,
    names: Sequence[str],
    bins: int,
    pieces: Iterable[tuple[str, int, pa.Array]],
) -> dict[str, Bins | ColumnError]:
    """Fit the bins of a few columns.

    Parameters
    ----------
    pieces
        Those columns of all row groups, as `ParquetSource.arrays` yields them.
    """
    fits: dict[str, _NumericFit | _CategoricalFit] = {}
    for name in names:
        arrow_type = source.schema.field(name).type
        if pa.types.is_dictionary(arrow_type):
            arrow_type = arrow_type.value_type
        if value_kind(arrow_type) == "categorical":
            fits[name] = _CategoricalFit(arrow_type)
        else:
            fits[name] = _NumericFit(arrow_type, source.rows, bins)
    for name, _, array in pieces:
        fits[name].add(array)
    return {name: fit.result() for name, fit in fits.items()}
