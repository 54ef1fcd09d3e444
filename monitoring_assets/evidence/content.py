"""What a pack holds: the stored records of a version's period, as flat tables."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa

from monitoring_assets.evidence import acceptance
from monitoring_assets.evidence.flat import flatten
from monitoring_assets.evidence.incidents import read_incidents, read_notices
from monitoring_assets.periods.calendar import periods
from monitoring_assets.periods.roll_up import PeriodFigures, roll_up
from monitoring_assets.periods.validation import validation
from monitoring_assets.statistics.drift.thresholds import WORST_FIRST
from monitoring_assets.statistics.validation.outcome import TestOutcome
from resources import layout
from resources.acceptances import read_acceptances
from resources.errors import InputError
from resources.faults import RecordedFault, read_faults
from resources.gathered import READERS
from resources.layout import Dataset
from resources.manifest import Manifest
from resources.reviews import read_reviews
from resources.store import Landed, Store

REPORTS: Mapping[str, Dataset] = {
    "drift": "drift_report",
    "segments": "segment_report",
    "performance": "performance_report",
    "decisions": "alerts",
}
"""Tables of reports, by data set."""

ABOUT: Mapping[str, str] = {
    "days": "each day of the period: whether it has a report, and if not, why",
    "incidents": "what was wrong, when, and what became of it by the last day of the period",
    "notices": "each message about an incident, as it was written",
    "deliveries": "which channel took which message, when, and its answer",
    "reviews": "what people said in the period of past days: real changes, and false alarms",
    "faults": "what checks and runs found wrong with a day",
    "manifests": "each revision of the manifest, its hash, and the days that were made under it",
    "changes": "each field that a revision changed",
    "thresholds": "the limits that were in force, by days",
    "accepted": "shifts that were accepted as a new normal: by whom, why, and when in force",
    "bins": "the bins of each column with the reference's rows, by days",
    "history": "figures of each month, as `monitoring history` has them",
    "history_columns": "PSI and CSI of each month",
    "validation": "the tests of the period, as `monitoring validate` has them",
    **acceptance.ABOUT,
    "drift": "each column of each day: index, limits and status",
    "drift_additional": "statistics beside the index",
    "drift_bins": "rows of each bin on each day",
    "segments": "the same by segment",
    "segments_bins": "rows of each bin of each segment on each day",
    "performance": "estimated and realised performance of each day",
    "performance_metrics": "its metrics",
    "performance_bands": "its score bands",
    "performance_segments": "the same by segment",
    "performance_segments_metrics": "metrics by segment",
    "performance_segments_bands": "score bands by segment",
    "decisions": "what was decided of each family on each day, and why",
    "decisions_breaches": "what each decision was made of",
}
"""Tables in the order of the pack, and what they hold."""

_TEXT, _DAY, _COUNT, _NUMBER = pa.string(), pa.date32(), pa.int64(), pa.float64()
_SCHEMAS: Mapping[str, Sequence[tuple[str, pa.DataType]]] = {
    "days": [
        ("date", _DAY),
        *[(name, _TEXT) for name in ("state", "why", "status")],
        ("rows", _COUNT),
        ("psi", _NUMBER),
        ("largest_csi", _NUMBER),
        *[(name, _TEXT) for name in ("largest_csi_column", "run_id", "code_version")],
        ("manifest_sha256", _TEXT),
    ],
    "incidents": [
        *[(name, _TEXT) for name in ("incident", "family", "severity", "state")],
        *[(name, _DAY) for name in ("opened", "since", "resolved")],
        *[(name, _TEXT) for name in ("what_failed", "what_was_done")],
    ],
    "notices": [
        ("date", _DAY),
        ("incident", _TEXT),
        ("number", _COUNT),
        *[(name, _TEXT) for name in ("action", "family", "severity")],
        ("since", _DAY),
        *[(name, _TEXT) for name in ("summary", "reasons", "decided_at")],
    ],
    "deliveries": [
        *[(name, _TEXT) for name in ("incident", "message", "channel", "taken_at")],
        ("attempts", _COUNT),
        ("answer", _TEXT),
    ],
    "reviews": [
        *[(name, _DAY) for name in ("first", "last")],
        *[(name, _TEXT) for name in ("incident", "verdict", "by", "why", "said_at")],
    ],
    "faults": [
        ("date", _DAY),
        *[(name, _TEXT) for name in ("family", "subject", "text")],
        ("pages", pa.bool_()),
        ("segment", _TEXT),
    ],
    "manifests": [
        ("revision", _COUNT),
        ("sha256", _TEXT),
        ("owner", _TEXT),
        ("landed_at", _TEXT),
        ("first", _DAY),
        ("last", _DAY),
        *[(name, _TEXT) for name in ("first_decided_at", "file")],
    ],
    "changes": [
        ("revision", _COUNT),
        *[(name, _TEXT) for name in ("sha256", "owner", "field", "before", "after")],
    ],
    "thresholds": [
        ("column", _TEXT),
        ("index", _TEXT),
        *[(name, _NUMBER) for name in ("warn", "fail", "level")],
        ("first", _DAY),
        ("last", _DAY),
    ],
    "accepted": [
        *[(name, _DAY) for name in ("shift_first", "shift_last")],
        *[(name, _TEXT) for name in ("by", "why", "where", "accepted_at")],
        *[(name, _DAY) for name in ("first", "last")],
    ],
    "bins": [
        ("column", _TEXT),
        ("number", _COUNT),
        *[(name, _TEXT) for name in ("label", "slot")],
        ("reference", _COUNT),
        *[(name, _DAY) for name in ("first", "last")],
    ],
    "history": [
        ("period", _TEXT),
        *[(name, _DAY) for name in ("first", "last")],
        *[(name, _COUNT) for name in ("days", "rows", "incidents")],
        *[(name, _COUNT) for name in ("horizon", "known", "bads")],
        *[(name, _NUMBER) for name in ("expected", "auc", "auc_standard_error", "reference_auc")],
    ],
    "history_columns": [
        *[(name, _TEXT) for name in ("period", "column", "index")],
        *[(name, _COUNT) for name in ("days", "rows")],
        *[(name, _NUMBER) for name in ("value", "critical_value")],
        ("status", _TEXT),
    ],
    "validation": [
        ("horizon", _COUNT),
        *[(name, _TEXT) for name in ("scope", "test", "light")],
        *[(name, _NUMBER) for name in ("statistic", "p_value")],
        *[(name, _COUNT) for name in ("rows", "bads")],
        ("expected", _NUMBER),
        *[(name, _TEXT) for name in ("null", "source", "reason")],
    ],
    **acceptance.SCHEMAS,
}

Step = Callable[[str, int, int], None]
"""Told what is being done, the steps done and the steps in all."""


@dataclass(frozen=True)
class Content:
    """What a pack of a version's period holds.

    Parameters
    ----------
    manifest
        In force on the last day.
    revisions
        Every revision of the manifest up to it, as stored, by hash and in order.
    tables
        In the order of `ABOUT`.
    """

    key: str
    first: dt.date
    last: dt.date
    manifest: Manifest
    sha256: str
    revisions: Mapping[str, bytes]
    tables: Mapping[str, pa.Table]

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Rows of a table."""
        found: list[dict[str, Any]] = self.tables[table].to_pylist()
        return found


