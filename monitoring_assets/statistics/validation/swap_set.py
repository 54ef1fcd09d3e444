"""Two decisions of the same rows: how far they agree, and who is accepted by only one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring_assets.statistics.performance.intervals import (
    Estimate,
    absent,
    newcombe,
    normal,
    proportion,
)


@dataclass(frozen=True, slots=True)
class Cell:
    """Rows that two scores decide in one way.

    Parameters
    ----------
    known, bads
        Rows whose outcome is known, and the bads among them.
    bad_rate
        Of the known, with Wilson's interval.
    """

    rows: int
    known: int
    bads: int
    bad_rate: Estimate


@dataclass(frozen=True, slots=True)
class SwapSet:
    """The decisions of two scores at their cut-offs.

    Parameters
    ----------
    both, neither
        Rows that both accept, and that both refuse.
    swapped_out, swapped_in
        Rows that only the first accepts, and that only the second accepts.
    agreement
        Share of rows that are decided alike, with Wilson's interval.
    kappa
        Cohen's: agreement beyond that of chance, over the most that it could be.
    difference
        Bad rate of the swapped in less that of the swapped out, with Newcombe's interval.

    References
    ----------
    Cohen (1960), Educational and Psychological Measurement 20(1), with its standard error.
    Newcombe (1998), Statistics in Medicine 17, method 10.
    """

    both: Cell
    swapped_out: Cell
    swapped_in: Cell
    neither: Cell
    agreement: Estimate
    kappa: Estimate
    difference: Estimate


def swap_set(rows: NDArray[np.int64], known: NDArray[np.int64], bads: NDArray[np.int64]) -> SwapSet:
    """Return how two scores decide.

    Parameters
    ----------
    rows, known, bads
        int64[2, 2], by whether the first accepts (1) or not (0), and whether the second does.
    """
    cells = {
        at: Cell(
            int(rows[at]),
            int(known[at]),
            int(bads[at]),
            proportion(int(bads[at]), int(known[at]), "no outcome of these rows is known"),
        )
        for at in ((1, 1), (1, 0), (0, 1), (0, 0))
    }
    swapped_out, swapped_in = cells[1, 0], cells[0, 1]
    return SwapSet(
        cells[1, 1],
        swapped_out,
        swapped_in,
        cells[0, 0],
        proportion(int(np.trace(rows)), int(rows.sum()), "no rows"),
        _kappa(rows),
        _newcombe(swapped_in.bad_rate, swapped_out.bad_rate),
    )


def _kappa(rows: NDArray[np.int64]) -> Estimate:
    total = int(rows.sum())
    if not total:
        return absent("no rows")
    alike = float(np.trace(rows)) / total
    chance = float(rows.sum(axis=1) @ rows.sum(axis=0)) / total**2
    if chance == 1:
        return absent("both decide all rows in one way")
    error = math.sqrt(alike * (1 - alike) / total) / (1 - chance)
    return normal((alike - chance) / (1 - chance), error, -1.0, 1.0)


def _newcombe(one: Estimate, other: Estimate) -> Estimate:
    if one.value is None or other.value is None:
        return absent("no outcome is known of those that are swapped in, or of those swapped out")
    value, low, high = newcombe(one, other)
    error = math.hypot(one.standard_error or 0.0, other.standard_error or 0.0)
    return Estimate(value, error, low, high)
