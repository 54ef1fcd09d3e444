"""The calibration map: the probability of bad that a score stands for, learnt on the reference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.special import expit, logit, xlog1py, xlogy

from monitoring_assets.statistics.performance.logistic import fit_logistic
from monitoring_assets.statistics.performance.proper_scores import CLIP
from monitoring_assets.statistics.profiles.bins import NumericBins
from monitoring_assets.statistics.profiles.profile import ColumnProfile
from monitoring_assets.statistics.profiles.score_scale import Direction

Method = Literal["isotonic", "logistic", "identity"]


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
        ``isotonic``: the chance of bad is the bad rate of a block of bins. ``logistic``: its log
        odds are a line of those of the score, or of its points. ``identity``: it is the score. The
        last two take a day's mean score of each bin.
    reason
        Why this method, in words.
    goods, bads
        float64[G], the reference's rows; all 0 if it has no outcomes.
    rates
        float64[G], the chance of bad of the reference's rows.
    rate_errors
        float64[G, K], standard errors of ``rates`` from K blocks; K is 0 but for ``isotonic``.
    line
        float64[2], intercept and slope; those of the score itself but for ``logistic``.
    line_errors
        float64[2, K], standard errors of both from K sources; K is 0 for ``isotonic``, and without
        outcomes.
    """

    grid: NumericBins
    probability: bool
    direction: Direction
    method: Method
    reason: str
    goods: NDArray[np.float64]
    bads: NDArray[np.float64]
    rates: NDArray[np.float64]
    rate_errors: NDArray[np.float64]
    line: NDArray[np.float64]
    line_errors: NDArray[np.float64]

    @property
    def parameters(self) -> int:
        """How many numbers were fitted."""
        return 2 if self.method == "logistic" else int(self.rate_errors.shape[1])

    @property
    def cost(self) -> float:
        """Log-likelihood that the map must gain to be taken instead of another.

        One for each rate. For a line the logarithm of the rows (Schwarz 1978): chance alone gains
        as much in one of as many references, whereas it gains 2 in one of seven.
        """
        if self.method == "logistic":
            return math.log((self.goods + self.bads).sum())
        return float(self.parameters)

    @property
    def is_measured(self) -> bool:
        """Whether outcomes of the reference have said what a score stands for."""
        return bool(self.goods.any() and self.bads.any())

    @property
    def optimism(self) -> float:
        """By how much the map puts the reference's AUC above the realised one."""
        return optimism([self], [1.0])

    def chances(
        self, mean_scores: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the chance of bad by bin, and its errors.

        Parameters
        ----------
        mean_scores
            float64[G], of the rows whose chance is asked for.

        Returns
        -------
        chances : ndarray
            float64[G].
        errors : ndarray
            float64[G, K], standard errors from K sources that are independent of each other. That
            of a score that is kept is the chance that it should not have been.
        """
        if self.method == "isotonic":
            return self.rates, self.rate_errors
        design = _design(mean_scores, probability=self.probability)
        if self.method == "identity":
            chances = np.clip(mean_scores, 0.0, 1.0)
        else:
            chances = expit(design @ self.line)
        return chances, (chances * (1 - chances))[:, None] * (design @ self.line_errors)


def optimism(maps: Sequence[CalibrationMap], weights: Sequence[float]) -> float:
    """Return by how much maps put the reference's AUC above the realised one.

    Isotonic rates rank the reference better than its outcomes do. The other maps do not: where one
    misses the outcomes, it errs on both sides alike.

    Parameters
    ----------
    maps
        Of the groups of the reference, in one grid.
    weights
        What a row of each group counts for.
    """
    fitted, realised = np.zeros((2, 2, len(maps[0].rates)))
    has_fit = False
    for one, weight in zip(maps, weights, strict=True):
        rows = weight * (one.goods + one.bads)
        expected = rows * np.stack([1 - one.rates, one.rates])
        is_fit = one.method == "isotonic"
        has_fit |= is_fit and weight > 0
        fitted += expected
        realised += weight * np.stack([one.goods, one.bads]) if is_fit else expected
    if not has_fit:
        return 0.0
    by_risk = slice(None, None, maps[0].direction)
    return concordance(*fitted[:, by_risk]) - concordance(*realised[:, by_risk])


def fit_calibration(
    scores: ColumnProfile,
    outcomes: ColumnProfile | None = None,
    *,
    probability: bool = True,
    direction: Direction = 1,
) -> CalibrationMap:
    """Learn what a score stands for from the reference.

    Three maps are candidates: the score itself, if it is a probability; a line of its log odds, or
    of its points; and bad rates by bin, made monotone by isotonic regression with rows as weights.
    Akaike's criterion chooses between the last two: it takes one of log-likelihood off for each
    coefficient of the line, and for each block of equal rates, which are their degrees of freedom
    (Meyer and Woodroofe 2000). That asks what a hold-out asks (Stone 1977: it is the log loss of
    leaving one out), without rows and without chance. The score is kept unless what was chosen
    gains more than `CalibrationMap.cost`.

    Parameters
    ----------
    scores
        The reference in a score grid, with sums of the score.
    outcomes
        The same with sums of the outcome (1 bad, 0 good); None if there are no outcomes.
    probability
        Whether what is summed of the scores is meant as a probability of bad.
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
    of Statistics 28(4). Stone (1977), Journal of the Royal Statistical Society B 39(1). Cox (1958),
    Biometrika 45(3/4), on the line. Buckland, Burnham and Augustin (1997), "Model selection: an
    integral part of inference", Biometrics 53(2), on errors of what has been chosen.
    Schwarz (1978), Annals of Statistics 6(2).
    """
    grid, rows_scored, score_sums = grid_sums(scores)
    mean_scores = np.divide(
        score_sums, rows_scored, where=rows_scored > 0, out=np.full_like(rows_scored, 0.5)
    )
    lacking = "the reference has no outcomes"
    goods = bads = np.zeros_like(rows_scored)
    if outcomes is not None:
        outcome_grid, rows, bads = grid_sums(outcomes)
        if outcome_grid != grid:
            raise ValueError("scores and outcomes of the reference are counted in different grids")
        if (bads < 0).any() or (bads > rows).any():
            raise ValueError("outcomes of the reference must be 0 (good) and 1 (bad)")
        goods = rows - bads
        lacking = f"the reference has {goods.sum():.0f} goods and {bads.sum():.0f} bads"
    kept = CalibrationMap(
        grid,
        probability,
        direction,
        "identity",
        f"{lacking}, so the score is taken for a probability; nothing has checked that",
        goods,
        bads,
        rates=np.clip(mean_scores, 0.0, 1.0),
        rate_errors=np.zeros((len(mean_scores), 0)),
        line=np.array([0.0, 1.0]),
        line_errors=np.zeros((2, 0)),
    )
    if kept.is_measured:
        return _best(kept, mean_scores)
    if not probability:
        raise ValueError(f"a score in points needs the reference's goods and bads: {lacking}")
    return kept


def map_of_part(own: CalibrationMap, whole: CalibrationMap) -> CalibrationMap:
    """Return the map of a part of the reference: its own, if its outcomes speak for that.

    They do by the criterion of `fit_calibration`: its own must gain more of log-likelihood over the
    map of all rows than it costs.

    Parameters
    ----------
    own, whole
        Fitted on the part, and on all rows; both measured, in one grid.
    """
    gain = _log_likelihood(own) - _log_likelihood(replace(own, rates=whole.rates))
    if gain > own.cost:
        return own
    return replace(
        whole, reason=f"as in all rows, its own map gaining {gain:.1f} more; {whole.reason}"
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


def _best(kept: CalibrationMap, mean_scores: NDArray[np.float64]) -> CalibrationMap:
    """Return the score's own map, or the candidate that gains more than it costs; say why."""
    candidates, line = [_isotonic(kept)], _line(kept, mean_scores)
    if line is not None:
        if kept.probability:
            kept, line = _either(kept, line)
        candidates.append(line)
    best = max(candidates, key=lambda one: _log_likelihood(one) - one.parameters)
    words = "coefficients of a line" if best.method == "logistic" else "rates"
    words = f"{best.parameters} {words}"
    if not kept.probability:
        return replace(best, reason=f"the score is in points, which {words} turn into chances")
    gain = _log_likelihood(best) - _log_likelihood(kept)
    is_worth_it = gain > best.cost
    return replace(
        best if is_worth_it else kept,
        reason=f"recalibrating the score gains {gain:.1f} of log-likelihood on the reference "
        f"for {words}, {'more' if is_worth_it else 'not more'} than the {best.cost:.1f} they cost",
    )


def _either(kept: CalibrationMap, line: CalibrationMap) -> tuple[CalibrationMap, CalibrationMap]:
    """Let the errors of each allow for the other being right, by Akaike weights.

    Without that a miscalibration too small to be found would count for nothing, and one that
    chance has found for too much.
    """
    share = float(expit(_log_likelihood(line) - _log_likelihood(kept) - 2))
    away = line.line - kept.line
    return (
        replace(kept, line_errors=share * np.column_stack([line.line_errors, away])),
        replace(
            line,
            line_errors=np.column_stack(
                [math.sqrt(share) * line.line_errors, math.sqrt(1 - share) * away]
            ),
        ),
    )


def _log_likelihood(one: CalibrationMap) -> float:
    """Return that of the outcomes; a chance of 0 or 1 that fails is bounded as in log loss."""
    chance = np.clip(one.rates, CLIP, 1 - CLIP)
    return float((xlogy(one.bads, chance) + xlog1py(one.goods, -chance)).sum())


def _isotonic(kept: CalibrationMap) -> CalibrationMap:
    """Return the map of bad rates by bin, made monotone."""
    goods, bads = kept.goods, kept.bads
    rows = goods + bads
    used = rows > 0
    fit = isotonic_regression(
        bads[used] / rows[used], weights=rows[used], increasing=kept.direction > 0
    )
    # A bin without reference rows is one with the bin below it, the first ones with that above.
    neighbour = np.maximum(np.cumsum(used) - 1, 0)
    block = (np.searchsorted(fit.blocks, np.arange(used.sum()), "right") - 1)[neighbour]
    # Half a bad and half a good more, or a block without bads would seem to be known exactly.
    block_rows = np.bincount(block, rows)
    shrunk = (np.bincount(block, bads) + 0.5) / (block_rows + 1)
    errors = np.sqrt(shrunk * (1 - shrunk) / block_rows)
    return replace(
        kept,
        method="isotonic",
        rates=fit.x[neighbour],
        rate_errors=np.where(block[:, None] == np.arange(len(errors)), errors, 0.0),
    )


def _line(kept: CalibrationMap, mean_scores: NDArray[np.float64]) -> CalibrationMap | None:
    """Return the map whose log odds are a line; None if none fits."""
    design = _design(mean_scores, probability=kept.probability)
    rows = kept.goods + kept.bads
    # A score in points may be any number: the fit wants one near 1.
    centre = float(rows @ design[:, 1] / rows.sum())
    spread = math.sqrt(float(rows @ (design[:, 1] - centre) ** 2 / rows.sum()))
    if spread == 0:
        return None
    back = np.array([[1.0, -centre / spread], [0.0, 1 / spread]])
    scaled = design @ back
    fit = fit_logistic(scaled, np.zeros(len(rows)), rows, kept.bads @ scaled)
    if fit is None:
        return None
    line = replace(
        kept,
        method="logistic",
        line=back @ fit.coefficients,
        line_errors=back @ np.linalg.cholesky(fit.covariance),
    )
    return replace(line, rates=line.chances(mean_scores)[0])


def _design(scores: NDArray[np.float64], *, probability: bool) -> NDArray[np.float64]:
    """Return what a line is drawn over: ones, and log odds or points, float64[G, 2]."""
    bounded = np.clip(scores, CLIP, 1 - CLIP)
    return np.column_stack([np.ones_like(scores), logit(bounded) if probability else scores])
