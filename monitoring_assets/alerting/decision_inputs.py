"""What a decision is made from: the stored reports and faults of the last weeks of a version."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, TypeAdapter

from monitoring_assets.alerting.acceptance import Acceptance
from monitoring_assets.partitions import ModelDay
from monitoring_assets.performance.control_charts import known_on
from monitoring_assets.performance.history import PerformancePoint, performance_points
from monitoring_assets.statistics.alerts.breach import BinsKey, ColumnDay, DayFacts, Fault
from monitoring_assets.statistics.alerts.decision import (
    HISTORY_DAYS,
    Decision,
    FamilyState,
    History,
    standings,
)
from monitoring_assets.statistics.alerts.policy import AcceptedShift, Policy
from monitoring_assets.statistics.drift.last_days import WEEK, LastDays
from monitoring_assets.statistics.drift.stability import Smoothing
from monitoring_assets.statistics.profiles.bins import NEW_CATEGORY, SlotKind, short_label
from resources import layout
from resources.acceptances import accepted_shifts
from resources.faults import RecordedFault, read_faults
from resources.gathered import READERS, Gathered, Report
from resources.manifest import Manifest
from resources.storage import StoredFile
from resources.store import Store

if TYPE_CHECKING:
    from monitoring_assets.statistics.drift.report import DriftReport

STANDINGS = TypeAdapter(list[FamilyState])


class Inputs(BaseModel):
    """All that a decision was made from: enough to make it again, a year later.

    Parameters
    ----------
    reports
        Run that made the drift report of each day: it lies under ``evidence/`` for good.
    faults
        Faults of each day.
    accepted_reports
        The same for the days of accepted shifts.
    performance_from
        First day on which the performance of some cohort could be known; None if none is.
    before
        What stood after the last day before it that was decided.
    decided_on
        The day of the decision, UTC.
    is_backfill
        Whether the run was a backfill.
    is_late
        Whether a later day had been decided.
    is_shadow
        Whether the version was a shadow.
    acceptance
        How the acceptance rule had changed, in words; empty if it had not.
    deployed_at
        First day of the version.
    policy
        In force.
    """

    model_config = ConfigDict(frozen=True)

    reports: dict[dt.date, str]
    accepted_reports: dict[dt.date, str] = {}
    faults: dict[dt.date, list[RecordedFault]]
    performance_from: dt.date | None = None
    before: list[FamilyState]
    decided_on: dt.date
    is_backfill: bool
    is_late: bool
    is_shadow: bool = False
    acceptance: str = ""
    deployed_at: dt.date
    policy: Policy

    def age_days(self, day: dt.date) -> int:
        """Days from ``day`` to the decision."""
        return (self.decided_on - day).days


def stored_inputs(
    store: Store,
    day: ModelDay,
    manifest: Manifest,
    points: Sequence[PerformancePoint],
    acceptance: Acceptance | None,
    *,
    decided_on: dt.date,
    is_backfill: bool,
) -> tuple[Inputs, History]:
    """What is stored of a version now, up to a day, and the history that it is.

    ``points`` are those of its performance that the day is decided from; ``acceptance`` is of the
    day.
    """
    first = day.day - dt.timedelta(days=HISTORY_DAYS - 1)
    shifts = [one for one in accepted_shifts(store, manifest) if one.last < day.day]
    stored = store.days("drift_report", day.key)
    looked_at = {one: file for one, file in stored.items() if first <= one <= day.day}
    reports = REPORTS.read(store, day.key, looked_at)
    accepted = REPORTS.read(
        store,
        day.key,
        {one: file for one, file in stored.items() if any(s.covers(one) for s in shifts)},
    )
    decided = list(store.days("alerts", day.key))
    earlier = [one for one in decided if one < day.day]
    inputs = Inputs(
        reports={one: report.run_id for one, report in reports.items()},
        accepted_reports={one: report.run_id for one, report in accepted.items()},
        faults=read_faults(store.storage, day.key, first, day.day),
        performance_from=_performance_from(points),
        before=_standings(store, day.key, earlier[-1]) if earlier else [],
        decided_on=decided_on,
        is_backfill=is_backfill,
        is_late=bool(decided) and decided[-1] > day.day,
        is_shadow=manifest.shadow,
        acceptance=str(acceptance) if acceptance and acceptance.change.rule_changed else "",
        deployed_at=manifest.deployed_at,
        policy=replace(
            manifest.alerts,
            accepted=tuple(shifts),
            expected=manifest.alerts.expected_days(first, day.day),
        ),
    )
    return inputs, _history(day.day, inputs, reports, accepted)


def stored_facts(store: Store, key: str, *, last_days: int) -> tuple[DayFacts, ...]:
    """What is stored of a version's last days that have a report, and the faults since the first.

    Empty if there is no report.
    """
    files = dict(list(store.days("drift_report", key).items())[-last_days:])
    if not files:
        return ()
    reports = REPORTS.read(store, key, files)
    faults = read_faults(store.storage, key, min(files), dt.date.max)
    points = performance_points(store, key, max(files))
    return _days({*reports, *faults}, reports, faults, _performance_from(points))


def stored_columns(
    store: Store, key: str, first: dt.date, last: dt.date
) -> dict[dt.date, dict[str, ColumnDay]]:
    """Columns by name of the drift reports that are stored of some days."""
    return read_columns(store, key, store.days("drift_report", key, first, last))


def read_columns(
    store: Store, key: str, files: Mapping[dt.date, StoredFile]
) -> dict[dt.date, dict[str, ColumnDay]]:
    """Columns by name of some drift reports, as `Store.days` lists them."""
    return {
        one: {column.column: column for column in report.columns}
        for one, report in REPORTS.read(store, key, files).items()
    }


def stored_indices(
    store: Store, key: str, files: Mapping[dt.date, StoredFile], days: Sequence[dt.date]
) -> list[Mapping[str, float | None]]:
    """Index by column on each of some days; empty for a day without a report.

    ``files`` are those of the version's reports, as `Store.days` lists them.
    """
    wanted = {one: files[one] for one in days if one in files}
    reports = REPORTS.read(store, key, wanted)
    return [reports[one].indices if one in reports else {} for one in days]


def stored_weeks(store: Store, key: str, day: dt.date, at_once: float) -> dict[str, LastDays]:
    """The last days together, by each column that a day has an index of.

    ``at_once`` is the index from which a single day opens an incident.
    """
    days = stored_columns(store, key, day - dt.timedelta(days=WEEK - 1), day)
    today = days.pop(day)
    return {
        name: column.together(
            [columns[name] for columns in days.values() if name in columns], at_once
        )
        for name, column in today.items()
        if column.error is None
    }


def _performance_from(points: Sequence[PerformancePoint]) -> dt.date | None:
    """First day on which the performance of some cohort could be known."""
    return min(map(known_on, points), default=None)


def recorded_history(store: Store, day: ModelDay, inputs: Inputs) -> History:
    """The history that a recorded decision was made from, out of the evidence.

    Raises
    ------
    FileNotFoundError
        If a report of that time is no longer there.
    """

    def read(one: dt.date, run: str) -> _Report:
        return _report(one, store.read_path(layout.evidence("drift_report", day.key, one, run)))

    with ThreadPoolExecutor(READERS) as readers:
        reports, accepted = (
            dict(zip(runs, readers.map(read, runs.keys(), runs.values()), strict=True))
            for runs in (inputs.reports, inputs.accepted_reports)
        )
    return _history(day.day, inputs, reports, accepted)


def recorded_standings(decisions: Sequence[Decision]) -> list[dict[str, Any]]:
    """What stands after a day, as JSON: the next day starts from it."""
    recorded: list[dict[str, Any]] = STANDINGS.dump_python(list(standings(decisions)), mode="json")
    return recorded


@lru_cache(maxsize=65536)  # the same labels day after day
def _label(label: str, slot: SlotKind) -> str:
    """The label of a bin for people, the same on all days."""
    return NEW_CATEGORY if slot == "new" else short_label(label, slot)


@dataclass(frozen=True, eq=False)
class _Report:
    """A stored drift report."""

    columns: tuple[ColumnDay, ...]
    indices: Mapping[str, float | None]
    score_sd: float | None
    score_shift: float | None
    is_additive: bool
    run_id: str


def _report(day: dt.date, stored: Report) -> _Report:
    from monitoring_assets.statistics.drift.report import DriftReport

    table, notes = stored
    report = DriftReport.from_table(table)
    return _Report(
        tuple(_columns(report, notes["thresholds"]["smoothing"])),
        {one.drift.column: one.drift.value for one in report.columns},
        notes["score_sd"],
        report.score.mean_score_shift if report.score else None,
        notes.get("is_additive", False),
        notes["run_id"],
    )


REPORTS = Gathered("drift_report", _report)
"""Drift reports as decisions read them."""


def _standings(store: Store, key: str, day: dt.date) -> list[FamilyState]:
    """What stood after a day, as it was recorded."""
    _, notes = store.read_table("alerts", key, day)
    return STANDINGS.validate_python(notes["standings"])


def _history(
    day: dt.date,
    inputs: Inputs,
    reports: Mapping[dt.date, _Report],
    accepted: Mapping[dt.date, _Report],
) -> History:
    reports = dict(_with_accepted(reports, accepted, inputs.policy.accepted))
    return History(
        days=_days(
            {*reports, *inputs.faults, day}, reports, inputs.faults, inputs.performance_from
        ),
        before=tuple(inputs.before),
        deployed_at=inputs.deployed_at,
        decided_on=inputs.decided_on,
        is_backfill=inputs.is_backfill,
        is_late=inputs.is_late,
        is_shadow=inputs.is_shadow,
        acceptance=inputs.acceptance,
    )


def _with_accepted(
    reports: Mapping[dt.date, _Report],
    accepted: Mapping[dt.date, _Report],
    shifts: Sequence[AcceptedShift],
) -> Iterator[tuple[dt.date, _Report]]:
    """The reports, each column with the counts of the accepted days that lie before its day."""
    shifts = sorted(shifts, key=lambda shift: shift.last)
    counts = [_accepted_counts(accepted, shift) for shift in shifts]
    for day, report in reports.items():
        before = [mine for shift, mine in zip(shifts, counts, strict=True) if shift.last < day]
        columns = (
            replace(
                one,
                accepted=tuple(
                    mine[one.column, one.bins_key]
                    for mine in before
                    if (one.column, one.bins_key) in mine
                ),
            )
            for one in report.columns
        )
        yield day, replace(report, columns=tuple(columns)) if before else report


def _accepted_counts(
    accepted: Mapping[dt.date, _Report], shift: AcceptedShift
) -> dict[tuple[str, BinsKey], NDArray[np.int64]]:
    """Rows by bin of the days of a shift together, by column and its bins."""
    counts: dict[tuple[str, BinsKey], NDArray[np.int64]] = {}
    for day, report in accepted.items():
        for one in report.columns if shift.covers(day) else ():
            if one.error is None:
                at = one.column, one.bins_key
                counts[at] = counts[at] + one.current if at in counts else one.current
    return counts


def _days(
    days: Iterable[dt.date],
    reports: Mapping[dt.date, _Report],
    faults: Mapping[dt.date, Sequence[RecordedFault]],
    measured_from: dt.date | None,
) -> tuple[DayFacts, ...]:
    return tuple(
        _facts(
            day,
            reports.get(day),
            faults.get(day, ()),
            performance_measured=measured_from is not None and measured_from <= day,
        )
        for day in sorted(days)
    )


def _facts(
    day: dt.date,
    report: _Report | None,
    faults: Sequence[RecordedFault],
    *,
    performance_measured: bool,
) -> DayFacts:
    known = [
        Fault(one.family, one.subject, one.text, one.pages, one.segment)
        for one in faults
        # An index is in the report; a check's word of it only counts where there is none.
        if report is None or one.family not in ("population", "characteristics")
    ]
    if report is None:
        return DayFacts(day, faults=tuple(known), performance_measured=performance_measured)
    return DayFacts(
        day,
        report.columns,
        tuple(known),
        report.score_sd,
        report.score_shift,
        report.is_additive,
        performance_measured,
    )


def _columns(report: DriftReport, smoothing: Smoothing) -> Iterator[ColumnDay]:
    """What is decided from of each column of a drift report."""
    bins = report.bins
    labels = tuple(map(_label, bins.labels, bins.slots))
    new = {
        at: label
        for at, (label, slot) in enumerate(zip(bins.labels, bins.slots, strict=True))
        if slot == "new" and bins.current[at]
    }
    for one in report.columns:
        yield ColumnDay(
            one.drift.column,
            one.drift.index,
            labels[one.bins],
            bins.reference[one.bins],
            bins.current[one.bins],
            one.drift.thresholds,
            one.moved_score_by,
            one.drift.error,
            smoothing,
            new=next((new[at] for at in range(one.bins.start, one.bins.stop) if at in new), None),
        )
