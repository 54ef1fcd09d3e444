"""Datadog: through the agent, which does not answer, or the API, which is checked word by word."""

import html
import logging
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from datadog import api
from datadog.api.api_client import APIClient
from markdown_it import MarkdownIt

from resources.delivery import datadog, http_errors, metrics
from resources.delivery.channel import UndeliveredError
from resources.delivery.datadog import Datadog, api_session
from resources.delivery.messages import BreachLine, Gauge, Link, ServiceCheck
from resources.markdown import as_markdown
from resources.one_line import one_line
from tests.hostile_texts import HOSTILE
from tests.receivers.datadog import DatadogReceiver
from tests.receivers.dogstatsd import AgentSocket, Datagram
from tests.receivers.messages import DAY, change, measurements, notice, subject
from tests.receivers.server import CUT, Answer, Slow

KEY = "5ec7e700000000000000000000000042"
SETTINGS = ("_api_key", "_application_key", "_api_host", "_mute", "_timeout")
PER_MONTH = "characteristic:income_per_month_1523453f"  # of "income per month"
TAGS = {"model:pd_cards", "version:1", "env:prod", "team:risk"}


@pytest.fixture(autouse=True)
def no_datadog_in_the_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith(("DD_", "DATADOG_")):
            monkeypatch.delenv(name)


@pytest.fixture
def receiver(monkeypatch):
    with DatadogReceiver(key=KEY) as one:
        monkeypatch.setenv("DATADOG_HOST", one.url)
        monkeypatch.setenv("DD_API_KEY", KEY)
        yield one


@pytest.fixture
def agent(monkeypatch):
    with AgentSocket() as one:
        host, port = one.address
        monkeypatch.setenv("DD_AGENT_HOST", host)
        monkeypatch.setenv("DD_DOGSTATSD_PORT", str(port))
        yield one


def failure(message) -> UndeliveredError:
    with pytest.raises(UndeliveredError) as raised:
        Datadog().send(message)
    return raised.value


def test_measurements_by_the_api(receiver):
    Datadog().send(measurements())
    assert receiver.points == [
        ("model_monitoring.psi", frozenset(TAGS), 0.31),
        ("model_monitoring.csi", frozenset(TAGS | {PER_MONTH}), 1.2),
    ]
    (check,) = receiver.checks
    assert (check["check"], check["status"]) == ("model_monitoring.partition", 2)
    assert set(check["tags"]) == TAGS
    assert not receiver.violations


def test_measurements_by_the_agent(agent):
    answer = Datadog().send(measurements())
    assert "does not answer" in answer
    tags = frozenset(TAGS)
    assert agent.wait_for(3) == [
        Datagram("metric", "model_monitoring.psi", "0.31", tags),
        Datagram("metric", "model_monitoring.csi", "1.2", tags | {PER_MONTH}),
        Datagram(
            "check", "model_monitoring.partition", "2", tags, {"m:": "PSI of the score is 0.31"}
        ),
    ]


LONG = "bureau_" * 40
COLUMNS = (
    ("debt %", "debt $", "debt_"),
    ("Tenure", "TENURE", "tenure"),
    (f"{LONG}opened", f"{LONG}closed", LONG[:185]),
    ("region__code", "region_code"),
)


def as_stored(tag):
    """A tag as Datadog has it: small letters, underscores once and not last, 200 characters."""
    return re.sub("_+", "_", re.sub(r"[^\w:./-]", "_", tag.lower()))[:200].rstrip("_")


def characteristics_sent(receiver, names):
    gauges = [metrics.CSI.gauge(0.1, characteristic=name) for name in names]
    Datadog().send(measurements(gauges=gauges, checks=[]))
    return [
        next(tag for tag in tags if tag.startswith("characteristic:"))
        for _, tags, _ in receiver.points[-len(names) :]
    ]


@pytest.mark.parametrize("names", COLUMNS)
def test_columns_that_datadog_would_write_alike_have_a_series_each(receiver, names):
    sent = characteristics_sent(receiver, names)
    assert len({as_stored(tag) for tag in sent}) == len(names)
    assert [as_stored(tag) for tag in sent] == sent
    assert not receiver.violations


