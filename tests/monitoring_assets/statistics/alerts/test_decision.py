"""One incident for one drift, and no other pages."""

import datetime as dt
import json
from dataclasses import asdict, fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from monitoring_assets.statistics.alerts.breach import Fault
from monitoring_assets.statistics.alerts.decision import (
    FAMILIES,
    HISTORY_DAYS,
    DayFacts,
    FamilyState,
    History,
    Mute,
    Policy,
    decide,
    replay,
    standings,
)
from monitoring_assets.statistics.alerts.policy import ExpectedDays, Opening
from resources.manifest import Alerts
from tests.monitoring_assets.statistics.alerts.alert_days import MONDAY, column, days_of, facts

DRIFT = ("population", "characteristics", "performance")
LONG_AGO = MONDAY - dt.timedelta(days=100)
POLICY = Policy()


def actions(days, family="population", policy=POLICY, deployed_at=LONG_AGO):
    """The action of a family on each day, by its first letter, dots for none."""
    letters = {"none": ".", "open": "O", "keep": "k", "resolve": "R", "suppress": "s"}
    return "".join(
        letters[decision.action]
        for decisions in replay(days, policy, deployed_at)
        for decision in decisions
        if decision.family == family
    )


def last(days, family="population", policy=POLICY, *, before=(), **options):
    """The decision of a family on the last of some days, the day after it."""
    options = {"decided_on": days[-1].day + dt.timedelta(days=1)} | options
    history = History(tuple(days), LONG_AGO, before=tuple(before), **options)
    return next(d for d in decide(history, policy) if d.family == family)


@pytest.mark.parametrize(
    ("indices", "expected"),
    [
        ([0, 0, 0.5, 0.5, 0.5, 0, 0, 0, 0], "...OkkkR."),
        ([0, 0.5, 0, 0, 0.5, 0, 0], "......."),
        ([0, 0.5, 0, 0.5, 0, 0, 0], "...OkkR"),
        ([0, 1.2, 0, 0, 0, 0], ".OkkR."),
        ([0.2] * 8, "........"),
        ([0, 1.2, 0, 0, 1.2, 0, 0, 0, 0, 1.2], ".OkkkkkR.O"),
    ],
)
def test_a_column_over_days(indices, expected):
    assert actions(days_of(indices)) == expected


def test_a_drift_near_its_limit_is_one_incident():
    """Between the middle of warn and fail, 0.175, and fail it neither opens nor resolves."""
    near = [0.26, 0.26, 0.2, 0.2, 0.2, 0.2, 0.26, 0.26, 0.2, 0.2, 0.2]
    assert actions(days_of(near)) == ".Okkkkkkkkk"
    assert actions(days_of([*near, 0.16, 0.16, 0.16]), policy=Policy(pool_days=1))[-3:] == "kkR"
    assert actions(days_of([0.24] * 9)) == "." * 9


def test_an_incident_says_that_the_acceptance_rule_changed():
    rule, index = "The acceptance rule changed: ...", days_of([0, 0.5, 0.5])
    performance = Fault("performance", "auc", "AUC 0.60, 0.70 expected")
    low = facts(3, column("score"), faults=[performance])
    opened = last(index, acceptance=rule)
    assert (opened.action, opened.reasons[-1]) == ("open", rule)
    assert last([low], "performance", acceptance=rule).reasons[-1] == rule
    for family in ("characteristics", "data quality", "pipeline"):
        assert rule not in last(index, family, acceptance=rule).reasons


def test_the_acceptance_rule_opens_nothing():
    calm = last(days_of([0, 0]), acceptance="The acceptance rule changed: ...")
    assert (calm.action, calm.reasons) == ("none", ("nothing is over its limit",))


def test_the_policys_days():
    days = days_of([0.5, 0.5, 0.5, 0, 0, 0])
    assert actions(days, policy=Policy(open=Opening(1), resolve=1)) == "OkkR.."
    assert actions(days, policy=Policy(open=Opening(3), resolve=2)) == "..OkR."
    assert actions(days, policy=Policy(at_once=0.4)) == "OkkkkR"


def test_without_an_incident_it_says_what_is_not_yet_certain():
    reason = last(days_of([0.3], rows=200)).reasons[0]
    assert reason.startswith("score: PSI 0.30 reaches the limit of 0.25, but with 200 rows")
    many = [facts(0, *(column(f"x{n}", 0.3, 200) for n in range(5)))]
    assert last(many, "characteristics").reasons[-1] == "and 2 more"
    assert last(days_of([0.2])).reasons == ("nothing is over its limit",)


