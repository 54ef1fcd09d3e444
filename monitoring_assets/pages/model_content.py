"""What the page of a version over time shows, read from the store.

Months are kept beside the pages with the tags of the reports that they were made of, so that
another day of a version with years behind it costs the month it lies in, and what has matured.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any

from pydantic import BaseModel, ValidationError

from monitoring_assets.code_version import code_version
from monitoring_assets.pages.summary import read_keys
from monitoring_assets.periods.calendar import Period, periods
from monitoring_assets.periods.roll_up import DATASETS, Files, PeriodFigures, figures, report_files
from monitoring_assets.statistics.alerts.policy import Family
from monitoring_assets.statistics.alerts.reviews import ReviewedDays
from monitoring_assets.statistics.drift.thresholds import Status
from resources import layout
from resources.manifest import Manifest
from resources.reviews import read_reviews
from resources.store import Landed, Store

NO_REPORT = "no report"
YEAR = dt.timedelta(days=365)


@dataclass(frozen=True)
class Day:
    """A day of the calendar.

    Parameters
    ----------
    status
        The worst of its columns; None without a report.
    psi, csi
        Of the score, and the largest of a characteristic.
    column
        The characteristic.
    opened
        Families that led an incident which opened.
    manifest
        Hash of the one that it was decided under; None if nothing was decided.
    """

    day: dt.date
    status: Status | None
    psi: float | None = None
    csi: float | None = None
    column: str | None = None
    opened: tuple[Family, ...] = ()
    manifest: str | None = None

    @property
    def text(self) -> str:
        """What is known of it, in a line."""
        parts = [str(self.status or NO_REPORT)]
        parts += [f"PSI {self.psi:.3f}"] if self.psi is not None else []
        parts += [f"CSI {self.csi:.3f} ({self.column})"] if self.csi is not None else []
        parts += [f"incident opened: {', '.join(self.opened)}"] if self.opened else []
        return "; ".join(parts)


@dataclass(frozen=True)
class Month:
    """The figures of a month's rows together; None where they are not known."""

    name: str
    days: int
    rows: int
    psi: float | None
    csi: float | None
    column: str | None
    status: Status | None
    incidents: int
    bad_rate: float | None
    expected: float | None
    auc: float | None


@dataclass(frozen=True)
class Revision:
    """A revision of the manifest, its hash, and the fields that it changed."""

    sha256: str
    number: int
    changed: tuple[str, ...]


class KeptMonth(BaseModel):
    """A month, and the hash of what it was made from."""

    made_from: str
    month: Month
    days: tuple[Day, ...]


class Kept(BaseModel):
    """What the page showed last, so that no more is read than has changed since."""

    months: dict[str, KeptMonth] = {}
    revisions: tuple[Revision, ...] = ()


@dataclass(frozen=True)
class ModelContent:
    """A version over time.

    Parameters
    ----------
    days
        Each calendar day of the range, one or more.
    months
        Those of the range.
    revisions
        Of the manifest, in order.
    reviews
        What people said of past days, in the order in which they did.
    horizon
        Days after which outcomes count.
    fail
        Limit of the PSI.
    pages
        Days with a page beside this one, which it links to; empty of a page that is sent on.
    versions
        Keys of the model's other versions, likewise.
    """

    key: str
    days: tuple[Day, ...]
    months: tuple[Month, ...]
    revisions: tuple[Revision, ...]
    reviews: tuple[ReviewedDays, ...]
    horizon: int | None
    fail: float
    pages: frozenset[dt.date] = frozenset()
    versions: tuple[str, ...] = ()

    def first_day(self, revision: Revision) -> dt.date | None:
        """The first day of the range that was decided under a revision; None if none was."""
        return next((one.day for one in self.days if one.manifest == revision.sha256), None)


def read_model(
    store: Store,
    manifest: Manifest,
    first: dt.date,
    last: dt.date,
    horizon: int | None,
) -> ModelContent:
    """Read a version over a range of days, both ends included.

    Parameters
    ----------
    manifest
        In force.
    horizon
        Days after which outcomes count.
    """
    files = report_files(store, manifest.key, first, last)
    return _read(store, manifest, first, last, horizon, files, Kept())[0]