def test_the_series_of_a_column_does_not_depend_on_other_columns(receiver):
    together = characteristics_sent(receiver, ["debt %", "debt $"])
    assert characteristics_sent(receiver, ["debt $"]) == together[1:]


@pytest.mark.parametrize("name", ["tenure", "über_limit", "dti.12m", "a:b/c-d", LONG[:184]])
def test_a_column_that_datadog_writes_as_it_is_keeps_its_name(receiver, name):
    assert characteristics_sent(receiver, [name]) == [f"characteristic:{name}"]


def test_a_unix_socket_of_the_agent(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    with AgentSocket(Path("agent.sock")) as agent:
        monkeypatch.setenv("DD_DOGSTATSD_URL", "unix://agent.sock")
        Datadog().send(measurements())
        assert len(agent.wait_for(3)) == 3


def test_the_process_own_tags_and_container_are_left_out(agent, monkeypatch):
    for name in ("DD_SERVICE", "DD_VERSION", "DD_ENTITY_ID", "DATADOG_TAGS"):
        monkeypatch.setenv(name, "of:the-process")
    monkeypatch.setenv("DD_ENV", "staging")
    Datadog().send(measurements())
    for datagram in agent.wait_for(3):
        tags = datagram.tags - {PER_MONTH}
        assert tags == TAGS - {"env:prod"} | {"env:staging"}
        assert "c:" not in datagram.fields


def test_a_check_cannot_break_out_of_its_line(agent):
    checks = [metrics.PIPELINE.status("warning", "first\nsecond|m:third|#model:other")]
    Datadog().send(measurements(checks=checks, gauges=[]))
    (check,) = agent.wait_for(1)
    assert check.tags == TAGS
    assert check.fields["m:"].startswith("first")


@pytest.mark.parametrize("url", ["unix:///no/such/agent.sock", "udp://no.such.host.invalid:8125"])
def test_an_agent_that_is_not_there_is_noticed_where_it_can_be(monkeypatch, url):
    monkeypatch.setenv("DD_DOGSTATSD_URL", url)
    error = failure(measurements())
    assert not error.refused
    assert "no agent at" in error.reason


def test_an_agent_that_is_gone_is_noticed(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with AgentSocket(Path("agent.sock")):
        pass
    monkeypatch.setenv("DD_DOGSTATSD_URL", "unix://agent.sock")
    assert "no agent at unix://agent.sock" in failure(measurements()).reason


def test_an_agent_that_does_not_keep_up_is_noticed(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datadog, "AGENT_SECONDS", 0.05)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind("agent.sock")
        monkeypatch.setenv("DD_DOGSTATSD_URL", "unix://agent.sock")
        Datadog().send(measurements())

        def send_until_full():
            for _ in range(10_000):
                Datadog().send(measurements())

        with pytest.raises(UndeliveredError, match="did not take 1 packets"):
            send_until_full()


def test_an_incident_is_a_series_of_events(receiver):
    channel = Datadog()
    for number, action in enumerate(["open", "update", "escalate", "resolve"], start=1):
        channel.send(notice(number, action))
    assert [event["alert_type"] for event in receiver.events] == [*["error"] * 3, "success"]
    assert {event["aggregation_key"] for event in receiver.events} == {"pd_cards.1/population/1"}
    first = receiver.events[0]
    assert {"model:pd_cards", "version:1", "env:prod", "family:population"} <= set(first["tags"])
    for text in ("PSI of the score is 0.31", "income: missing: 1% to 40%", "monitoring report"):
        assert text in first["text"]
    assert "[Partition](https://dagster.lender.example/assets/alerts)" in first["text"]
    assert not receiver.violations


@pytest.mark.parametrize("text", HOSTILE)
def test_markup_in_names_is_shown_and_not_rendered(receiver, text):
    line = BreachLine(family="population", subject=text, text=text, since=DAY)
    Datadog().send(notice(summary=text, breaches=[line], reasons=[text]))
    (event,) = receiver.events
    assert as_markdown(text) in event["text"]
    body = event["text"].removeprefix("%%% \n").partition("\n[Partition]")[0]
    shown = MarkdownIt("commonmark", {"html": True}).render(body)
    assert html.unescape(shown).count(one_line(text)) == 4
    assert not {"<a", "<img", "<script", "<em", "<strong"} & {*re.findall("<[a-z]+", shown)}
    assert not receiver.violations


def test_a_new_version_is_an_event(receiver):
    Datadog().send(change())
    assert "event:new_version" in receiver.events[0]["tags"]
    assert not receiver.violations


def test_the_largest_event_keeps_its_links(receiver):
    large = notice(
        summary="é" * 9000, incident="x" * 300, links=[Link(text="a", href="https://b.c")]
    )
    Datadog().send(large)
    assert receiver.events[0]["text"].endswith("[a](https://b.c)\n %%%")
    assert not receiver.violations


def test_events_go_to_the_agent_where_there_is_no_key(agent):
    Datadog().send(notice(summary="é" * 9000))
    (event,) = agent.wait_for(1)
    assert (event.kind, event.name) == ("event", "pd_cards.1: population incident opened")
    assert event.fields["k:"] == "pd_cards.1/population/1"
    assert event.fields["t:"] == "error"
    assert "family:population" in event.tags


def test_measurements_prefer_the_agent_and_events_the_api(receiver, agent):
    channel = Datadog()
    channel.send(measurements())
    channel.send(notice())
    assert len(agent.wait_for(3)) == 3
    assert not receiver.points
    assert len(receiver.events) == 1


def test_with_nothing_configured_the_variables_are_named():
    error = failure(measurements())
    assert error.refused
    assert "DD_AGENT_HOST" in error.reason
    assert "DD_API_KEY" in error.reason


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"gauges": [Gauge(metric="model_monitoring.nonsense", value=1.0)]}, "nonsense"),
        ({"gauges": [Gauge(metric="model_monitoring.csi", value=1.0)]}, "characteristic"),
        ({"checks": [ServiceCheck(check="nonsense", status="ok")]}, "nonsense"),
    ],
)
def test_what_is_not_in_the_catalogue_is_not_sent(receiver, wrong, named):
    error = failure(measurements(**wrong))
    assert error.refused
    assert named in error.reason
    assert not receiver.requests