@dataclass(frozen=True)
class _Stored:
    """The reports of a data set by day, and their notes."""

    tables: Mapping[dt.date, pa.Table]
    notes: Mapping[dt.date, Mapping[str, Any]]


@dataclass(frozen=True)
class _Revision:
    """A revision of the manifest: its hash, as it is stored, and what it says."""

    sha256: str
    content: bytes
    landed: Landed


def collect(store: Store, key: str, first: dt.date, last: dt.date, step: Step) -> Content:
    """Read what is stored of a version's days.

    Later days, and what was told, said, accepted or revised after the last day, are no part of it:
    the same period gives the same content for as long as its own days stay what they are.

    Raises
    ------
    InputError
        If nothing is stored of the period.
    """
    stored = dict(_reports(store, key, first, last, step))
    faults = read_faults(store.storage, key, first, last)
    if not (faults or stored["drift"].tables or stored["decisions"].tables):
        raise InputError(f"{key} has nothing stored of {first} to {last}; {_there(store, key)}")
    step("making the tables", 0, 1)
    revisions = _revisions(store, key, last, stored)
    at_end = revisions.get(_in_force(stored))
    manifest = at_end.landed.manifest if at_end else store.landed(key).manifest
    longest = max(manifest.maturities, default=None)
    figures = list(roll_up(store, key, list(periods(first, last, "month")), longest))
    notices = read_notices(store.storage, key, last)
    incidents = read_incidents(store.storage, notices, figures, first, last)
    told = {one.name for one in incidents}
    made: dict[str, list[dict[str, Any]]] = {
        "days": list(_days(manifest, stored, faults, first, last)),
        "incidents": [one.row for one in incidents],
        "notices": [
            {
                **one.model_dump(include={"incident", "number", "action", "family", "severity"}),
                "date": one.day,
                "since": one.since,
                "summary": one.summary,
                "reasons": "; ".join(one.reasons),
                "decided_at": one.decided_at.isoformat(),
            }
            for one in notices
            if one.incident in told
        ],
        "deliveries": [row for one in incidents for row in one.deliveries],
        "reviews": [
            {
                "first": one.days.first,
                "last": one.days.last,
                "incident": one.incident,
                "verdict": one.days.verdict,
                "by": one.days.by,
                "why": one.days.why,
                "said_at": one.at.isoformat(),
            }
            for one in read_reviews(store.storage, key)
            if first <= one.at.date() <= last
        ],
        "faults": [
            {"date": day, **fault.model_dump()}
            for day, found in sorted(faults.items())
            for fault in found
        ],
        "manifests": list(_manifests(revisions, stored)),
        "changes": list(_changes(list(revisions.values()))),
        "thresholds": list(_thresholds(stored["drift"])),
        "accepted": list(_accepted(store, key, stored["decisions"])),
        "bins": list(_bins(stored["drift"])),
        **_history(figures, longest),
        "validation": [
            row
            for horizon in (*manifest.maturities,) or (None,)
            for row in _tests(store, key, first, last, horizon)
        ],
        **acceptance.acceptance_tables(store, manifest, first, last, longest),
    }
    tables = {
        name: pa.Table.from_pylist(rows, pa.schema(_SCHEMAS[name])) for name, rows in made.items()
    }
    for name in REPORTS:
        tables |= _flat(name, stored[name])
    step("making the tables", 1, 1)
    return Content(
        key,
        first,
        last,
        manifest,
        at_end.sha256 if at_end else manifest.sha256,
        {one.sha256: one.content for one in revisions.values()},
        {name: tables[name] for name in ABOUT if name in tables},
    )


