"""Estimated performance: what a day's scores should achieve, before outcomes are known.

Confidence-based performance estimation: each row counts as bad with the chance that its score had
of being bad in the reference. It assumes that this chance still holds (no concept drift), and it
knows nothing of scores outside the reference's range.

References
----------
Bialek, Kuberski, Perrakis and Bifet (2024), "Estimating Model Performance Under Covariate Shift
Without Labels". NannyML's documentation, "Confidence-based Performance Estimation".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring_assets.statistics.performance.calibration_map import (
    CalibrationMap,
    concordance,
    grid_sums,
    optimism,
)
from monitoring_assets.statistics.performance.proper_scores import CLIP
from monitoring_assets.statistics.performance.realised import IN_POINTS
from monitoring_assets.statistics.profiles.bins import NumericBins
from monitoring_assets.statistics.profiles.profile import ColumnProfile
from monitoring_assets.statistics.profiles.score_scale import Direction

NO_ROW = "no row has a score"
_Weights = tuple[NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class EstimatedMetric:
    """A metric computed from expected goods and bads. What cannot be computed is None, never NaN.

    Errors are standard errors to first order (delta method), with goods and bads by bin as the
    variables.

    Parameters
    ----------
    value
        The metric.
    sampling_error
        From the day's rows, scores and outcomes, being a sample of a population.
    outcome_error
        From the outcomes only: how far chance takes the realised metric *of the same rows* away.
    calibration_error
        From the reference being a sample; None if it has no outcomes to judge that by.
    reason
        Why there is no value, in words.
    """

    value: float | None
    sampling_error: float | None = None
    outcome_error: float | None = None
    calibration_error: float | None = None
    reason: str | None = None

    @property
    def standard_error(self) -> float | None:
        """Of the estimate as one of the day's population; None without a value."""
        if self.sampling_error is None:
            return None
        return math.hypot(self.sampling_error, self.calibration_error or 0.0)


@dataclass(frozen=True, slots=True)
class EstimatedCutOff:
    """Expected confusion matrix at a cut-off: it flags scores at it, and those that are riskier.

    Parameters
    ----------
    score
        The cut-off.
    true_positives, false_positives, false_negatives, true_negatives
        Expected rows. If the grid has no bin for the cut-off, rows of the bin that it falls into
        are taken to be spread evenly over it.
    precision
        Share of bads among the flagged.
    recall
        Share of the bads that are flagged.
    """

    score: float
    true_positives: float
    false_positives: float
    false_negatives: float
    true_negatives: float
    precision: EstimatedMetric
    recall: EstimatedMetric


@dataclass(frozen=True, slots=True)
class EstimatedPerformance:
    """What the scores of a day, or of a segment, should achieve.

    Parameters
    ----------
    rows
        Rows with a finite score.
    unscored
        Rows without one; nothing here is about them.
    outside
        Share of ``rows`` out of the range of the reference, where the calibration is a guess; None
        without rows.
    calibration
        Where the chances of bad come from, and why, in words.
    auc, gini, ks
        How well the score tells goods from bads. The realised KS of few bads is too large on
        average, as it is a maximum; its estimate is not.
    brier, log_loss
        How near the score, as a probability, is to the outcome.
    bad_rate
        Share of bads.
    cut_offs
        Precision and recall at each cut-off.
    """

    rows: int
    unscored: int
    outside: float | None
    calibration: str
    auc: EstimatedMetric
    gini: EstimatedMetric
    ks: EstimatedMetric
    brier: EstimatedMetric
    log_loss: EstimatedMetric
    bad_rate: EstimatedMetric
    cut_offs: tuple[EstimatedCutOff, ...]


@dataclass(frozen=True, eq=False)
class Stratum:
    """Rows that have a calibration of their own.

    Parameters
    ----------
    name
        Which rows these are, in words.
    calibration
        Of the same stratum of the reference.
    scores
        The rows in the grid, with sums of the score. Profiles of days and segments add.
    """

    name: str
    calibration: CalibrationMap
    scores: ColumnProfile


