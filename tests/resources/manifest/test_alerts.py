"""Section ``alerts``."""

import datetime as dt

import pytest

from tests.resources.manifest.build import faults_of, parse, valid


def test_what_is_not_said_has_a_default():
    alerts = parse(valid()).alerts
    assert (alerts.open.days, alerts.open.of, alerts.resolve) == (2, 3, 3)
    assert (alerts.service, alerts.team, alerts.mute) == (None, None, ())


def test_as_many_days_may_open_as_are_looked_at():
    assert parse(valid(alerts={"open": {"days": 3, "of": 3}})).alerts.open.days == 3


def test_a_mute_may_be_of_one_day_and_is_of_all_families_unless_said():
    day = dt.date(2026, 9, 2)
    (mute,) = parse(
        valid(alerts={"mute": [{"first": day, "last": day, "why": "migration"}]})
    ).alerts.mute
    assert (mute.first, mute.last, mute.families) == (day, day, ())


@pytest.mark.parametrize(
    ("mute", "field"),
    [
        ({"why": ""}, "why"),
        ({"families": ["weather"]}, "families.0"),
        ({"last": "soon"}, "last"),
    ],
)
def test_a_mute_says_why_and_of_what(mute, field):
    whole = {"first": "2026-09-01", "last": "2026-09-02", "why": "migration"} | mute
    (fault,) = faults_of(alerts={"mute": [whole]})
    assert fault.field == f"alerts.mute.0.{field}"


def test_holidays_and_expected_days_are_known_before_they_come():
    campaign = {"first": "2026-03-02", "last": "2026-03-08", "why": "spring campaign"}
    alerts = parse(valid(alerts={"holidays": ["DE-BY", "US"], "expected": [campaign]})).alerts
    found = alerts.expected_days(dt.date(2025, 12, 31), dt.date(2026, 4, 3))
    assert [(f"{one.first:%m-%d}", f"{one.last:%m-%d}", one.why) for one in found] == [
        ("03-02", "03-08", "spring campaign"),
        ("01-01", "01-01", "New Year's Day (DE-BY)"),
        ("01-06", "01-06", "Epiphany (DE-BY)"),
        ("04-03", "04-03", "Good Friday (DE-BY)"),
        ("01-01", "01-01", "New Year's Day (US)"),
        ("01-19", "01-19", "Martin Luther King Jr. Day (US)"),
        ("02-16", "02-16", "Washington's Birthday (US)"),
    ]


@pytest.mark.parametrize("country", ["XX", "DE-XX", "Germany", "de", ""])
def test_a_country_without_a_calendar_is_refused(country):
    (fault,) = faults_of(alerts={"holidays": [country]})
    assert fault.field.startswith("alerts.holidays")


@pytest.mark.parametrize("last", ["2026-02-28", "2026-04-01"])
def test_expected_days_are_at_most_a_month(last):
    days = {"first": "2026-03-01", "last": last, "why": "campaign"}
    (fault,) = faults_of(alerts={"expected": [days]})
    assert fault.field == "alerts.expected.0.last"
