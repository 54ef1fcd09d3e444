"""Slack: what is sent conforms to the published format, and every answer of it is understood."""

import html
import logging
import re

import pytest

from resources.delivery import http_errors
from resources.delivery.channel import UndeliveredError
from resources.delivery.messages import BreachLine, Link
from resources.delivery.slack import URL_VARIABLE, Slack
from resources.one_line import one_line
from tests.hostile_texts import HOSTILE
from tests.receivers.messages import DAY, change, measurements, notice, subject
from tests.receivers.server import CUT, CUT_AFTER, Answer, Slow
from tests.receivers.slack import PATH, TEXT, SlackReceiver


@pytest.fixture
def receiver(monkeypatch):
    with SlackReceiver() as one:
        monkeypatch.setenv(URL_VARIABLE, one.url + PATH)
        monkeypatch.delenv("DD_ENV", raising=False)
        yield one


def failure(message) -> UndeliveredError:
    with pytest.raises(UndeliveredError) as raised:
        Slack().send(message)
    return raised.value


def texts(message):
    """The texts of a message's blocks."""
    return [
        part["text"]
        for block in message["blocks"]
        for part in block.get("elements", [block.get("text")])
    ]


def test_a_person_reads_what_moved_since_when_why_and_where_to_look(receiver):
    Slack().send(notice(subject=subject(team="risk")))
    (message,) = receiver.messages
    assert message["text"] == "pd_cards 1: PSI of the score is 0.31"
    assert texts(message) == [
        "Opened: population incident of pd_cards.1",
        "pd_cards 1: PSI of the score is 0.31",
        "*What*"
        "\n• score 0.31 (limit 0.25) since 2026-03-02: share of scores above 0.4: 12% to 30%"
        "\n• income 1.20 (limit 0.25) since 2026-03-02: missing: 1% to 40%; "
        "moved the mean score by +0.0410",
        "*Why*\n• PSI at fail on 2 of the last 3 days",
        "*Look further*\n• monitoring report pd_cards.1 --date 2026-03-03",
        "<https://dagster.lender.example/assets/alerts|Partition>",
        "pd_cards.1/population/1 notice 1 · critical · since 2026-03-02, 2 days up to 2026-03-03"
        " · environment prod · team risk",
    ]
    assert not receiver.violations


def test_an_incident_is_opened_updated_and_resolved(receiver):
    for number, action in enumerate(["open", "update", "escalate", "resolve"], start=1):
        Slack().send(notice(number, action))
    titles = [texts(message)[0] for message in receiver.messages]
    verbs = [title.partition(":")[0] for title in titles]
    assert verbs == ["Opened", "More evidence", "Worse", "Resolved"]


def test_only_notices_are_taken():
    assert Slack().takes(notice())
    assert not Slack().takes(change())
    assert not Slack().takes(measurements())


def test_the_largest_notice_is_within_the_limits(receiver):
    line = BreachLine(family="characteristics", subject="c" * 400, text="<&>" * 900, since=DAY)
    links = [Link(text="a & b", href="https://b.example/?a=1&b=<2>|3")]
    Slack().send(
        notice(summary="a&" * 3000, breaches=[line] * 400, reasons=["é>" * 3000] * 400, links=links)
    )
    assert not receiver.violations
    assert "and 390 more, see the links" in "".join(texts(receiver.messages[0]))
    assert "<https://b.example/?a=1&amp;b=&lt;2&gt;%7C3|a &amp; b>" in texts(receiver.messages[0])


@pytest.mark.parametrize("text", HOSTILE)
def test_a_name_makes_no_link_no_image_and_no_other_line(receiver, text):
    line = BreachLine(family="population", subject=text, text=text, since=DAY)
    Slack().send(notice(summary=text, breaches=[line], reasons=[text], links=[]))
    (message,) = receiver.messages
    assert not any(re.search("[<>]", one) for one in texts(message))
    (what,) = (one for one in texts(message) if one.startswith("*What*"))
    assert what.count("\n") == 1
    assert html.unescape(what).count(one_line(text)) == 2
    assert not receiver.violations


def test_a_text_pings_no_one(receiver):
    Slack().send(notice(summary="<!channel> <@U1> @here", breaches=[], reasons=["<!here>"]))
    assert texts(receiver.messages[0])[1] == "&lt;!channel&gt; &lt;@U1&gt; @here"
    blocks = receiver.messages[0]["blocks"]
    assert all(block["text"]["verbatim"] for block in blocks if block["type"] == "section")
    assert not receiver.violations


@pytest.mark.parametrize(
    ("answer", "reason", "refused", "retry_after"),
    [
        (Answer(400, b"invalid_payload", TEXT), "400: invalid_payload", True, None),
        (Answer(403, b"action_prohibited", TEXT), "403: action_prohibited", True, None),
        (Answer(404, b"no_service", TEXT), "404: no_service", True, None),
        (Answer(410, b"channel_is_archived", TEXT), "410: channel_is_archived", True, None),
        (Answer(429, b"rate_limited", TEXT | {"Retry-After": "30"}), "rate_limited", False, 30),
        (Answer(500, b"rollup_error", TEXT), "500: rollup_error", False, None),
        (Answer(200, b"<html>a proxy</html>"), "without 'ok'", False, None),
        (Answer(302, b"", {"Location": "http://127.0.0.1:9/"}), "302", False, None),
    ],
)
def test_an_answer_that_is_no_success(receiver, answer, reason, refused, retry_after):
    receiver.fail(answer)
    error = failure(notice())
    assert reason in error.reason
    assert (error.refused, error.retry_after) == (refused, retry_after)
    assert len(receiver.requests) == 1


def test_a_webhook_that_was_removed_is_a_refusal(receiver, monkeypatch):
    monkeypatch.setenv(URL_VARIABLE, f"{receiver.url}/services/T1/B1/removed")
    error = failure(notice())
    assert error.refused
    assert error.reason == "Slack answered 404: no_service"


def test_no_answer_is_not_a_refusal(receiver, monkeypatch):
    monkeypatch.setattr(http_errors, "TIMEOUT", (0.5, 0.2))
    receiver.fail(CUT, CUT_AFTER, Slow(0.6))
    assert "no connection" in failure(notice()).reason
    assert "no connection" in failure(notice()).reason
    assert "no answer in time" in failure(notice()).reason


@pytest.mark.parametrize("url", ["s3cr3t", "ftp://s3cr3t", "http://[s3cr3t"])
def test_an_address_that_is_none_is_named_by_its_variable(monkeypatch, url):
    monkeypatch.setenv(URL_VARIABLE, url)
    error = failure(notice())
    assert error.refused
    assert error.reason == f"{URL_VARIABLE} is not an http or https URL"


def test_the_log_of_requests_has_no_address(receiver, caplog, monkeypatch):
    # Other tests' libraries may have switched these loggers off, or have kept their records.
    for name in ("urllib3", "urllib3.connectionpool"):
        monkeypatch.setattr(logging.getLogger(name), "disabled", False)
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
        caplog.set_level(logging.DEBUG, logger=name)
    Slack().send(notice())
    assert "Starting new HTTP connection" in caplog.text
    assert PATH not in caplog.text
