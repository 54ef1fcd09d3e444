"""What an HTTP API's answer means for a message."""

import datetime as dt
import json
from email.utils import format_datetime

import pytest
import requests

from resources.delivery.channel import UndeliveredError
from resources.delivery.http_errors import SHOWN_CHARACTERS, taken, unreachable

KEY = "k" * 32


def response(status, body, **headers):
    answer = requests.Response()
    answer.status_code, answer.reason = status, "a reason"
    answer._content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
    return answer


def refusal(*arguments, **headers):
    with pytest.raises(UndeliveredError) as raised:
        taken("Service", response(*arguments, **headers), KEY)
    return raised.value


def test_what_was_taken_is_the_json_of_the_answer():
    assert taken("Service", response(202, {"status": "success"})) == {"status": "success"}


@pytest.mark.parametrize(
    ("status", "refused"),
    [
        (400, True),
        (403, True),
        (408, False),
        (425, False),
        (429, False),
        (500, False),
        (301, False),
    ],
)
def test_only_what_is_about_the_message_is_refused(status, refused):
    assert refusal(status, {}).refused is refused


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"errors": ["bad key", "bad tag"]}, "bad key; bad tag"),
        ({"message": "invalid event"}, "invalid event"),
        ({"error": "nothing"}, "nothing"),
        (b"<html>", "a reason"),
    ],
)
def test_the_services_own_words_are_shown(body, said):
    assert refusal(400, body).reason == f"Service answered 400: {said}"


def test_a_secret_is_not_shown_even_where_it_would_be_cut():
    body = {"message": "x" * (SHOWN_CHARACTERS - 10) + KEY}
    assert "kk" not in refusal(400, body).reason
    assert refusal(200, b"<html>").reason == "Service answered 200 with what is not JSON"


def test_how_long_to_wait_is_a_number_or_a_date():
    assert refusal(429, {}, Retry_After="90").retry_after == 90.0
    assert refusal(429, {}, X_RateLimit_Reset="7").retry_after == 7.0
    assert refusal(503, {}, Retry_After="-3").retry_after == 0.0
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=100)
    assert refusal(503, {}, Retry_After=format_datetime(soon)).retry_after == pytest.approx(
        100, abs=5
    )
    assert refusal(429, {}, Retry_After="soon").retry_after is None
    assert refusal(429, {}).retry_after is None
    # Elsewhere the header means nothing.
    assert refusal(500, {}, Retry_After="90").retry_after is None


def test_no_answer_is_said_without_what_was_sent():
    url = f"https://events.example.com/v2/{KEY}?key={KEY}"
    late = unreachable("Service", url, requests.exceptions.ReadTimeout(f"for {url}"))
    assert late.reason == "Service: no answer in time (ReadTimeout) from events.example.com"
    gone = unreachable("Service", url, ConnectionError(url))
    assert gone.reason == "Service: no connection (ConnectionError) from events.example.com"
