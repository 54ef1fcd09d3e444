"""Rows with the same score together: what every statistic of performance is computed from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SLICE = 1 << 16
"""Rows that are worked on at a time: bounds memory, and stays in the cache."""


@dataclass(frozen=True, slots=True)
class ScoreGroups:
    """Distinct scores in ascending order, with the outcomes at each.

    Parameters
    ----------
    scores
        float64[G], strictly ascending.
    goods, bads
        int64[G], rows at each score without and with a default.
    """

    scores: NDArray[np.float64]
    goods: NDArray[np.int64]
    bads: NDArray[np.int64]


def add_by_cell(
    sums: NDArray[np.int64] | NDArray[np.float64],
    cell: NDArray[np.int64],
    *values: NDArray[np.int64] | NDArray[np.float64],
) -> None:
    """Add values up by the cell they are in: for cells in order, several times as fast as bincount.

    Parameters
    ----------
    sums
        [R, K], is added to in place.
    cell
        int64[G], 0 to K - 1, neighbours together.
    values
        R arrays of G.
    """
    starts = np.flatnonzero(np.diff(cell, prepend=-1))
    # A cell may begin twice, where rounding puts two scores in the wrong order.
    np.add.at(sums.T, cell[starts], np.add.reduceat(np.stack(values), starts, axis=1).T)


class Grouping:
    """Groups a stream of rows in the order of scores, whatever chunks it arrives in.

    The rows of the last score are held back, as the next chunk may have more of them.
    """

    def __init__(self) -> None:
        self._last: float | None = None
        self._goods = 0
        self._bads = 0

    def add(
        self, scores: NDArray[np.float64], outcomes: NDArray[np.int8 | np.bool_]
    ) -> Iterator[ScoreGroups]:
        """Yield the scores that are complete.

        Parameters
        ----------
        scores
            float64[N], finite, ascending, none below an earlier chunk's.
        outcomes
            int8[N] or bool[N], 1 for a bad.

        Raises
        ------
        ValueError
            The shapes differ, a score is not finite or out of order, or an outcome is neither 0
            nor 1.
        """
        if scores.ndim != 1 or scores.shape != outcomes.shape:
            raise ValueError(
                f"scores and outcomes must have one shape, not {scores.shape} and {outcomes.shape}"
            )
        for start in range(0, len(scores), SLICE):
            rows = slice(start, start + SLICE)
            yield self._group(np.asarray(scores[rows], np.float64), outcomes[rows])

    def last(self) -> Iterator[ScoreGroups]:
        """Yield the score that was held back, if there was any row."""
        if self._last is not None:
            yield ScoreGroups(
                np.array([self._last]), np.array([self._goods]), np.array([self._bads])
            )
            self._last = None

    def _group(
        self, scores: NDArray[np.float64], outcomes: NDArray[np.int8 | np.bool_]
    ) -> ScoreGroups:
        bad = np.asarray(outcomes).astype(np.int64)
        if bad.min() < 0 or bad.max() > 1 or (bad != outcomes).any():
            raise ValueError("outcomes must be 0 (good) or 1 (bad), without any missing")
        # NaN compares as false, so it cannot pass for a score in order.
        if not (np.isfinite(scores[[0, -1]]).all() and (scores[1:] >= scores[:-1]).all()):
            raise ValueError("scores must be finite and in ascending order")
        if self._last is not None and scores[0] < self._last:
            raise ValueError(f"scores must ascend: {scores[0]} comes after {self._last}")
        ends = np.append(np.flatnonzero(scores[1:] != scores[:-1]), len(scores) - 1)
        distinct = scores[ends]
        bads = np.diff(np.cumsum(bad)[ends], prepend=0)
        goods = np.diff(ends, prepend=-1) - bads
        if distinct[0] == self._last:
            goods[0] += self._goods
            bads[0] += self._bads
        elif self._last is not None:
            distinct = np.insert(distinct, 0, self._last)
            goods, bads = np.insert(goods, 0, self._goods), np.insert(bads, 0, self._bads)
        self._last, self._goods, self._bads = float(distinct[-1]), int(goods[-1]), int(bads[-1])
        return ScoreGroups(distinct[:-1], goods[:-1], bads[:-1])