def estimate(
    calibration: CalibrationMap, scores: ColumnProfile, cut_offs: Sequence[float] = ()
) -> EstimatedPerformance:
    """Estimate the performance of scores without outcomes, from their counts.

    Parameters
    ----------
    calibration, scores
        As of a `Stratum`, of all rows.
    cut_offs
        The lender's. They are exact where the grid has them.

    Returns
    -------
    EstimatedPerformance
        Metrics that the rows say nothing of have a reason instead of a value.

    Raises
    ------
    ValueError
        The scores are counted in another grid, or without sums.
    """
    return estimate_strata([Stratum("all rows", calibration, scores)], cut_offs)


def estimate_strata(
    strata: Sequence[Stratum], cut_offs: Sequence[float] = ()
) -> EstimatedPerformance:
    """Estimate the performance of all rows of some strata.

    Each row counts as bad with the chance that its stratum and score have. AUC is that of the
    expected counts, each row tied with itself, less the optimism of the calibration: that of the
    reference with the strata mixed as they are here.

    Parameters
    ----------
    strata
        At least one; each row is in one of them.
    cut_offs
        As `estimate` takes them, which is the case of one stratum; it returns and raises the same.
    """
    first = strata[0].calibration
    grid, size = first.grid, len(first.rates)
    rows, sums, goods, bads, binomial = np.zeros((5, size))
    errors, weights = [], []
    for stratum in strata:
        of_scores, own_rows, own_sums = grid_sums(stratum.scores)
        if of_scores != grid:
            raise ValueError("the scores are counted in another grid than the calibration's")
        chance, of_chance = stratum.calibration.chances(_means(own_sums, own_rows))
        rows += own_rows
        sums += own_sums
        goods += own_rows * (1 - chance)
        bads += own_rows * chance
        binomial += own_rows * chance * (1 - chance)
        errors.append(own_rows[:, None] * of_chance)
        before = float((stratum.calibration.goods + stratum.calibration.bads).sum())
        weights.append(float(own_rows.sum()) / before if before else 0.0)
    maps = [stratum.calibration for stratum in strata]
    expected = _Expected(
        goods,
        bads,
        binomial,
        np.hstack(errors) if all(one.is_measured for one in maps) else None,
        first.direction,
        optimism(maps, weights),
    )
    mean_score = _means(sums, rows)
    ones, zeros = np.ones_like(rows), np.zeros_like(rows)

    def mean_loss(of_bad: NDArray[np.float64], of_good: NDArray[np.float64]) -> EstimatedMetric:
        if not first.probability:
            return EstimatedMetric(None, reason=IN_POINTS)
        return expected.ratio((of_bad, of_good), (ones, ones), NO_ROW)

    def at_cut_off(cut_off: float) -> EstimatedCutOff:
        flagged = _flagged(grid, cut_off, first.direction)
        return EstimatedCutOff(
            cut_off,
            float(flagged @ expected.bads),
            float(flagged @ expected.goods),
            float((1 - flagged) @ expected.bads),
            float((1 - flagged) @ expected.goods),
            expected.ratio((flagged, zeros), (flagged, flagged), "the cut-off flags no row"),
            expected.ratio((flagged, zeros), (ones, zeros), "no bads are expected"),
        )

    auc = expected.auc()
    bounded = np.clip(mean_score, CLIP, 1 - CLIP)
    outside = sum(stratum.scores.below + stratum.scores.above for stratum in strata)
    counted = sum(int(stratum.scores.counts.sum()) for stratum in strata)
    return EstimatedPerformance(
        rows=int(rows.sum()),
        unscored=int(counted - rows.sum()),
        outside=outside / float(rows.sum()) if rows.any() else None,
        calibration="; ".join(
            f"{stratum.name}: {stratum.calibration.reason}" if len(strata) > 1 else first.reason
            for stratum in strata
        ),
        auc=auc,
        gini=_gini(auc),
        ks=expected.ks(),
        brier=mean_loss((1 - mean_score) ** 2, mean_score**2),
        log_loss=mean_loss(-np.log(bounded), -np.log1p(-bounded)),
        bad_rate=expected.ratio((ones, zeros), (ones, ones), NO_ROW),
        cut_offs=tuple(map(at_cut_off, cut_offs)),
    )


