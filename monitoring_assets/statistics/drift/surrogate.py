"""What each bin adds to the score: an additive model of the score, fitted on the reference's rows.

The mean score of a bin holds what correlated characteristics do; the effect of a bin, beside the
effects of all other bins, does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.linalg import solve
from scipy.sparse import csr_array

from monitoring_assets.statistics.profiles.bins import Bins, NumericBins
from monitoring_assets.statistics.profiles.kernel import float_runs, slot_runs
from monitoring_assets.statistics.profiles.source import ParquetSource

VALUES = 5_000_000
"""Values that are fitted, which bounds the memory; of more rows, as many as are evenly spaced."""

MOST_BINS = 4_000
"""Bins of all characteristics together; the fit takes some seconds and 130 MB for as many."""

GOOD_R2 = 0.5
"""R2 from which the effects say more of a characteristic's part than its marginal mix does."""

OUTERMOST = 0.005
"""Share of the numbers on each side that is drawn in before they are fitted."""

RIDGE_ROWS = 1.0
"""Rows without effect that each bin is fitted with: a bin of few rows has a small effect."""


@dataclass(frozen=True, eq=False)
class Surrogate:
    """An additive model of the score.

    Parameters
    ----------
    effects
        float64[B] by characteristic, in units of the score and in the order of the profile's slots:
        how far the score of a row lies from the mean for being in the bin. Their mean over the
        reference is 0; a bin without rows has 0.
    r2
        Share of the variance of the reference's scores that they explain, adjusted for the number
        of bins.
    """

    effects: Mapping[str, NDArray[np.float64]]
    r2: float

    SCHEMA: ClassVar[pa.Schema] = pa.schema(
        [("column", pa.string()), ("bin", pa.int32()), ("effect", pa.float64())]
    )

    def __str__(self) -> str:
        """How parts of the score's shift are found with it, in words."""
        if self.is_good:
            return f"additive surrogate of the score, R2 {self.r2:.2f}"
        return (
            f"marginal mix: an additive surrogate of the score has R2 {self.r2:.2f}, "
            f"under {GOOD_R2}"
        )

    @property
    def is_good(self) -> bool:
        """Whether it explains enough to say what moved the score."""
        return self.r2 >= GOOD_R2

    def to_table(self) -> pa.Table:
        """One row a bin, of ``SCHEMA``; ``r2`` is not in it."""
        rows = [
            (name, number, effect)
            for name, effects in self.effects.items()
            for number, effect in enumerate(effects.tolist())
        ]
        columns = zip(*rows, strict=True)
        arrays = [pa.array(v, f.type) for v, f in zip(columns, self.SCHEMA, strict=True)]
        return pa.Table.from_arrays(arrays, schema=self.SCHEMA)

    @classmethod
    def from_table(cls, table: pa.Table, r2: float) -> Surrogate:
        """Read a table of ``SCHEMA``."""
        names = np.array(table["column"].to_pylist())
        effects = table["effect"].to_numpy()
        return cls({str(name): effects[names == name] for name in dict.fromkeys(names)}, r2)


