"""Messages as they wait in the outbox."""

import datetime as dt

import pytest
from pydantic import TypeAdapter, ValidationError

from resources.delivery.messages import Change, Gauge, Measurements, Message, Notice, Subject
from resources.manifest import Manifest

ANY = TypeAdapter(Message)
NOW = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
VERSION = Subject(key="pd_cards.1", model="pd_cards", version="1")
NOTICE = Notice(
    subject=VERSION,
    incident="pd_cards.1/population/3",
    number=2,
    action="update",
    family="population",
    severity="critical",
    day=NOW.date(),
    since=NOW.date(),
    summary="PSI 0.3",
    decided_at=NOW,
)
CHANGE = Change(subject=VERSION, summary="landed", at=NOW)
MEASUREMENTS = Measurements(
    subject=VERSION, day=NOW.date(), gauges=[Gauge(metric="psi", value=0.3)]
)


@pytest.mark.parametrize(
    ("message", "path"),
    [
        (NOTICE, "pd_cards.1/population/3/0002-update"),
        (CHANGE, "pd_cards.1/landed"),
        (MEASUREMENTS, "pd_cards.1/measurements"),
    ],
)
def test_a_message_lies_where_its_like_would_and_survives_the_outbox(message, path):
    assert message.path == path
    assert ANY.validate_json(message.model_dump_json()) == message


def test_a_later_day_takes_the_place_of_measurements_that_still_wait():
    later = MEASUREMENTS.model_copy(update={"day": NOW.date() + dt.timedelta(days=1)})
    assert later.path == MEASUREMENTS.path


def test_fields_of_another_release_are_left_out_and_never_lose_a_message():
    document = NOTICE.model_dump(mode="json") | {"colour": "red"}
    assert ANY.validate_python(document) == NOTICE


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_gauge_is_finite(value):
    with pytest.raises(ValidationError, match="finite"):
        Gauge(metric="psi", value=value)


def test_notices_count_from_one():
    with pytest.raises(ValidationError, match="number"):
        NOTICE.model_validate(NOTICE.model_dump() | {"number": 0})


def test_the_subject_of_a_version_knows_who_is_told(lender):
    routed = lender.manifest("pd_cards", "1", alerts={"service": "cards", "team": "risk"})
    subject = Subject.of(Manifest.model_validate(routed))
    assert subject == Subject(
        key="pd_cards.1", model="pd_cards", version="1", service="cards", team="risk"
    )
