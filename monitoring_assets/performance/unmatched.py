"""Outcomes that match no score, as a fault of the days that are decided once they are known."""

from __future__ import annotations

import datetime as dt

from monitoring_assets.statistics.performance.report import PerformanceKind, PerformanceReport
from resources.faults import RecordedFault
from resources.manifest import Manifest
from resources.store import Store

COHORTS = 28
"""Cohorts that are looked at for the newest one whose outcomes have been read."""


def unmatched_faults(store: Store, manifest: Manifest, day: dt.date) -> list[RecordedFault]:
    """Return what is wrong with the newest outcomes that a day could know.

    A cohort's own day lies too far back to be decided again. So the fault is one of each day from
    then on, until the cohort is measured anew or a newer one matches.

    Parameters
    ----------
    store
        Has the performance reports.
    manifest
        Of the version; says how large a share may match no score.
    day
        To decide.
    """
    outcome = manifest.outcome
    if outcome is None:
        return []
    newest = day - dt.timedelta(days=outcome.maturity[0])
    cohorts = store.days("performance_report", manifest.key, until=newest)
    for cohort in sorted(cohorts, reverse=True)[:COHORTS]:
        table, _ = store.read_table("performance_report", manifest.key, cohort)
        known = [
            (one, share)
            for one in PerformanceReport.from_table(table, ()).cohorts
            if one.kind == PerformanceKind.REALISED and one.due is not None and one.due <= day
            if (share := one.unmatched_share) is not None
        ]
        if known:
            return [
                RecordedFault(
                    family="data quality",
                    subject=f"outcomes, {one.title}",
                    text=f"outcomes of {cohort}, {one.title}: {one.unmatched_text}",
                )
                for one, share in known
                if share > outcome.max_unmatched
            ]
    return []
