"""What every channel must do: the classes of `CHANNELS`, a newcomer's among them.

A channel that needs configuration has a receiver in ``tests/receivers/<name>.py``, whose constant
``RECEIVER`` is a `tests.receivers.server.Receiver`: a server on loopback that refuses what the real
one does, and says which variables configure the channel for it.
"""

from __future__ import annotations

import importlib
import logging
import os
import re
from pathlib import Path

import dagster as dg
import pytest

from resources.delivery import metrics
from resources.delivery.channel import UndeliveredError, send
from resources.delivery.channels import CHANNELS, channels_from_environment
from resources.delivery.messages import BreachLine
from resources.delivery.outbox import Outbox
from sensors.delivery_sensor import delivery_sensor
from sensors.pipeline_sensor import pipeline_sensor
from tests.receivers.messages import DAY, change, measurements, notice, subject
from tests.receivers.server import CUT, Answer

DOCS = Path(__file__).parents[3] / "docs"
MESSAGES = [
    notice(),
    notice(2, "update"),
    notice(2, "escalate", escalations=1),
    notice(3, "resolve"),
    change(),
    measurements(),
]
ANSWERS = [
    (lambda said: Answer(400, {"errors": [said]}), True, None),
    (lambda said: Answer(403, said.encode(), {"Content-Type": "text/plain"}), True, None),
    (lambda said: Answer(404, said.encode()), True, None),
    (lambda said: Answer(429, {"errors": [said]}, {"Retry-After": "7"}), False, 7),
    (lambda said: Answer(500, {"errors": [said]}), False, None),
    (lambda said: CUT, False, None),
]


@pytest.fixture(params=CHANNELS, ids=lambda channel: channel.name)
def channel_class(request):
    return request.param


@pytest.fixture
def receiver(channel_class, lender, monkeypatch):
    """The server that the class is configured for, alone; None if it needs no configuration."""
    for name in list(os.environ):
        if name.startswith(("PAGERDUTY_", "DD_", "DATADOG_", "MONITORING_")):
            monkeypatch.delenv(name)
    if channel_class.from_environment(lender.store) is not None:
        yield None
        return
    module = importlib.import_module(f"tests.receivers.{channel_class.name}")
    with module.RECEIVER() as one:
        for name, value in one.environment.items():
            monkeypatch.setenv(name, value)
        yield one
        assert not one.violations


@pytest.fixture
def remote(receiver):
    """The receiver of a channel that has one."""
    if receiver is None:
        pytest.skip("needs no configuration: there is no other side")
    return receiver


@pytest.fixture
def channel(channel_class, receiver, lender):
    configured = channel_class.from_environment(lender.store)
    assert isinstance(configured, channel_class)
    return configured


@pytest.fixture
def taken(channel):
    """Messages of every kind that the channel takes."""
    messages = [message for message in MESSAGES if channel.takes(message)]
    assert messages
    return messages


def secrets(receiver):
    """What the variables hold besides the receiver's address."""
    values = [value.removeprefix(receiver.url) for value in receiver.environment.values()]
    return [part for value in values for part in value.split("/") if len(part) >= 16]


def failure(channel, message):
    with pytest.raises(UndeliveredError) as raised:
        channel.send(message)
    return raised.value


def test_its_name_is_its_own_and_valid_as_folder_and_tag(channel_class):
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,40}", channel_class.name)
    assert [one.name for one in CHANNELS].count(channel_class.name) == 1
    for metric in metrics.METRICS.values():
        if "channel" in metric.tags:
            metric.verify({"channel": channel_class.name})


def test_it_is_among_the_configured_channels_and_only_then(channel, receiver, lender, monkeypatch):
    expected = {"log", channel.name}
    assert {one.name for one in channels_from_environment(lender.store)} == expected
    if receiver is not None:
        for name in receiver.environment:
            monkeypatch.setenv(name, "")
        assert [one.name for one in channels_from_environment(lender.store)] == ["log"]


