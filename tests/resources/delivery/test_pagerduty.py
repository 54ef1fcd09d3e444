"""PagerDuty: what is sent conforms to the published API, and every failure is told in words."""

import datetime as dt
import logging
import sys
import warnings

import pytest

from resources.delivery import http_errors
from resources.delivery.channel import UndeliveredError
from resources.delivery.messages import BreachLine
from resources.delivery.pagerduty import PagerDuty, routing_variable
from resources.one_line import one_line
from tests.hostile_texts import HOSTILE
from tests.receivers.messages import DAY, change, measurements, notice, subject
from tests.receivers.pagerduty import PAYLOAD_BYTES, PagerDutyReceiver
from tests.receivers.server import CUT, CUT_AFTER, Answer, Slow

KEY = "0123456789abcdef0123456789abcdef"
CARDS = "fedcba9876543210fedcba9876543210"


@pytest.fixture
def receiver(monkeypatch):
    with PagerDutyReceiver(keys={KEY, CARDS}) as one:
        monkeypatch.setenv("PAGERDUTY_EVENTS_URL", one.url)
        monkeypatch.setenv("PAGERDUTY_ROUTING_KEY", KEY)
        monkeypatch.delenv("DD_ENV", raising=False)
        yield one


def failure(message) -> UndeliveredError:
    with pytest.raises(UndeliveredError) as raised:
        PagerDuty().send(message)
    return raised.value


def test_an_incident_is_opened_once_updated_and_resolved(receiver):
    channel = PagerDuty()
    for number, action in enumerate(["open", "open", "update", "resolve"], start=1):
        channel.send(notice(number, action))
    (incident,) = receiver.incidents
    assert incident.resolved
    assert len(incident.triggers) == 3
    assert incident.dedup_key == "model-monitoring/prod/pd_cards.1/population/1"
    assert not receiver.violations


def test_what_becomes_worse_pages_again_and_all_its_pages_are_resolved_together(receiver):
    channel = PagerDuty()
    channel.send(notice(1, "open"))
    channel.send(notice(2, "escalate", escalations=1))
    channel.send(notice(3, "update", escalations=1))
    channel.send(notice(4, "escalate", escalations=2))
    first, second, third = receiver.incidents
    assert [len(one.triggers) for one in receiver.incidents] == [1, 2, 1]
    assert second.dedup_key == f"{first.dedup_key}/worse-1"
    details = third.triggers[0]["payload"]["custom_details"]
    assert details["first page"] == first.dedup_key
    assert not any(one.resolved for one in receiver.incidents)
    channel.send(notice(5, "resolve", escalations=2))
    assert all(one.resolved for one in receiver.incidents)
    assert not receiver.violations


def test_incidents_of_versions_environments_and_numbers_are_their_own(receiver, monkeypatch):
    channel = PagerDuty()
    channel.send(notice())
    channel.send(notice(subject=subject(version="2")))
    channel.send(notice(incident="pd_cards.1/population/2"))
    monkeypatch.setenv("DD_ENV", "staging")
    channel.send(notice())
    assert len({incident.dedup_key for incident in receiver.incidents}) == 4


