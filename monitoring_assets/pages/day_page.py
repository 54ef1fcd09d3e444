"""The page of a day: what moved, since when, for whom, and whether it matters."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from monitoring_assets.pages.chart import Chart
from monitoring_assets.pages.day_content import Characteristic, DayContent, bands_since
from monitoring_assets.pages.render import DETAILED, render
from monitoring_assets.performance.history import PerformancePoint
from monitoring_assets.statistics.alerts.policy import Family
from monitoring_assets.statistics.drift.segment_report import SegmentIndex, SegmentReport
from monitoring_assets.statistics.drift.thresholds import ALARMING
from monitoring_assets.statistics.performance.report import PerformanceKind
from resources.delivery.links import links

WIDTH, HEIGHT = 720, 160
SPARK = 120, 24
CHART_DAYS = 120
"""Cohorts of a chart of performance."""
NORMAL_95 = 1.96
METRICS = {
    "auc": "AUC",
    "bad_rate": "Bad rate",
    "mean_error": "Mean error",
    "mean_realised": "Mean realised value",
}
MARGIN = 0.1
"""Of a chart's range, above and below what it shows."""


@dataclass(frozen=True)
class PerformanceChart:
    """A metric over the cohorts of a horizon; values by day, None where there is none."""

    title: str
    days: tuple[dt.date, ...]
    realised: tuple[float | None, ...]
    lows: tuple[float | None, ...]
    highs: tuple[float | None, ...]
    estimated: tuple[float | None, ...]
    reference: float | None

    @property
    def area(self) -> Chart:
        """Where its values lie."""
        every = (*self.realised, *self.lows, *self.highs, *self.estimated, self.reference)
        known = [value for value in every if value is not None]
        margin = MARGIN * (max(known) - min(known) or max(known) or 1.0)
        return Chart(WIDTH, HEIGHT, len(self.days), min(known) - margin, max(known) + margin)

    @property
    def rows(self) -> list[tuple[object, ...]]:
        """The days that have a value, for the table beside the chart."""
        every = zip(self.days, self.realised, self.lows, self.highs, self.estimated, strict=True)
        return [row for row in every if row[1] is not None or row[4] is not None]


def day_page(day: DayContent) -> str:
    """Return the page of a day as one file of HTML."""
    measured = [one for one in day.characteristics if one.drift.value is not None]
    segments = _worst_of_each(day.segments) if day.segments else []
    return render(
        "day.html.j2",
        day=day,
        worst=max(measured, key=lambda one: one.drift.value or 0.0, default=None),
        psi=_index_chart(day.score, (WIDTH, HEIGHT)) if day.score else None,
        small=lambda one: _index_chart(one, SPARK),
        detailed=DETAILED,
        opened=next(
            (d for one in day.characteristics if (d := one.drift).status in ALARMING), None
        ),
        performance=list(_performance_charts(day.points, day.day)),
        bands_since=bands_since(day),
        segments=segments,
        leads_with_performance=_family(day) == "performance",
        links=links(day.manifest.key, day.day, _family(day)),
    )


def unmade_page(key: str, day: dt.date, why: str) -> str:
    """Return the page of a day whose own page could not be made."""
    return render("unmade.html.j2", key=key, day=day, why=why)


def _family(day: DayContent) -> Family:
    return day.open_incidents[0]["family"] if day.open_incidents else "characteristics"


def _index_chart(one: Characteristic, size: tuple[float, float]) -> Chart:
    return Chart.of_index(size, one.history, one.drift.thresholds.fail)


def _performance_charts(
    points: Sequence[PerformancePoint], last: dt.date
) -> list[PerformanceChart]:
    """AUC and bad rate of each horizon that has outcomes, else of the estimates."""
    oldest = last - dt.timedelta(days=CHART_DAYS - 1)
    series: defaultdict[tuple[str, int | None], dict[tuple[str, dt.date], PerformancePoint]]
    series = defaultdict(dict)
    for point in points:
        if (
            point.segment is None
            and point.value is not None
            and point.kind != PerformanceKind.GAP
            and point.day >= oldest
        ):
            series[point.metric, point.horizon][point.kind, point.day] = point
    return [
        _chart(metric, horizon, last, found)
        for (metric, horizon), found in sorted(
            series.items(), key=lambda one: (one[0][0], one[0][1] or 0)
        )
    ]


def _chart(
    metric: str,
    horizon: int | None,
    last: dt.date,
    found: dict[tuple[str, dt.date], PerformancePoint],
) -> PerformanceChart:
    first = min(day for _, day in found)
    days = tuple(first + dt.timedelta(days=at) for at in range((last - first).days + 1))

    def column(kind: PerformanceKind, errors: float = 0.0) -> tuple[float | None, ...]:
        points = [found.get((kind, day)) for day in days]
        return tuple(
            None
            if one is None or one.value is None
            else one.value + errors * (one.standard_error or 0.0)
            for one in points
        )

    after = f" after {horizon} days" if horizon else ""
    return PerformanceChart(
        f"{METRICS[metric]}{after}",
        days,
        column(PerformanceKind.REALISED),
        column(PerformanceKind.REALISED, -NORMAL_95),
        column(PerformanceKind.REALISED, NORMAL_95),
        column(PerformanceKind.ESTIMATED),
        next(iter(found.values())).reference.value,
    )


def _worst_of_each(report: SegmentReport) -> list[SegmentIndex]:
    """The largest index of each segment, the worst first."""
    worst: dict[object, SegmentIndex] = {}
    for one in sorted(report.indices, key=lambda one: -(one.value or 0.0)):
        if one.value is not None:
            worst.setdefault(one.segment, one)
    return list(worst.values())
