"""Score bands: bad rate by band, and where it does not follow the order of scores."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitoring_assets.statistics.performance.intervals import Estimate, proportion
from monitoring_assets.statistics.performance.score_groups import ScoreGroups, add_by_cell

BREAK_LEVEL = 0.05
"""Chance that any break of a score that ranks well is called significant."""


@dataclass(frozen=True, slots=True)
class Band:
    """The rows of ``low < score <= high``.

    Parameters
    ----------
    low, high
        Edges of the band; infinite at the ends.
    rows, bads
        How many there are.
    expected
        Mean predicted probability: of the scores, or of the points by their scale. None without
        rows, or in points that have no scale.
    bad_rate
        Observed bad rate, with Wilson's interval.
    """

    low: float
    high: float
    rows: int
    bads: int
    expected: float | None
    bad_rate: Estimate


@dataclass(frozen=True, slots=True)
class RankOrderBreak:
    """Two neighbouring bands of which the riskier by score has the lower bad rate.

    Parameters
    ----------
    safer, riskier
        Indices of the bands; bands without rows are passed over.
    p_value
        Fisher's exact test, one-sided: probability of such a break, or a larger one, if both
        bands had one bad rate.
    significant
        Whether the p-value is at most 5 % over the number of neighbours (Bonferroni).
    """

    safer: int
    riskier: int
    p_value: float
    significant: bool


class BandSums:
    """Sums by score band, which add over cohorts.

    Parameters
    ----------
    edges
        float64[K - 1], finite and strictly ascending; band k is ``(edges[k - 1], edges[k]]``.

    Attributes
    ----------
    rows, bads
        int64[K].
    scores, variances, bad_scores
        float64[K], sums of the predictions p, of p (1 - p), and of the predictions of bads. The
        variances are added up, not taken from sums of squares: beside scores of 1 that would lose
        them.

    Raises
    ------
    ValueError
        The edges are not finite or do not ascend.
    """

    def __init__(self, edges: ArrayLike) -> None:
        self.edges = np.asarray(edges, np.float64)
        if not np.isfinite(self.edges).all() or (np.diff(self.edges) <= 0).any():
            raise ValueError(f"edges of bands must be finite and ascend, not {self.edges}")
        count = len(self.edges) + 1
        self._counts = np.zeros((2, count), np.int64)
        self._sums = np.zeros((3, count))
        self.rows, self.bads = self._counts
        self.scores, self.variances, self.bad_scores = self._sums

    def add(self, groups: ScoreGroups, predictions: NDArray[np.float64]) -> None:
        """Add the rows at some scores, and what each score predicts, float64[G]."""
        band = np.searchsorted(self.edges, groups.scores)
        rows = groups.goods + groups.bads
        scores = rows * predictions
        add_by_cell(self._counts, band, rows, groups.bads)
        variances = scores * (1 - predictions)
        add_by_cell(self._sums, band, scores, variances, groups.bads * predictions)

    def bands(self, probability: bool) -> tuple[Band, ...]:
        """Return the bands, in the order of scores.

        Parameters
        ----------
        probability
            Whether what is predicted is a probability of bad.
        """
        bounds = (-np.inf, *self.edges.tolist(), np.inf)
        return tuple(
            Band(
                bounds[k],
                bounds[k + 1],
                int(rows),
                int(bads),
                float(self.scores[k] / rows) if rows and probability else None,
                proportion(int(bads), int(rows), "the band has no rows"),
            )
            for k, (rows, bads) in enumerate(zip(self.rows, self.bads, strict=True))
        )

    def rank_order_breaks(self, direction: int) -> tuple[RankOrderBreak, ...]:
        """Return the neighbours whose bad rates are in the wrong order.

        Parameters
        ----------
        direction
            1 if a high score is risky, -1 if it is safe.
        """
        # Imported here: it takes longer than all the rest of the module.
        from scipy.stats import hypergeom

        used = np.flatnonzero(self.rows)[::direction]
        tests = max(len(used) - 1, 1)
        breaks = []
        for safer, riskier in pairwise(used):
            rows, bads = self.rows[[safer, riskier]], self.bads[[safer, riskier]]
            if bads[0] * rows[1] > bads[1] * rows[0]:
                p = float(hypergeom.cdf(bads[1], rows.sum(), bads.sum(), rows[1]))
                breaks.append(RankOrderBreak(int(safer), int(riskier), p, p <= BREAK_LEVEL / tests))
        return tuple(breaks)