def test_the_paged_person_reads_what_moved_since_when_why_and_where_to_look(receiver):
    PagerDuty().send(notice(subject=subject(team="risk")))
    event = receiver.incidents[0].triggers[0]
    assert event["payload"]["custom_details"] == {
        "model": "pd_cards version 1",
        "since": "2026-03-02, 2 days up to 2026-03-03",
        "what": [
            "score 0.31 (limit 0.25) since 2026-03-02: share of scores above 0.4: 12% to 30%",
            "income 1.20 (limit 0.25) since 2026-03-02: missing: 1% to 40%; "
            "moved the mean score by +0.0410",
        ],
        "why": ["PSI at fail on 2 of the last 3 days"],
        "look further": ["monitoring report pd_cards.1 --date 2026-03-03"],
        "team": "risk",
    }
    payload = event["payload"]
    assert (payload["source"], payload["severity"]) == ("pd_cards.1", "critical")
    assert (payload["component"], payload["group"]) == ("score", "pd_cards")
    assert payload["class"] == "population"
    assert payload["timestamp"] == "2026-03-04T06:30:00+00:00"
    assert event["links"][0]["href"] == event["client_url"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_name_is_one_line_of_plain_text(receiver, text):
    line = BreachLine(family="population", subject=text, text=text, since=DAY)
    PagerDuty().send(notice(summary=text, breaches=[line], reasons=[text]))
    (trigger,) = receiver.incidents[0].triggers
    payload = trigger["payload"]
    assert payload["summary"] == payload["component"] == one_line(text)
    assert payload["custom_details"]["why"] == [one_line(text)]
    assert not receiver.violations


def test_a_new_version_is_a_change_event(receiver):
    PagerDuty().send(change())
    assert receiver.changes[0]["summary"] == "pd_cards.1 is monitored"
    assert not receiver.incidents
    assert not receiver.violations


def test_the_largest_notice_is_within_the_limits(receiver):
    line = BreachLine(
        family="characteristics",
        subject="c" * 400,
        text="é" * 5000,
        since=dt.date(2026, 3, 2),
        moved_score_by=0.1,
    )
    large = notice(summary="é" * 3000, breaches=[line] * 400, reasons=["é" * 3000] * 400)
    PagerDuty().send(large)
    assert not receiver.violations
    assert len(receiver.requests[0].body) < PAYLOAD_BYTES / 2
    what = receiver.incidents[0].triggers[0]["payload"]["custom_details"]["what"]
    assert what[-1] == "and 390 more, see the links"


def test_only_notices_and_changes_are_taken():
    channel = PagerDuty()
    assert channel.takes(notice())
    assert channel.takes(change())
    assert not channel.takes(measurements())


def test_a_service_has_its_own_key_or_that_of_all(receiver, monkeypatch):
    monkeypatch.setenv(routing_variable("card-models"), CARDS)
    channel = PagerDuty()
    channel.send(notice(subject=subject(service="card-models")))
    channel.send(notice(subject=subject("pd_auto", service="auto models")))
    assert [incident.routing_key for incident in receiver.incidents] == [CARDS, KEY]


def test_without_a_key_the_variables_are_named(receiver, monkeypatch):
    monkeypatch.delenv("PAGERDUTY_ROUTING_KEY")
    error = failure(notice(subject=subject(service="card-models")))
    assert error.refused
    assert "PAGERDUTY_ROUTING_KEY_CARD_MODELS or PAGERDUTY_ROUTING_KEY" in error.reason
    assert not receiver.requests


def test_one_send_is_one_request_whatever_the_answer(receiver):
    for status in (400, 401, 403, 429, 500, 502, 503, 504):
        receiver.fail(Answer(status))
        before = len(receiver.requests)
        failure(notice())
        assert len(receiver.requests) == before + 1


@pytest.mark.parametrize(
    ("answer", "reason", "refused", "retry_after"),
    [
        (Answer(429, {"message": "slow down"}, {"Retry-After": "7"}), "slow down", False, 7),
        (Answer(429, b"", {}), "429", False, None),
        (Answer(503, b"<html>", {"Retry-After": "120"}), "503", False, 120),
        (Answer(500, {"errors": ["oops"]}), "500: oops", False, None),
        (Answer(400, {"errors": ["a", "b"]}), "400: a; b", True, None),
        (Answer(401, {"error": "who?"}), "401: who?", True, None),
        (Answer(202, b"<html>fine</html>"), "not JSON", False, None),
        (Answer(202, {"status": "success"}), "no dedup_key", False, None),
        (Answer(302, b"", {"Location": "http://127.0.0.1:9/"}), "", False, None),
    ],
)
def test_an_answer_that_is_no_success(receiver, answer, reason, refused, retry_after):
    receiver.fail(answer)
    error = failure(notice())
    assert reason in error.reason
    assert (error.refused, error.retry_after) == (refused, retry_after)


def test_a_date_to_try_again_becomes_seconds(receiver):
    later = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=5)
    date = later.strftime("%a, %d %b %Y %H:%M:%S GMT")
    receiver.fail(Answer(429, {}, {"Retry-After": date}))
    assert failure(notice()).retry_after == pytest.approx(300, abs=60)


def test_no_answer_is_not_a_refusal(receiver, monkeypatch):
    monkeypatch.setattr(http_errors, "TIMEOUT", (0.5, 0.2))
    receiver.fail(CUT, CUT_AFTER, Slow(0.6))
    assert "no connection" in failure(notice()).reason
    assert "no connection" in failure(notice()).reason
    assert "no answer in time" in failure(notice()).reason
    receiver.refuse_connections()
    error = failure(notice())
    assert "no connection" in error.reason
    assert not error.refused


def test_no_key_in_anything_that_is_kept(receiver, caplog, monkeypatch):
    monkeypatch.setattr(http_errors, "TIMEOUT", (0.5, 0.2))
    caplog.set_level(logging.DEBUG)
    echo = {"errors": [f"routing_key {KEY} is not known"]}
    receiver.fail(Answer(400, echo), Answer(401, echo), Answer(500, echo), CUT, Slow(0.5))
    texts = []
    for _ in range(5):
        error = failure(notice())
        assert error.__context__ is None
        assert error.__cause__ is None
        texts += [str(error), repr(error), error.reason]
    receiver.refuse_connections()
    texts.append(str(failure(notice())))
    channel = PagerDuty()
    texts += [repr(channel), str(channel.model_dump()), caplog.text]
    assert KEY not in "".join(texts)
    assert KEY[-4:] not in "".join(texts)


def test_the_deprecation_of_pdpyras_is_silenced_and_nothing_else(receiver, monkeypatch):
    monkeypatch.delitem(sys.modules, "pdpyras", raising=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        PagerDuty().send(notice())
        warnings.warn("of another", UserWarning, stacklevel=1)
    texts = [str(warning.message) for warning in caught if warning.category is UserWarning]
    assert texts == ["of another"]
