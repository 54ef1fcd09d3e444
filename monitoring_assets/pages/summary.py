"""The last day of each version in a few lines: what the page of all models is made from."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

from pydantic import BaseModel, ConfigDict

from monitoring_assets.pages.day_content import DayContent, Outcome
from monitoring_assets.statistics.performance.report import PerformanceKind
from resources import layout
from resources.store import Store

READERS = 16


class Summary(BaseModel):
    """The last day of a version.

    Parameters
    ----------
    key
        Of the version.
    owner
        Who looks after it.
    is_shadow
        Whether it was a shadow version on the day.
    day
        The day.
    outcome, verdict
        As in `DayContent`.
    since
        First day of what is open; None without an incident.
    rows
        Of the day; None if it was stopped.
    psi, fail
        Index of the score on each of the last days, and its limit.
    column, csi
        The characteristic with the largest index, and the index.
    auc, auc_reference, auc_day
        AUC of the newest cohort whose outcomes are known, what it should be, and the cohort.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    owner: str
    is_shadow: bool = False
    day: dt.date
    outcome: Outcome
    verdict: str
    since: dt.date | None = None
    rows: int | None = None
    psi: tuple[float | None, ...] = ()
    fail: float = 0.0
    column: str | None = None
    csi: float | None = None
    auc: float | None = None
    auc_reference: float | None = None
    auc_day: dt.date | None = None


def summary_of(day: DayContent) -> Summary:
    """Return what the page of all models shows of a day."""
    measured = [one.drift for one in day.characteristics if one.drift.value is not None]
    worst = max(measured, key=lambda one: one.value or 0.0, default=None)
    realised = [
        one
        for one in day.points
        if (one.kind, one.metric, one.segment) == (PerformanceKind.REALISED, "auc", None)
        and one.value is not None
    ]
    newest = max(realised, key=lambda one: one.day, default=None)
    return Summary(
        key=day.manifest.key,
        owner=day.manifest.owner,
        is_shadow=day.manifest.shadow,
        day=day.day,
        outcome=day.outcome,
        verdict=day.verdict,
        since=min((one["since"] for one in day.open_incidents), default=None),
        rows=day.report.rows if day.report else None,
        psi=day.score.history if day.score else (),
        fail=day.score.drift.thresholds.fail if day.score else 0.0,
        column=worst.column if worst else None,
        csi=worst.value if worst else None,
        auc=newest.value if newest else None,
        auc_reference=newest.reference.value if newest else None,
        auc_day=newest.day if newest else None,
    )


def read_summaries(store: Store) -> list[Summary]:
    """Return those of all versions that have a page, in the order of their keys."""
    paths = store.storage.list(layout.SUMMARIES)
    with ThreadPoolExecutor(READERS) as readers:
        found = readers.map(store.storage.read, sorted(paths))
        return [Summary.model_validate_json(content) for content in found]


def read_keys(store: Store) -> list[str]:
    """Return the keys of all versions that have a page, in order."""
    return sorted(PurePosixPath(path).stem for path in store.storage.list(layout.SUMMARIES))
