"""What became of an incident by the last day of a period."""

import datetime as dt
from types import SimpleNamespace

import pytest

from monitoring_assets.evidence.incidents import read_incidents, read_notices
from resources import layout
from resources.delivery.messages import Change, Notice, Subject
from resources.delivery.outbox import Evidence
from resources.layout import Parcel
from resources.storage import open_storage

KEY = "pd_cards.3"
SUBJECT = Subject(key=KEY, model="pd_cards", version="3")


def day(number):
    return dt.date(2026, 9, number)


def at(number):
    return dt.datetime(2026, 9, number, 6, tzinfo=dt.UTC)


def notice(on, number, action, incident=f"{KEY}/population/1"):
    return Notice(
        subject=SUBJECT,
        incident=incident,
        number=number,
        action=action,
        family="population",
        severity="critical" if action == "escalate" else "error",
        day=day(on),
        since=day(1),
        summary=f"{KEY}: the scores have shifted",
        decided_at=at(on),
    )


@pytest.fixture
def storage(tmp_path):
    """An incident of 2 to 9 September that PagerDuty took, and another version's."""
    storage = open_storage(str(tmp_path))
    told = [notice(2, 1, "open"), notice(4, 2, "escalate"), notice(9, 3, "resolve")]
    other = notice(3, 1, "open", "pd_cards.30/population/1")
    for one in [*told, other]:
        storage.write(layout.alert_log(one.day, one.path), one.model_dump_json().encode())
    landed = Change(subject=SUBJECT, summary="landed", at=at(1))
    storage.write(layout.alert_log(day(1), landed.path), landed.model_dump_json().encode())
    for channel in ("log", "pagerduty"):
        taken = Evidence(message=told[0], taken_at=at(2), attempts=1, answer="202")
        path = layout.delivery(Parcel(channel, told[0].path))
        storage.write(path, taken.model_dump_json().encode())
    return storage


def incidents(storage, first, last, opened=()):
    figures = [SimpleNamespace(incidents=[SimpleNamespace(day=d, family=f) for d, f in opened])]
    notices = read_notices(storage, KEY, day(last))
    return read_incidents(storage, notices, figures, day(first), day(last))


def test_an_incident_is_told_from_its_opening_to_its_end(storage):
    (found,) = incidents(storage, 1, 30, [(day(2), "population")])
    assert found.row == {
        "incident": f"{KEY}/population/1",
        "family": "population",
        "severity": "critical",
        "state": "resolved",
        "opened": day(2),
        "since": day(1),
        "resolved": day(9),
        "what_failed": "the scores have shifted",
        "what_was_done": "opened on 2026-09-02, became worse on 2026-09-04, "
        "resolved on 2026-09-09; told to pagerduty",
    }
    assert [(one["channel"], one["message"]) for one in found.deliveries] == [
        ("log", "0001-open"),
        ("pagerduty", "0001-open"),
    ]


def test_what_came_after_the_last_day_is_not_known(storage):
    (found,) = incidents(storage, 1, 8)
    assert (found.row["state"], found.row["resolved"]) == ("open", None)
    assert incidents(storage, 1, 1) == []


def test_an_incident_of_before_is_there_until_it_is_resolved(storage):
    assert len(incidents(storage, 9, 30)) == 1
    assert incidents(storage, 10, 30) == []


def test_one_that_was_decided_and_not_told_is_there(storage):
    late, told = incidents(storage, 1, 30, [(day(2), "population"), (day(1), "pipeline")])
    assert (late.name, late.row["state"], late.row["opened"]) == (None, "decided, not told", day(1))
    assert told.row["family"] == "population"
