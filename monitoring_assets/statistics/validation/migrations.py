"""Migrations of customers between bands of the score, from one date to another."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from monitoring_assets.statistics.validation.outcome import ECB, TestOutcome

MIGRATION = TestOutcome(
    "migration matrix",
    "customers do not migrate more often to a band than to the one before it on the way there",
    ECB.format("2.5.5.2"),
)


@dataclass(frozen=True, slots=True)
class Bandwidths:
    """How far customers that leave their band migrate, as a share of how far they could.

    Parameters
    ----------
    upper
        Of those that migrate to higher scores; None if none does.
    lower
        Of those that migrate to lower scores.

    References
    ----------
    ECB (2019), as in `ECB`, section 2.5.5.1.
    """

    upper: float | None
    lower: float | None


@dataclass(frozen=True, slots=True)
class CellTest:
    """The test of a cell of the matrix against its neighbour that is nearer to the diagonal.

    Parameters
    ----------
    before, after
        Bands, from 0.
    outcome
        ``(p[near] - p[far]) / se`` with ``se^2 = (p[near] (1 - p[near]) + p[far] (1 - p[far]) + 2
        p[near] p[far]) / n``, normal; the p-value is small where the far cell has more.
    """

    before: int
    after: int
    outcome: TestOutcome


def bandwidths(counts: NDArray[np.int64]) -> Bandwidths:
    """Return the matrix-weighted bandwidths of migrations.

    Parameters
    ----------
    counts
        int64[K, K], customers by band before and after, in the order of scores.
    """
    bands = np.arange(len(counts))
    moved = np.abs(bands[:, None] - bands) * counts
    farthest = np.maximum(bands, len(counts) - 1 - bands)[:, None] * counts

    def share(triangle: NDArray[np.bool_]) -> float | None:
        most = int(farthest[triangle].sum())
        return int(moved[triangle].sum()) / most if most else None

    return Bandwidths(share(bands[:, None] < bands), share(bands[:, None] > bands))


def cell_tests(counts: NDArray[np.int64]) -> Iterator[CellTest]:
    """Yield the test of each cell beside the diagonal, band by band.

    Parameters
    ----------
    counts
        As in `bandwidths`.
    """
    for before, row in enumerate(counts):
        for after in range(len(counts)):
            if after != before:
                near = after + (1 if after < before else -1)
                outcome = _cell(int(row.sum()), int(row[near]), int(row[after]))
                yield CellTest(before, after, outcome)


def matrix_test(cells: list[CellTest]) -> TestOutcome:
    """Test all cells at once.

    Parameters
    ----------
    cells
        From `cell_tests`.

    Returns
    -------
    TestOutcome
        The statistic is that of the cell with the smallest p-value, the p-value that one times the
        number of cells (Bonferroni), at most 1.
    """
    known = [one.outcome for one in cells if one.outcome.p_value is not None]
    if not known:
        return replace(MIGRATION, reason="no customer has migrated")
    worst = min(known, key=lambda one: one.p_value or 0.0)
    p_value = min(1.0, len(known) * (worst.p_value or 0.0))
    return replace(MIGRATION, statistic=worst.statistic, p_value=p_value)


def _cell(rows: int, near: int, far: int) -> TestOutcome:
    if not rows:
        return replace(MIGRATION, reason="no customer was in this band")
    p, q = near / rows, far / rows
    variance = (p * (1 - p) + q * (1 - q) + 2 * p * q) / rows
    if not variance:
        return replace(MIGRATION, reason="both cells are empty, or one has all")
    statistic = (p - q) / math.sqrt(variance)
    return replace(MIGRATION, statistic=statistic, p_value=float(ndtr(statistic)))
