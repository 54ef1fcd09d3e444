"""What is usual for a column: days that the calendar repeats, and restless quiet days."""

from __future__ import annotations

import calendar
import datetime as dt
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, fdtrc, fdtri

from monitoring_assets.statistics.alerts.day_windows import earlier, is_an_exception, pooled
from monitoring_assets.statistics.drift.last_days import WEEK
from monitoring_assets.statistics.drift.multiple_testing import (
    chance_law,
    indices,
)
from monitoring_assets.statistics.drift.stability import Smoothing, contributions
from monitoring_assets.statistics.drift.thresholds import is_beyond

BASELINE_DAYS = 10 * WEEK
"""Days before a day from which is learnt what is usual for it."""

SETTLED_DAYS = WEEK + 1
"""A drift that began in the last week must not be taken for restlessness."""

SETTLED_WEEKS = 4 * WEEK
"""Days before those which a restless day is compared with."""

LEARN_PAIRS = 4 * WEEK
"""Differences between days from which restlessness is learnt; with fewer there is none."""

BEYOND_CHANCE = 3.0
"""Standard errors that chance is not taken to explain."""

QUIET_SHARE = 0.75
"""Share of the differences that a restlessness covers: a quarter of the days may be odd."""

RESTLESS_LEVEL = 0.01
"""Chance that restlessness gives a day that is over the limit a difference this large."""

INDEPENDENT_WEEKS = 12
"""Degrees of freedom that a restlessness is taken to have: effects last some days."""

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]


@lru_cache
def same_places(first: dt.date, days: int) -> NDArray[np.int64]:
    """Find the last days that had the same place in the week, the fortnight or the month.

    Parameters
    ----------
    first
        The first day.
    days
        Number T of calendar days.

    Returns
    -------
    ndarray
        int64[4, T], positions of the day a week before, two weeks before, and of those of the month
        before that are as far from its start and from its end; -1 where there is none.
    """
    return np.array([_same_places_of(first + dt.timedelta(days=t), t) for t in range(days)]).T


def _same_places_of(day: dt.date, position: int) -> list[int]:
    month_end = day.replace(day=1) - dt.timedelta(days=1)
    from_start = month_end.replace(day=min(day.day, month_end.day))
    to_end = calendar.monthrange(day.year, day.month)[1] - day.day
    from_end = month_end - dt.timedelta(days=min(to_end, month_end.day - 1))
    lags = [WEEK, 2 * WEEK, (day - from_start).days, (day - from_end).days]
    return [position - lag if lag <= position else -1 for lag in lags]


def precedents(
    counts: Counts,
    value: Floats,
    p: Floats,
    places: NDArray[np.int64],
    limits: tuple[Floats | float, Floats | float, Floats | float, Floats | float],
    smoothing: Smoothing,
) -> NDArray[np.int64]:
    """Find for each day over the limit an earlier one of the same place that was like it.

    Only an exception from its week has one: a shift that lasts is over the limit on all days, and
    would otherwise be taken for what each weekday always looks like.

    Parameters
    ----------
    counts
        int64[T, ..., B], one row a calendar day, zeros where there is no report.
    value, p
        float64[T, ...], their indices, as ``indices`` returns them.
    places
        As ``same_places`` returns them.
    limits
        ``warn``, ``middle``, ``fail`` and ``level`` of `Thresholds`, scalars or float64[T].
    smoothing
        As ``stability_index`` takes it.

    Returns
    -------
    ndarray
        int64[T, ...], position of the earlier day, which was over ``middle`` itself and differs by
        less than ``warn``; -1 where there is none.
    """
    found = np.full(value.shape, -1)
    warn, middle, fail, level = limits
    over = is_beyond(value.T, p.T, fail, level).T
    if not over.any():
        return found
    at = np.nonzero(over & is_an_exception(over, np.asarray(counts.any(-1))))
    warn, middle, level = (np.broadcast_to(limit, len(counts)) for limit in (warn, middle, level))
    t = at[0]
    for place in places:
        before = (np.maximum(place[t], 0), *at[1:])
        differs, differs_p = indices(counts[before], counts[at], smoothing)
        like = (
            (place[t] >= 0)
            & is_beyond(value[before], p[before], middle[t], level[t])
            & ~is_beyond(differs, differs_p, warn[t], level[t])
        )
        found[at] = np.where((found[at] < 0) & like, place[t], found[at])
    return found


