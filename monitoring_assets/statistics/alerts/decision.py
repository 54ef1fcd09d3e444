"""The alert decision: what was opened, kept, resolved or suppressed on a day, and why.

Pure: the same history and policy give the same decision, whenever it is asked for.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from monitoring_assets.statistics.alerts.breach import (
    FOLD_DAYS,
    Breach,
    ColumnDay,
    DayFacts,
    Fault,
    Track,
    tracks,
)
from monitoring_assets.statistics.alerts.policy import FAMILIES, Family, Mute, Policy
from monitoring_assets.statistics.alerts.usual_days import BASELINE_DAYS

__all__ = [
    "BASELINE_DAYS",
    "FAMILIES",
    "FOLD_DAYS",
    "HISTORY_DAYS",
    "Action",
    "Breach",
    "ColumnDay",
    "DayFacts",
    "Decision",
    "Family",
    "FamilyState",
    "Fault",
    "History",
    "Mute",
    "Policy",
    "Severity",
    "decide",
    "replay",
    "standings",
]

Action = Literal["none", "open", "keep", "resolve", "suppress"]
Severity = Literal["critical", "error", "warning"]

HISTORY_DAYS = FOLD_DAYS + BASELINE_DAYS
"""Calendar days that a decision looks at: the first ones only serve as baselines."""

SHOWN = 3
"""Subjects told in the reasons; all breaches are in ``Decision.breaches``."""

# On one day the family whose cause lies nearest leads.
_LEADS: tuple[Family, ...] = ("data quality", "population", "performance", "characteristics")
# A rule that changed changes who is scored next, and of whom outcomes are known.
_MOVED_BY_RULE: tuple[Family, ...] = ("population", "performance")
_SEVERITY: Mapping[Family, Severity] = {
    "data quality": "critical",
    "population": "critical",
    "performance": "critical",
    "characteristics": "error",
    "pipeline": "error",
}


@dataclass(frozen=True, slots=True)
class FamilyState:
    """What is wrong with a family after a day; the next day starts from it.

    Parameters
    ----------
    since
        First day.
    severity
        ``warning`` for what is not worth a page.
    told
        Whether a page was sent, or it joined an incident that paged.
    good_days
        Days in a row without a breach.
    joins
        The family that leads the incident; None if this one leads, or no notification was sent.
    subjects
        What a page was sent for; it must be well again, whatever the policy says by then.
    """

    family: Family
    since: dt.date
    severity: Severity
    told: bool
    good_days: int = 0
    joins: Family | None = None
    subjects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class History:
    """What a day is decided from.

    Parameters
    ----------
    days
        In ascending order; the last is the one to decide. Gaps are allowed, and what is older
        than ``HISTORY_DAYS`` is not looked at.
    deployed_at
        First day of the model version.
    decided_on
        Calendar day of the decision.
    before
        What stood after the last decided day before the one to decide, as it was recorded.
    is_backfill
        Whether the day is one of a backfill.
    is_late
        Whether a later day has been decided already.
    is_shadow
        Whether the version decides nothing, beside the one that does.
    acceptance
        How the lender's acceptance rule has changed, in words; empty if it has not. It opens
        nothing: an incident of the population or of performance says it.
    """

    days: tuple[DayFacts, ...]
    deployed_at: dt.date
    decided_on: dt.date
    before: tuple[FamilyState, ...] = ()
    is_backfill: bool = False
    is_late: bool = False
    is_shadow: bool = False
    acceptance: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a family on a day.

    An incident of several families is over when none of them is opened or kept: what is
    suppressed is not part of it.

    Parameters
    ----------
    action
        ``open``, ``keep`` and ``resolve`` are about an incident that is notified;
        ``suppress``: there would be one, but no page is sent, as it is not the time, or as it is
        not worth it (``severity`` is then ``warning``); ``none``: there is none.
    reasons
        Why, in words.
    severity
        Of the incident; None without one.
    pages
        Whether a page was sent for the incident.
    since
        First day of the incident; None without one.
    joins
        The family whose incident this one is more evidence for.
    breaches
        What is over its limit on the day.
    standing
        What the next day starts from; None if nothing stands.
    silent
        Whether no new notification is due on this day: a shadow version, a mute window, a backfill,
        too late.
    is_well
        Whether the family itself has recovered, though other evidence keeps the incident open.
    """

    family: Family
    action: Action
    reasons: tuple[str, ...]
    severity: Severity | None = None
    pages: bool = False
    since: dt.date | None = None
    joins: Family | None = None
    breaches: tuple[Breach, ...] = ()
    standing: FamilyState | None = None
    silent: bool = False
    is_well: bool = False


