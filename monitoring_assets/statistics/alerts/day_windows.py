"""Windows of calendar days."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitoring_assets.statistics.drift.last_days import WEEK


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
    return total - earlier(total, days)


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
    before = [pooled(earlier(days.astype(np.int64), 1), WEEK - 1) for days in (over, known)]
    return 2 * before[0] <= before[1]


def earlier(values: NDArray[np.int64], days: int) -> NDArray[np.int64]:
    """Return the rows of some days before each, zeros where there are none.

    Parameters
    ----------
    values
        int64[T, ...], one row a calendar day.
    days
        How many days before.
    """
    result = np.zeros_like(values)
    result[days:] = values[:-days]
    return result