def test_what_it_takes_is_sent_and_sent_again(channel, taken):
    for message in [*taken, *taken]:
        assert channel.send(message)


def test_an_incident_that_it_opens_it_also_resolves(channel):
    actions = ["open", "update", "escalate", "resolve"]
    assert len({channel.takes(notice(1, action)) for action in actions}) == 1


def test_the_largest_and_strangest_notice_is_taken(channel):
    strange = "<!channel> & | ``` é #cards @here \\ \n %%% "
    line = BreachLine(family="characteristics", subject="c" * 400, text=strange * 99, since=DAY)
    large = notice(summary=strange * 99, breaches=[line] * 400, reasons=[strange * 99] * 400)
    if channel.takes(large):
        assert channel.send(large)


@pytest.mark.parametrize(("answer", "refused", "retry_after"), ANSWERS)
def test_a_failure_says_why_once_and_holds_no_secret(
    channel, taken, remote, caplog, monkeypatch, answer, refused, retry_after
):
    # Another test's Dagster may have switched off the loggers that it found.
    monkeypatch.setattr(logging.getLogger("urllib3.connectionpool"), "disabled", False)
    caplog.set_level(logging.DEBUG)
    said = "wrong: " + " ".join([*remote.environment.values(), *secrets(remote)])
    for message in taken:
        before = len(remote.requests)
        remote.fail(answer(said))
        error = failure(channel, message)
        assert (error.refused, error.retry_after) == (refused, retry_after)
        assert len(remote.requests) == before + 1
        assert error.__cause__ is None
        assert error.__context__ is None
        kept = f"{error} {error!r} {error.reason} {channel!r} {vars(channel)} {caplog.text}"
        for secret in secrets(remote):
            assert secret not in kept


def test_a_variable_that_makes_no_sense_is_a_failure_of_the_message(
    channel_class, taken, remote, lender, monkeypatch
):
    nonsense = "http://[nonsense-that-is-a-secret"
    for name in remote.environment:
        monkeypatch.setenv(name, nonsense)
    configured = channel_class.from_environment(lender.store)
    assert configured is not None
    with pytest.raises(UndeliveredError) as raised:
        send(configured, taken[0])
    assert nonsense not in str(raised.value)


def test_the_sensors_work_whether_it_answers_or_not(channel, receiver, lender):
    with dg.instance_for_test() as instance:

        def tick(sensor):
            context = dg.build_sensor_context(instance=instance, resources=lender.resources)
            return sensor(context)

        outbox = Outbox(lender.store.storage)
        if receiver is not None:
            receiver.refuse_connections()
            outbox.put(notice(subject=subject("pd_auto")), [channel])
            assert tick(pipeline_sensor).skip_reason.skip_message == "all is well"
            tick(delivery_sensor)
            receiver.accept_connections()
        outbox.put(notice(), [channel])
        assert tick(pipeline_sensor).skip_reason.skip_message == "all is well"
        tick(delivery_sensor)
        assert outbox.waiting("pd_cards.1") == []
        if receiver is not None and channel.takes(measurements()):
            heartbeat = metrics.HEARTBEAT.name.encode()
            assert any(heartbeat in request.body for request in receiver.requests)


def test_the_life_of_an_incident_has_a_column_for_each_channel():
    section = (DOCS / "alerts.md").read_text().split("\n## Life of an incident\n\n")[1]
    header, rule, *_ = section.splitlines()
    assert header.startswith("| | ")
    assert header.count("|") == rule.count("|") == len(CHANNELS) + 2


def test_its_configuration_is_documented(channel_class, receiver):
    alerts = (DOCS / "alerts.md").read_text()
    for name in receiver.environment if receiver is not None else ():
        assert f"`{name}`" in alerts + (DOCS / "datadog.md").read_text()
    assert re.search(
        rf"^\| `channel` \|.*`{channel_class.name}`", (DOCS / "metrics.md").read_text(), re.M
    )
