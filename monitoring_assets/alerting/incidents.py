"""Incidents: from the decisions of a day to what people are told.

The decisions say what is wrong; the ledger says what people know. The difference is told, once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from resources import layout
from resources.delivery.links import links, look_further
from resources.delivery.messages import BreachLine, Notice, Severity, Subject

if TYPE_CHECKING:
    from monitoring_assets.statistics.alerts.breach import Breach
    from monitoring_assets.statistics.alerts.decision import Decision

SEVERITIES: tuple[Severity, ...] = ("error", "critical")
GROUPS: dict[str, str] = {
    "data quality": "data",
    "population": "data",
    "characteristics": "data",
    "performance": "data",
    "pipeline": "pipeline",
}
"""Families that share an incident: one drift seen in four ways is one incident."""
TITLES = {
    "data quality": "the data is broken",
    "population": "the scores have shifted",
    "characteristics": "characteristics have shifted",
    "performance": "the predictions have become worse",
    "pipeline": "monitoring does not run",
}
SHOWN_BREACHES = 10
SUMMARY_BREACHES = 3


class Incident(BaseModel):
    """An open incident, as people know it.

    Parameters
    ----------
    name
        ``<subject>/<family>/<number>``, for all its life.
    family
        The family that opened it; ``families`` are all that have joined it.
    severity
        The worst so far.
    service
        The on-call service that was told: all its notices go there, whatever the manifest says by
        now.
    channels
        Where it is known.
    since
        First day of the breach.
    notices
        How many have been written.
    subjects
        What people have been told of: characteristics, checks, runs.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    family: str
    families: tuple[str, ...]
    severity: Severity
    service: str | None = None
    channels: tuple[str, ...] = ()
    since: dt.date
    notices: int
    subjects: tuple[str, ...]


class Ledger(BaseModel):
    """What people know of a subject.

    Parameters
    ----------
    decided
        The latest day that was told of; an earlier one changes nothing any more.
    numbers
        How many incidents each family has opened.
    open
        Incidents that are open: at most one of each group.
    notices
        What the last decision changed: it is on its way into the outbox.
    """

    model_config = ConfigDict(frozen=True)

    decided: dt.date | None = None
    numbers: dict[str, int] = {}
    open: tuple[Incident, ...] = ()
    notices: tuple[Notice, ...] = ()


class NoticeContext(BaseModel):
    """What every notice of a decision has in common."""

    model_config = ConfigDict(frozen=True)

    subject: Subject
    day: dt.date
    decided_at: dt.datetime


def reconcile(
    ledger: Ledger,
    decisions: Sequence[Decision],
    context: NoticeContext,
    channels: Sequence[str] = (),
) -> tuple[Ledger, list[Notice]]:
    """Say what has changed since people were last told.

    Parameters
    ----------
    ledger
        What they know.
    decisions
        One for each family.
    context
        The subject, day and time of the decision.
    channels
        Those that there are; one that does not know of an open incident yet is told of it.

    Returns
    -------
    The ledger after it, and the notices that make it true, in order. The same arguments give the
    same notices, so that a delivery that was killed is made again and not twice.
    """
    numbers, still_open, notices = dict(ledger.numbers), list[Incident](), list[Notice]()
    for group in dict.fromkeys(GROUPS.values()):
        known = next((one for one in ledger.open if GROUPS[one.family] == group), None)
        mine = [one for one in decisions if GROUPS[one.family] == group]
        told = [one for one in mine if one.action in ("open", "keep")]
        # What would page but for a mute window, say, is not over; a warning keeps nothing open.
        silent = [one for one in mine if one.action == "suppress" and one.severity != "warning"]
        if known is None:
            if told:
                family = _lead(told).family
                numbers[family] = numbers.get(family, 0) + 1
                name = layout.incident(context.subject.key, family, numbers[family])
                still_open.append(_opened(name, told, context.subject.service, channels))
                notices.append(_notice(still_open[-1], "open", mine, context))
        elif not told and not silent:
            last = known.model_copy(update={"notices": known.notices + 1})
            notices.append(_notice(last, "resolve", mine, context))
        else:
            news = [one for one in told if not one.silent]
            still_open.append(_with_more(known, news, channels))
            if still_open[-1] != known:
                notices.append(_notice(still_open[-1], "update", mine, context))
    after = Ledger(decided=context.day, numbers=numbers, open=tuple(still_open))
    return after, notices


