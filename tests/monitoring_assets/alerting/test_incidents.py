"""From decisions to notices: each change is told once, under one name."""

import dataclasses
import datetime as dt

import pytest

from monitoring_assets.alerting.incidents import Ledger, NoticeContext, reconcile
from monitoring_assets.statistics.alerts.breach import Breach
from monitoring_assets.statistics.alerts.decision import (
    Decision,
    History,
    Policy,
    decide,
    standings,
)
from monitoring_assets.statistics.alerts.policy import FAMILIES
from resources.delivery.messages import Subject
from tests.monitoring_assets.statistics.alerts.alert_days import days_of

MONDAY = dt.date(2026, 9, 7)
SEVERITY = {"characteristics": "error", "pipeline": "error"}


def told(family, action, *subjects, joins=None):
    """A decision of a family that people are told of, with its breaches."""
    breaches = tuple(
        Breach(family, subject, f"{subject} moved", MONDAY, True, "day", 0.5, 0.25)
        for subject in subjects
    )
    severity = SEVERITY.get(family, "critical")
    return Decision(family, action, ("because",), severity, True, MONDAY, joins, breaches)


class People:
    """A version's ledger, and all that was told of it."""

    def __init__(self):
        self.ledger, self.notices, self.day = Ledger(), [], MONDAY

    def hear(self, *decisions):
        """Decide the next day; families that are not named have nothing."""
        named = {one.family: one for one in decisions}
        every = [named.get(family, Decision(family, "none", ("quiet",))) for family in FAMILIES]
        context = NoticeContext(
            subject=Subject(key="pd_cards.1", model="pd_cards", version="1"),
            day=self.day,
            decided_at=dt.datetime(2026, 9, 8, tzinfo=dt.UTC),
        )
        before = self.ledger
        self.ledger, notices = reconcile(before, every, context)
        assert reconcile(before, every, context) == (self.ledger, notices)
        self.day += dt.timedelta(days=1)
        self.notices += notices
        return [(one.incident, one.number, one.action) for one in notices]


@pytest.fixture
def people():
    return People()


def test_an_incident_is_told_when_it_opens_and_when_it_is_over_and_not_between(people):
    assert people.hear() == []
    assert people.hear(told("population", "open", "score")) == [
        ("pd_cards.1/population/1", 1, "open")
    ]
    assert people.hear(told("population", "keep", "score")) == []
    assert people.hear(told("population", "keep")) == []
    assert people.hear(told("population", "resolve")) == [("pd_cards.1/population/1", 2, "resolve")]
    assert people.hear() == []
    assert people.hear(told("population", "open", "score")) == [
        ("pd_cards.1/population/2", 1, "open")
    ]


def test_a_message_says_that_the_rule_changed_and_none_is_sent_for_it(people):
    rule = "The acceptance rule changed: of applicants in band (0.02, 0.05], 31% are approved"

    before = ()
    for number, acceptance in enumerate((rule, "", rule), 2):
        days = tuple(days_of([0.5] * number))
        decided_on = days[-1].day + dt.timedelta(days=1)
        history = History(days, dt.date(2026, 1, 1), decided_on, before, acceptance=acceptance)
        decisions = decide(history, Policy())
        before = standings(decisions)
        people.hear(*decisions)
    (opened,) = people.notices
    assert f"population: {rule}" in opened.reasons


def test_what_is_not_known_yet_updates_the_incident_once(people):
    people.hear(told("characteristics", "open", "income"))
    assert people.hear(told("characteristics", "keep", "income", "region")) == [
        ("pd_cards.1/characteristics/1", 2, "update")
    ]
    assert people.hear(told("characteristics", "keep", "region")) == []
    joined = told("population", "open", "score", joins="characteristics")
    assert people.hear(told("characteristics", "keep", "income"), joined) == [
        ("pd_cards.1/characteristics/1", 3, "escalate")
    ]
    assert people.notices[0].severity == "error"
    assert people.notices[-1].severity == "critical"
    assert {line.family for line in people.notices[-1].breaches} == {
        "characteristics",
        "population",
    }


def test_families_that_open_together_are_one_incident_named_by_the_one_that_leads(people):
    joined = told("characteristics", "open", "income", joins="population")
    assert people.hear(joined, told("population", "open", "score")) == [
        ("pd_cards.1/population/1", 1, "open")
    ]
    assert people.ledger.open[0].families == ("population", "characteristics")


def test_an_incident_is_over_when_all_its_families_are(people):
    joined = told("characteristics", "open", "income", joins="population")
    people.hear(joined, told("population", "open", "score"))
    assert people.hear(told("characteristics", "keep", "income")) == []
    assert people.hear(told("characteristics", "resolve")) == [
        ("pd_cards.1/population/1", 2, "resolve")
    ]


def test_the_pipeline_has_an_incident_of_its_own(people):
    heard = people.hear(
        told("population", "open", "score"), told("pipeline", "open", "monitor_day")
    )
    assert heard == [
        ("pd_cards.1/population/1", 1, "open"),
        ("pd_cards.1/pipeline/1", 1, "open"),
    ]
    assert people.hear(told("population", "keep"), told("pipeline", "resolve")) == [
        ("pd_cards.1/pipeline/1", 2, "resolve")
    ]


def test_what_is_suppressed_is_neither_told_nor_taken_for_recovery(people):
    assert people.hear(told("population", "suppress", "score")) == []
    people.hear(told("population", "open", "score"))
    assert people.hear(told("population", "suppress", "score", "income")) == []
    assert len(people.ledger.open) == 1


def test_new_evidence_on_a_day_that_pages_nobody_is_not_told(people):
    people.hear(told("population", "open", "score"))
    muted = dataclasses.replace(told("characteristics", "keep", "income"), silent=True)
    assert people.hear(told("population", "keep", "score"), muted) == []
    assert people.hear(
        told("population", "keep", "score"), told("characteristics", "keep", "income")
    ) == [("pd_cards.1/population/1", 2, "update")]


def test_a_warning_that_lasts_keeps_no_incident_open(people):
    people.hear(told("population", "open", "score"))
    warning = dataclasses.replace(
        told("characteristics", "suppress", "income"), severity="warning", pages=False
    )
    assert people.hear(told("population", "resolve"), warning) == [
        ("pd_cards.1/population/1", 2, "resolve")
    ]


def test_a_notice_says_what_why_and_where_to_look(people, monkeypatch):
    monkeypatch.setenv("MONITORING_DAGSTER_URL", "https://dagster.lender.example/")
    monkeypatch.setenv("MONITORING_RUNBOOK_URL", "https://docs.lender.example/alerts")
    people.hear(told("data quality", "open", "income"))
    (notice,) = people.notices
    assert notice.summary == ("pd_cards.1: the data is broken since 2026-09-07: income moved")
    assert notice.reasons == ["data quality: because"]
    assert notice.commands[0] == "monitoring report pd_cards.1 --date 2026-09-07"
    assert [link.href for link in notice.links] == [
        "https://dagster.lender.example/assets/monitoring/drift_report"
        "?view=partitions&partition=2026-09-07%7Cpd_cards.1",
        "https://docs.lender.example/alerts#data-quality",
    ]
