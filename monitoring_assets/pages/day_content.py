"""What the page of a day shows, read from the store."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Literal

from monitoring_assets.alerting.acceptance import Acceptance, stored_acceptance
from monitoring_assets.alerting.decision_inputs import stored_indices, stored_weeks
from monitoring_assets.pages.since_change import SinceChange, read_since_change
from monitoring_assets.pages.stopped_day import StoppedDay, read_stopped_day
from monitoring_assets.performance.history import PerformancePoint, performance_points
from monitoring_assets.periods.cohorts import BandCounts
from monitoring_assets.statistics.alerts.policy import AcceptedShift
from monitoring_assets.statistics.drift.drift import ColumnDrift
from monitoring_assets.statistics.drift.last_days import LastDays
from monitoring_assets.statistics.drift.report import MARGINAL_MIX, DriftReport
from monitoring_assets.statistics.drift.segment_report import SegmentReport
from monitoring_assets.statistics.drift.thresholds import WORST_FIRST, Status
from monitoring_assets.statistics.performance.report import CohortPerformance, PerformanceReport
from monitoring_assets.statistics.profiles.bins import short_label
from resources.acceptances import accepted_shifts
from resources.faults import RecordedFault, read_faults
from resources.manifest import Manifest
from resources.store import NotMaterialisedError, Store

HISTORY_DAYS = 60
"""Days that the page looks back."""
READERS = 16
OPEN = ("open", "keep")
Outcome = Literal[
    "incident open", "stopped", "error", "fail", "warn", "insufficient evidence", "ok"
]


@dataclass(frozen=True)
class Characteristic:
    """A column of the day, its past, and what it did to the score.

    Parameters
    ----------
    drift
        With its bins.
    moved_score_by
        In units of the score; None if unknown.
    week
        The last days together; None without an index on the day.
    history
        Index on each of the last days; None for a day without one.
    """

    drift: ColumnDrift
    moved_score_by: float | None = None
    week: LastDays | None = None
    history: tuple[float | None, ...] = ()


@dataclass(frozen=True)
class DayContent:
    """One day of a model version.

    Parameters
    ----------
    manifest
        In force.
    day
        The day.
    report
        Its drift report; None if a check has stopped the day.
    stopped
        What was counted of a day without one; None if nothing was.
    notes
        Of the report: the run, the manifest and how the score's shift was attributed.
    score
        None if the scores were not compared.
    characteristics
        What did most to the score first.
    faults
        What checks and runs found wrong.
    decisions
        One for each family, as the asset ``alerts`` keeps them; empty if nothing was decided.
    cohorts, points
        Performance of the day, and of the version's cohorts up to it, segments included.
    change
        The applicants since a change of performance; None without one.
    segments
        None without any.
    acceptance
        Whether the lender's acceptance rule has changed; None where no decisions are counted.
    accepted
        Shifts that were accepted before the day.
    previous, next
        The neighbouring days that have a report.
    history
        The last days, the day itself at the end.
    """

    manifest: Manifest
    day: dt.date
    report: DriftReport | None
    stopped: StoppedDay | None
    notes: dict[str, Any]
    score: Characteristic | None
    characteristics: tuple[Characteristic, ...]
    faults: tuple[RecordedFault, ...]
    decisions: tuple[dict[str, Any], ...]
    cohorts: tuple[CohortPerformance, ...]
    points: tuple[PerformancePoint, ...]
    change: SinceChange | None
    segments: SegmentReport | None
    acceptance: Acceptance | None
    accepted: tuple[AcceptedShift, ...]
    previous: dt.date | None
    next: dt.date | None
    history: tuple[dt.date, ...]

    @property
    def columns(self) -> tuple[Characteristic, ...]:
        """The score, if it was compared, and the characteristics."""
        return (*([self.score] if self.score else []), *self.characteristics)

    @property
    def status(self) -> Status:
        """The worst that was found, whether a page was sent for it or not."""
        if self.report is None:
            return Status.ERROR
        return min((one.drift.status for one in self.columns), key=WORST_FIRST.index)

    @property
    def open_incidents(self) -> tuple[dict[str, Any], ...]:
        """Decisions of the families that have an incident."""
        return tuple(one for one in self.decisions if one["action"] in OPEN)

    @property
    def outcome(self) -> Outcome:
        """The worst that there is, for the colour of the day and its place among others."""
        if self.open_incidents:
            return "incident open"
        return "stopped" if self.report is None else self.status.value

    @property
    def verdict(self) -> str:
        """The day in one sentence."""
        if self.report is None:
            why = self.faults[0].text if self.faults else "it has no drift report"
            not_paged = " It is not paged: a shadow version." if self.manifest.shadow else ""
            return f"A check stopped this day: {why}.{not_paged}"
        if self.open_incidents:
            first = min(self.open_incidents, key=lambda one: one["since"])
            evidence = next(
                (b["text"] for one in self.open_incidents for b in one["breaches"]),
                first["reasons"][0],
            )
            return f"Open since {first['since']}: {evidence}."
        found = [one for one in self.decisions if one["action"] == "suppress"]
        if found:
            return f"Found, not paged: {'; '.join(found[0]['reasons'])}."
        failing = [one for one in (self.score, *self.characteristics) if one and _fails(one)]
        if failing:
            worst = max(failing, key=lambda one: one.drift.value or 0.0).drift
            return (
                f"Found, not paged: {worst.column} has {worst.index} {worst.value:.2f}, "
                f"the limit is {worst.thresholds.fail:g}. The decisions below say why."
            )
        return "No index is over its limit."


def _fails(one: Characteristic) -> bool:
    return one.drift.status in (Status.FAIL, Status.ERROR)


def read_day(store: Store, key: str, day: dt.date) -> DayContent:
    """Read what is stored of a day.

    Parameters
    ----------
    store
        The store.
    key
        Of the version.
    day
        A day that has a drift report, or faults that say why it has none.

    Raises
    ------
    NotMaterialisedError
        If neither is there.
    """
    manifest = store.landed(key).manifest
    days = store.days("drift_report", key)
    history = tuple(day - dt.timedelta(days=back) for back in range(HISTORY_DAYS - 1, -1, -1))
    faults = read_faults(store.storage, key, day, day).get(day, [])
    drifts: list[ColumnDrift] = []
    moved: dict[str, float | None] = {}
    report: DriftReport | None = None
    stopped: StoppedDay | None = None
    notes: dict[str, Any] = {}
    try:
        table, notes = store.read_table("drift_report", key, day)
        notes.setdefault("attribution", MARGINAL_MIX)
        report = DriftReport.from_table(table)
        drifts = report.drifts()
        moved = {one.drift.column: one.moved_score_by for one in report.columns}
    except NotMaterialisedError:
        stopped = read_stopped_day(store, key, day)
        if stopped is None and not faults:
            raise
        drifts = stopped.drifts if stopped else []
    past = stored_indices(store, key, days, history[:-1])
    weeks = stored_weeks(store, key, day, manifest.alerts.at_once) if report else {}
    columns = [
        Characteristic(
            drift,
            moved.get(drift.column),
            weeks.get(drift.column),
            (*(indices.get(drift.column) for indices in past), drift.value),
        )
        for drift in drifts
    ]
    performance = store.find_table("performance_report", key, day)
    segments = store.find_table("segment_report", key, day)
    decisions = store.find_table("alerts", key, day)
    points = performance_points(store, key, day, manifest.segments)
    return DayContent(
        manifest,
        day,
        report,
        stopped,
        notes,
        next((one for one in columns if one.drift.index == "PSI"), None),
        tuple(sorted((one for one in columns if one.drift.index == "CSI"), key=_rank)),
        tuple(faults),
        tuple(decisions.to_pylist() if decisions else ()),
        PerformanceReport.from_table(performance).cohorts if performance else (),
        tuple(points),
        read_since_change(store, key, day, faults, points),
        SegmentReport.from_table(segments) if segments else None,
        stored_acceptance(store, manifest, day),
        tuple(one for one in accepted_shifts(store, manifest) if one.last < day),
        max((one for one in days if one < day), default=None),
        min((one for one in days if one > day), default=None),
        history,
    )


def bands_since(day: DayContent) -> list[tuple[str, BandCounts]]:
    """The bands since a change of performance, by the names that the day's score bands have."""
    if day.change is None:
        return []
    bands = day.change.cohort.bands
    shown = day.score.drift.bins if day.score else ()
    labels = [short_label(one.label, one.slot) for one in shown if one.slot == "interval"]
    if len(labels) != len(bands):  # profiled again since
        labels = [f"({one.low:.6g}, {one.high:.6g}]" for one in bands]
    return list(zip(labels, bands, strict=True))


def _rank(one: Characteristic) -> tuple[float, float]:
    """What did most to the score first; where that is unknown, the largest index."""
    return -abs(one.moved_score_by or 0.0), -(one.drift.value or 0.0)