def test_the_deployment_has_no_model(receiver):
    about = subject().model_copy(update={"key": metrics.DEPLOYMENT})
    gauges = [
        metrics.HEARTBEAT.gauge(1),
        metrics.REPORT_AGE.gauge(2, model="pd_cards", version="1"),
    ]
    Datadog().send(measurements(subject=about, gauges=gauges, checks=[]))
    assert receiver.points == [
        ("model_monitoring.heartbeat", frozenset({"env:prod"}), 1),
        ("model_monitoring.report.age", frozenset({"env:prod", "model:pd_cards", "version:1"}), 2),
    ]


@pytest.mark.parametrize("message", [notice(), measurements()], ids=["event", "measurements"])
@pytest.mark.parametrize(
    ("answer", "reason", "refused", "retry_after"),
    [
        (Answer(429, {"errors": ["slow"]}, {"X-RateLimit-Reset": "9"}), "429: slow", False, 9),
        (Answer(429, {}, {"Retry-After": "7"}), "429", False, 7),
        (Answer(500, b"<html>"), "500", False, None),
        (Answer(503, {}, {"Retry-After": "30"}), "503", False, 30),
        (Answer(400, {"errors": ["bad tag"]}), "400: bad tag", True, None),
        (Answer(403, {"errors": ["Forbidden"]}), "403: Forbidden", True, None),
        (Answer(413, {"errors": ["too large"]}), "413: too large", True, None),
        (Answer(202, b"<html>"), "not JSON", False, None),
        (Answer(301, b"", {"Location": "http://127.0.0.1:9/"}), "301", False, None),
    ],
)
def test_an_answer_that_is_no_success(receiver, message, answer, reason, refused, retry_after):
    receiver.fail(answer)
    error = failure(message)
    assert reason in error.reason
    assert (error.refused, error.retry_after) == (refused, retry_after)
    assert len(receiver.requests) == 1