def _there(store: Store, key: str) -> str:
    days = sorted({*store.days("drift_report", key), *store.days("alerts", key)})
    return f"it has {len(days)} days from {days[0]} to {days[-1]}" if days else "it has no days"


def _reports(
    store: Store, key: str, first: dt.date, last: dt.date, step: Step
) -> Iterator[tuple[str, _Stored]]:
    files = {
        (name, day): file.path
        for name, dataset in REPORTS.items()
        for day, file in store.days(dataset, key, first, last).items()
    }
    read = {}
    with ThreadPoolExecutor(READERS) as readers:
        for done, (at, found) in enumerate(
            zip(files, readers.map(store.read_path, files.values()), strict=True), 1
        ):
            read[at] = found
            step("reading reports", done, len(files))
    for name in REPORTS:
        days = {day: found for (of, day), found in read.items() if of == name}
        yield (
            name,
            _Stored(
                {day: table for day, (table, _) in days.items()},
                {day: notes for day, (_, notes) in days.items()},
            ),
        )


def _flat(name: str, stored: _Stored) -> dict[str, pa.Table]:
    parts: dict[str, list[pa.Table]] = {}
    for day, table in stored.tables.items():
        for part, flat in flatten(name, table, day):
            parts.setdefault(part, []).append(flat)
    return {
        part: pa.concat_tables(tables, promote_options="permissive").combine_chunks()
        for part, tables in parts.items()
        if any(one.num_rows for one in tables)
    }


