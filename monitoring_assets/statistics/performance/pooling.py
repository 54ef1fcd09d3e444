"""Pooling: days together until there are enough outcomes for one point of a control chart."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

OUTCOMES = 30
"""Goods, and bads, to be expected of a point; with fewer, a bad rate is far from normal."""


@dataclass(frozen=True, slots=True)
class DayEstimate:
    """A statistic of one day's cohort.

    Parameters
    ----------
    day
        The cohort's day.
    value
        The statistic; None where the day has none, such as an AUC of a day without bads.
    standard_error
        Its standard error as it would be if nothing had changed, from the reference and the
        day's size (``auc_error``; for a mean, the reference's error times
        ``sqrt(reference rows / rows)``). A small day's own error goes with its value, and weights
        that do so pull the pooled value to one side. None where ``value`` is.
    rows, bads
        Size of the cohort.
    """

    day: dt.date
    value: float | None
    standard_error: float | None
    rows: int
    bads: int


@dataclass(frozen=True, slots=True)
class Pool:
    """Consecutive days as one estimate.

    Parameters
    ----------
    first, last
        First and last day in it.
    value, standard_error
        Mean of the days weighted by ``1 / standard_error**2``, and its error; None if no day has
        a value.
    rows, bads
        Those of all its days.
    """

    first: dt.date
    last: dt.date
    value: float | None
    standard_error: float | None
    rows: int
    bads: int


def enough_rows(bad_rate: float) -> int:
    """Return the number of rows that is expected to hold 30 goods and 30 bads.

    Parameters
    ----------
    bad_rate
        The reference's, above 0 and below 1.

    Raises
    ------
    ValueError
        The bad rate is 0 or 1, or no rate.
    """
    if not 0 < bad_rate < 1:
        raise ValueError(f"a bad rate must be above 0 and below 1, not {bad_rate}")
    return math.ceil(OUTCOMES / min(bad_rate, 1 - bad_rate))


def pool(days: Iterable[DayEstimate], rows: int) -> tuple[list[Pool], Pool | None]:
    """Join consecutive days until each pool has enough rows.

    A large cohort is a pool by itself. Rows decide and not bads: a pool that waits for its last
    bad has a bad rate that is too high. The result depends on the days alone, so it is made anew
    when one of them changes.

    Parameters
    ----------
    days
        In the order of days; days without a cohort are left out.
    rows
        Fewest rows of a pool, from ``enough_rows``.

    Returns
    -------
    complete : list of Pool
        Pools with enough rows and a value.
    waiting : Pool or None
        The last days, if they do not have enough yet.

    Raises
    ------
    ValueError
        The days do not ascend, or a value has no positive standard error.
    """
    complete: list[Pool] = []
    waiting: list[DayEstimate] = []
    last = dt.date.min
    for day in days:
        if day.day <= last:
            raise ValueError(f"days must ascend: {day.day} comes after {last}")
        if day.value is not None and not (day.standard_error or 0) > 0:
            raise ValueError(f"{day.day}: a value needs a positive standard error")
        last = day.day
        waiting.append(day)
        together = joined(waiting)
        if together.rows >= rows and together.value is not None:
            complete.append(together)
            waiting = []
    return complete, joined(waiting) if waiting else None


def joined(days: Sequence[DayEstimate]) -> Pool:
    """Return days as one estimate.

    Parameters
    ----------
    days
        At least one, in their order.
    """
    weighted = [
        (day.value, day.standard_error**-2)
        for day in days
        if day.value is not None and day.standard_error is not None
    ]
    weight = sum(weight for _, weight in weighted)
    return Pool(
        days[0].day,
        days[-1].day,
        sum(value * weight for value, weight in weighted) / weight if weighted else None,
        1 / math.sqrt(weight) if weighted else None,
        sum(day.rows for day in days),
        sum(day.bads for day in days),
    )
