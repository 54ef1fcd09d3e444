"""Whether the lender's acceptance rule has changed, as far as it is known on a day.

The last days together are compared with the reference sample, if it has the decisions, else with
the first days that have some.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitoring_assets.reference.decisions import counts_of, read_reference_decisions
from monitoring_assets.reference.profile import read_reference
from monitoring_assets.statistics.decisions.acceptance import AcceptanceChange, acceptance_change
from monitoring_assets.statistics.decisions.counts import DecisionCounts, together
from monitoring_assets.statistics.drift.last_days import WEEK
from monitoring_assets.statistics.drift.stability import StabilityIndex
from monitoring_assets.statistics.profiles.bins import NumericBins
from resources.gathered import Gathered, Report
from resources.scorers.base import SCORE
from resources.store import Store

if TYPE_CHECKING:
    from resources.manifest import Manifest

FIRST_DAYS = 28
"""Calendar days of a baseline that the reference sample does not give: each weekday four times."""


def _unread(_: dt.date, report: Report) -> Report:
    return report


COUNTED = Gathered("decisions", _unread)
"""Counts of decisions, by day."""


@dataclass(frozen=True)
class Acceptance:
    """The acceptance rule and the applicants of the last days.

    Parameters
    ----------
    days
        Days that are in it.
    baseline
        What they are compared with, in words.
    change
        What has changed.
    text
        That in one sentence.
    """

    days: int
    baseline: str
    change: AcceptanceChange
    text: str

    def __str__(self) -> str:
        days = "1 day" if self.days == 1 else f"{self.days} days"
        return f"{self.text} ({days} to date against {self.baseline})."


def stored_acceptance(store: Store, manifest: Manifest, day: dt.date) -> Acceptance | None:
    """The acceptance rule on a day, from the counts that are stored.

    Returns
    -------
    None where the manifest has no decisions, or none of the day were counted.
    """
    if manifest.decisions is None:
        return None
    files = store.days("decisions", manifest.key, until=day)
    if day not in files:
        return None
    week = {one for one in files if one > day - dt.timedelta(days=WEEK)}
    start = min(files)
    end = start + dt.timedelta(days=FIRST_DAYS - 1)
    reference = read_reference_decisions(store, manifest)
    first = set() if reference else {one for one in files if one <= end}
    wanted = {one: file for one, file in files.items() if one in week | first}
    reports = COUNTED.read(store, manifest.key, wanted)
    counted = decisions_of(manifest, reports)
    now = together(counts for one, counts in counted.items() if one in week)
    before, baseline = reference, "the reference"
    if reference is None:
        before = together(counts for one, counts in counted.items() if one in first)
        baseline = f"the first days with decisions, {start} to {end}"
    error = reports[day][1]["error"]
    if error is not None:
        change = AcceptanceChange(error)
    elif reference is None and min(week) <= end:
        change = AcceptanceChange(f"the days to compare with end on {end}")
    elif now is None or before is None or not now.is_like(before):
        change = AcceptanceChange(
            f"{baseline} was counted in other bands, or for another decision: materialise "
            "reference_profile and the scores of these days again"
        )
    else:
        change = compared(manifest, before, now)
    band = "" if change.band is None else band_names(store, manifest.key)[change.band]
    return Acceptance(len(week & {*counted}), baseline, change, change.in_words(band))


def compared(manifest: Manifest, before: DecisionCounts, now: DecisionCounts) -> AcceptanceChange:
    """What has changed between decisions counted in the same cells, by the manifest's limits."""
    index = StabilityIndex(manifest.thresholds.smoothing)
    return acceptance_change(before, now, manifest.thresholds.psi, index)


def decisions_of(
    manifest: Manifest, reports: Mapping[dt.date, Report]
) -> dict[dt.date, DecisionCounts]:
    """The counts of the days that have some, of the decision that the manifest names."""
    if manifest.decisions is None:
        return {}
    found = {
        day: counts_of(manifest.decisions, table, notes) for day, (table, notes) in reports.items()
    }
    return {day: counts for day, counts in found.items() if counts is not None}


def band_names(store: Store, key: str) -> list[str]:
    """Names of the score bands for people."""
    bins = read_reference(store, key).columns[SCORE].bins
    assert isinstance(bins, NumericBins)
    return bins.interval_names