def test_no_answer_is_not_a_refusal_and_the_library_does_not_give_up(receiver, monkeypatch):
    monkeypatch.setattr(http_errors, "TIMEOUT", (0.5, 0.2))
    receiver.fail(CUT, *[Slow(0.4)] * 5)
    assert "no connection" in failure(notice()).reason
    for _ in range(5):
        assert "no answer in time" in failure(notice()).reason
    Datadog().send(notice())
    receiver.refuse_connections()
    assert "no connection" in failure(notice()).reason


def test_no_setting_of_the_library_is_left_behind(receiver):
    before = {name: getattr(api, name) for name in SETTINGS}
    Datadog().send(notice())
    receiver.fail(Answer(500))
    failure(measurements())
    assert {name: getattr(api, name) for name in SETTINGS} == before
    assert APIClient._http_client is None
    with api_session():
        assert api._api_key == KEY
    assert api._api_key is None


def test_the_site_is_the_environment_s(receiver, monkeypatch):
    monkeypatch.delenv("DATADOG_HOST")
    monkeypatch.setenv("DD_SITE", "datadoghq.eu")
    with api_session():
        assert api._api_host == "https://api.datadoghq.eu"


def test_no_key_in_anything_that_is_kept(receiver, caplog, monkeypatch):
    monkeypatch.setenv("DD_APP_KEY", "app1app1app1app1")
    caplog.set_level(logging.DEBUG)
    echo = {"errors": [f"api key {KEY} or app1app1app1app1 is not known"]}
    receiver.fail(Answer(400, echo), Answer(403, echo), Answer(500, echo), CUT)
    texts = []
    for _ in range(4):
        error = failure(notice())
        assert error.__context__ is None
        assert error.__cause__ is None
        texts += [str(error), repr(error)]
    receiver.refuse_connections()
    texts.append(str(failure(measurements())))
    channel = Datadog()
    texts += [repr(channel), str(channel.model_dump()), caplog.text]
    assert KEY not in "".join(texts)
    assert "app1app1" not in "".join(texts)


EXPORTER = os.environ.get("STATSD_EXPORTER") or shutil.which("prometheus-statsd-exporter")


@pytest.mark.skipif(
    not EXPORTER,
    reason="no prometheus-statsd-exporter on the PATH, and none named in STATSD_EXPORTER",
)
def test_prometheus_reads_what_the_agent_gets(monkeypatch):
    ports = [_free_port(kind) for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM)]
    flags = ["--statsd.listen-udp=127.0.0.1:%d", "--web.listen-address=127.0.0.1:%d"]
    listen = [flag % port for flag, port in zip(flags, ports, strict=True)]
    process = subprocess.Popen([EXPORTER, *listen, "--statsd.listen-tcp="], stderr=subprocess.PIPE)
    try:
        url = f"http://127.0.0.1:{ports[1]}/metrics"
        _wait_for(url, "statsd_exporter_lines_total")
        monkeypatch.setenv("DD_AGENT_HOST", "127.0.0.1")
        monkeypatch.setenv("DD_DOGSTATSD_PORT", str(ports[0]))
        Datadog().send(measurements(checks=[]))
        text = _wait_for(url, "model_monitoring_csi{")
    finally:
        process.terminate()
        process.communicate()
    tags = 'env="prod",model="pd_cards",team="risk",version="1"'
    assert f"model_monitoring_psi{{{tags}}} 0.31" in text
    value = PER_MONTH.removeprefix("characteristic:")
    assert f'model_monitoring_csi{{characteristic="{value}",{tags}}} 1.2' in text
    errors = re.findall(r"^statsd_exporter_(?:tag|sample)_errors_total\S* (\d+)$", text, re.M)
    assert set(errors) <= {"0"}


def _free_port(kind: int) -> int:
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _wait_for(url: str, text: str) -> str:
    for _ in range(200):
        try:
            found = urllib.request.urlopen(url).read().decode()
        except OSError:
            found = ""
        if text in found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{text} does not appear in {found}")