def test_days_without_a_report_are_neither_good_nor_bad():
    assert actions(days_of([0.5, None, None, 0.5, None, 0, None, 0, 0])) == ".OkkR"
    empty = [facts(n) if n in (3, 4) else facts(n, column("score", 0.5)) for n in range(5)]
    assert actions(empty) == ".Okkk"
    assert "not measured" in last([facts(0)]).reasons[0]


def test_one_drift_is_one_incident():
    """The score and two characteristics fail on one day, a check on the next."""
    check = Fault("data quality", "range", "12 scores above 1")
    drifted = [column("score", 0.5), column("a", 0.5), column("b", 0.6)]
    good = [column("score"), column("a"), column("b")]
    days = [
        facts(0, *drifted),
        facts(1, *drifted),
        facts(2, *drifted, faults=[check]),
        *(facts(n, *good) for n in range(3, 8)),
    ]
    told = [
        (day.day.day, d.family, d.action, d.joins)
        for day, decisions in zip(days, replay(days, POLICY, LONG_AGO), strict=True)
        for d in decisions
        if d.action in ("open", "resolve")
    ]
    assert told == [
        (6, "population", "open", None),
        (6, "characteristics", "open", "population"),
        (7, "data quality", "open", "population"),
        (9, "data quality", "resolve", "population"),
        (11, "population", "resolve", None),
        (11, "characteristics", "resolve", "population"),
    ]


def test_the_lead_waits_for_the_last_family():
    days = [facts(n, column("score", 0.5 if n < 2 else 0), column("a", 0.5)) for n in range(6)]
    days += [facts(n, column("score"), column("a")) for n in range(6, 10)]
    assert actions(days) == ".OkkkkkkkR"
    assert actions(days, "characteristics") == ".OkkkkkkkR"
    assert "other evidence" in last(days[:6], before=before_last(days[:6])).reasons[0]


def before_last(days, policy=POLICY):
    return standings(list(replay(days[:-1], policy, LONG_AGO))[-1])


def test_pipeline_stands_alone_and_resolves_at_once():
    failed = Fault("pipeline", "run", "the run failed")
    days = [facts(0, column("score", 0.5)), facts(1, column("score", 0.5), faults=[failed])]
    days += [facts(2, column("score", 0.5))]
    assert actions(days, "pipeline") == ".OR"
    assert actions(days) == ".Ok"
    assert last(days[:2], "pipeline").joins is None


def test_severity():
    days = days_of([0.5, 0.5])
    assert (last(days).severity, last(days).pages) == ("critical", True)
    days = days_of([0.5, 0.5], name="a")
    assert (last(days, "characteristics").severity) == "error"
    for family, severity in [
        ("data quality", "critical"),
        ("performance", "critical"),
        ("pipeline", "error"),
    ]:
        fault = [Fault(family, "x", "is wrong")]
        assert last([facts(0, faults=fault)], family).severity == severity


def test_what_moves_nothing_warns_and_does_not_lead():
    harmless = [facts(n, column("score"), column("a", 2.0, moved=0.0)) for n in range(3)]
    assert actions(harmless, "characteristics") == "sss"
    decision = last(harmless, "characteristics")
    assert (decision.severity, decision.pages) == ("warning", False)
    later = [facts(n, column("score", 0.5), column("a", 2.0, moved=0.0)) for n in range(3, 6)]
    assert actions([*harmless, *later]) == "....Ok"
    assert actions([*harmless, *later], "characteristics") == "ssssss"


def test_a_warning_becomes_a_page():
    days = [facts(n, column("a", 0.5, moved=0.0 if n < 3 else 0.05)) for n in range(6)]
    assert actions(days, "characteristics") == ".ssOkk"
    assert last(days[:4], "characteristics", before=before_last(days[:4])).since == MONDAY


def test_who_was_paged_waits_for_the_column_not_for_its_effect():
    days = [facts(n, column("a", 0.5, moved=0.05 if n < 3 else 0.0)) for n in range(8)]
    days += [facts(n, column("a")) for n in range(8, 12)]
    assert actions(days, "characteristics") == ".OkkkkkkkkkR"


def test_a_fault_that_does_not_page():
    minor = [Fault("data quality", "rows", "a tenth of the usual rows", pages=False)]
    assert last([facts(0, faults=minor)], "data quality").action == "suppress"


