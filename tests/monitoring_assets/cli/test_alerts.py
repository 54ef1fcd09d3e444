"""``monitoring alerts``: shows a model's decision unless told to send what waits."""

import datetime as dt

import pytest
from click.testing import CliRunner

from monitoring_assets.cli.main import main
from resources.delivery.channels import channels_from_environment
from resources.delivery.outbox import Outbox
from tests.conftest import ROUTING_KEY
from tests.receivers.messages import notice, subject

KEY = "pd_cards.1"


def invoke(lender, *arguments):
    return CliRunner().invoke(main, ["alerts", *arguments], env=lender.environment)


@pytest.fixture
def refused(lender, pagerduty, monkeypatch):
    """A lender whose message waits because the routing key was wrong."""
    monkeypatch.setenv("PAGERDUTY_ROUTING_KEY", "e" * 32)
    channels = [one for one in channels_from_environment(lender.store) if one.name == "pagerduty"]
    outbox = Outbox(lender.store.storage)
    outbox.put(notice(subject=subject("pd_cards")), channels)
    outbox.deliver(channels, seconds=10.0, now=dt.datetime.now(dt.UTC))
    (waiting,) = outbox.waiting()
    assert waiting.not_before > dt.datetime.now(dt.UTC) + dt.timedelta(minutes=9)
    return lender


@pytest.mark.parametrize("arguments", [[], [KEY]])
def test_a_refused_message_is_sent_once_it_is_mended(refused, pagerduty, monkeypatch, arguments):
    monkeypatch.setenv("PAGERDUTY_ROUTING_KEY", ROUTING_KEY)
    result = invoke(refused, "resend", *arguments)
    assert result.exit_code == 0
    assert "sent: " in result.output
    assert Outbox(refused.store.storage).waiting() == []
    result = invoke(refused, "resend", *arguments)
    assert (result.exit_code, result.output) == (0, "nothing waits\n")


def test_what_is_refused_again_still_waits(refused):
    result = invoke(refused, "resend")
    assert result.exit_code == 1
    assert "waits, due" in result.output


def test_messages_of_another_model_are_left(refused):
    result = invoke(refused, "resend", "pd_loans.1")
    assert (result.exit_code, result.output) == (0, "nothing waits\n")
    assert Outbox(refused.store.storage).waiting()


def test_a_models_key_shows_its_alerts(lender):
    for arguments in ([KEY], ["--date", "2026-09-01", KEY], ["show", KEY]):
        result = invoke(lender, *arguments)
        assert result.exit_code == 2
        assert KEY in result.output
    assert "resend" in invoke(lender, "--help").output
