"""Performance over time: a point for each cohort, for control charts and alerts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitoring_assets.statistics.drift.segments import Segment
from monitoring_assets.statistics.performance.intervals import Estimate
from monitoring_assets.statistics.performance.prediction import MEAN_REALISED
from monitoring_assets.statistics.performance.report import (
    CohortPerformance,
    Performance,
    PerformanceKind,
    PerformanceReport,
)
from resources.gathered import Gathered, Report
from resources.store import Store

if TYPE_CHECKING:
    import pyarrow as pa

LEAVES = frozenset(
    {
        *("kind", "horizon", "status", "segment_column", "segment", "scored", "known", "bads"),
        *("metric", "value", "standard_error", "standard_error_unchanged"),
        *("reference", "reference_standard_error"),
        *("estimated", "gap", "gap_standard_error"),
    }
)
"""Columns of a report that a point is made of: a report has ten times as many figures."""
BAND_LEAVES = frozenset({"low", "high", "rows", "bads", "expected"})
"""Those of its bands that periods are made of."""
PREDICTIONS = "predictions"
"""Column that only periods read."""
METRICS = ("auc", "bad_rate", "mean_error", MEAN_REALISED)
WINDOW_DAYS = 365
"""Fewest days of mature cohorts that a chart looks back at; at most twice as many."""


@dataclass(frozen=True, slots=True)
class PerformancePoint:
    """One metric of a cohort.

    Parameters
    ----------
    day
        The cohort's.
    kind
        A gap is of the rows whose outcomes are known.
    horizon
        Days after which outcomes count; None where the manifest does not say.
    metric
        One of `METRICS`: the last two are of scores that predict a number.
    value
        None where the cohort has none, such as an AUC without bads.
    standard_error
        If nothing has changed: of a cohort of this size by the reference where its outcomes are
        known, else the point's own. None where there is none.
    rows, bads
        Size of the cohort; bads of an estimate are the expected ones, rounded.
    reference
        What the value should be: the reference's, with its error; 0 for a gap. Without a value
        where the reference has none.
    segment
        Whose it is; None for all rows of the cohort.
    """

    day: dt.date
    kind: PerformanceKind
    horizon: int | None
    metric: str
    value: float | None
    standard_error: float | None
    rows: int
    bads: int
    reference: Estimate
    segment: Segment | None = None


def first_cohort(day: dt.date, horizons: Sequence[int]) -> dt.date:
    """Return the first cohort that the charts of a day start from.

    It is the same for ``WINDOW_DAYS`` in turn, so that pools and charts of consecutive days are the
    same but for what is new, and lies from one to two times as long before the newest cohort whose
    last horizon has come. A chart that starts there is that of all cohorts, point by point, from
    the first one on at which the latter is at 0 (a CUSUM forgets what was before). Where the chart
    of all has been up for all that time, so is this one if the change lasts; the first day of the
    change is then the first that it has seen.

    Parameters
    ----------
    day
        The day to decide.
    horizons
        Days after which outcomes count.
    """
    newest = day - dt.timedelta(days=max(horizons, default=0))
    return dt.date.fromordinal((newest.toordinal() // WINDOW_DAYS - 1) * WINDOW_DAYS)


def performance_points(
    store: Store,
    key: str,
    last: dt.date,
    segments: Collection[str] = (),
) -> list[PerformancePoint]:
    """The points of a version's cohorts from ``first_cohort`` up to a day, in their order.

    Parameters
    ----------
    store
        The store.
    key
        Of the version.
    last
        Last cohort.
    segments
        Segment columns whose segments have points as well. Those of an earlier revision are not
        among them.
    """
    outcome = store.landed(key).manifest.outcome
    first = first_cohort(last, outcome.maturity if outcome else [])
    files = store.days("performance_report", key, first, last)
    return [
        point
        for points in POINTS.read(store, key, files).values()
        for point in points
        if point.segment is None or point.segment.column in segments
    ]


def points_of(table: pa.Table) -> pa.Table:
    """What points are made of, without the bands, which periods read; some have no predictions."""
    return table.drop_columns([one for one in table.column_names if one in ("bands", PREDICTIONS)])


def is_wanted(path: str) -> bool:
    """Whether points and periods are made of a leaf column of a report."""
    if path.startswith(PREDICTIONS):
        return True
    folder, _, name = path.rpartition(".")
    return name in (BAND_LEAVES if folder.startswith("bands") else LEAVES)


def _points(day: dt.date, report: Report) -> tuple[PerformancePoint, ...]:
    table = points_of(report[0])
    cohorts = PerformanceReport.from_table(table, METRICS).cohorts
    return tuple(
        point
        for cohort in cohorts
        for segment, found in (
            (None, cohort.found),
            *((Segment(one.column, one.value or ""), one.found) for one in cohort.segments),
        )
        for point in _of_rows(day, cohort, segment, found)
    )


def _of_rows(
    day: dt.date, cohort: CohortPerformance, segment: Segment | None, found: Performance
) -> Iterator[PerformancePoint]:
    """What is estimated, or mature: nothing else has metrics."""
    is_estimate = cohort.kind == PerformanceKind.ESTIMATED
    rows = found.scored if is_estimate else found.known
    rate, bads = found.metric("bad_rate"), found.bads
    if rows is None:
        return
    if is_estimate and rate is not None:
        bads = round(rows * (rate.value or 0.0))
    for one in found.metrics:
        error = one.standard_error_unchanged or one.standard_error
        before = Estimate(one.reference, one.reference_standard_error)
        yield PerformancePoint(
            day,
            cohort.kind,
            cohort.horizon,
            one.metric,
            one.value,
            error,
            rows,
            bads or 0,
            before,
            segment,
        )
        if not is_estimate and one.estimated is not None and one.metric != MEAN_REALISED:
            yield PerformancePoint(
                day,
                PerformanceKind.GAP,
                cohort.horizon,
                one.metric,
                one.gap,
                one.gap_standard_error,
                rows,
                bads or 0,
                Estimate(0.0, 0.0),
                segment,
            )


POINTS = Gathered("performance_report", _points, is_wanted)
"""Performance reports as charts read them."""
