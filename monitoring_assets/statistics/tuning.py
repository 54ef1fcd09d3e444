"""Thresholds and hysteresis from evidence: what each choice costs, gives, and would have paged."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from monitoring_assets.statistics.breach import DayFacts
from monitoring_assets.statistics.decision import replay
from monitoring_assets.statistics.drift import Thresholds
from monitoring_assets.statistics.policy import Family, Policy
from monitoring_assets.statistics.simulation import SHIFTS, Caught, FalsePages, Simulation

FAILS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4)
"""An index under 0.1 is by convention no shift: nobody is to be woken for one."""
OPENINGS = ((1, 1), (2, 3), (3, 5))
AT_ONCE = (0.5, 1.0)
POOL_DAYS = (1, 7, 14)

REPLAYS = 25
"""Choices, the best first, whose past is looked at for one that may be suggested."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Limits and policy of a model.

    Parameters
    ----------
    psi, csi
        Thresholds of the score, and of the characteristics.
    policy
        When an incident opens, pages and resolves.
    single
        Thresholds of single characteristics; they are not varied.
    """

    psi: Thresholds
    csi: Thresholds
    policy: Policy
    single: Mapping[str, Thresholds] = field(default_factory=dict)

    @property
    def settings(self) -> tuple[object, ...]:
        """What is varied: fail of PSI and CSI, days to open, at once, days of the pool."""
        policy = self.policy
        days = (policy.open_days, policy.open_of)
        return (self.psi.fail, self.csi.fail, days, policy.at_once, policy.pool_days)

    def differences(self, other: Choice) -> int:
        """Return in how many settings two choices differ."""
        return sum(a != b for a, b in zip(self.settings, other.settings, strict=True))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a choice costs and gives.

    Parameters
    ----------
    choice
        The choice.
    false_pages
        Pages without drift.
    score, characteristic
        The smallest shift caught of the score, and of the characteristic that the score depends
        on most; None if none that was tried is.
    """

    choice: Choice
    false_pages: FalsePages
    score: Caught | None
    characteristic: Caught | None

    @property
    def smallest(self) -> float:
        """The indices of both smallest shifts, added; one that is never caught as twice the most.

        What a choice is liked for, to two places: what differs by less is chance.
        """
        caught = (self.score, self.characteristic)
        return round(sum(2 * SHIFTS[-1] if one is None else one.index for one in caught), 2)


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident that somebody would have been paged for.

    Parameters
    ----------
    family
        The family that led it.
    opened, since
        When it was opened, and its first day by the data.
    resolved
        When it was resolved; None if it never was.
    reasons
        Why it was opened, in words.
    """

    family: Family
    opened: dt.date
    since: dt.date
    resolved: dt.date | None
    reasons: tuple[str, ...]

    def covers(self, day: dt.date) -> bool:
        """Whether a day is one of the incident's."""
        return self.since <= day and (self.resolved is None or day < self.resolved)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The policy in force, a better one, and what lies between.

    Parameters
    ----------
    in_force, suggested
        What is, and what should be; the same if there is nothing better.
    meets_target
        Whether the false pages of the one suggested stay within the target.
    outcomes
        Every choice that was tried.
    past
        Incidents over the stored days, of the choice in force, of the one suggested, and of each
        that differs from it in one setting; in that order.
    """

    in_force: Outcome
    suggested: Outcome
    meets_target: bool
    outcomes: Sequence[Outcome]
    past: Sequence[tuple[Outcome, Sequence[Incident]]]


def choices(in_force: Choice) -> list[Choice]:
    """Return every choice to be tried, the one in force first.

    A ``warn`` over a ``fail`` is lowered to it.
    """
    now = in_force.policy
    policies = [
        replace(now, open_days=days, open_of=of, at_once=once, pool_days=pool)
        for days, of in sorted({*OPENINGS, (now.open_days, now.open_of)})
        for once in sorted({*AT_ONCE, now.at_once})
        for pool in sorted({*POOL_DAYS, now.pool_days})
    ]
    tried = [
        replace(in_force, psi=psi, csi=csi, policy=policy)
        for psi in _fails(in_force.psi)
        for csi in _fails(in_force.csi)
        for policy in policies
    ]
    return sorted(tried, key=lambda choice: choice != in_force)


def _fails(limits: Thresholds) -> list[Thresholds]:
    return [
        replace(limits, fail=fail, warn=min(limits.warn, fail))
        for fail in sorted({*FAILS, limits.fail})
    ]


def past_incidents(
    days: Sequence[DayFacts], choice: Choice, deployed_at: dt.date
) -> list[Incident]:
    """Return the incidents that a choice would have opened over stored days.

    Parameters
    ----------
    days
        In ascending order, whatever thresholds were in force on them.
    choice
        The choice.
    deployed_at
        First day of the version.
    """
    judged = [
        replace(
            day,
            columns=tuple(
                replace(
                    column,
                    thresholds=choice.psi
                    if column.index == "PSI"
                    else choice.single.get(column.column, choice.csi),
                )
                for column in day.columns
            ),
        )
        for day in days
    ]
    found: list[Incident] = []
    still_open: dict[Family, int] = {}
    for day, decisions in zip(days, replay(judged, choice.policy, deployed_at), strict=True):
        for decision in decisions:
            if decision.joins is not None:
                continue
            if decision.action == "open":
                still_open[decision.family] = len(found)
                since = decision.since or day.day
                found.append(Incident(decision.family, day.day, since, None, decision.reasons))
            elif decision.action == "resolve":
                at = still_open.pop(decision.family)
                found[at] = replace(found[at], resolved=day.day)
    return found


def suggest(
    in_force: Choice,
    simulation: Simulation,
    days: Sequence[DayFacts],
    deployed_at: dt.date,
    target: float,
    say: Callable[[str], None] = lambda text: None,
) -> Suggestion:
    """Suggest the most sensitive choice whose false pages stay within a target.

    It must not have opened more incidents over the stored days than the choice in force, as nobody
    has missed those. A single day under ``at_once`` opens nothing unless it does so already: a
    few weeks do not show how odd a holiday may be. Among equally sensitive choices that with the
    fewest changes is taken.

    Parameters
    ----------
    in_force
        What is.
    simulation
        The model's months without drift, and its weeks after a shift.
    days
        Stored days, in ascending order.
    deployed_at
        First day of the version.
    target
        Pages per model-month that the upper confidence bound of the false ones may reach.
    say
        Told what is going on.
    """
    tried = choices(in_force)
    say(f"trying {len(tried)} choices on {simulation.months:.0f} simulated months")
    outcomes = _outcomes(tried, simulation)
    now = outcomes[0]
    within = [
        one
        for one in outcomes
        if one.false_pages.upper <= target and (one is now or one.choice.policy.open_days > 1)
    ]
    within.sort(key=lambda one: _preference(one, in_force))
    say(f"replaying {len(days)} stored days")
    most = len(past_incidents(days, in_force, deployed_at))
    suggested = next(
        (
            one
            for one in within[:REPLAYS]
            if one is now or len(past_incidents(days, one.choice, deployed_at)) <= most
        ),
        min(outcomes, key=lambda one: (one.false_pages.pages, one.smallest)),
    )
    shown = [now, *([] if suggested is now else [suggested])]
    shown += [
        one for one in outcomes if one is not now and one.choice.differences(suggested.choice) == 1
    ]
    past = [(one, past_incidents(days, one.choice, deployed_at)) for one in shown]
    return Suggestion(now, suggested, suggested.false_pages.upper <= target, outcomes, past)


def _outcomes(tried: Sequence[Choice], simulation: Simulation) -> list[Outcome]:
    """Return the outcome of each choice.

    An incident of the score and one of the characteristics at the same time count twice, which
    errs on the safe side.
    """
    of_score = {
        (c.psi, c.policy): (
            simulation.score_pages(c.psi, c.policy),
            simulation.score_caught(c.psi, c.policy),
        )
        for c in {(c.psi, c.policy): c for c in tried}.values()
    }
    of_others = {
        (c.csi, c.policy): (
            simulation.characteristics_pages(c.csi, c.single, c.policy),
            simulation.characteristic_caught(c.csi, c.single, c.policy),
        )
        for c in {(c.csi, c.policy): c for c in tried}.values()
    }
    outcomes = []
    for choice in tried:
        pages, score = of_score[choice.psi, choice.policy]
        more, characteristic = of_others[choice.csi, choice.policy]
        false_pages = FalsePages(pages + more, simulation.months)
        outcomes.append(Outcome(choice, false_pages, score, characteristic))
    return outcomes


def _preference(outcome: Outcome, in_force: Choice) -> tuple[float, ...]:
    """Return what sorts the better choice first."""
    days = sum(one.days for one in (outcome.score, outcome.characteristic) if one)
    changes = outcome.choice.differences(in_force)
    return (outcome.smallest, changes, days, outcome.false_pages.pages)
