"""Precision and recall at the lender's cut-offs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from monitoring_assets.statistics.performance.intervals import Estimate, proportion
from monitoring_assets.statistics.performance.score_groups import ScoreGroups


@dataclass(frozen=True, slots=True)
class CutOff:
    """What a cut-off would have flagged: scores at it, and those that are riskier.

    Parameters
    ----------
    score
        The cut-off.
    true_positives, false_positives
        Bads and goods that it flags.
    false_negatives, true_negatives
        Bads and goods that it does not flag.
    precision
        Share of bads among the flagged, with Wilson's interval.
    recall
        Share of the bads that are flagged, with Wilson's interval.
    """

    score: float
    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int
    precision: Estimate
    recall: Estimate


class CutOffCounts:
    """Goods and bads on either side of each cut-off.

    Parameters
    ----------
    cut_offs
        float64[C], scores in any order.
    direction
        1 if a high score is risky, -1 if it is safe.
    """

    def __init__(self, cut_offs: ArrayLike, direction: int) -> None:
        self._cut_offs = np.asarray(cut_offs, np.float64)
        self._direction = direction
        self._lower = np.zeros((2, len(self._cut_offs)), np.int64)
        self._totals = np.zeros((2, 1), np.int64)

    def add(self, groups: ScoreGroups) -> None:
        """Add the rows at some scores, ascending."""
        # The cut-off's own score is flagged, so it is on the lower side only if that is risky.
        at = np.searchsorted(
            groups.scores, self._cut_offs, "left" if self._direction > 0 else "right"
        )
        cumulative = np.cumsum(np.stack([groups.goods, groups.bads]), axis=1)
        self._lower += np.pad(cumulative, ((0, 0), (1, 0)))[:, at]
        self._totals += cumulative[:, -1:]

    def result(self) -> tuple[CutOff, ...]:
        """Return what each cut-off would have done, in the order given."""
        upper = self._totals - self._lower
        flagged, passed = (upper, self._lower) if self._direction > 0 else (self._lower, upper)
        return tuple(
            CutOff(
                float(score),
                tp,
                fp,
                fn,
                tn,
                proportion(tp, tp + fp, "the cut-off flags no row"),
                proportion(tp, tp + fn, "there are no bads"),
            )
            for score, (fp, tp), (tn, fn) in zip(
                self._cut_offs, flagged.T.tolist(), passed.T.tolist(), strict=True
            )
        )