def _revisions(
    store: Store, key: str, last: dt.date, stored: Mapping[str, _Stored]
) -> dict[str, _Revision]:
    """Every revision up to the newest that a day of the period was made under, in order."""
    folder = layout.manifest_revisions(key)
    used: dict[str, dt.date] = {}
    for one in stored.values():
        for day, notes in one.notes.items():
            sha256 = notes["manifest_sha256"]
            used[sha256] = max(day, used.get(sha256, day))
    found = []
    for path in store.storage.list(folder):
        content = store.storage.read(path)
        found.append(
            _Revision(PurePosixPath(path).stem, content, Landed.model_validate_json(content))
        )
    newest = max((one.landed.manifest.revision for one in found if one.sha256 in used), default=0)
    in_time = [
        one
        for one in found
        if one.sha256 in used
        or (one.landed.manifest.revision <= newest and not _retires_after(one, last))
    ]
    in_time.sort(
        key=lambda one: (
            one.landed.manifest.revision,
            used.get(one.sha256, dt.date.min),
            one.sha256,
        )
    )
    return {one.sha256: one for one in in_time}


def _in_force(stored: Mapping[str, _Stored]) -> str:
    """Hash of the manifest that the last day was made under; empty if no day was."""
    # Performance is measured later, maybe under a later revision.
    by_day = {**stored["decisions"].notes, **stored["drift"].notes}
    return str(by_day[max(by_day)]["manifest_sha256"]) if by_day else ""


def _retires_after(one: _Revision, last: dt.date) -> bool:
    """Whether it says that the version was retired: after the period, as far as it knows."""
    retired = one.landed.manifest.retired_at
    return retired is not None and retired > last + dt.timedelta(days=1)


def _days(
    manifest: Manifest,
    stored: Mapping[str, _Stored],
    faults: Mapping[dt.date, Sequence[RecordedFault]],
    first: dt.date,
    last: dt.date,
) -> Iterator[dict[str, Any]]:
    """Each day of the period: with a report, or with the reason why it has none."""
    drift, decisions = stored["drift"], stored["decisions"]
    for number in range((last - first).days + 1):
        day = first + dt.timedelta(days=number)
        if day in drift.tables:
            yield {"date": day, "state": "reported", **_reported(drift, day)}
            continue
        state, why = _gap(manifest, day, faults.get(day, ()), decisions.tables.get(day))
        yield {"date": day, "state": state, "why": why}


def _reported(drift: _Stored, day: dt.date) -> dict[str, Any]:
    rows = drift.tables[day].select(["column", "index", "value", "status", "rows"]).to_pylist()
    notes = drift.notes[day]
    worst = max(
        (one for one in rows if one["index"] == "CSI" and one["value"] is not None),
        key=lambda one: one["value"],
        default=None,
    )
    statuses = {one["status"] for one in rows}
    return {
        "status": next((status for status in WORST_FIRST if status in statuses), None),
        "rows": max((one["rows"] for one in rows), default=0),
        "psi": next((one["value"] for one in rows if one["index"] == "PSI"), None),
        "largest_csi": worst["value"] if worst else None,
        "largest_csi_column": worst["column"] if worst else None,
        **{name: notes[name] for name in ("run_id", "code_version", "manifest_sha256")},
    }


