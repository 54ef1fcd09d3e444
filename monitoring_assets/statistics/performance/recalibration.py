"""Logistic recalibration: slope and intercept of the log odds, from sums of one pass.

The fit needs the log odds of every row at each of its steps. What is kept instead is, by cells of
1/32 of the log odds, the number of rows and the mean and variance of their log odds; each cell is
then fitted as two points with these moments. What the outcomes contribute is exact. From a fit on
the rows the coefficients differ by under 1e-7.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring_assets.statistics.performance.intervals import Estimate, absent, normal
from monitoring_assets.statistics.performance.logistic import fit_logistic
from monitoring_assets.statistics.performance.proper_scores import CLIP
from monitoring_assets.statistics.performance.score_groups import ScoreGroups, add_by_cell

CELLS = 32
"""Cells for each unit of log odds."""
LIMIT = 37
"""Greatest log odds; those of a clipped score of 0 or 1 are 36.04."""


@dataclass(frozen=True, slots=True)
class Recalibration:
    """What would make the scores right: ``logit P(bad) = intercept + slope * logit(score)``.

    Normal (Wald) intervals, from the Fisher information.

    Parameters
    ----------
    intercept, slope
        Fitted together; 0 and 1 for a calibrated score. A slope under 1: too extreme.
    in_the_large
        The intercept where the slope is held at 1: calibration in the large, in log odds. Above
        0: more bads than the scores say.

    References
    ----------
    Cox (1958), Biometrika 45(3/4). Van Calster et al. (2019), BMC Medicine 17(230).
    """

    intercept: Estimate
    slope: Estimate
    in_the_large: Estimate


class LogOddsSums:
    """Sums by cell of the log odds of scores."""

    def __init__(self) -> None:
        # By cell: rows, and the first two powers of their log odds above the cell's lower edge,
        # from where the variance does not drown in rounding.
        self._sums = np.zeros((3, 2 * LIMIT * CELLS))
        self._bads = 0
        self._bad_log_odds = 0.0

    def add(self, groups: ScoreGroups) -> None:
        """Add scores, which are probabilities; those of 0 and 1 are clipped as in log loss."""
        clipped = np.clip(groups.scores, CLIP, 1 - CLIP)
        log_odds = np.log(clipped) - np.log(1 - clipped)
        cell = ((log_odds + LIMIT) * CELLS).astype(np.int64)
        offset = log_odds - _edge(cell)
        rows = groups.goods + groups.bads
        add_by_cell(self._sums, cell, rows, rows * offset, rows * offset**2)
        self._bads += int(groups.bads.sum())
        self._bad_log_odds += float((groups.bads * log_odds).sum())

    def result(self) -> Recalibration:
        """Fit, by Newton's method."""
        rows = int(self._sums[0].sum())
        if not 0 < self._bads < rows:
            nothing = absent(f"needs goods and bads, has {rows - self._bads} and {self._bads}")
            return Recalibration(nothing, nothing, nothing)
        used = np.flatnonzero(self._sums[0])
        weight, sums, squares = self._sums[:, used]
        mean = sums / weight
        spread = np.sqrt(np.maximum(squares / weight - mean**2, 0))
        log_odds = np.concatenate([_edge(used) + mean - spread, _edge(used) + mean + spread])
        weight = np.concatenate([weight, weight]) / 2
        ones = np.ones((len(log_odds), 1))
        fixed = _fit(ones, log_odds, weight, np.array([self._bads]))
        free = _fit(
            np.column_stack([ones, log_odds]),
            np.zeros(len(log_odds)),
            weight,
            np.array([self._bads, self._bad_log_odds]),
        )
        in_the_large = fixed[0] if fixed else absent("the fit of the intercept did not converge")
        if free is None:
            reason = "no finite slope: scores do not vary, or they separate goods and bads"
            return Recalibration(absent(reason), absent(reason), in_the_large)
        return Recalibration(free[0], free[1], in_the_large)


def _edge(cell: NDArray[np.int64]) -> NDArray[np.float64]:
    edge: NDArray[np.float64] = cell / CELLS - LIMIT
    return edge


def _fit(
    design: NDArray[np.float64],
    offset: NDArray[np.float64],
    weight: NDArray[np.float64],
    bads: NDArray[np.float64],
) -> list[Estimate] | None:
    """Fit, and give each of the P coefficients its error; None if there is no finite fit."""
    fit = fit_logistic(design, offset, weight, bads)
    if fit is None:
        return None
    errors = np.sqrt(np.diag(fit.covariance))
    return [normal(float(c), float(e)) for c, e in zip(fit.coefficients, errors, strict=True)]