SILENCES = {
    "backfill": {"is_backfill": True},
    "shadow version never pages": {"is_shadow": True},
    "later day": {"is_late": True},
    "decided 4 days": {"decided_on": MONDAY + dt.timedelta(days=5)},
}


@pytest.mark.parametrize(("why", "options"), SILENCES.items(), ids=list(SILENCES))
def test_nobody_is_paged(why, options):
    days = days_of([0.5, 0.5])
    decision = last(days, **options)
    assert (decision.action, decision.pages) == ("suppress", False)
    assert any(why in reason for reason in decision.reasons)
    assert any("PSI 0.50" in reason for reason in decision.reasons)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_shadow_version_pages_for_no_family(family):
    day = facts(0, column("score", 3.0), column("a", 3.0), faults=[Fault(family, "x", "broken")])
    decision = last([day], family, is_shadow=True)
    assert (decision.action, decision.silent) == ("suppress", True)


def test_three_days_late_still_pages():
    assert last(days_of([0.5, 0.5]), decided_on=MONDAY + dt.timedelta(days=4)).action == "open"


def test_a_mute_window_ends_with_a_page():
    mute = Mute(MONDAY, MONDAY + dt.timedelta(days=2), "the bureau moves its data centre")
    days = days_of([0.5, 0.5, 0.5, 0.5])
    policy = Policy(mute=(mute,))
    assert actions(days, policy=policy) == ".ssO"
    decision = last(days, policy=policy, before=before_last(days, policy))
    assert decision.since == MONDAY
    assert any("could not page" in reason for reason in decision.reasons)
    muted = last(days[:3], policy=policy)
    assert any("the bureau moves" in reason for reason in muted.reasons)


def test_days_that_are_expected_to_differ_are_not_judged():
    expected = ExpectedDays(MONDAY + dt.timedelta(days=1), MONDAY + dt.timedelta(days=3), "a fair")
    policy = Policy(expected=(expected,))
    days = days_of([0.0, 2.0, 2.0, 2.0, 0.0, 2.0])
    assert actions(days, policy=policy) == ".....O"
    (reason,) = last(days[:3], policy=policy).reasons
    assert reason == "not judged, as this day is expected to differ: a fair"