def _gap(
    manifest: Manifest,
    day: dt.date,
    faults: Sequence[RecordedFault],
    decisions: pa.Table | None,
) -> tuple[str, str]:
    if not manifest.is_monitored(day):
        return "not monitored", "outside the version's life, or a day of the week without a batch"
    why = "; ".join(fault.text for fault in faults)
    if not faults and decisions is not None:
        why = "; ".join(
            text
            for one in decisions.to_pylist()
            if one["family"] == "pipeline" and one["action"] != "none"
            for text in one["reasons"]
        )
    if any(fault.family != "pipeline" for fault in faults):
        return "stopped by a check", why
    if faults or why:
        return "failed", why
    return "no batch", "nothing is stored of it: no batch arrived, or no run was made"


def _manifests(
    revisions: Mapping[str, _Revision], stored: Mapping[str, _Stored]
) -> Iterator[dict[str, Any]]:
    """Each revision with the days that were made under it; none of one that made no day."""
    made = [
        (day, notes["manifest_sha256"])
        for name in ("drift", "decisions")
        for day, notes in stored[name].notes.items()
    ]
    decided = stored["decisions"].notes.values()
    for sha256, one in revisions.items():
        days = [day for day, of in made if of == sha256]
        at = [notes["decided_at"] for notes in decided if notes["manifest_sha256"] == sha256]
        manifest = one.landed.manifest
        yield {
            "revision": manifest.revision,
            "sha256": sha256,
            "owner": manifest.owner,
            "landed_at": one.landed.landed_at.isoformat(),
            "first": min(days, default=None),
            "last": max(days, default=None),
            "first_decided_at": min(at, default=None),
            "file": f"manifests/{sha256}.json",
        }


def _changes(revisions: Sequence[_Revision]) -> Iterator[dict[str, Any]]:
    for before, after in pairwise(revisions):
        old, new = before.landed.manifest, after.landed.manifest
        for field in new.changes_from(old):
            yield {
                "revision": new.revision,
                "sha256": after.sha256,
                "owner": new.owner,
                "field": field,
                "before": _field(old, field),
                "after": _field(new, field),
            }


def _field(manifest: Manifest, name: str) -> str | None:
    """A field by its dotted name, as JSON; None where there is none."""
    value: Any = manifest.model_dump(mode="json")
    parts = name.split(".")
    while parts:
        if not isinstance(value, dict):
            return None
        # A characteristic may have a dot in its name.
        known = next((n for n in range(1, len(parts) + 1) if ".".join(parts[:n]) in value), None)
        if known is None:
            return None
        value, parts = value[".".join(parts[:known])], parts[known:]
    return json.dumps(value)


def _spans(
    by_day: Iterable[tuple[dt.date, Mapping[str, Hashable]]],
) -> Iterator[tuple[str, Any, dt.date, dt.date]]:
    """Name, value, first and last day of what had a value on days that follow each other."""
    open_: dict[str, tuple[Hashable, dt.date, dt.date]] = {}
    for day, values in by_day:
        for name, value in values.items():
            known = open_.get(name)
            if known is not None and known[0] == value:
                open_[name] = (value, known[1], day)
                continue
            if known is not None:
                yield (name, *known)
            open_[name] = (value, day, day)
    for name, known in open_.items():
        yield (name, *known)


def _thresholds(drift: _Stored) -> Iterator[dict[str, Any]]:
    fields = ("index", "warn", "fail", "level")
    by_day = (
        (
            day,
            {
                one["column"]: tuple(one[field] for field in fields)
                for one in table.select(["column", *fields]).to_pylist()
            },
        )
        for day, table in drift.tables.items()
    )
    for column, values, first, last in sorted(_spans(by_day), key=lambda one: (one[0], one[2])):
        yield {
            "column": column,
            **dict(zip(fields, values, strict=True)),
            "first": first,
            "last": last,
        }


