"""Incidents: from the decisions of a day to messages.

The decisions say what is wrong; the ledger says what people know. The difference is sent, once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from monitoring_assets.statistics.alerts.policy import Family
from resources import layout
from resources.delivery.links import links, look_further
from resources.delivery.messages import BreachLine, Notice, NoticeAction, Severity, Subject

if TYPE_CHECKING:
    from monitoring_assets.statistics.alerts.breach import Breach
    from monitoring_assets.statistics.alerts.decision import Decision

SEVERITIES: tuple[Severity, ...] = ("error", "critical")
GROUPS: dict[Family, str] = {
    "data quality": "data",
    "population": "data",
    "characteristics": "data",
    "performance": "data",
    "pipeline": "pipeline",
}
"""Families that share an incident: one drift seen in four ways is one incident."""
TITLES: dict[Family, str] = {
    "data quality": "the data is broken",
    "population": "the scores have shifted",
    "characteristics": "characteristics have shifted",
    "performance": "the predictions have become worse",
    "pipeline": "monitoring does not run",
}
ALWAYS_WORSE = ("data quality", "performance")
"""Families that page when they join an incident of others: they have another cause and remedy."""
TIMES_AS_LARGE = 2.0
"""An index this many times what people were paged for pages again."""
SETTLES_DAYS = 3
"""Days after a page in which more of the same drift is no news: its columns follow one another."""
MORE_COLUMNS = 3
"""Characteristics, not paged for so far, that page again."""
SHOWN_BREACHES = 10
SUMMARY_BREACHES = 3


class Incident(BaseModel):
    """An open incident, as people know it.

    It is told again when it becomes materially worse, so that it swallows nothing that comes later.

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
    escalations
        How often it has become materially worse, and people were paged again.
    wrong
        Severity by family of those that have not recovered.
    paged_on
        Day of the last page.
    paged
        The indices that people were paged for: the largest so far of the score and of each
        characteristic.
    segments
        The segments whose performance people were paged for; None for all rows.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    family: Family
    families: tuple[Family, ...]
    severity: Severity
    service: str | None = None
    channels: tuple[str, ...] = ()
    since: dt.date
    notices: int
    subjects: tuple[str, ...]
    escalations: int = 0
    wrong: dict[str, Severity] = {}
    paged_on: dt.date
    paged: dict[str, float] = {}
    segments: tuple[str | None, ...] = ()


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
    numbers: dict[Family, int] = {}
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
        Names of all channels; one that does not know of an open incident yet gets it.

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
                still_open.append(_opened(name, told, context, channels))
                notices.append(_notice(still_open[-1], "open", mine, context))
        elif not told and not silent:
            last = known.model_copy(update={"notices": known.notices + 1})
            notices.append(_notice(last, "resolve", mine, context))
        else:
            worse = _worse(known, _news(told), context.day)
            still_open.append(_with_more(known, told, channels, worse, context.day))
            if still_open[-1].notices != known.notices:
                action: NoticeAction = "escalate" if worse else "update"
                notices.append(_notice(still_open[-1], action, mine, context, worse))
    after = Ledger(decided=context.day, numbers=numbers, open=tuple(still_open))
    return after, notices


def _lead(told: Sequence[Decision]) -> Decision:
    """The decision that names the incident: that which the others join, else the worst."""
    leads = [one for one in told if one.joins is None] or list(told)
    return next((one for one in leads if one.severity == "critical"), leads[0])


def _opened(
    name: str, told: Sequence[Decision], context: NoticeContext, channels: Sequence[str]
) -> Incident:
    opened = Incident(
        name=name,
        family=_lead(told).family,
        families=tuple(one.family for one in told),
        severity=_worst(told),
        service=context.subject.service,
        channels=tuple(channels),
        since=min(one.since for one in told if one.since),
        notices=1,
        subjects=_subjects(told),
        wrong={one.family: _worst([one]) for one in told},
        paged_on=context.day,
    )
    return _paged(opened, told)


def _paged(incident: Incident, told: Sequence[Decision]) -> Incident:
    """The incident after a page about all that is wrong now."""
    breaches = [breach for one in told for breach in one.breaches if breach.pages]
    paged = dict(incident.paged)
    for one in breaches:
        if one.value is not None:
            paged[one.subject] = max(one.value, paged.get(one.subject, 0.0))
    segments = [one.segment for one in breaches if one.family == "performance"]
    return incident.model_copy(
        update={
            "paged": paged,
            "segments": tuple(dict.fromkeys([*incident.segments, *segments])),
        }
    )