def decide(history: History, policy: Policy) -> tuple[Decision, ...]:
    """Decide the last day of a history.

    Parameters
    ----------
    history
        Stored facts, and what stood before.
    policy
        The model's policy.

    Returns
    -------
    tuple of Decision
        One for each family, in the order of ``FAMILIES``.

    Raises
    ------
    ValueError
        There is no day, or the days do not ascend.
    """
    if not history.days:
        raise ValueError("a history needs the day to decide")
    dates = [facts.day for facts in history.days]
    if any(a >= b for a, b in pairwise(dates)):
        raise ValueError("the days of a history must ascend")
    oldest = dates[-1] - dt.timedelta(days=HISTORY_DAYS - 1)
    days = [facts for facts in history.days if facts.day >= oldest]
    return _decide(tracks(days, policy), len(days) - 1, history, policy)


def replay(
    days: Sequence[DayFacts], policy: Policy, deployed_at: dt.date
) -> Iterator[tuple[Decision, ...]]:
    """Decide day after day, each on the day after it, from what stood the day before.

    Parameters
    ----------
    days
        In ascending order.
    policy
        The model's policy.
    deployed_at
        First day of the model version.

    Yields
    ------
    tuple of Decision
        As ``decide`` returns it, for each day.
    """
    found = tracks(days, policy) if days else {}
    before: tuple[FamilyState, ...] = ()
    for at, facts in enumerate(days):
        decided_on = facts.day + dt.timedelta(days=1)
        history = History((facts,), deployed_at, decided_on, before)
        decisions = _decide(found, at, history, policy)
        before = standings(decisions)
        yield decisions


def standings(decisions: Iterable[Decision]) -> tuple[FamilyState, ...]:
    """Return what stands after the decisions of a day."""
    return tuple(d.standing for d in decisions if d.standing is not None)


@dataclass(frozen=True, slots=True)
class _Incident:
    """The incident that the data families share: who leads it, and whether all have recovered."""

    lead: Family | None
    over: bool


def _decide(
    found: Mapping[Family, Track], at: int, history: History, policy: Policy
) -> tuple[Decision, ...]:
    before = {standing.family: standing for standing in history.before}
    breaches = {f: found[f].breaches(at, policy) for f in FAMILIES}
    after = {f: _stand(found[f], at, f, breaches[f], before.get(f), policy) for f in FAMILIES}
    silent = {f: _silenced(f, breaches[f], history, policy) for f in FAMILIES}
    told = [s for f in _LEADS if (s := after[f]) is not None and s.told]
    opening = [f for f in _LEADS if _may_page(after[f]) and not silent[f]]
    leads = [s.family for s in told if s.joins is None] + opening
    recovered = all(s.good_days >= policy.good_days(s.family) for s in told)
    incident = _Incident(leads[0] if leads else None, recovered and not opening)

    decisions = []
    for family in FAMILIES:
        track, standing = found[family], after[family]
        evidence = _first_of([breach.text for breach in breaches[family]])
        if standing is None:
            why = _nothing(track, at, before.get(family), policy)
            decisions.append(Decision(family, "none", (*why, *evidence), breaches=breaches[family]))
            continue
        joins = None if family not in _LEADS or incident.lead == family else incident.lead
        if standing.told:
            action, why = _keep_or_resolve(standing, incident, history, policy)
        elif not _may_page(standing):
            action, why = "suppress", ("nothing that is over its limit is worth a page",)
        elif silent[family]:
            action, why = "suppress", silent[family]
        else:
            standing = replace(standing, told=True, joins=joins)
            action, why = "open", _why_open(track, at, joins, policy)
        if standing.told:
            paged = [breach.subject for breach in breaches[family] if breach.pages]
            subjects = tuple(dict.fromkeys([*standing.subjects, *paged]))
            standing = replace(standing, subjects=subjects)
        decisions.append(
            Decision(
                family,
                action,
                (*why, *evidence, *_rule(family, action, history)),
                standing.severity,
                standing.told,
                standing.since,
                standing.joins,
                breaches[family],
                None if action == "resolve" else standing,
                bool(_not_the_time(family, history, policy)),
                standing.told and standing.good_days >= policy.good_days(family),
            )
        )
    return tuple(decisions)


def _rule(family: Family, action: Action, history: History) -> tuple[str, ...]:
    """What is told of the acceptance rule beside the evidence."""
    is_told = family in _MOVED_BY_RULE and action in ("open", "keep")
    return (history.acceptance,) if is_told and history.acceptance else ()


