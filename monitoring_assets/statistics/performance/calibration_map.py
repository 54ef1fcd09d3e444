"""The calibration map: the probability of bad that a score stands for, learnt on the reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.special import xlog1py, xlogy

from monitoring_assets.statistics.performance.proper_scores import CLIP
from monitoring_assets.statistics.performance.realised import Direction
from monitoring_assets.statistics.profiles.bins import NumericBins
from monitoring_assets.statistics.profiles.profile import ColumnProfile

Method = Literal["isotonic", "identity"]


@dataclass(frozen=True, eq=False)
class CalibrationMap:
    """Chance of bad by bin of a score grid. It follows from the reference's counts; store these.

    Parameters
    ----------
    grid
        The score grid, G intervals.
    probability
        Whether the score itself is meant as a probability of bad.
    direction
        1 if a high score is risky, -1 if it is safe.
    method
        ``isotonic``: the chance of bad is ``rates``. ``identity``: it is the score, and a day's
        mean score of each bin is taken.
    reason
        Why this method, in words.
    rates
        float64[G], isotonic bad rate of the reference by bin; empty if it has no outcomes.
    block
        int64[G], which of the K blocks of equal rates a bin belongs to; empty like ``rates``.
    block_variance
        float64[K], sampling variance of each block's rate; empty like ``rates``.
    optimism
        By how much ``rates`` put the reference's AUC above the realised one; 0 for ``identity``.
    """

    grid: NumericBins
    probability: bool
    direction: Direction
    method: Method
    reason: str
    rates: NDArray[np.float64]
    block: NDArray[np.int64]
    block_variance: NDArray[np.float64]
    optimism: float


def fit_calibration(
    scores: ColumnProfile,
    outcomes: ColumnProfile | None = None,
    *,
    probability: bool = True,
    direction: Direction = 1,
) -> CalibrationMap:
    """Learn what a score stands for from the reference.

    Bad rates by bin are made monotone by isotonic regression with rows as weights. They replace
    a score that is a probability only if Akaike's criterion says so: the log-likelihood of the
    outcomes must gain more than one for each block of equal rates, which are the degrees of freedom
    of an isotonic fit (Meyer and Woodroofe 2000). That asks what a hold-out asks (Stone 1977: it is
    the log loss of leaving one out), without rows and without chance.

    Parameters
    ----------
    scores
        The reference in a score grid, with sums of the score.
    outcomes
        The same with sums of the outcome (1 bad, 0 good); None if there are no outcomes.
    probability
        Whether the score is meant as a probability of bad.
    direction
        1 if a high score is risky, -1 if it is safe; 1 for a probability.

    Returns
    -------
    CalibrationMap
        The identity if the reference has no goods or no bads.

    Raises
    ------
    ValueError
        The profiles are not of one grid with sums, or a score in points has no reference outcomes.

    References
    ----------
    Meyer and Woodroofe (2000), "On the degrees of freedom in shape-restricted regression", Annals
    of Statistics 28(4). Stone (1977), Journal of the Royal Statistical Society B 39(1).
    """
    grid, rows_scored, score_sums = grid_sums(scores)
    lacking = "the reference has no outcomes"
    if outcomes is not None:
        outcome_grid, rows, bads = grid_sums(outcomes)
        if outcome_grid != grid:
            raise ValueError("scores and outcomes of the reference are counted in different grids")
        if (bads < 0).any() or (bads > rows).any():
            raise ValueError("outcomes of the reference must be 0 (good) and 1 (bad)")
        goods = rows - bads
        lacking = f"the reference has {goods.sum():.0f} goods and {bads.sum():.0f} bads"
        if goods.any() and bads.any():
            return _fit(grid, goods, bads, rows_scored, score_sums, probability, direction)
    if not probability:
        raise ValueError(f"a score in points needs the reference's goods and bads: {lacking}")
    empty = np.zeros(0)
    reason = f"{lacking}, so the score is taken for a probability; nothing has checked that"
    return CalibrationMap(
        grid, True, direction, "identity", reason, empty, empty.astype(np.int64), empty, 0.0
    )


def grid_sums(
    profile: ColumnProfile,
) -> tuple[NumericBins, NDArray[np.float64], NDArray[np.float64]]:
    """Return what a profile has in the G intervals of its grid.

    Parameters
    ----------
    profile
        Of a score, in a grid, with sums.

    Returns
    -------
    grid : NumericBins
        The grid.
    rows : ndarray
        float64[G], rows that were summed.
    sums : ndarray
        float64[G], their sums.

    Raises
    ------
    ValueError
        The profile is not one of numbers with sums.
    """
    bins = profile.bins
    if not isinstance(bins, NumericBins):
        raise ValueError(f"not the profile of a score: {profile.error or 'it has categories'}")
    if profile.score_counts is None or profile.score_sums is None:
        raise ValueError("the score was counted without sums")
    intervals = slice(bins.missing)
    return bins, profile.score_counts[intervals].astype(np.float64), profile.score_sums[intervals]


def concordance(goods: NDArray[np.float64], bads: NDArray[np.float64]) -> float:
    """Return the AUC of goods and bads by bin, ties half.

    Parameters
    ----------
    goods, bads
        float64[G], riskier bins later; neither is all 0.
    """
    below = np.cumsum(goods) - goods / 2
    return float(bads @ below / (bads.sum() * goods.sum()))


def _fit(
    grid: NumericBins,
    goods: NDArray[np.float64],
    bads: NDArray[np.float64],
    rows_scored: NDArray[np.float64],
    score_sums: NDArray[np.float64],
    probability: bool,
    direction: Direction,
) -> CalibrationMap:
    rows = goods + bads
    used = rows > 0
    fit = isotonic_regression(bads[used] / rows[used], weights=rows[used], increasing=direction > 0)
    # A bin without reference rows is one with the bin below it, the first ones with that above.
    neighbour = np.maximum(np.cumsum(used) - 1, 0)
    block = (np.searchsorted(fit.blocks, np.arange(used.sum()), "right") - 1)[neighbour]
    rates = fit.x[neighbour]
    # Half a bad and half a good more, or a block without bads would seem to be known exactly.
    block_bads, block_rows = np.bincount(block, bads), np.bincount(block, rows)
    shrunk = (block_bads + 0.5) / (block_rows + 1)

    def log_likelihood(chance: NDArray[np.float64]) -> float:
        return float((xlogy(bads, chance) + xlog1py(goods, -chance)).sum())

    method: Method = "isotonic"
    reason = "the score is in points"
    if probability:
        mean_score = np.divide(score_sums, rows_scored, where=used, out=np.full_like(rows, 0.5))
        clipped = np.clip(mean_score, CLIP, 1 - CLIP)
        gain = log_likelihood(rates) - log_likelihood(clipped)
        method = "isotonic" if gain > len(shrunk) else "identity"
        reason = (
            f"recalibrating the score gains {gain:.1f} of log-likelihood on the reference "
            f"for {len(shrunk)} rates, {'more' if gain > len(shrunk) else 'not more'} than one each"
        )
    fitted = [goods, bads, rows * (1 - rates), rows * rates]
    realised_goods, realised_bads, fitted_goods, fitted_bads = (x[::direction] for x in fitted)
    return CalibrationMap(
        grid,
        probability,
        direction,
        method,
        reason,
        rates,
        block,
        shrunk * (1 - shrunk) / block_rows,
        concordance(fitted_goods, fitted_bads) - concordance(realised_goods, realised_bads)
        if method == "isotonic"
        else 0.0,
    )
