"""Thresholds and hysteresis from evidence: what each choice costs, gives, and would have paged."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from monitoring_assets.statistics.alerts.breach import DayFacts
from monitoring_assets.statistics.alerts.decision import replay
from monitoring_assets.statistics.alerts.no_drift_model import LEARN_DAYS
from monitoring_assets.statistics.alerts.policy import Family, Opening, Policy
from monitoring_assets.statistics.alerts.reviews import ReviewedDays, review_of
from monitoring_assets.statistics.alerts.simulation import SHIFTS, Caught, FalsePages, Simulation
from monitoring_assets.statistics.drift.thresholds import Thresholds

FAILS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4)
"""An index under 0.1 is by convention no shift: none is worth a page."""
OPENINGS = (Opening(1, 1), Opening(2, 3), Opening(3, 5))
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
        return (self.psi.fail, self.csi.fail, policy.open, policy.at_once, policy.pool_days)

    def differences(self, other: Choice) -> int:
        """Return in how many settings two choices differ."""
        return sum(a != b for a, b in zip(self.settings, other.settings, strict=True))


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident that would have paged.

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
    review
        What a person has said of its days; None if nothing.
    """

    family: Family
    opened: dt.date
    since: dt.date
    resolved: dt.date | None
    reasons: tuple[str, ...]
    review: ReviewedDays | None = None


