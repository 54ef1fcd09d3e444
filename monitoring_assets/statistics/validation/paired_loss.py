"""Losses of two predictions of the same rows: Brier score and log loss, and their difference."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from monitoring_assets.statistics.performance.intervals import Estimate, absent, normal
from monitoring_assets.statistics.performance.proper_scores import CLIP


@dataclass(frozen=True, slots=True)
class PairedLoss:
    """The mean losses of two predictions of the same rows.

    Parameters
    ----------
    difference
        The second less the first, below 0 if the second is better. The standard error is that of
        the mean of the rows' own differences, so that what both share does not count.

    References
    ----------
    Diebold and Mariano (1995), Journal of Business and Economic Statistics 13(3), for
    independent rows.
    """

    first: float | None
    second: float | None
    difference: Estimate


@dataclass(frozen=True, slots=True)
class LossSums:
    """Sums over rows from which ``PairedLoss`` follows; those of parts add."""

    rows: int = 0
    first: float = 0.0
    second: float = 0.0
    squares: float = 0.0

    def __add__(self, other: LossSums) -> LossSums:
        return LossSums(
            self.rows + other.rows,
            self.first + other.first,
            self.second + other.second,
            self.squares + other.squares,
        )

    def result(self, nothing: str) -> PairedLoss:
        """Return the means; ``nothing`` is the reason to give below two rows."""
        if self.rows < 2:
            return PairedLoss(None, None, absent(nothing))
        apart = (self.second - self.first) / self.rows
        variance = max(self.squares - self.rows * apart**2, 0.0) / (self.rows - 1)
        error = math.sqrt(variance / self.rows)
        return PairedLoss(self.first / self.rows, self.second / self.rows, normal(apart, error))


def brier_sums(
    first: NDArray[np.float64], second: NDArray[np.float64], outcomes: NDArray[np.int8]
) -> LossSums:
    """Squared errors of two probabilities of bad, float64[N]; outcomes int8[N], 1 for a bad."""
    return _sums((first - outcomes) ** 2, (second - outcomes) ** 2)


def log_loss_sums(
    first: NDArray[np.float64], second: NDArray[np.float64], outcomes: NDArray[np.int8]
) -> LossSums:
    """Log losses, as `brier_sums`; probabilities are kept ``CLIP`` away from 0 and 1."""
    losses = (
        -xlogy(outcomes, p) - xlogy(1 - outcomes, 1 - p)
        for p in (np.clip(one, CLIP, 1 - CLIP) for one in (first, second))
    )
    return _sums(*losses)


def _sums(first: NDArray[np.float64], second: NDArray[np.float64]) -> LossSums:
    return LossSums(
        len(first), float(first.sum()), float(second.sum()), float(((second - first) ** 2).sum())
    )