def _means(sums: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(sums, rows, where=rows > 0, out=np.full_like(rows, 0.5))


@dataclass(frozen=True)
class _Expected:
    """What is to be expected of rows by bin of the grid.

    Parameters
    ----------
    goods, bads
        float64[G].
    variance
        float64[G], of the number of bads, given the scores.
    errors
        float64[G, K], standard errors of the bads from the calibration, by source; None if it has
        not been measured.
    direction, optimism
        As the calibration's.
    """

    goods: NDArray[np.float64]
    bads: NDArray[np.float64]
    variance: NDArray[np.float64]
    errors: NDArray[np.float64] | None
    direction: Direction
    optimism: float

    def auc(self) -> EstimatedMetric:
        if reason := self._nothing_to_rank():
            return EstimatedMetric(None, reason=reason)
        by_risk = slice(None, None, self.direction)
        goods, bads = self.goods[by_risk], self.bads[by_risk]
        value = concordance(goods, bads)
        # A bad is placed by the goods below it, a good by the bads above it, ties half.
        bad_placement = (np.cumsum(goods) - goods / 2) / goods.sum()
        good_placement = 1 - (np.cumsum(bads) - bads / 2) / bads.sum()
        return self._metric(
            value - self.optimism,
            (bad_placement[by_risk] - value) / bads.sum(),
            (good_placement[by_risk] - value) / goods.sum(),
        )

    def ks(self) -> EstimatedMetric:
        if reason := self._nothing_to_rank():
            return EstimatedMetric(None, reason=reason)
        sign = self.direction
        goods_to = np.cumsum(self.goods) / self.goods.sum()
        bads_to = np.cumsum(self.bads) / self.bads.sum()
        distance = sign * (goods_to - bads_to)
        at = int(np.argmax(distance))
        # A maximum does not change with its place to first order, so the place is taken as fixed.
        lower = np.arange(len(distance)) <= at
        return self._metric(
            float(distance[at]),
            sign * (bads_to[at] - lower) / self.bads.sum(),
            sign * (lower - goods_to[at]) / self.goods.sum(),
        )

    def ratio(self, part: _Weights, whole: _Weights, nothing: str) -> EstimatedMetric:
        """Return one weighted number of rows over another; weights are of bads, then of goods."""
        total = float(whole[0] @ self.bads + whole[1] @ self.goods)
        if total == 0:
            return EstimatedMetric(None, reason=nothing)
        value = float(part[0] @ self.bads + part[1] @ self.goods) / total
        of_bad, of_good = ((p - value * w) / total for p, w in zip(part, whole, strict=True))
        return self._metric(value, of_bad, of_good)

    def _nothing_to_rank(self) -> str | None:
        used = np.count_nonzero(self.goods + self.bads)
        if used == 0:
            return NO_ROW
        if used == 1:
            return "all scores lie in one bin of the score grid"
        if not (self.goods.any() and self.bads.any()):
            return f"no {'bads' if self.goods.any() else 'goods'} are expected"
        return None

    def _metric(
        self, value: float, of_bad: NDArray[np.float64], of_good: NDArray[np.float64]
    ) -> EstimatedMetric:
        """Return a metric with its errors, from its derivatives by the bads and goods of a bin."""
        turned = of_bad - of_good  # what a good that turns into a bad does
        return EstimatedMetric(
            value,
            math.sqrt(self.bads @ of_bad**2 + self.goods @ of_good**2),
            math.sqrt(self.variance @ turned**2),
            None if self.errors is None else float(np.linalg.norm(turned @ self.errors)),
        )


def _gini(auc: EstimatedMetric) -> EstimatedMetric:
    def doubled(error: float | None) -> float | None:
        return None if error is None else 2 * error

    if auc.value is None:
        return auc
    return EstimatedMetric(
        2 * auc.value - 1,
        doubled(auc.sampling_error),
        doubled(auc.outcome_error),
        doubled(auc.calibration_error),
    )


def _flagged(grid: NumericBins, cut_off: float, direction: Direction) -> NDArray[np.float64]:
    """Return the share of each bin that a cut-off flags, float64[G]."""
    # The outer bins are open; the range of the reference bounds them here.
    edges = np.array(grid.edges)
    low = np.append(min(edges[0], grid.low or 0.0), edges)
    high = np.append(edges, max(edges[-1], grid.high or 0.0))
    # Its own score is flagged whichever side is risky.
    over = np.nextafter(cut_off, -np.inf) if direction > 0 else cut_off
    above = (high > over).astype(np.float64)
    np.divide(high - over, high - low, where=high > low, out=above)
    above = np.clip(above, 0.0, 1.0)
    return above if direction > 0 else 1 - above
