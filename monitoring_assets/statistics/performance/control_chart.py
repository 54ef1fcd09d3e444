"""Control chart: a CUSUM of standardised points, which adds up what each alone cannot show."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from monitoring_assets.statistics.performance.intervals import Estimate
from monitoring_assets.statistics.performance.pooling import Pool

Sides = Literal["rise", "fall", "both"]
"""What is watched: a rise of the value, a fall, or both."""


@dataclass(frozen=True, slots=True)
class ChartPoint:
    """A pool on the chart.

    Parameters
    ----------
    pool
        The days of the point.
    z
        ``(value - target) / standard error``: standard normal while nothing has changed.
    rise, fall
        The CUSUM of each side after this point, in standard errors; None if it is not watched.
    signals
        Whether one of them is above the threshold.
    change_point
        Where a signal stands, the estimated first day of the change: that of the first point
        after the signalling side was last at 0. None without a signal.
    """

    pool: Pool
    z: float
    rise: float | None
    fall: float | None
    signals: bool
    change_point: dt.date | None


def cusum(
    pools: Iterable[Pool],
    target: Estimate,
    *,
    threshold: float,
    allowance: float = 0.5,
    sides: Sides = "both",
) -> list[ChartPoint]:
    """Return the CUSUM of pools, from the first to the last.

    ``rise = max(0, rise + z - allowance)``, and ``fall`` the same with ``-z``. A point signals
    above ``threshold`` (``threshold_for`` finds it for an average run length). The next point
    starts from the threshold at most, so that after a recovery the signal ends with the first
    good point instead of after as many as the change lasted; the run length to the first signal
    is not touched by that.

    Parameters
    ----------
    pools
        In the order of days, each with a value.
    target
        The value in control, the reference's. Its standard error is added to each point's; a
        deviation of the target itself is the same in all points, and the run length is that of a
        target which is exact.
    threshold
        In standard errors of a point.
    allowance
        What is taken from each point, in standard errors: half the shift to be found soonest.
    sides
        What is watched.

    Returns
    -------
    list of ChartPoint
        One for each pool.

    Raises
    ------
    ValueError
        The target or a pool has no value or no standard error.

    References
    ----------
    Page (1954), "Continuous inspection schemes", Biometrika 41(1/2). Montgomery, "Introduction to
    Statistical Quality Control", on the tabular CUSUM and its estimate of the change point.
    """
    if target.value is None or target.standard_error is None:
        raise ValueError(f"the target needs a value and a standard error: {target.reason}")
    watched = {"rise": 1, "fall": -1}
    signs = watched if sides == "both" else {sides: watched[sides]}
    sums = dict.fromkeys(signs, 0.0)
    begins: dict[str, dt.date | None] = dict.fromkeys(signs)
    points = []
    for pool in pools:
        if pool.value is None or pool.standard_error is None:
            raise ValueError(f"the pool of {pool.first} to {pool.last} has no value")
        z = (pool.value - target.value) / math.hypot(pool.standard_error, target.standard_error)
        reached: dict[str, float] = {}
        for side, sign in signs.items():
            reached[side] = max(0.0, sums[side] + sign * z - allowance)
            begins[side] = (begins[side] or pool.first) if reached[side] else None
            sums[side] = min(reached[side], threshold)
        signalling = [side for side, value in reached.items() if value > threshold]
        points.append(
            ChartPoint(
                pool,
                z,
                reached.get("rise"),
                reached.get("fall"),
                bool(signalling),
                begins[signalling[0]] if signalling else None,
            )
        )
    return points
