"""Counts of several days together: the last days, and what is usual for a weekday."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitoring_assets.statistics.drift.last_days import WEEK

BASELINE_DAYS = 4 * WEEK
"""Days before a day from which is learnt what its weekday usually looks like."""


def pooled(counts: NDArray[np.int64], days: int) -> NDArray[np.int64]:
    """Sum each day with the days before it.

    Parameters
    ----------
    counts
        int64[T, ...], one row a calendar day, zeros where there is no report.
    days
        Length of the window, the day itself included.

    Returns
    -------
    ndarray
        int64[T, ...], the sum of rows ``t - days + 1`` to ``t``.
    """
    total = np.cumsum(counts, axis=0)
    return total - _earlier(total, days)


def weekday_and_rest(
    counts: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split the weeks before each day into its own weekday and the other weekdays.

    Parameters
    ----------
    counts
        int64[T, ...], one row a calendar day, zeros where there is no report.

    Returns
    -------
    weekday, rest : ndarray
        int64[T, ...], sums over the ``BASELINE_DAYS`` before the day, the day itself left out.
    """
    weekday = sum(
        (_earlier(counts, lag) for lag in range(WEEK, BASELINE_DAYS + 1, WEEK)),
        start=np.zeros_like(counts),
    )
    return weekday, pooled(_earlier(counts, 1), BASELINE_DAYS) - weekday


def is_an_exception(over: NDArray[np.bool_], known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Say whether a day follows a week that was mostly under the limit.

    A weekday can only be usual as an exception from its week: a shift that lasts is over the limit
    on all days, and a week later would otherwise be taken for what each weekday always looks like.

    Parameters
    ----------
    over, known
        bool[T, ...], one row a calendar day: over the limit, and with a report.

    Returns
    -------
    ndarray
        bool[T, ...], of the six days before no more than half of the known ones were over.
    """
    before = [pooled(_earlier(days.astype(np.int64), 1), WEEK - 1) for days in (over, known)]
    return 2 * before[0] <= before[1]


def _earlier(values: NDArray[np.int64], days: int) -> NDArray[np.int64]:
    """Return the rows of some days before, zeros where there are none."""
    result = np.zeros_like(values)
    result[days:] = values[:-days]
    return result
