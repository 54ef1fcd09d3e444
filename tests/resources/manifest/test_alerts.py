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
