"""Correlation of two scores of the same rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ScoreCorrelation:
    """Pearson's correlation of two scores, and Spearman's, which is that of their ranks.

    None where a score has one value only.
    """

    rows: int
    pearson: float | None
    spearman: float | None


def score_correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> ScoreCorrelation:
    """Return the correlations of two scores, float64[N] each; ties have their mean rank."""
    return ScoreCorrelation(
        len(first), _correlation(first, second), _correlation(_ranks(first), _ranks(second))
    )


def mean_correlation(days: Iterable[ScoreCorrelation]) -> ScoreCorrelation:
    """Return the mean of the days' correlations, weighted by rows."""
    known = list(days)
    rows = sum(one.rows for one in known)
    return ScoreCorrelation(
        rows,
        _mean([(one.rows, one.pearson) for one in known]),
        _mean([(one.rows, one.spearman) for one in known]),
    )


def _mean(values: list[tuple[int, float | None]]) -> float | None:
    known = [(rows, value) for rows, value in values if value is not None]
    total = sum(rows for rows, _ in known)
    return sum(rows * value for rows, value in known) / total if total else None


def _correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float | None:
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(np.corrcoef(first, second)[0, 1])


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, of_row, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2)[of_row]
    return ranks