def read_year(store: Store, manifest: Manifest, last: dt.date) -> ModelContent:
    """Read the year of a version that ends with a day, and keep its months for the next day."""
    key = manifest.key
    files = report_files(store, key, (last - YEAR).replace(day=1), last)
    first = min(last, *files["drift_report"])
    horizon = max(manifest.maturities, default=None)
    path = layout.months(key)
    try:
        kept = Kept.model_validate_json(store.storage.read(path))
    except (FileNotFoundError, ValidationError):  # of a version that is new, or of another release
        kept = Kept()
    content, kept = _read(store, manifest, first, last, horizon, files, kept)
    store.storage.write(path, kept.model_dump_json().encode())
    pages = map(layout.page_day, store.storage.list(layout.pages(key)))
    return replace(
        content,
        pages=frozenset(day for day in pages if day),
        versions=tuple(one for one in read_keys(store) if _is_sibling(one, key)),
    )


def _read(
    store: Store,
    manifest: Manifest,
    first: dt.date,
    last: dt.date,
    horizon: int | None,
    files: Files,
    kept: Kept,
) -> tuple[ModelContent, Kept]:
    """The content, and what to keep of it."""
    key = manifest.key
    in_months = list(periods(first, last, "month"))
    months = _months(store, key, in_months, horizon, files, kept.months)
    revisions = _revisions(store, key, kept.revisions)
    content = ModelContent(
        key,
        tuple(day for one in months.values() for day in one.days),
        tuple(one.month for one in months.values()),
        revisions,
        tuple(one.days for one in read_reviews(store.storage, key)),
        horizon,
        manifest.thresholds.psi.fail,
    )
    return content, Kept(months=months, revisions=revisions)


def _months(
    store: Store,
    key: str,
    months: Sequence[Period],
    horizon: int | None,
    files: Files,
    kept: Mapping[str, KeptMonth],
) -> dict[str, KeptMonth]:
    found = {}
    for month in months:
        of_month = {
            name: {day: file for day, file in files[name].items() if day in month}
            for name in DATASETS
        }
        tags = [f"{file.path} {file.etag}" for part in of_month.values() for file in part.values()]
        made_of = [code_version(__name__), str(horizon), str(month), *tags]
        made_from = sha256("\n".join(made_of).encode()).hexdigest()
        before = kept.get(month.name)
        if before and before.made_from == made_from:
            found[month.name] = before
            continue
        days = periods(month.first, month.last, "day")
        together, *each = figures(store, key, [month, *days], horizon, of_month)
        found[month.name] = KeptMonth(
            made_from=made_from, month=_month(together), days=tuple(map(_day, each))
        )
    return found


def _day(one: PeriodFigures) -> Day:
    opened = tuple(incident.family for incident in one.incidents)
    manifest = one.manifests[0] if one.manifests else None
    return Day(day=one.period.first, opened=opened, manifest=manifest, **_drift(one))


def _month(one: PeriodFigures) -> Month:
    known = one.performance
    return Month(
        name=one.period.name,
        days=one.days,
        rows=one.rows,
        incidents=len(one.incidents),
        bad_rate=known.bad_rate if known else None,
        expected=known.expected if known and known.is_binary else None,
        auc=known.auc.value if known else None,
        **_drift(one),
    )


def _drift(one: PeriodFigures) -> dict[str, Any]:
    return {
        "status": one.status,
        "psi": one.psi.value if one.psi else None,
        "csi": one.worst.value if one.worst else None,
        "column": one.worst.column if one.worst else None,
    }


def _revisions(store: Store, key: str, kept: Sequence[Revision]) -> tuple[Revision, ...]:
    paths = {
        PurePosixPath(path).stem: path
        for path in store.storage.list(layout.manifest_revisions(key))
    }
    if {one.sha256 for one in kept} == paths.keys():
        return tuple(kept)
    landed = {
        name: Landed.model_validate_json(store.storage.read(path)) for name, path in paths.items()
    }
    in_order = sorted(landed.items(), key=lambda one: (one[1].manifest.revision, one[0]))
    return tuple(
        Revision(
            name,
            one.manifest.revision,
            tuple(one.manifest.changes_from(in_order[at - 1][1].manifest)) if at else (),
        )
        for at, (name, one) in enumerate(in_order)
    )


def _is_sibling(one: str, key: str) -> bool:
    """Whether two keys are of versions of one model."""
    return one != key and one.partition(".")[0] == key.partition(".")[0]