def _worse(known: Incident, told: Sequence[Decision], day: dt.date) -> list[str]:
    """What has become materially worse since people were paged, in words."""
    wrong = [one for one in told if not one.is_well]
    new = [one for one in wrong if one.family not in known.wrong]
    settled = _has_settled(known, day)
    worse = settled and "critical" not in known.wrong.values()
    reasons = [
        TITLES[one.family]
        for one in new
        if one.family in ALWAYS_WORSE or (worse and one.severity == "critical")
    ]
    opens = [breach for one in wrong for breach in one.breaches if breach.opens]
    for one in opens:
        was = known.paged.get(one.subject) if settled else None
        if was and one.value and one.value - (one.critical_value or 0.0) >= TIMES_AS_LARGE * was:
            reasons.append(f"{one.subject} at {one.value:.2f}, {was:.2f} when last paged")
    more = [one.subject for one in opens if one.family == "characteristics"]
    more = [subject for subject in more if subject not in known.paged]
    if settled and len(more) >= MORE_COLUMNS:
        reasons.append(f"{len(more)} more characteristics: {', '.join(more[:SHOWN_BREACHES])}")
    # All rows include every segment.
    if known.segments and None not in known.segments:
        segments = dict.fromkeys(one.segment for one in opens if one.family == "performance")
        reasons += [
            f"{segment or 'all rows'} as well"
            for segment in segments
            if segment not in known.segments
        ]
    return reasons


def _with_more(
    known: Incident,
    told: Sequence[Decision],
    channels: Sequence[str],
    worse: Sequence[str],
    day: dt.date,
) -> Incident:
    """The incident with what people have not been told yet; it has another notice if that is any.

    Columns and indices that follow a page at once are part of it. A family is not: if it makes the
    incident critical, that is told when the drift has settled.
    """
    news = _news(told)
    more = known.model_copy(
        update={
            "families": tuple(dict.fromkeys([*known.families, *(one.family for one in news)])),
            "severity": max(known.severity, _worst(news), key=SEVERITIES.index),
            "channels": tuple(dict.fromkeys([*known.channels, *(channels if news else ())])),
            "subjects": tuple(dict.fromkeys([*known.subjects, *_subjects(news)])),
            "escalations": known.escalations + bool(worse),
        }
    )
    if more != known:
        more = more.model_copy(update={"notices": known.notices + 1})
    settled = _has_settled(known, day)
    wrong = {
        one.family: _worst([one])
        for one in told
        if not one.is_well
        and (one.family in known.wrong or (not one.silent and (worse or settled)))
    }
    more = more.model_copy(update={"wrong": wrong, "paged_on": day if worse else known.paged_on})
    return _paged(more, news) if worse or not settled else more


def _news(told: Sequence[Decision]) -> list[Decision]:
    """Those that may be told on the day."""
    return [one for one in told if not one.silent]


def _has_settled(known: Incident, day: dt.date) -> bool:
    return (day - known.paged_on).days >= SETTLES_DAYS


def _worst(told: Sequence[Decision]) -> Severity:
    return "critical" if any(one.severity == "critical" for one in told) else "error"


def _subjects(told: Sequence[Decision]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(breach.subject for one in told for breach in one.breaches))


def _notice(
    incident: Incident,
    action: NoticeAction,
    decisions: Sequence[Decision],
    context: NoticeContext,
    worse: Sequence[str] = (),
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
        escalations=incident.escalations,
        family=incident.family,
        severity=incident.severity,
        day=context.day,
        since=incident.since,
        summary=_summary(incident, action, breaches, context, worse),
        reasons=[
            *(f"paged again: {reason}" for reason in worse),
            *(
                f"{one.family}: {reason}"
                for one in about
                for reason in one.reasons
                if reason not in {breach.text for breach in breaches}
            ),
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
    incident: Incident,
    action: NoticeAction,
    breaches: Sequence[Breach],
    context: NoticeContext,
    worse: Sequence[str],
) -> str:
    """One line: who, what, since when, and the worst of it; what is new first."""
    who, since = context.subject.key, f"since {incident.since}"
    if action == "resolve":
        return f"{who}: recovered on {context.day}; {TITLES[incident.family]} {since}"
    new = f"worse on {context.day}: {'; '.join(worse)}; " if worse else ""
    what = "; ".join(breach.text for breach in breaches[:SUMMARY_BREACHES])
    return f"{who}: {new}{TITLES[incident.family]} {since}: {what}"
