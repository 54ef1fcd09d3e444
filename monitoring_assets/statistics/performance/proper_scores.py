"""Brier score with its decomposition, and log loss."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring_assets.statistics.performance.bands import BandSums
from monitoring_assets.statistics.performance.intervals import Estimate, absent, normal
from monitoring_assets.statistics.performance.score_groups import ScoreGroups

CLIP = float(np.finfo(np.float64).eps)
"""Log loss takes scores for at least this, and at most 1 minus this, as scikit-learn does."""


@dataclass(frozen=True, slots=True)
class BrierDecomposition:
    """The Brier score in parts that add exactly, over score bands.

    ``Brier = reliability - resolution + uncertainty + within_variance - within_covariance``. The
    first three are Murphy's; they add up alone only if all scores of a band are equal.

    Parameters
    ----------
    reliability
        Mean squared distance of mean score and bad rate by band; 0 is calibrated.
    resolution
        Mean squared distance of the bands' bad rates from that of all.
    uncertainty
        Variance of the outcome.
    within_variance
        Variance of scores within bands.
    within_covariance
        Twice the covariance of scores and outcomes within bands: resolution that bands hide.

    References
    ----------
    Murphy (1973), Journal of Applied Meteorology 12(4). Stephenson, Coelho and Jolliffe (2008),
    "Two extra components in the Brier score decomposition", Weather and Forecasting 23(4).
    """

    reliability: float
    resolution: float
    uncertainty: float
    within_variance: float
    within_covariance: float


@dataclass(frozen=True, slots=True)
class ProperScores:
    """How near scores are to outcomes; 0 is best.

    Parameters
    ----------
    brier
        Mean squared distance of score and outcome. Normal interval.
    decomposition
        Its parts; None where it is.
    log_loss
        Mean of ``-log`` of the probability given to what happened, in nats. Normal interval.
    brier_excess
        Brier score over ``mean(p (1-p))``, which it is on average if scores are the true
        probabilities. Standard error and normal interval are those that chance gives it then:
        ``sqrt(sum((1-2p)^2 p (1-p))) / rows``.

    References
    ----------
    Spiegelhalter (1986), "Probabilistic prediction in patient management and clinical trials",
    Statistics in Medicine 5(5).
    """

    brier: Estimate
    decomposition: BrierDecomposition | None
    log_loss: Estimate
    brier_excess: Estimate


class Losses:
    """Sums of the losses and of their squares."""

    def __init__(self) -> None:
        self._rows = 0
        self._brier = np.zeros(2)
        self._log_loss = np.zeros(2)
        self._expected = np.zeros(2)

    def add(self, groups: ScoreGroups) -> None:
        """Add scores, which are probabilities."""
        self._rows += int(groups.goods.sum() + groups.bads.sum())
        clipped = np.clip(groups.scores, CLIP, 1 - CLIP)
        self._brier += _powers(groups, groups.scores**2, (1 - groups.scores) ** 2)
        self._log_loss += _powers(groups, -np.log(1 - clipped), -np.log(clipped))
        by_chance = (groups.goods + groups.bads) * groups.scores * (1 - groups.scores)
        spread = by_chance * (1 - 2 * groups.scores) ** 2
        self._expected += [by_chance.sum(), spread.sum()]

    def result(self, bands: BandSums) -> ProperScores:
        """Return what follows.

        Parameters
        ----------
        bands
            Sums by band of the same rows.
        """
        if not self._rows:
            nothing = absent("no row has an outcome")
            return ProperScores(nothing, None, nothing, nothing)
        return ProperScores(
            self._mean(self._brier, 1.0),
            decomposition(bands),
            self._mean(self._log_loss, math.inf),
            self._excess(),
        )

    def _excess(self) -> Estimate:
        expected, variance = self._expected.tolist()
        excess = (float(self._brier[0]) - expected) / self._rows
        return normal(excess, math.sqrt(variance) / self._rows, -1.0, 1.0)

    def _mean(self, powers: NDArray[np.float64], most: float) -> Estimate:
        total, squares = powers.tolist()
        mean = total / self._rows
        if self._rows == 1:
            return Estimate(mean, reason="an interval needs two rows, has 1")
        variance = max(squares - self._rows * mean**2, 0.0) / (self._rows - 1)
        return normal(mean, math.sqrt(variance / self._rows), 0.0, most)


def _powers(
    groups: ScoreGroups, of_good: NDArray[np.float64], of_bad: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sum a loss, and its square, over the rows of groups."""
    # Products are summed, not multiplied as vectors: BLAS would wake its threads for so little.
    goods, bads = groups.goods * of_good, groups.bads * of_bad
    return np.array([(goods + bads).sum(), (goods * of_good + bads * of_bad).sum()])


def decomposition(bands: BandSums) -> BrierDecomposition:
    """Return the parts of the Brier score.

    Parameters
    ----------
    bands
        Sums by band, of at least one row.
    """
    used = bands.rows > 0
    rows, bads = bands.rows[used], bands.bads[used]
    scores = bands.scores[used]
    squares = scores - bands.variances[used]
    n = rows.sum()
    rate = bads.sum() / n
    parts = (
        (scores - bads) ** 2 / rows,
        rows * (bads / rows - rate) ** 2,
        n * rate * (1 - rate),
        squares - scores**2 / rows,
        2 * (bands.bad_scores[used] - scores * bads / rows),
    )
    return BrierDecomposition(*(float(np.sum(part) / n) for part in parts))