def _lead(told: Sequence[Decision]) -> Decision:
    """The decision that names the incident: that which the others join, else the worst."""
    leads = [one for one in told if one.joins is None] or list(told)
    return next((one for one in leads if one.severity == "critical"), leads[0])


def _opened(
    name: str, told: Sequence[Decision], service: str | None, channels: Sequence[str]
) -> Incident:
    return Incident(
        name=name,
        family=_lead(told).family,
        families=tuple(one.family for one in told),
        severity=_worst(told),
        service=service,
        channels=tuple(channels),
        since=min(one.since for one in told if one.since),
        notices=1,
        subjects=_subjects(told),
    )


def _with_more(known: Incident, told: Sequence[Decision], channels: Sequence[str]) -> Incident:
    """The incident with what people have not been told yet; the same one if there is nothing."""
    more = known.model_copy(
        update={
            "families": tuple(dict.fromkeys([*known.families, *(one.family for one in told)])),
            "severity": max(known.severity, _worst(told), key=SEVERITIES.index),
            "channels": tuple(dict.fromkeys([*known.channels, *(channels if told else ())])),
            "subjects": tuple(dict.fromkeys([*known.subjects, *_subjects(told)])),
        }
    )
    return more if more == known else more.model_copy(update={"notices": known.notices + 1})


def _worst(told: Sequence[Decision]) -> Severity:
    return "critical" if any(one.severity == "critical" for one in told) else "error"


def _subjects(told: Sequence[Decision]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(breach.subject for one in told for breach in one.breaches))


def _notice(
    incident: Incident,
    action: Literal["open", "update", "resolve"],
    decisions: Sequence[Decision],
    context: NoticeContext,
) -> Notice:
    about = [one for one in decisions if one.action in ("open", "keep", "resolve")]
    breaches = [breach for one in about for breach in one.breaches]
    # What pages first, then what is furthest over its limit.
    breaches.sort(key=lambda one: (not one.pages, -(one.value or 0.0) / (one.limit or 1.0)))
    return Notice(
        subject=context.subject.model_copy(update={"service": incident.service}),
        incident=incident.name,
        number=incident.notices,
        action=action,
        family=incident.family,
        severity=incident.severity,
        day=context.day,
        since=incident.since,
        summary=_summary(incident, action, breaches, context),
        reasons=[
            f"{one.family}: {reason}"
            for one in about
            for reason in one.reasons
            if reason not in {breach.text for breach in breaches}
        ],
        breaches=[
            BreachLine(
                family=one.family,
                subject=one.subject,
                text=one.text,
                value=one.value,
                limit=one.limit,
                since=one.since,
                moved_score_by=one.moved_score_by,
            )
            for one in breaches[:SHOWN_BREACHES]
        ],
        commands=look_further(context.subject.key, context.day),
        links=links(context.subject.key, context.day, incident.family),
        decided_at=context.decided_at,
    )


def _summary(
    incident: Incident, action: str, breaches: Sequence[Breach], context: NoticeContext
) -> str:
    """One line: who, what, since when, and the worst of it."""
    who, since = context.subject.key, f"since {incident.since}"
    if action == "resolve":
        return f"{who}: recovered on {context.day}; {TITLES[incident.family]} {since}"
    what = "; ".join(breach.text for breach in breaches[:SUMMARY_BREACHES])
    return f"{who}: {TITLES[incident.family]} {since}: {what}"