def _bins(drift: _Stored) -> Iterator[dict[str, Any]]:
    by_day = (
        (
            day,
            {
                one["column"]: tuple(
                    # What lies in the slot `new` is another thing each day.
                    (None if bin["slot"] == "new" else bin["label"], bin["slot"], bin["reference"])
                    for bin in one["bins"]
                )
                for one in table.select(["column", "bins"]).to_pylist()
                if one["bins"]
            },
        )
        for day, table in drift.tables.items()
    )
    for column, bins, first, last in sorted(_spans(by_day), key=lambda one: (one[0], one[2])):
        for number, (label, slot, reference) in enumerate(bins, 1):
            yield {
                "column": column,
                "number": number,
                "label": label,
                "slot": slot,
                "reference": reference,
                "first": first,
                "last": last,
            }


def _accepted(store: Store, key: str, decisions: _Stored) -> Iterator[dict[str, Any]]:
    """Accepted shifts that decisions of the period took into account."""
    by_day = (
        (
            day,
            {
                json.dumps(one, sort_keys=True): True
                for one in notes["inputs"]["policy"]["accepted"]
            },
        )
        for day, notes in decisions.notes.items()
    )
    written = {
        (str(one.shift.first), str(one.shift.last), one.shift.by, one.shift.why): one.at
        for one in read_acceptances(store.storage, key)
    }
    for text, _, first, last in _spans(by_day):
        shift = json.loads(text)
        at = written.get((shift["first"], shift["last"], shift["by"], shift["why"]))
        yield {
            "shift_first": dt.date.fromisoformat(shift["first"]),
            "shift_last": dt.date.fromisoformat(shift["last"]),
            "by": shift["by"],
            "why": shift["why"],
            "where": "monitoring baseline" if at else "the manifest",
            "accepted_at": at.isoformat() if at else None,
            "first": first,
            "last": last,
        }


def _history(
    figures: Sequence[PeriodFigures], horizon: int | None
) -> dict[str, list[dict[str, Any]]]:
    months, columns = [], []
    for one in figures:
        cohort = one.performance
        months.append(
            {
                "period": one.period.name,
                "first": one.period.first,
                "last": one.period.last,
                "days": one.days,
                "rows": one.rows,
                "incidents": len(one.incidents),
                "horizon": horizon,
            }
            | (
                {
                    "known": cohort.rows,
                    "bads": cohort.bads if cohort.is_binary else None,
                    "expected": cohort.expected if cohort.is_binary else None,
                    "auc": cohort.auc.value,
                    "auc_standard_error": cohort.auc.standard_error,
                    "reference_auc": cohort.reference_auc.value,
                }
                if cohort
                else {}
            )
        )
        columns += [{"period": one.period.name, **asdict(column)} for column in one.columns]
    return {"history": months, "history_columns": columns}


def _tests(
    store: Store, key: str, first: dt.date, last: dt.date, horizon: int | None
) -> Iterator[dict[str, Any]]:
    try:
        found = validation(store, key, first, last, horizon)
    except InputError as error:
        yield {
            "horizon": horizon,
            "scope": "portfolio",
            "light": "not computed",
            "reason": str(error),
        }
        return
    cohort = found.cohort
    bads = cohort.bads if cohort.is_binary else None
    about = {"rows": cohort.rows, "bads": bads, "expected": cohort.expected}
    for test in found.portfolio:
        yield _test(test, horizon, "portfolio", about)
    for one in found.predictions:
        about = {"rows": one.counts.rows, "bads": None, "expected": one.counts.expected}
        yield _test(one.mean_error, horizon, f"score {one.label}", about)
    for band in found.bands:
        counts = band.counts
        about = {"rows": counts.rows, "bads": counts.bads, "expected": counts.expected}
        for test in band.tests:
            yield _test(test, horizon, f"score {band.label}", about)


def _test(
    test: TestOutcome, horizon: int | None, scope: str, about: Mapping[str, Any]
) -> dict[str, Any]:
    fields = asdict(test)
    del fields["is_wanted"]  # the light says so
    return {
        "horizon": horizon,
        "scope": scope,
        "test": fields.pop("name"),
        "light": test.light,
        **fields,
        **about,
    }
