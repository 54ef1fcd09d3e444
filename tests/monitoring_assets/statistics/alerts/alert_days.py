"""Days of a made-up model, with counts that have a known index."""

import datetime as dt

import numpy as np

from monitoring_assets.statistics.alerts.breach import ColumnDay, DayFacts
from monitoring_assets.statistics.drift.thresholds import Thresholds

MONDAY = dt.date(2026, 1, 5)
LABELS = ("low", "high")
REFERENCE = np.array([50_000, 50_000])
SCORE_SD = 0.1
LIMITS = Thresholds()


def share_with_index(index):
    """Share of ``high`` whose index against one half is this: (2s - 1) / 2 * ln(s / (1 - s))."""
    low, high = 0.5, 1 - 1e-12
    for _ in range(80):
        middle = (low + high) / 2
        value = (middle - 0.5) * np.log(middle / (1 - middle))
        low, high = (middle, high) if value < index else (low, middle)
    return low


def column(name, index=0.0, rows=10_000, *, moved=0.05, labels=LABELS, error=None, limits=LIMITS):
    """One column with about this index against the reference."""
    high = round(rows * share_with_index(index))
    return ColumnDay(
        name,
        "PSI" if name == "score" else "CSI",
        labels,
        REFERENCE,
        np.array([rows - high, high]),
        limits,
        None if name == "score" else moved,
        error,
    )


def facts(number, *columns, faults=(), shift=0.05):
    """The day of this number, from 0, a Monday."""
    day = MONDAY + dt.timedelta(days=number)
    return DayFacts(day, columns, tuple(faults), SCORE_SD, shift)


def days_of(indices, name="score", **options):
    """Days with these indices of one column; None for a day without a report."""
    return [
        facts(number, column(name, index, **options))
        for number, index in enumerate(indices)
        if index is not None
    ]