def fit_surrogate(
    source: ParquetSource, bins: Mapping[str, Bins], scores: ParquetSource, score_column: str
) -> Surrogate:
    """Fit by ridge regression of the score on the indicators of all bins.

    Parameters
    ----------
    source
        The reference.
    bins
        Bins by characteristic.
    scores
        Table with the score of the same rows, in row groups of the same lengths.
    score_column
        Its column; rows without a finite score are left out.

    Returns
    -------
    Surrogate
        An exact fit of a score that is a sum of functions of the bins.

    Raises
    ------
    ValueError
        There are no or too many bins, no more rows with a score than bins, or all scores are equal.

    References
    ----------
    Hastie and Tibshirani (1986), "Generalized additive models", Statistical Science 1(3); Hoerl
    and Kennard (1970), "Ridge regression", Technometrics 12(1).
    """
    if not bins:
        raise ValueError("no characteristic has bins")
    sizes = [len(one.slots) for one in bins.values()]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    slots = int(starts[-1])
    if slots > MOST_BINS:
        raise ValueError(f"{slots:,} bins; at most {MOST_BINS:,} can be fitted together")
    step = -(-source.rows * len(bins) // VALUES)
    groups = list(_rows(source, bins, step))
    codes = np.concatenate([np.empty((0, len(bins)), np.intp), *(codes for codes, _ in groups)])
    numbers = np.concatenate([np.empty((0, len(bins))), *(values for _, values in groups)])
    score = np.concatenate([np.empty(0), *_scores(scores, score_column, step)])
    has_score = np.isfinite(score)
    codes, numbers, score = codes[has_score], numbers[has_score], score[has_score]
    rows = len(score)
    if rows <= slots:
        raise ValueError(f"{rows:,} rows with a score for {slots:,} bins")
    centred = score - score.mean()
    total = float(centred @ centred)
    if not total > 0:
        raise ValueError("all scores are equal")
    shape, ends = (rows, slots), np.arange(0, codes.size + 1, len(bins))
    indicators = csr_array((np.ones(codes.size), (codes + starts[:-1]).ravel(), ends), shape=shape)
    within = np.stack(
        [
            _within(slot, values, size)
            for slot, values, size in zip(codes.T, numbers.T, sizes, strict=True)
        ],
        axis=1,
    )
    cross = indicators.T @ within
    gram = np.block([[(indicators.T @ indicators).toarray(), cross], [cross.T, within.T @ within]])
    np.fill_diagonal(gram, gram.diagonal() + RIDGE_ROWS)
    target = np.concatenate([indicators.T @ centred, within.T @ centred])
    fitted = solve(gram, target, assume_a="pos")
    effects = fitted[:slots]
    residuals = centred - indicators @ effects
    counts = np.asarray(indicators.sum(0))
    # Each characteristic's indicators add up to one.
    freedom = rows - 1 - (int(np.count_nonzero(counts)) - len(bins))
    r2 = 1 - float(residuals @ residuals) / total * (rows - 1) / freedom
    by_name = {}
    for name, start, end in zip(bins, starts[:-1], starts[1:], strict=True):
        mine, share = effects[start:end], counts[start:end] / rows
        by_name[name] = np.where(share > 0, mine - mine @ share, 0.0)
    return Surrogate(by_name, r2)


def _within(
    codes: NDArray[np.intp], numbers: NDArray[np.float64], slots: int
) -> NDArray[np.float64]:
    """How far each number lies from the mean of its bin, in standard deviations of all of them.

    Without it the bins of a characteristic would also be fitted with what the numbers of another,
    correlated one do inside their bins. 0 for what is no number; the outermost are drawn in.
    """
    finite = np.isfinite(numbers)
    if not finite.any():
        return np.zeros(len(numbers))
    low, high = np.quantile(numbers[finite], [OUTERMOST, 1 - OUTERMOST])
    drawn_in = np.clip(np.where(finite, numbers, low), low, high)
    counts = np.maximum(np.bincount(codes, finite, minlength=slots), 1)
    means = np.bincount(codes, drawn_in * finite, minlength=slots) / counts
    deviation = np.where(finite, drawn_in - means[codes], 0.0)
    with np.errstate(over="ignore"):
        spread = deviation.std()
    return deviation / spread if spread > 0 else deviation


def _rows(
    source: ParquetSource, bins: Mapping[str, Bins], step: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.float64]]]:
    """Every ``step``-th row of each row group: slots, and numbers (NaN for others), [N, C] each."""
    for group in source.row_groups:
        slots = {name: np.empty(group.rows, np.uint8) for name in bins}
        numbers = {name: np.full(group.rows, np.nan) for name in bins}
        for name, start, array in source.arrays(group, list(bins)):
            for run, found in slot_runs(array, bins[name]):
                first = start + run.start
                slots[name][first : first + len(found)] = found
            if isinstance(bins[name], NumericBins):
                _fill(numbers[name], start, array)
        yield (
            np.stack([one[::step] for one in slots.values()], axis=1).astype(np.intp),
            np.stack([one[::step] for one in numbers.values()], axis=1),
        )


def _scores(scores: ParquetSource, column: str, step: int) -> Iterator[NDArray[np.float64]]:
    for group in scores.row_groups:
        values = np.empty(group.rows)
        for _, start, array in scores.arrays(group, [column]):
            _fill(values, start, array)
        yield values[::step]


def _fill(numbers: NDArray[np.float64], start: int, array: pa.Array) -> None:
    """Write the numbers of an array, NaN for nulls, from a row on."""
    for values in float_runs(array):
        numbers[start : start + len(values)] = values
        start += len(values)