def _may_page(standing: FamilyState | None) -> bool:
    """Whether something stands that is worth a page and has not had it."""
    return standing is not None and not standing.told and standing.severity != "warning"


def _stand(
    track: Track,
    at: int,
    family: Family,
    breaches: tuple[Breach, ...],
    was: FamilyState | None,
    policy: Policy,
) -> FamilyState | None:
    """Return what stands of a family by its own breaches, told or not.

    A told one that has recovered is returned too: whether it resolves depends on the others.
    """
    needed = policy.good_days(family)
    if was is not None and was.severity != "warning":
        good = track.good_days(at, was.since, was.subjects)
        if was.told or good < needed:
            return replace(was, good_days=good)
        was = None
    first_days = [breach.since for breach in breaches] + ([was.since] if was else [])
    if track.opening(at, policy, paging=True):
        return FamilyState(family, min(first_days), _SEVERITY[family], told=False)
    good = track.good_days(at)
    if was is not None and good < needed:
        return replace(was, good_days=good)
    if track.opening(at, policy, paging=False):
        return FamilyState(family, min(first_days), "warning", told=False)
    return None


def _silenced(
    family: Family, breaches: tuple[Breach, ...], history: History, policy: Policy
) -> tuple[str, ...]:
    """Return why no page is sent for a day; empty if one may be."""
    reasons = _not_the_time(family, history, policy)
    if not any(breach.pages for breach in breaches):
        return (*reasons, "not over the limit on this day; it pages if it comes back")
    return reasons


def _not_the_time(family: Family, history: History, policy: Policy) -> tuple[str, ...]:
    """Return why no page may be sent on a day, whatever it holds; empty if one may."""
    day = history.days[-1].day
    age = (history.decided_on - day).days
    reasons = [
        f"muted from {mute.first} to {mute.last}: {mute.why}"
        for mute in policy.mute
        if mute.covers(day, family)
    ]
    if history.is_shadow:
        reasons.append("a shadow version never pages")
    if history.is_backfill:
        reasons.append("a backfill never pages")
    if history.is_late:
        reasons.append("a later day has been decided already; the next one counts this day in")
    if age > policy.max_age_days:
        reasons.append(f"decided {age} days after the day; {policy.max_age_days} is the limit")
    new = (day - history.deployed_at).days
    if family not in ("data quality", "pipeline") and new < policy.first_days:
        reasons.append(f"day {new + 1} of the version; the first {policy.first_days} do not page")
    return tuple(reasons)


def _keep_or_resolve(
    standing: FamilyState, incident: _Incident, history: History, policy: Policy
) -> tuple[Action, tuple[str, ...]]:
    """Say whether what was notified is over."""
    family, good, needed = standing.family, standing.good_days, policy.good_days(standing.family)
    if good < needed:
        return "keep", (f"open since {standing.since}; {good} of {needed} good days in a row",)
    if history.is_late:
        return "keep", ("good again; a later day has been decided, and that one resolves",)
    if family == incident.lead and not incident.over:
        return "keep", (f"{family} is good again, other evidence of the incident is not",)
    return "resolve", (f"{good} good days in a row",)


def _why_open(track: Track, at: int, joins: Family | None, policy: Policy) -> tuple[str, ...]:
    """Say why an incident opens on this day."""
    return (
        *([f"more evidence of the incident of {joins}"] if joins else []),
        track.opening(at, policy, paging=True) or "over the limit again, not paged so far",
        *_belated(track, at, policy),
    )


def _belated(track: Track, at: int, policy: Policy) -> tuple[str, ...]:
    """Say so if the days before would have opened this, though nothing stood after them."""
    known = [day for day in range(at) if track.known[day]]
    if not known or not track.opening(known[-1], policy, paging=True):
        return ()
    return (
        f"{track.days[known[-1]]} was over the limit already: its data came late, "
        "or it could not page",
    )


def _nothing(track: Track, at: int, was: FamilyState | None, policy: Policy) -> tuple[str, ...]:
    """Say why there is no incident."""
    if not track.known[at]:
        return track.held_back(at) or ("not measured on this day",)
    if track.breach[at].any():
        return (f"over the limit, but not on {policy.open} days",)
    if was is not None:
        return ("over without a page",)
    accepted = [f"judged against {shift}, too" for shift in policy.accepted]
    held_back = _first_of(track.held_back(at)) or ("nothing is over its limit",)
    return (*held_back, *accepted, *_belated(track, at, policy))


def _first_of(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the first texts, and how many more there are."""
    more = len(texts) - SHOWN
    return (*texts[:SHOWN], *([f"and {more} more"] if more > 0 else []))
