"""What became of each incident by the last day of a period, out of what was told and decided."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from monitoring_assets.periods.roll_up import PeriodFigures
from resources import layout
from resources.delivery.messages import Notice
from resources.delivery.outbox import Evidence
from resources.storage import Storage

NOT_TOLD = "decided, not told"
DONE = {
    "open": "opened",
    "update": "more evidence",
    "escalate": "became worse",
    "resolve": "resolved",
}
LOG = "log"
"""The channel that is the record itself."""


@dataclass(frozen=True)
class PackIncident:
    """An incident that was open on a day of the period.

    Parameters
    ----------
    name
        None for one that was decided and of which no notice was written.
    row
        Of the table of incidents.
    deliveries
        Rows of the table of deliveries.
    """

    name: str | None
    row: dict[str, Any]
    deliveries: tuple[dict[str, Any], ...] = ()


def read_notices(storage: Storage, key: str, last: dt.date) -> list[Notice]:
    """What was told of a version up to a day, in order."""
    paths = []
    for path in storage.list(layout.ALERT_LOG):
        day, name = layout.alert_log_parts(path)
        if day <= last and name.startswith(f"{key}/") and name != layout.landed(key):
            paths.append(path)
    notices = [Notice.model_validate_json(storage.read(path)) for path in paths]
    return sorted(notices, key=lambda one: (one.day, one.incident, one.number))


def read_incidents(
    storage: Storage,
    notices: Sequence[Notice],
    figures: Sequence[PeriodFigures],
    first: dt.date,
    last: dt.date,
) -> list[PackIncident]:
    """The incidents of a period: told of, and decided without a notice, in the order of opening.

    Parameters
    ----------
    notices
        Up to the last day.
    figures
        Of the period, with each incident that a decision opened.
    """
    by_incident: defaultdict[str, list[Notice]] = defaultdict(list)
    for notice in notices:
        by_incident[notice.incident].append(notice)
    taken = _taken(storage, {notice.path for notice in notices})
    found = [
        _told(name, told, [row for notice in told for row in taken.get(notice.path, ())])
        for name, told in by_incident.items()
        if told[-1].action != "resolve" or told[-1].day >= first
    ]
    opened = {(one.day, one.family) for one in notices if one.action == "open"}
    found += [
        PackIncident(
            None,
            {
                "family": one.family,
                "state": NOT_TOLD,
                "opened": one.day,
                "what_was_done": "no notice was written: a later day had been decided",
            },
        )
        for period in figures
        for one in period.incidents
        if (one.day, one.family) not in opened
    ]
    return sorted(found, key=lambda one: (one.row["opened"], one.name or "", one.row["family"]))


def _told(name: str, told: Sequence[Notice], deliveries: Sequence[dict[str, Any]]) -> PackIncident:
    start, end = told[0], told[-1]
    is_over = end.action == "resolve"
    steps = [f"{DONE[one.action]} on {one.day}" for one in told]
    channels = sorted({row["channel"] for row in deliveries} - {LOG})
    who = f"told to {', '.join(channels)}" if channels else "in the alert log alone"
    row = {
        "incident": name,
        "family": start.family,
        "severity": max((one.severity for one in told), key=lambda one: one == "critical"),
        "state": "resolved" if is_over else "open",
        "opened": start.day,
        "since": start.since,
        "resolved": end.day if is_over else None,
        "what_failed": start.summary.removeprefix(f"{start.subject.key}: "),
        "what_was_done": f"{', '.join(steps)}; {who}",
    }
    return PackIncident(name, row, tuple(deliveries))


def _taken(storage: Storage, notices: set[str]) -> dict[str, list[dict[str, Any]]]:
    """Deliveries by the notice that was taken."""
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for path in storage.list(layout.DELIVERIES):
        parcel = layout.delivery_parts(path)
        if parcel.name in notices:
            one = Evidence.model_validate_json(storage.read(path))
            found[parcel.name].append(
                {
                    "incident": parcel.name.rpartition("/")[0],
                    "message": parcel.name.rpartition("/")[2],
                    "channel": parcel.channel,
                    "taken_at": one.taken_at.isoformat(),
                    "attempts": one.attempts,
                    "answer": one.answer,
                }
            )
    return found
