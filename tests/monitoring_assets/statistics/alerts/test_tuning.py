"""The suggestion, on models whose past is known."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest

from monitoring_assets.statistics.alerts.breach import ColumnDay, DayFacts, Fault
from monitoring_assets.statistics.alerts.decision import replay
from monitoring_assets.statistics.alerts.policy import Opening, Policy
from monitoring_assets.statistics.alerts.reviews import ReviewedDays
from monitoring_assets.statistics.alerts.simulation import Column, Simulation
from monitoring_assets.statistics.alerts.tuning import (
    Choice,
    choices,
    past_incidents,
    quiet_days,
    suggest,
)
from monitoring_assets.statistics.drift.thresholds import Thresholds

MONDAY = dt.date(2026, 1, 5)
LONG_AGO = MONDAY - dt.timedelta(days=100)
BINS = 10
LABELS = tuple(f"b{number}" for number in range(BINS))
REFERENCE = np.full(BINS, 1000)
EFFECTS = np.linspace(-0.2, 0.2, BINS)
IN_FORCE = Choice(Thresholds(), Thresholds(), Policy())


def tilted(strength):
    shares = np.exp(strength * np.linspace(-1.6, 1.6, BINS))
    return shares / shares.sum()


def history(tilts, *, rows=1000, characteristics=2, seed=0, faults=None):
    """Days whose score and first characteristic are tilted; the other characteristics are quiet."""
    random = np.random.default_rng(seed)
    days = []
    for number, strength in enumerate(tilts):
        columns = []
        for position in range(1 + characteristics):
            counts = random.multinomial(rows, tilted(strength if position < 2 else 0.0))
            name, index = ("score", "PSI") if not position else (f"c{position}", "CSI")
            moved = float(counts / rows @ EFFECTS)
            columns.append(ColumnDay(name, index, LABELS, REFERENCE, counts, Thresholds(), moved))
        days.append(
            DayFacts(
                MONDAY + dt.timedelta(days=number),
                tuple(columns),
                (faults or {}).get(number, ()),
                score_sd=0.13,
                score_shift=columns[0].moved_score_by,
            )
        )
    return days


def simulated(days, **options):
    names = [column.column for column in days[0].columns]
    columns = [
        Column(name, REFERENCE, EFFECTS, np.array([day.columns[at].current for day in days]))
        for at, name in enumerate(names)
    ]
    weekday = np.array([day.day.weekday() for day in days])
    return Simulation(columns[0], columns[1:], weekday, **options)


@pytest.fixture
def few_choices(monkeypatch):
    """A tenth of them, for speed."""
    module = "monitoring_assets.statistics.alerts.tuning"
    monkeypatch.setattr(f"{module}.FAILS", (0.1, 0.4))
    monkeypatch.setattr(f"{module}.POOL_DAYS", (1, 7))


def test_every_choice_is_tried_and_the_one_in_force_is_the_first():
    odd = Choice(
        Thresholds(0.12, 0.22),
        Thresholds(0.1, 0.25),
        Policy(open=Opening(4, 9), at_once=3.0, pool_days=21, resolve=6),
        {"c1": Thresholds(0.3, 0.5)},
    )
    tried = choices(odd)
    assert tried[0] == odd
    assert len({choice.settings for choice in tried}) == len(tried) == 7 * 6 * 4 * 3 * 4
    assert all(one.psi.warn <= one.psi.fail and one.csi.warn <= one.csi.fail for one in tried)
    assert {one.psi.fail for one in tried} >= {0.1, 0.22, 0.4}
    assert all(one.policy.resolve == 6 and one.single == odd.single for one in tried)
    assert (
        odd.differences(replace(odd, policy=replace(odd.policy, open=Opening(3, 9), at_once=1.0)))
        == 2
    )


@pytest.mark.parametrize(("opening", "days"), [((1, 1), 0), ((2, 3), 1), ((3, 5), 2)])
def test_the_past_is_what_the_decision_would_have_done(opening, days):
    # PSI of about 0.45 for ten days from day 20 on.
    past = history([0.0] * 20 + [0.7] * 10 + [0.0] * 15)
    policy = Policy(open=Opening(*opening), pool_days=1)
    (found,) = past_incidents(past, replace(IN_FORCE, policy=policy), LONG_AGO)
    shift = MONDAY + dt.timedelta(days=20)
    assert found.family == "population"
    assert (found.since, found.opened) == (shift, shift + dt.timedelta(days=days))
    assert found.resolved == shift + dt.timedelta(days=12)
    assert "score: PSI 0." in " ".join(found.reasons)


def test_the_past_takes_the_limits_of_the_choice():
    past = history([0.0] * 20 + [0.55] * 10)
    high = Thresholds(0.5, 0.9)
    assert past_incidents(past, replace(IN_FORCE, psi=high, csi=high), LONG_AGO) == []
    (found,) = past_incidents(past, replace(IN_FORCE, psi=high), LONG_AGO)
    assert (found.family, found.resolved) == ("characteristics", None)
    single = {"c1": high}
    assert past_incidents(past, replace(IN_FORCE, psi=high, single=single), LONG_AGO) == []
    assert past_incidents([], IN_FORCE, LONG_AGO) == []


def test_other_incidents_of_the_past_are_told_too():
    fault = Fault("data quality", "income", "income: 0.4 missing")
    past = history([0.0] * 30, faults={12: (fault,)})
    (found,) = past_incidents(past, IN_FORCE, LONG_AGO)
    assert (found.family, found.opened) == ("data quality", MONDAY + dt.timedelta(days=12))


def test_days_without_drift_are_those_on_which_nothing_stands_at_warn():
    # PSI of about 0.15: at warn, not at fail.
    past = history([0.0] * 20 + [0.4] * 20)
    assert past_incidents(past, IN_FORCE, LONG_AGO) == []
    found, which = quiet_days(past, IN_FORCE, LONG_AGO)
    assert [day.day for day in found[-2:]] == [MONDAY + dt.timedelta(days=n) for n in (19, 20)]
    assert which == "nothing at warn"
    # What has always been so is how the model lives.
    found, which = quiet_days(past[20:], IN_FORCE, LONG_AGO)
    assert (len(found), which) == (20, "nothing at fail")
    broken = history([1.0] * 20)
    found, which = quiet_days(broken, IN_FORCE, LONG_AGO)
    assert (found, which) == (broken, "whatever was wrong on them")
    unread = [replace(day, columns=()) for day in past]
    assert quiet_days(unread, IN_FORCE, LONG_AGO)[0] == []


def reviewed(first, last, *, is_real):
    days = (MONDAY + dt.timedelta(days=number) for number in (first, last))
    return ReviewedDays(*days, is_real, "jo", "looked at")


def test_days_of_a_false_alarm_are_days_without_drift_and_those_of_a_change_are_not():
    past = history([0.0] * 20 + [0.7] * 10 + [0.0] * 15)
    quiet = quiet_days(past, IN_FORCE, LONG_AGO)[0]
    assert past[25] not in quiet
    usual = reviewed(20, 29, is_real=False)
    found = quiet_days(past, IN_FORCE, LONG_AGO, [usual])[0]
    assert found == [day for day in past if day in quiet or usual.covers(day.day)]
    change = reviewed(25, 40, is_real=True)
    found = quiet_days(past, IN_FORCE, LONG_AGO, [usual, change])[0]
    assert [day for day in found if change.covers(day.day)] == []
    assert past[24] in found
    everything = reviewed(0, 44, is_real=True)
    assert quiet_days(past, IN_FORCE, LONG_AGO, [everything])[0] == []


def test_incidents_of_the_past_have_their_review():
    past = history(([0.0] * 33 + [0.6] * 6) * 3, seed=5)
    change, usual = reviewed(30, 50, is_real=True), reviewed(70, 80, is_real=False)
    found = past_incidents(past, IN_FORCE, LONG_AGO, [change, usual])
    assert [one.review for one in found] == [change, usual, None]


# What a choice costs and gives is drawn at random; here only the past decides.
QUIET_MONTHS = history([0.0] * 28, rows=5000)
WEAK, STRONG = 0.41, 0.7
"""An index of 0.16 and of 0.45."""


@pytest.fixture(scope="module")
def months():
    return simulated(QUIET_MONTHS, months=40)


@pytest.mark.usefixtures("few_choices")
def test_a_real_change_that_was_not_paged_speaks_for_lower_limits(months):
    past = history([0.0] * 20 + [WEAK] * 10, rows=5000)
    found = suggest(IN_FORCE, months, past, LONG_AGO, 0.1)
    assert found.in_force.past == () == found.suggested.past
    (missed,) = found.held_back.past
    assert missed.since == MONDAY + dt.timedelta(days=20)
    change = reviewed(20, 29, is_real=True)
    found = suggest(IN_FORCE, months, past, LONG_AGO, 0.1, reviews=[change])
    assert [one.review for one in found.suggested.past] == [change]
    assert found.suggested.choice.psi.fail < IN_FORCE.psi.fail
    assert found.held_back is None


@pytest.mark.usefixtures("few_choices")
def test_a_false_alarm_speaks_for_higher_limits_that_page_what_is_real(months):
    past = history([0.0] * 20 + [STRONG] * 2 + [0.0] * 21 + [1.0] * 8 + [0.0] * 9, rows=5000)
    said = [reviewed(20, 21, is_real=False), reviewed(43, 50, is_real=True)]
    found = suggest(IN_FORCE, months, past, LONG_AGO, 0.1, reviews=said)
    assert [one.review for one in found.in_force.past] == said
    assert [one.review for one in found.suggested.past] == said[1:]
    assert found.suggested.false_pages.upper <= 0.1
    better = [one for one in found.tried if one.smallest < found.suggested.smallest - 0.01]
    for one in better:
        if one.choice.policy.open.days > 1 and one.false_pages.upper <= 0.1:
            past_of = past_incidents(past, one.choice, LONG_AGO, said)
            assert [one.review for one in past_of] != said[1:]


@pytest.mark.slow
def test_suggests_the_most_sensitive_choice_within_the_target():
    past = history([0.0] * 56, rows=150)
    simulation = simulated(past, months=60)
    said = []
    found = suggest(IN_FORCE, simulation, past, LONG_AGO, 0.1, said.append)
    assert found.meets_target
    assert found.suggested.false_pages.upper <= 0.1
    assert found.suggested.smallest < found.in_force.smallest
    assert found.in_force.choice == IN_FORCE
    for other in found.tried:
        if other.smallest < found.suggested.smallest and other.choice.policy.open.days > 1:
            assert (
                other.false_pages.upper > 0.1 or past_incidents(past, other.choice, LONG_AGO) != []
            )
    assert all(one.choice.differences(found.suggested.choice) == 1 for one in found.near)
    assert all(one.past is not None for one in found.near)
    assert len(said) == 2


@pytest.mark.slow
def test_the_suggestion_keeps_its_word_on_fresh_months():
    """Other random numbers, and the decision itself on days drawn from the truth."""
    past = history([0.0] * 56, rows=100, seed=3)
    found = suggest(IN_FORCE, simulated(past, months=60), past, LONG_AGO, 0.1)
    choice = found.suggested.choice
    fresh = simulated(past, months=100, seed=99)
    pages = fresh.score_pages(choice.psi, choice.policy) + fresh.characteristics_pages(
        choice.csi, {}, choice.policy
    )
    assert pages / fresh.months <= 0.1

    days = history([0.0] * 600, rows=100, seed=4)
    assert len(past_incidents(days, choice, LONG_AGO)) <= 600 / 30.4 * 0.1
    # Two weeks after a shift as large as it says it catches, with something to spare.
    strength = np.sqrt(1.3 * found.suggested.score.index)
    shifts = [history([0.0] * 28 + [strength] * 14, rows=100, seed=seed) for seed in range(20)]
    caught = [
        any(one.opened >= MONDAY + dt.timedelta(days=28) for one in incidents)
        for incidents in (past_incidents(days, choice, LONG_AGO) for days in shifts)
    ]
    assert sum(caught) >= 14


@pytest.mark.slow
def test_what_nobody_missed_is_not_to_be_paged():
    """Two days of PSI 0.16 every 33 days, which nothing has ever come of."""
    past = history(([0.0] * 31 + [0.41, 0.41]) * 4, rows=5000)
    quiet, _ = quiet_days(past, IN_FORCE, LONG_AGO)
    found = suggest(IN_FORCE, simulated(quiet, months=60), past, LONG_AGO, 0.1)
    assert found.in_force.past == ()
    assert found.suggested.past == ()
    lower = [one for one in found.tried if one.choice.differences(IN_FORCE) == 1]
    (at_01,) = [one for one in lower if one.choice.psi.fail == 0.1]
    assert at_01.false_pages.upper <= 0.1
    assert len(past_incidents(past, at_01.choice, LONG_AGO)) == 4


@pytest.mark.usefixtures("few_choices")
def test_the_quietest_is_suggested_if_nothing_stays_within_the_target():
    noisy = Policy(open=Opening(1, 1), false_discovery_rate=0.3, min_score_shift=0.0)
    limits = Thresholds(1e-9, 0.06, 0.5)
    in_force = Choice(limits, limits, noisy)
    past = history([0.0] * 28, rows=100)
    # Twenty months cannot bound a rate by 0.01, whatever is chosen.
    found = suggest(in_force, simulated(past, months=20), past, LONG_AGO, 0.01)
    assert not found.meets_target
    assert found.in_force.false_pages.per_month > 0.5
    least = min(one.false_pages.pages for one in found.tried)
    assert found.suggested.false_pages.pages == least


@pytest.mark.usefixtures("few_choices")
def test_what_is_in_force_is_kept_if_nothing_is_better():
    past = history([0.0] * 28, rows=20_000)
    simulation = simulated(past, months=60)
    best = suggest(IN_FORCE, simulation, past, LONG_AGO, 0.1).suggested.choice
    again = suggest(best, simulation, past, LONG_AGO, 0.1)
    assert not again.changes
    assert again.suggested.choice == best


def test_incidents_of_the_past_pair_up_with_the_decisions():
    past = history(([0.0] * 33 + [0.6] * 6) * 3, seed=5)
    found = past_incidents(past, IN_FORCE, LONG_AGO)
    leading = [
        (facts.day, decision.action)
        for facts, decisions in zip(past, replay(past, IN_FORCE.policy, LONG_AGO), strict=True)
        for decision in decisions
        if decision.action in ("open", "resolve") and decision.joins is None
    ]
    assert [one.opened for one in found] == [day for day, action in leading if action == "open"]
    resolved = [one.resolved for one in found if one.resolved]
    assert resolved == [day for day, action in leading if action == "resolve"]
    assert len(found) == 3