@dataclass(frozen=True, slots=True)
class ChoiceOutcome:
    """What a choice costs and gives.

    Parameters
    ----------
    false_pages
        Pages without drift.
    score, characteristic
        The smallest shift caught of the score, and of the characteristic that the score depends
        on most; None if none that was tried is.
    past
        The incidents that it would have opened over the stored days; None if not computed.
    """

    choice: Choice
    false_pages: FalsePages
    score: Caught | None
    characteristic: Caught | None
    past: tuple[Incident, ...] | None = None

    def reviewed(self, *, is_real: bool | None) -> int:
        """Count incidents of the past that are real changes, false alarms, or without a review."""
        verdicts = (one.review and one.review.is_real for one in self.past or ())
        return sum(verdict is is_real for verdict in verdicts)

    @property
    def smallest(self) -> float:
        """The indices of both smallest shifts, added; one that is never caught as twice the most.

        What a choice is liked for, to two places: what differs by less is chance.
        """
        caught = (self.score, self.characteristic)
        return round(sum(2 * SHIFTS[-1] if one is None else one.index for one in caught), 2)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The policy in force, a better one, and what lies around it.

    Parameters
    ----------
    in_force, suggested
        What is, and what should be; the same if there is nothing better.
    near
        Choices that differ from the suggested one in one setting.
    tried
        Every choice, without its past.
    held_back
        The first choice that would be suggested if what it would have paged over the stored days,
        and what is in force would not, is a real change; None if there is none.
    meets_target
        Whether the false pages of the one suggested stay within the target.
    """

    in_force: ChoiceOutcome
    suggested: ChoiceOutcome
    near: Sequence[ChoiceOutcome]
    tried: Sequence[ChoiceOutcome]
    held_back: ChoiceOutcome | None
    meets_target: bool

    @property
    def changes(self) -> bool:
        """Whether something other than what is in force is suggested."""
        return self.suggested.choice != self.in_force.choice


def choices(in_force: Choice) -> list[Choice]:
    """Return every choice to be tried, the one in force first.

    A ``warn`` over a ``fail`` is lowered to it.
    """
    now = in_force.policy
    policies = [
        replace(now, open=opening, at_once=once, pool_days=pool)
        for opening in sorted({*OPENINGS, now.open})
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
    days: Sequence[DayFacts],
    choice: Choice,
    deployed_at: dt.date,
    reviews: Sequence[ReviewedDays] = (),
) -> list[Incident]:
    """Return the incidents that a choice would have opened over stored days.

    Parameters
    ----------
    days
        In ascending order, whatever thresholds were in force on them.
    deployed_at
        First day of the version.
    reviews
        What people have said of the days, in that order.
    """
    found: list[Incident] = []
    still_open: dict[Family, int] = {}
    decided = replay(_judged(days, choice), choice.policy, deployed_at)
    for day, decisions in zip(days, decided, strict=True):
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
    return [
        replace(one, review=review_of(reviews, one.since, one.resolved or days[-1].day))
        for one in found
    ]


def quiet_days(
    days: Sequence[DayFacts],
    choice: Choice,
    deployed_at: dt.date,
    reviews: Sequence[ReviewedDays] = (),
) -> tuple[list[DayFacts], str]:
    """Return the stored days that may be taken for days without drift, and which those are.

    Those with a report on which nothing would stand, not even what does not page, if ``fail`` were
    as low as ``warn``. If they are fewer than ``LEARN_DAYS``, as with a population that has always
    been another one than the reference's, those on which nothing stands; else all. Days of a false
    alarm are among them, and days of a real change are not.

    Parameters
    ----------
    days
        In ascending order.
    choice
        In force.
    deployed_at
        First day of the version.
    reviews
        What people have said of the days, in that order.
    """
    said = [(day, review_of(reviews, day.day, day.day)) for day in days]
    false_alarms = {day.day for day, review in said if review and not review.is_real}
    reported = [
        day
        for day, review in said
        if any(column.error is None for column in day.columns) and not (review and review.is_real)
    ]
    at_warn = replace(
        choice,
        psi=_lowered(choice.psi),
        csi=_lowered(choice.csi),
        single={name: _lowered(one) for name, one in choice.single.items()},
    )
    for one, words in ((at_warn, "nothing at warn"), (choice, "nothing at fail")):
        decided = replay(_judged(days, one), one.policy, deployed_at)
        stands = {
            day.day
            for day, decisions in zip(days, decided, strict=True)
            if any(decision.standing for decision in decisions)
        } - false_alarms
        quiet = [day for day in reported if day.day not in stands]
        if len(quiet) >= min(LEARN_DAYS, len(reported)):
            return quiet, words
    return reported, "whatever was wrong on them"


def _lowered(limits: Thresholds) -> Thresholds:
    """Return limits with ``fail`` at ``warn``, and ``warn`` as far under it as it was."""
    return replace(limits, warn=limits.warn**2 / limits.fail, fail=limits.warn)


def _judged(days: Sequence[DayFacts], choice: Choice) -> list[DayFacts]:
    """Return days with the thresholds of a choice in force."""
    return [
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


def suggest(
    in_force: Choice,
    simulation: Simulation,
    days: Sequence[DayFacts],
    deployed_at: dt.date,
    target: float,
    say: Callable[[str], None] = lambda text: None,
    reviews: Sequence[ReviewedDays] = (),
) -> Suggestion:
    """Suggest the most sensitive choice whose false pages stay within a target.

    Over the stored days it must not have opened more incidents than the choice in force, real
    changes aside, as those were not missed. It must need more than one day under ``at_once``: a few
    weeks do not show how odd a holiday may be. Among equally sensitive choices the one with the
    fewest changes is taken. If there is none, the choice in force is kept; if that is over the
    target, the quietest is taken.

    Reviews come first. Of the choices that may be suggested, the first of those that page the most
    real changes is. If the choice in force pages a false alarm, one that pages fewer is suggested
    even if it is less sensitive.

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
    reviews
        What people have said of the days, in that order.
    """
    tried = choices(in_force)
    say(f"trying {len(tried)} choices on {simulation.months:.0f} simulated months")
    outcomes = _outcomes(tried, simulation)
    say(f"replaying {len(days)} stored days")

    def with_past(outcome: ChoiceOutcome) -> ChoiceOutcome:
        past = past_incidents(days, outcome.choice, deployed_at, reviews)
        return replace(outcome, past=tuple(past))

    now = with_past(outcomes[0])
    within = sorted(
        (
            one
            for one in outcomes[1:]
            if one.false_pages.upper <= target and one.choice.policy.open.days > 1
        ),
        key=lambda one: _preference(one, in_force),
    )
    if not now.reviewed(is_real=False):
        if now.false_pages.upper <= target:
            within = [one for one in within if one.smallest < now.smallest]
        within = within[:REPLAYS]
    quietest = min(outcomes, key=lambda one: (one.false_pages.pages, one.smallest))
    real = {one for one in reviews if one.is_real}
    suggested, held_back = None, None
    for one in map(with_past, within):
        if _is_no_worse(one, now):
            if suggested is None or len(_real_changes(one)) > len(_real_changes(suggested)):
                suggested = one
            if _real_changes(one) == real:
                break
        elif held_back is None and one.reviewed(is_real=None) > now.reviewed(is_real=None):
            held_back = one
    if suggested is None:
        suggested = now if now.false_pages.upper <= target else with_past(quietest)
    near = [
        with_past(one)
        for one in outcomes
        if one.choice.differences(suggested.choice) == 1 and one.choice != in_force
    ]
    meets = suggested.false_pages.upper <= target
    return Suggestion(now, suggested, near, outcomes, held_back, meets)


def _is_no_worse(outcome: ChoiceOutcome, now: ChoiceOutcome) -> bool:
    """Whether the past speaks for a choice over the one in force.

    It pages every real change that is paged now, fewer false alarms if there are any, and no more
    incidents in all, real changes aside.
    """
    false, unreviewed = (outcome.reviewed(is_real=one) for one in (False, None))
    false_now, unreviewed_now = (now.reviewed(is_real=one) for one in (False, None))
    return (
        false <= max(false_now - 1, 0)
        and false + unreviewed <= false_now + unreviewed_now
        and _real_changes(now) <= _real_changes(outcome)
    )


def _real_changes(outcome: ChoiceOutcome) -> set[ReviewedDays]:
    return {one.review for one in outcome.past or () if one.review and one.review.is_real}


def _outcomes(tried: Sequence[Choice], simulation: Simulation) -> list[ChoiceOutcome]:
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
        outcomes.append(ChoiceOutcome(choice, false_pages, score, characteristic))
    return outcomes


def _preference(outcome: ChoiceOutcome, in_force: Choice) -> tuple[float, ...]:
    """Return what sorts the better choice first."""
    days = sum(one.days for one in (outcome.score, outcome.characteristic) if one)
    changes = outcome.choice.differences(in_force)
    return (outcome.smallest, changes, days, outcome.false_pages.pages)