def settled(counts: Counts) -> Counts:
    """Sum the four weeks before the last.

    Parameters
    ----------
    counts
        int64[T, ..., B], one row a calendar day, zeros where there is no report.

    Returns
    -------
    ndarray
        int64[T, ..., B].
    """
    return pooled(earlier(counts, SETTLED_DAYS), SETTLED_WEEKS)


@dataclass(frozen=True, eq=False)
class Restlessness:
    """How much a column's days, or windows of some days, differ without drift.

    Each is compared with the same weekdays before it. A drift that lasts parts two of them only
    once, and one that comes slowly parts them little; what differs week after week is
    restlessness.

    Parameters
    ----------
    differences
        float64[T, ...], index between a window and the one before, beyond what chance gives in
        ``QUIET_SHARE`` of the cases; NaN where there is none.
    days
        Length of the windows.
    """

    differences: Floats
    days: int

    @classmethod
    def of(cls, windows: Counts, days: int, smoothing: Smoothing) -> Restlessness:
        """Compare the windows of a column.

        Parameters
        ----------
        windows
            int64[T, ..., B], rows by bin of the window that ends on each calendar day.
        days
            Length of the windows.
        smoothing
            As ``stability_index`` takes it.
        """
        before = earlier(windows, _lag(days))
        scale, freedom = chance_law(before, windows)
        # The inverse law takes a microsecond, and there are few degrees of freedom.
        chance = scale * chdtri(np.arange(1, windows.shape[-1] + 1), 1 - QUIET_SHARE)[freedom - 1]
        index = contributions(before, windows, smoothing=smoothing).sum(-1)
        with np.errstate(invalid="ignore"):
            return cls(index - chance, days)

    def at(self, where: tuple[NDArray[np.int64], ...]) -> Floats:
        """Return the index that three in four quiet differences stay under, beyond chance.

        Parameters
        ----------
        where
            Positions of N days, as ``numpy.nonzero`` returns them.

        Returns
        -------
        ndarray
            float64[N], 0 where days differ by chance alone or are too few to tell.
        """
        result = np.zeros(len(where[0]))
        restless = self._is_restless[where]
        t, *of = (positions[restless] for positions in where)
        lags = np.arange(SETTLED_DAYS, SETTLED_DAYS + self._span)[:, None]
        known = np.where(t >= lags, self.differences[np.maximum(t - lags, 0), *of], np.nan)
        known = np.sort(known, axis=0)  # NaN last
        rank = np.ceil(QUIET_SHARE * np.isfinite(known).sum(0)).astype(int)
        result[restless] = known[rank - 1, np.arange(len(t))]
        return result

    @property
    def _span(self) -> int:
        """Days of which a difference counts: those whose windows lie in the ten weeks before."""
        return BASELINE_DAYS - _lag(self.days) - self.days + 2 - SETTLED_DAYS

    @cached_property
    def _is_restless(self) -> Flags:
        """bool[T, ...], whether fewer differences are small than chance gives."""
        pairs, small = (
            pooled(earlier(days.astype(np.int64), SETTLED_DAYS), self._span)
            for days in (np.isfinite(self.differences), self.differences <= 0)
        )
        mean = QUIET_SHARE * pairs
        spread = np.sqrt(mean * (1 - QUIET_SHARE))
        return np.asarray((pairs >= LEARN_PAIRS) & (small < mean - BEYOND_CHANCE * spread), bool)


def _lag(days: int) -> int:
    """Return the days between two windows that hold the same weekdays and no day twice."""
    return WEEK * -(-days // WEEK)


def restless_p(
    windows: Counts,
    against: Counts,
    restless: Floats,
    smoothing: Smoothing,
) -> Floats:
    """Return how likely restlessness makes windows differ by as much, or more.

    Parameters
    ----------
    windows, against
        int64[N, B], rows by bin.
    restless
        float64[N], as ``Restlessness.at`` returns it.
    smoothing
        As ``stability_index`` takes it.

    Returns
    -------
    ndarray
        float64[N], 0 where there is no restlessness.

    Notes
    -----
    A normal effect along one direction of the shares gives an index that is its square. The ratio
    to a scale that is learnt from ``INDEPENDENT_WEEKS`` others then has an F distribution. The
    difference of two such effects has twice the scale.
    """
    scale, freedom = chance_law(against, windows)
    index = contributions(against, windows, smoothing=smoothing).sum(-1)
    unit = restless / (2 * fdtri(1, INDEPENDENT_WEEKS, QUIET_SHARE))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.maximum(index - scale * freedom, 0.0) / unit
    return np.where(restless > 0, fdtrc(1, INDEPENDENT_WEEKS, ratio), 0.0)
