"""The figures of a period: drift, incidents and performance of its days together."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from monitoring_assets.alerting.decision_inputs import read_columns
from monitoring_assets.periods.calendar import Period
from monitoring_assets.periods.cohorts import Cohort, cohorts_of, together
from monitoring_assets.statistics.alerts.breach import ColumnDay
from monitoring_assets.statistics.alerts.policy import Family
from monitoring_assets.statistics.drift.drift import Index, judge_counts
from monitoring_assets.statistics.drift.stability import StabilityIndex
from monitoring_assets.statistics.drift.thresholds import WORST_FIRST, Status
from resources.gathered import Gathered, Report
from resources.layout import Dataset
from resources.storage import StoredFile
from resources.store import Store

Files = Mapping[Dataset, Mapping[dt.date, StoredFile]]
"""Files of reports, by data set and day."""
DATASETS: tuple[Dataset, ...] = ("drift_report", "performance_report", "alerts")
"""What figures are made of."""


@dataclass(frozen=True, slots=True)
class PeriodIndex:
    """PSI or CSI of the rows of a period against the reference.

    Parameters
    ----------
    days, rows
        Whose counts are in it. Days counted in other bins than the last are left out.
    value, critical_value, status
        As in `Judgement`, with the limits of the last day. None, and ``ERROR``, where no day could
        be compared.
    """

    column: str
    index: Index
    days: int
    rows: int
    value: float | None
    critical_value: float | None
    status: Status


@dataclass(frozen=True, slots=True)
class OpenedIncident:
    """An incident that opened on a day, and the family that led it."""

    day: dt.date
    family: Family


@dataclass(frozen=True, slots=True)
class PeriodFigures:
    """What is stored of a version's days, together.

    Parameters
    ----------
    days
        Days with a drift report.
    rows
        Their rows.
    columns
        The score and the characteristics, the largest index first.
    incidents
        Those that opened.
    performance
        Of the cohorts that are mature; None if none is.
    manifests
        Hashes of the manifests that its days were decided under, in the order of days.
    """

    period: Period
    days: int
    rows: int
    columns: tuple[PeriodIndex, ...]
    incidents: tuple[OpenedIncident, ...]
    performance: Cohort | None
    manifests: tuple[str, ...]

    @property
    def psi(self) -> PeriodIndex | None:
        """That of the score."""
        return next((one for one in self.columns if one.index == "PSI"), None)

    @property
    def status(self) -> Status | None:
        """The worst of the columns; None without a report."""
        return min((one.status for one in self.columns), key=WORST_FIRST.index, default=None)

    @property
    def worst(self) -> PeriodIndex | None:
        """The characteristic with the largest index."""
        return next((one for one in self.columns if one.index == "CSI"), None)


def roll_up(
    store: Store, key: str, periods: Sequence[Period], horizon: int | None
) -> Iterator[PeriodFigures]:
    """The figures of periods, from what is stored of their days.

    Parameters
    ----------
    periods
        In order, one or more.
    horizon
        Days after which outcomes count.
    """
    files = report_files(store, key, periods[0].first, periods[-1].last)
    yield from figures(store, key, periods, horizon, files)


def report_files(store: Store, key: str, first: dt.date, last: dt.date) -> Files:
    """Files of what figures are made of, of some days, by data set and day."""
    return {dataset: store.days(dataset, key, first, last) for dataset in DATASETS}


def figures(
    store: Store,
    key: str,
    periods: Sequence[Period],
    horizon: int | None,
    files: Files,
) -> Iterator[PeriodFigures]:
    """As `roll_up`, of files that `report_files` has listed: no day of another is read."""
    columns = read_columns(store, key, files["drift_report"])
    cohorts = cohorts_of(store, key, horizon, files["performance_report"])
    decided = DECISIONS.read(store, key, files["alerts"])
    for period in periods:
        reported = [of_day for day, of_day in columns.items() if day in period]
        decisions = {day: one for day, one in decided.items() if day in period}
        yield PeriodFigures(
            period,
            len(reported),
            sum(_rows(of_day) for of_day in reported),
            tuple(sorted(_indices(reported), key=lambda one: (-(one.value or 0.0), one.column))),
            tuple(
                OpenedIncident(day, family)
                for day, one in decisions.items()
                for family in one.opened
            ),
            together(cohort for day, cohort in cohorts.items() if day in period),
            tuple(dict.fromkeys(one.manifest for one in decisions.values())),
        )


def _rows(of_day: Mapping[str, ColumnDay]) -> int:
    """Rows of a day: every column has them all but one that could not be compared."""
    return max((int(one.current.sum()) for one in of_day.values()), default=0)


def _indices(reported: Iterable[Mapping[str, ColumnDay]]) -> Iterator[PeriodIndex]:
    by_column: dict[str, list[ColumnDay]] = {}
    for of_day in reported:
        for name, column in of_day.items():
            by_column.setdefault(name, []).append(column)
    for name, days in by_column.items():
        compared = [day for day in days if day.error is None and day.current.sum()]
        if not compared:
            yield PeriodIndex(name, days[-1].index, 0, 0, None, None, Status.ERROR)
            continue
        last = compared[-1]
        alike = [day for day in compared if day.bins_key == last.bins_key]
        counts = np.sum([day.current for day in alike], axis=0)
        found = judge_counts(
            last.reference, counts, last.thresholds, StabilityIndex(last.smoothing)
        )
        yield PeriodIndex(
            name,
            last.index,
            len(alike),
            int(counts.sum()),
            found.value,
            found.critical_value,
            found.status,
        )


@dataclass(frozen=True, slots=True)
class _Decided:
    """Families that led an incident which opened on a day, and the hash of its manifest."""

    opened: tuple[Family, ...]
    manifest: str


def _decided(_: dt.date, report: Report) -> _Decided:
    table, notes = report
    rows = table.to_pylist()
    opened = (row["family"] for row in rows if row["action"] == "open" and row["joins"] is None)
    return _Decided(tuple(opened), notes["manifest_sha256"])


DECISIONS = Gathered("alerts", _decided, {"family", "action", "joins"}.__contains__)
"""Decisions as periods read them."""
