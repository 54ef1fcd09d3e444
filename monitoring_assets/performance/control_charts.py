"""Faults of performance: what control charts over a version's cohorts signal, in words."""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from scipy.special import ndtri

from monitoring_assets.performance.history import PerformancePoint
from monitoring_assets.statistics.drift.segments import Segment
from monitoring_assets.statistics.performance.control_chart import Sides, cusum
from monitoring_assets.statistics.performance.intervals import Estimate, normal
from monitoring_assets.statistics.performance.pooling import (
    OUTCOMES,
    DayEstimate,
    enough_rows,
    joined,
    pool,
)
from monitoring_assets.statistics.performance.prediction import MEAN_REALISED
from monitoring_assets.statistics.performance.report import PerformanceKind
from monitoring_assets.statistics.performance.run_length import threshold_for
from resources.faults import RecordedFault

if TYPE_CHECKING:
    from resources.manifest import PerformanceThresholds

SOURCE = "performance"
"""Source of these faults."""

RUN_LENGTH = 5000
"""Points, of a day at least, between two signals by chance, of a chart and of those of the same
metric by segment together; few of them are a fault."""
ALLOWANCE = 0.5
"""Half the shift that is found soonest, in standard errors of a point."""

Series = Mapping[tuple[PerformanceKind, str], Sequence[PerformancePoint]]
_Groups = defaultdict[
    tuple[int | None, Segment | None],
    defaultdict[tuple[PerformanceKind, str], list[PerformancePoint]],
]


@dataclass(frozen=True, slots=True)
class _Chart:
    """What is watched of a horizon. An estimate does not page: PSI and CSI do, for the same shift.

    ``what`` names it, with a place for the horizon. Of a segment only what pages is watched.
    ``level`` is the metric that is shown, where it is another than the one that is watched.
    """

    kind: PerformanceKind
    metric: str
    sides: Sides
    what: str
    pages: bool = True
    level: str | None = None


_CHARTS = (
    _Chart(PerformanceKind.REALISED, "auc", "fall", "AUC{after}"),
    _Chart(PerformanceKind.GAP, "auc", "fall", "AUC{after} against its estimate"),
    _Chart(PerformanceKind.GAP, "bad_rate", "both", "bad rate{after} against its estimate"),
    _Chart(PerformanceKind.ESTIMATED, "auc", "fall", "estimated AUC{after}", pages=False),
    _Chart(
        PerformanceKind.REALISED,
        "mean_error",
        "both",
        "mean realised value{after} against the prediction",
        level=MEAN_REALISED,
    ),
)


def known_on(point: PerformancePoint) -> dt.date:
    """Return the day on which a point can first be known: an estimate's own, or when it is due."""
    waits = 0 if point.kind == PerformanceKind.ESTIMATED else point.horizon or 0
    return point.day + dt.timedelta(days=waits)


def performance_faults(
    points: Sequence[PerformancePoint], limits: PerformanceThresholds, day: dt.date
) -> list[RecordedFault]:
    """Return what the charts signal on a day.

    For each horizon a CUSUM of pooled cohorts watches AUC for a fall from the reference's, and
    AUC and bad rate for a gap to the estimate of the same rows; where the score predicts a number,
    one watches the mean error for a move from the reference's; and the same within each segment. A
    signal is a fault if the mean since the estimated change is beyond the ``warn`` limit and
    beyond chance at ``level``. The reference's own error counts in that: it is the same in all
    cohorts, so that a chart alone would take it for a change.

    With ``S`` segments a chart of all rows has twice the run length, and that of a segment ``2 S``
    times; ``level`` is divided by the same. Rates of false alarms add up, dependent or not, so
    that the whole has the rate that it has without segments, half of it for all rows.

    Parameters
    ----------
    points
        Of the version, in the order of days. Those of a cohort whose horizon lies after ``day`` are
        left out, so that a day which is decided late is decided from what it could know.
    limits
        In force.
    day
        The day to decide.

    Returns
    -------
    list of RecordedFault
        One for each chart that signals; estimates only warn.
    """
    groups: _Groups = defaultdict(lambda: defaultdict(list))
    for point in points:
        if known_on(point) <= day:
            groups[point.horizon, point.segment][point.kind, point.metric].append(point)
    segments = {segment for _, segment in groups if segment}
    found = [
        _fault(chart, series, limits, 2 * len(segments) if segment else 2 if segments else 1)
        for (_, segment), series in groups.items()
        for chart in _CHARTS
        if series[chart.kind, chart.metric] and (chart.pages or not segment)
    ]
    return [fault for fault in found if fault]


