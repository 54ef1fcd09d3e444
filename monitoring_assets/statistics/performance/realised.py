"""Realised performance of a cohort, from one pass over its rows in the order of scores."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitoring_assets.statistics.performance.bands import Band, BandSums, RankOrderBreak
from monitoring_assets.statistics.performance.calibration import (
    Calibration,
    calibration,
    no_calibration,
)
from monitoring_assets.statistics.performance.cut_offs import CutOff, CutOffCounts
from monitoring_assets.statistics.performance.discrimination import Discrimination, Placements
from monitoring_assets.statistics.performance.intervals import Estimate, absent, proportion
from monitoring_assets.statistics.performance.proper_scores import Losses, ProperScores
from monitoring_assets.statistics.performance.recalibration import LogOddsSums
from monitoring_assets.statistics.performance.score_groups import Grouping, ScoreGroups
from monitoring_assets.statistics.profiles.score_scale import Direction, ScoreScale, predicted

IN_POINTS = "the score is in points, not a probability of bad"


@dataclass(frozen=True, slots=True)
class Realised:
    """How well the scores of a cohort predicted its outcomes.

    Parameters
    ----------
    rows, bads
        Rows with an outcome, and those that are bad.
    bad_rate
        Their share, with Wilson's interval.
    discrimination
        AUC, Gini, KS.
    proper_scores
        Brier score, its decomposition, log loss; without values for a score in points.
    calibration
        Observed against expected; without values for a score in points.
    bands
        Bad rate by score band.
    rank_order_breaks
        Neighbouring bands in the wrong order.
    cut_offs
        Precision and recall at each cut-off.
    """

    rows: int
    bads: int
    bad_rate: Estimate
    discrimination: Discrimination
    proper_scores: ProperScores
    calibration: Calibration
    bands: tuple[Band, ...]
    rank_order_breaks: tuple[RankOrderBreak, ...]
    cut_offs: tuple[CutOff, ...]


class RealisedPerformance:
    """Takes a cohort's rows in the order of scores, chunk by chunk; memory does not grow.

    Parameters
    ----------
    goods, bads
        How many of each will come.
    edges
        float64[K - 1], edges of the score bands ``(low, high]``: the reference's, so that cohorts
        can be compared.
    cut_offs
        float64[C], the lender's cut-offs.
    probability
        Whether the score is a probability of bad, or stands for one by ``scale``. If it is in
        points, all that needs one has a reason in place of a value.
    direction
        As ``learnt_direction`` finds it from the reference, or as the scale has it; a
        probability's is 1.
    scale
        Of a score in points, the probabilities that it is declared to stand for.

    Raises
    ------
    ValueError
        A count is negative, or the edges do not ascend.

    Examples
    --------
    >>> performance = RealisedPerformance(goods=2, bads=2, edges=[0.5])
    >>> performance.add(np.array([0.1, 0.4]), np.array([0, 1]))
    >>> performance.add(np.array([0.4, 0.8]), np.array([0, 1]))
    >>> performance.result().discrimination.auc.value
    0.875
    """

    def __init__(
        self,
        goods: int,
        bads: int,
        edges: ArrayLike,
        cut_offs: ArrayLike = (),
        *,
        probability: bool = True,
        direction: Direction = 1,
        scale: ScoreScale | None = None,
    ) -> None:
        if goods < 0 or bads < 0:
            raise ValueError(f"goods and bads must not be negative, not {goods} and {bads}")
        self._goods, self._bads = goods, bads
        self._probability = probability
        self._direction: Direction = direction
        self._scale = scale
        self._grouping = Grouping()
        self._placements = Placements(goods, bads)
        self._bands = BandSums(edges)
        self._cut_offs = CutOffCounts(cut_offs, direction)
        self._losses = Losses()
        self._log_odds = LogOddsSums()

    def add(
        self, scores: NDArray[np.float64], outcomes: NDArray[np.int8] | NDArray[np.bool_]
    ) -> None:
        """Add the next rows.

        Parameters
        ----------
        scores
            float64[N], ascending, none below an earlier chunk's.
        outcomes
            int8[N] or bool[N], 1 for a bad.

        Raises
        ------
        ValueError
            A score is not finite, out of order, or no probability though it should be one; or an
            outcome is neither 0 nor 1.
        """
        self._take(self._grouping.add(scores, outcomes))

    def result(self) -> Realised:
        """Return the performance of all rows added; no more can be added after.

        Raises
        ------
        ValueError
            There were not as many goods and bads as was said.
        """
        self._take(self._grouping.last())
        rows, bads = int(self._bands.rows.sum()), int(self._bands.bads.sum())
        if (rows - bads, bads) != (self._goods, self._bads):
            raise ValueError(
                f"{self._goods} goods and {self._bads} bads were to come, "
                f"not {rows - bads} and {bads}"
            )
        if self._probability:
            proper_scores = self._losses.result(self._bands)
            calibrated = calibration(self._bands, self._log_odds.result())
        else:
            nothing = absent(IN_POINTS)
            proper_scores = ProperScores(nothing, None, nothing, nothing)
            calibrated = no_calibration(IN_POINTS)
        return Realised(
            rows,
            bads,
            proportion(bads, rows, "no row has an outcome"),
            self._placements.result(self._direction),
            proper_scores,
            calibrated,
            self._bands.bands(self._probability),
            self._bands.rank_order_breaks(self._direction),
            self._cut_offs.result(),
        )

    def _take(self, found: Iterable[ScoreGroups]) -> None:
        for groups in found:
            if not len(groups.scores):
                continue
            self._placements.add(groups)
            self._cut_offs.add(groups)
            by_chance = replace(groups, scores=predicted(groups.scores, self._scale))
            self._bands.add(groups, by_chance.scores)
            if self._probability:
                low, high = sorted((by_chance.scores[0], by_chance.scores[-1]))
                if low < 0 or high > 1:
                    raise ValueError(
                        f"a probability lies within 0 and 1, and scores reach {low} and {high}: "
                        "a score in points needs a scale or probability=False"
                    )
                self._losses.add(by_chance)
                self._log_odds.add(by_chance)


def realised(
    scores: ArrayLike,
    outcomes: ArrayLike,
    edges: ArrayLike,
    cut_offs: ArrayLike = (),
    *,
    probability: bool = True,
    direction: Direction = 1,
    scale: ScoreScale | None = None,
) -> Realised:
    """Return the realised performance of rows in any order, which are sorted in memory.

    Parameters
    ----------
    scores
        float64[N].
    outcomes
        int8[N] or bool[N], 1 for a bad.
    edges, cut_offs, probability, direction, scale
        As ``RealisedPerformance`` takes them.

    Raises
    ------
    ValueError
        As ``RealisedPerformance.add``.
    """
    unsorted, labels = np.asarray(scores, np.float64), np.asarray(outcomes)
    order = np.argsort(unsorted)
    bads = int(np.count_nonzero(labels))
    performance = RealisedPerformance(
        len(labels) - bads,
        bads,
        edges,
        cut_offs,
        probability=probability,
        direction=direction,
        scale=scale,
    )
    performance.add(unsorted[order], labels[order])
    return performance.result()


def learnt_direction(reference_auc: float | None) -> Direction:
    """Return which way a score in points runs, from its AUC on the reference with direction 1.

    Parameters
    ----------
    reference_auc
        Share of pairs where the bad has the higher score.

    Returns
    -------
    int
        -1 if it is under a half: a high score is safe. Without an AUC, 1.
    """
    return -1 if reference_auc is not None and reference_auc < 0.5 else 1
