"""The index of the last days together: what a day alone has too few rows to say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring_assets.statistics.drift.drift import judge_counts
from monitoring_assets.statistics.drift.multiple_testing import indices
from monitoring_assets.statistics.drift.stability import Smoothing, StabilityIndex
from monitoring_assets.statistics.drift.thresholds import Status, Thresholds, is_beyond

WEEK = 7
"""Calendar days: each weekday is in them once."""


@dataclass(frozen=True, slots=True)
class LastDays:
    """The stability index of the counts of several days.

    Parameters
    ----------
    days, rows
        How many days are in it, the day itself included, and their rows.
    value, critical_value, status
        As in `Judgement`, of these rows.
    """

    days: int
    rows: int
    value: float
    critical_value: float
    status: Status

    def __str__(self) -> str:
        days = "1 day" if self.days == 1 else f"{self.days} days"
        return f"{self.value:.2f} over {days}, {self.rows:,} rows: {self.status}"

    def decides(self, day: Status) -> bool:
        """Whether these days fail where the rows of the day are too few to say anything."""
        return day == Status.INSUFFICIENT and self.status == Status.FAIL


def last_days(
    reference: NDArray[np.int64],
    current: NDArray[np.int64],
    earlier: NDArray[np.int64],
    thresholds: Thresholds,
    smoothing: Smoothing,
    at_once: float,
) -> LastDays:
    """Judge a day together with the days before it, as a day is judged.

    Parameters
    ----------
    reference, current
        int64[B], rows by bin; both have some.
    earlier
        int64[D, B], rows by bin of the days before. A day without rows is not counted. One whose
        own index is at ``at_once`` and beyond chance is left out: a broken batch would outlive
        itself by a week.
    thresholds
        Limits of the column.
    smoothing
        As ``stability_index`` takes it.
    at_once
        Index from which a single day opens an incident.

    Raises
    ------
    ValueError
        As `judge_counts`.
    """
    values, p_values = indices(reference, earlier, smoothing)
    kept = earlier[earlier.any(axis=1) & ~is_beyond(values, p_values, at_once, thresholds.level)]
    counts = current + kept.sum(axis=0)
    judged = judge_counts(reference, counts, thresholds, StabilityIndex(smoothing))
    return LastDays(
        1 + len(kept), int(counts.sum()), judged.value, judged.critical_value, judged.status
    )