def _fault(
    chart: _Chart, series: Series, limits: PerformanceThresholds, charts: int
) -> RecordedFault | None:
    """What one chart signals; None if it does not, or if what it signals does not matter.

    A false alarm is expected once in ``charts`` times the run length.
    """
    points = series[chart.kind, chart.metric]
    shown = PerformanceKind.REALISED
    if chart.kind == PerformanceKind.ESTIMATED:
        shown = PerformanceKind.ESTIMATED
    horizon, enough = points[0].horizon, _enough(series[shown, "bad_rate"])
    if chart.metric == "mean_error":
        enough = OUTCOMES
    reference = series[shown, chart.metric][-1].reference
    target = Estimate(0.0, 0.0) if chart.kind == PerformanceKind.GAP else reference
    if enough is None or target.value is None or target.standard_error is None:
        return None  # nothing to compare with, which the checks of the report say
    pools, _ = pool(map(_as_day, points), enough)
    if not pools:
        return None
    last = cusum(
        pools,
        target,
        threshold=_threshold(RUN_LENGTH * charts, chart.sides == "both"),
        allowance=ALLOWANCE,
        sides=chart.sides,
    )[-1]
    if last.change_point is None:
        return None
    since, until = last.change_point, last.pool.last
    change = _mean(points, since, until)
    level = _mean(series[shown, chart.level or chart.metric], since, until)
    assert change.value is not None
    assert change.standard_error is not None
    assert level.value is not None
    moved = change.value - target.value
    error = math.hypot(change.standard_error, reference.standard_error or 0.0)
    expected = level.value - moved
    is_large = (
        -moved >= limits.auc_drop.warn
        if chart.metric == "auc"
        else max(level.value, expected)
        >= limits.bad_rate_ratio.warn * max(min(level.value, expected), 0.0)
    )
    if not is_large or abs(moved) < -ndtri(limits.level / charts / 2) * error:
        return None
    after = f" after {horizon} days" if horizon else ""
    of = points[0].segment
    segment = f"{of.column} {of.value}" if of else None
    subject = chart.what.format(after=after) + (f", {segment}" if segment else "")
    rows = sum(point.rows for point in points if since <= point.day <= until)
    return RecordedFault(
        family="performance",
        subject=subject,
        text=(
            f"{subject}: {_figure(chart, level.value)} "
            f"({_figure(chart, level.low)} to {_figure(chart, level.high)}) instead of "
            f"{_figure(chart, expected)} since the applicants of {since}, {rows:,} rows (a "
            f"false alarm is expected once in {RUN_LENGTH * charts:,} points). "
            + _why(chart, series, moved, since, until)
        ),
        # An uncalibrated score departs from its estimate without any change.
        pages=chart.pages and reference.value is not None,
        segment=segment,
        first_cohort=since,
        horizon=horizon,
    )


def _why(chart: _Chart, series: Series, moved: float, since: dt.date, until: dt.date) -> str:
    """Say whether it is concept or covariate shift, as far as that is known."""
    if chart.kind == PerformanceKind.GAP:
        return "Concept shift: outcomes of the same scores have changed"
    if chart.kind == PerformanceKind.ESTIMATED:
        return "Covariate shift: other applicants, if outcomes of the same scores have not changed"
    if chart.metric == "mean_error":
        return "Rows have realised something else than the score predicted of them"
    gap = _mean(series[PerformanceKind.GAP, chart.metric], since, until).value
    if gap is None:
        return "Whether other applicants are the reason is not known: there is no estimate"
    return (
        f"Of these {moved:+.3f}, {gap:+.3f} is concept shift (outcomes of the same scores have "
        f"changed) and {moved - gap:+.3f} covariate shift (other applicants)"
    )


def _enough(bad_rates: Sequence[PerformancePoint]) -> int | None:
    """Rows of a pool, by the reference's bad rate, or that of all cohorts where it has none."""
    if not bad_rates:
        return None
    usual = bad_rates[-1].reference.value
    if usual is None:
        usual = sum(point.bads for point in bad_rates) / sum(point.rows for point in bad_rates)
    return enough_rows(usual) if 0 < usual < 1 else None


def _as_day(point: PerformancePoint) -> DayEstimate:
    usable = point.value is not None and (point.standard_error or 0.0) > 0
    return DayEstimate(
        point.day,
        point.value if usable else None,
        point.standard_error if usable else None,
        point.rows,
        point.bads,
    )


def _mean(points: Sequence[PerformancePoint], first: dt.date, last: dt.date) -> Estimate:
    """Mean of the days from ``first`` to ``last`` as one pool; absent without any."""
    days = [_as_day(point) for point in points if first <= point.day <= last]
    one = joined(days) if days else None
    if one is None or one.value is None or one.standard_error is None:
        return Estimate(None)
    return normal(one.value, one.standard_error)


@cache
def _threshold(run_length: int, two_sided: bool) -> float:
    return threshold_for(run_length, ALLOWANCE, two_sided=two_sided)


def _figure(chart: _Chart, value: float | None) -> str:
    form = ".3f" if chart.metric == "auc" else ".4g" if chart.level else ".1%"
    return "?" if value is None else f"{value:{form}}"