def test_an_incident_waits_over_expected_days():
    expected = ExpectedDays(MONDAY + dt.timedelta(days=2), MONDAY + dt.timedelta(days=4), "a fair")
    days = days_of([0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    assert actions(days, policy=Policy(expected=(expected,), pool_days=1)) == ".OkkkkkR"


def test_a_fault_pages_on_an_expected_day():
    expected = ExpectedDays(MONDAY, MONDAY, "a fair")
    fault = Fault("data quality", "schema", "income is missing")
    assert (
        actions(
            [facts(0, column("score"), faults=[fault])],
            "data quality",
            Policy(expected=(expected,)),
        )
        == "O"
    )


def test_a_mute_of_another_family():
    mute = Mute(MONDAY, MONDAY + dt.timedelta(days=9), "x", ("characteristics",))
    days = [facts(n, column("score", 0.5), column("a", 0.5)) for n in range(3)]
    assert actions(days, policy=Policy(mute=(mute,))) == ".Ok"
    assert actions(days, "characteristics", Policy(mute=(mute,))) == ".ss"


def test_an_incident_that_was_told_resolves_in_a_mute_window():
    mute = Mute(MONDAY + dt.timedelta(days=3), MONDAY + dt.timedelta(days=9), "x")
    assert actions(days_of([0, 0.5, 0.5, 0, 0, 0]), policy=Policy(mute=(mute,))) == "..OkkR"


def test_the_first_days_of_a_version():
    broken = [Fault("data quality", "rows", "no rows")]
    days = [facts(n, column("score", 0.5), faults=broken if n == 1 else []) for n in range(9)]
    assert actions(days, deployed_at=MONDAY) == ".ssssssOk"
    assert actions(days, "data quality", deployed_at=MONDAY).startswith(".Ok")
    assert actions(days, deployed_at=MONDAY, policy=Policy(first_days=0)) == ".Okkkkkkk"


def test_a_mute_that_ends_on_a_good_day_does_not_page():
    mute = Mute(MONDAY, MONDAY + dt.timedelta(days=2), "x")
    assert actions(days_of([0.5, 0.5, 0.5, 0, 0.5]), policy=Policy(mute=(mute,))) == ".sssO"


def test_what_ends_unpaged_is_never_told():
    days = days_of([0.5, 0.5, 0, 0, 0, 0])
    assert actions(days, deployed_at=MONDAY) == ".sss.."


def test_late_data_does_not_reopen_what_is_over():
    """The report of two bad days comes when the third, a good one, has been decided."""
    assert last(days_of([0.5, 0.5, 0, 0])).action == "none"
    late = last(days_of([0.5, 0.5, 0]))
    assert late.action == "none"
    assert any("came late" in reason for reason in late.reasons)


def test_late_data_that_opens_says_so():
    decision = last(days_of([0.5, 0.5, 0.5]))
    assert decision.action == "open"
    assert any("2026-01-06 was over the limit already" in reason for reason in decision.reasons)
    on_time = last(days_of([0, 0.5, 0.5]))
    assert not any("already" in reason for reason in on_time.reasons)


def test_a_late_day_does_not_resolve():
    told = [FamilyState("population", MONDAY, "critical", told=True)]
    days = days_of([0.5, 0.5, 0, 0, 0])
    assert last(days, before=told).action == "resolve"
    assert last(days, before=told, is_late=True).action == "keep"


def test_bad_histories():
    for days in ((), (facts(1), facts(0)), (facts(1), facts(1))):
        with pytest.raises(ValueError, match=r"needs the day|ascend"):
            decide(History(days, LONG_AGO, MONDAY), POLICY)


# Days of any kind, and what must hold for all of them.

FAULTS = st.builds(
    Fault,
    st.sampled_from(["data quality", "performance", "pipeline"]),
    st.sampled_from(["x", "y"]),
    st.just("is wrong"),
    st.booleans(),
)
INDICES = st.sampled_from([0.0, 0.0, 0.0, 0.15, 0.3, 0.6, 1.5])


@st.composite
def histories(draw):
    days = []
    for number in sorted(draw(st.sets(st.integers(0, 45), min_size=1, max_size=16))):
        columns = ()
        if draw(st.integers(0, 5)):
            rows = draw(st.sampled_from([30, 300, 10_000]))
            columns = (
                column("score", draw(INDICES), rows),
                column("a", draw(INDICES), rows, moved=draw(st.sampled_from([0.05, 0.0, None]))),
                column("b", draw(INDICES), rows),
            )
        shift = draw(st.sampled_from([0.05, 0.05, 0.0, None]))
        faults = draw(st.lists(FAULTS, max_size=2)) if not draw(st.integers(0, 3)) else []
        days.append(facts(number, *columns, faults=faults, shift=shift))
    return days


@st.composite
def policies(draw):
    of = draw(st.integers(1, 4))
    mute = ()
    if draw(st.booleans()):
        first = draw(st.integers(0, 45))
        days = [MONDAY + dt.timedelta(days=first + n) for n in (0, draw(st.integers(0, 9)))]
        mute = (Mute(*days, "x", tuple(draw(st.sets(st.sampled_from(FAMILIES))))),)
    return Policy(
        open=Opening(draw(st.integers(1, of)), of),
        resolve=draw(st.integers(1, 4)),
        pool_days=draw(st.sampled_from([1, 7, 14])),
        dependence=draw(st.sampled_from(["positive", "any"])),
        first_days=draw(st.sampled_from([0, 7])),
        mute=mute,
    )


@given(days=histories(), policy=policies())
@settings(max_examples=150, deadline=None)
def test_what_always_holds(days, policy):
    open_incidents = dict.fromkeys(FAMILIES, False)
    for day, decisions in zip(days, replay(days, policy, MONDAY), strict=True):
        by_family = {decision.family: decision for decision in decisions}
        assert [decision.family for decision in decisions] == list(FAMILIES)
        standing = {one.family: one for one in standings(decisions)}
        for family, decision in by_family.items():
            assert decision.reasons
            assert all(decision.reasons)
            was_open = open_incidents[family]
            assert (decision.action in ("keep", "resolve")) == was_open
            if decision.action == "open":
                assert any(breach.pages for breach in decision.breaches)
                assert not any(mute.covers(day.day, family) for mute in policy.mute)
                new = (day.day - MONDAY).days < policy.first_days
                assert not (new and family in DRIFT)
            open_incidents[family] = decision.action in ("open", "keep")
            assert decision.pages == (decision.action in ("open", "keep", "resolve"))
            assert (decision.severity is None) == (decision.action == "none")
            if decision.joins:
                assert family != "pipeline"
                lead = by_family[decision.joins]
                assert lead.joins is None
                assert lead.pages
        leads = [one for one in standing.values() if one.told and one.joins is None]
        assert len([one for one in leads if one.family != "pipeline"]) <= 1
        for breach in (breach for decision in decisions for breach in decision.breaches):
            assert breach.since <= day.day


@given(days=histories(), policy=policies())
@settings(max_examples=60, deadline=None)
def test_the_order_of_columns_and_faults_does_not_matter(days, policy):
    turned = [replace(day, columns=day.columns[::-1], faults=day.faults[::-1]) for day in days]
    assert list(replay(turned, policy, MONDAY)) == list(replay(days, policy, MONDAY))


@given(days=histories(), policy=policies())
@settings(max_examples=60, deadline=None)
def test_replay_is_one_decision_after_the_other(days, policy):
    before = ()
    for at, expected in enumerate(replay(days, policy, MONDAY)):
        decided_on = days[at].day + dt.timedelta(days=1)
        history = History(tuple(days[: at + 1]), MONDAY, decided_on, before)
        found = decide(history, policy)
        assert found == expected == decide(history, policy)
        before = standings(found)


@given(days=histories(), policy=policies(), index=INDICES)
@settings(max_examples=60, deadline=None)
def test_what_is_older_than_the_history_does_not_matter(days, policy, index):
    oldest = days[-1].day - dt.timedelta(days=HISTORY_DAYS)
    older = [
        DayFacts(oldest - dt.timedelta(days=n), (column("score", index), column("a", index)))
        for n in (2, 1, 0)
    ]
    decided_on = days[-1].day + dt.timedelta(days=1)
    without = History(tuple(days), MONDAY, decided_on)
    with_older = replace(without, days=(*older, *days))
    assert decide(with_older, policy) == decide(without, policy)


def test_standings_are_json():
    days = days_of([0.5, 0.5])
    (standing,) = standings(list(replay(days, POLICY, LONG_AGO))[-1])
    text = json.dumps(asdict(standing), default=str)
    assert json.loads(text)["since"] == "2026-01-05"


def test_every_field_of_a_manifests_policy_reaches_the_statistics():
    """A section is what the statistics take: none of its fields can be forgotten on the way."""
    said = {
        "open": {"days": 3, "of": 5},
        "resolve": 4,
        "at_once": 0.5,
        "pool_days": 14,
        "false_discovery_rate": 0.01,
        "dependence": "any",
        "min_score_shift": 0.1,
        "first_days": 5,
        "max_age_days": 9,
        "mute": [
            {
                "first": "2026-09-01",
                "last": "2026-09-03",
                "why": "a new form",
                "families": ["population"],
            }
        ],
        "accepted": [
            {"first": "2026-09-04", "last": "2026-09-10", "by": "jo", "why": "a new channel"}
        ],
        "expected": [{"first": "2026-09-12", "last": "2026-09-13", "why": "a campaign"}],
    }
    policy = TypeAdapter(Alerts).validate_python(said)
    assert isinstance(policy, Policy)
    assert said.keys() == {field.name for field in fields(Policy)}
    assert {field.name for field in fields(Alerts)} - said.keys() == {"service", "team", "holidays"}
    for field in fields(Policy):
        assert getattr(policy, field.name) != getattr(Policy(), field.name), field.name
    again = TypeAdapter(Policy).dump_python(policy, mode="json")
    assert again == said


@pytest.mark.parametrize("index", [0.3, 1.2, 3.0])
@pytest.mark.parametrize("begins", [1, 4, 6, 9, 20])
def test_a_shift_that_lasts_is_one_incident_however_young_the_version(index, begins):
    said = actions(days_of([0] * begins + [index] * (60 - begins)), deployed_at=MONDAY)
    assert said.count("O") == 1
    assert "R" not in said


@pytest.mark.parametrize("index", [0.6, 1.2, 3.0])
@pytest.mark.parametrize("begins", [2, 8, 20])
@pytest.mark.parametrize(
    "reported",
    [
        lambda n: n % 7 < 5,
        lambda n: n % 7 in (0, 3),
        lambda n: not 5 <= n < 40,
        lambda n: not 25 <= n < 60,
    ],
    ids=["weekdays only", "two days a week", "an early pause", "a pause in the shift"],
)
def test_days_without_a_report_do_not_make_a_lasting_shift_usual(index, begins, reported):
    shares = [0 if n < begins else index for n in range(90)]
    days = days_of([one if reported(n) else None for n, one in enumerate(shares)])
    said = actions(days, deployed_at=MONDAY)
    assert said.count("O") == 1
    assert "R" not in said


def test_whoever_was_paged_waits_for_longer_than_the_history():
    """Only its first days moved the score; by day 100 they are out of what is read."""
    days = [
        facts(n, column("score"), column("income", 0.6, moved=0.05 if n < 3 else 0.0))
        for n in range(100)
    ]
    before = ()
    for number in range(1, len(days) + 1):
        known = tuple(days[max(number - HISTORY_DAYS, 0) : number])
        decisions = decide(History(known, LONG_AGO, known[-1].day, before), POLICY)
        before = standings(decisions)
    assert next(d for d in decisions if d.family == "characteristics").action == "keep"


def test_a_standing_recorded_without_its_subjects_is_read():
    recorded = {"family": "population", "since": MONDAY, "severity": "critical", "told": True}
    standing = TypeAdapter(FamilyState).validate_python(recorded)
    assert last(days_of([0.5, 0.5]), before=[standing]).action == "keep"
    assert last(days_of([0, 0, 0]), before=[standing]).action == "resolve"


def test_drift_that_a_check_has_stopped_pages_without_a_report():
    stopped = Fault("population", "score", "score: PSI 5.8")
    decision = last([facts(0, column("score")), facts(1, faults=[stopped])])
    assert (decision.action, decision.pages) == ("open", True)
    assert decision.breaches[0].text == "score: PSI 5.8"
    assert decision.reasons[0].startswith("stopped by a check")


def test_whoever_was_paged_for_a_column_waits_for_it_under_any_policy():
    days = [facts(n, column("score"), column("income", 0.6 if n > 4 else 0)) for n in range(10)]
    before = ()
    for number in range(6, 10):
        decisions = decide(
            History(tuple(days[:number]), LONG_AGO, days[number - 1].day, before), POLICY
        )
        before = standings(decisions)
    stricter = replace(POLICY, min_score_shift=10.0)
    assert last(days, "characteristics", stricter, before=before).action == "keep"


def test_a_column_that_was_not_measured_has_not_recovered():
    days = [facts(n, column("age"), column("income", 0.6)) for n in range(3)]
    days += [facts(n, column("age")) for n in range(3, 9)]
    assert actions(days, "characteristics") == ".Okkkkkkk"


def test_performance_that_nobody_measured_is_not_good():
    day = facts(0, column("score"))
    assert last([day], "performance").reasons == ("not measured on this day",)
    measured = replace(day, performance_measured=True)
    assert last([measured], "performance").reasons == ("nothing is over its limit",)


def test_a_silenced_day_says_so():
    days = [facts(0, column("score", 3.0))]
    assert not last(days).silent
    assert last(days, is_backfill=True).silent
    mute = Mute(MONDAY, MONDAY, "a new form")
    assert last(days, policy=replace(POLICY, mute=(mute,))).silent


def test_a_move_counts_against_the_nearest_of_reference_and_accepted_days():
    """A shift to 0.5 is accepted on day 10; on day 20 the score goes on to where it is 3."""

    def day(number, index):
        (one,) = days_of([index], rows=2000)
        moved = one.columns[0]
        accepted = (column("score", 0.5, 20_000).current,) if number >= 10 else ()
        return replace(
            facts(number, replace(moved, accepted=accepted)),
        )

    indices = [0.5] * 20 + [3.0] * 5 + [0.5] * 5 + [0.0] * 5
    days = [day(number, index) for number, index in enumerate(indices)]
    assert actions(days) == ".OkkkkkkkkkkR......." + ".Okkk" + "kkR.." + "....."
    texts = [d.breaches[0].text for d in list(replay(days, POLICY, LONG_AGO))[22] if d.breaches]
    assert ["against the accepted days (limit 0.25)" in text for text in texts] == [True]


@pytest.mark.parametrize(
    ("moved", "shift", "is_additive", "expected"),
    [
        (0.02, 0.0, True, "O"),  # its part cancels another's
        (0.004, 0.02, True, "s"),
        (0.02, 0.0, False, "s"),
        (0.02, 0.02, False, "O"),
        (None, 0.0, True, "O"),  # unknown
    ],
)
def test_a_characteristic_pages_by_what_it_did_to_the_score(moved, shift, is_additive, expected):
    days = [
        replace(facts(n, column("income", 0.5, moved=moved), shift=shift), is_additive=is_additive)
        for n in range(3)
    ]
    assert actions(days, "characteristics")[1] == expected
