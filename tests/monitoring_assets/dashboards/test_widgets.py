"""Widgets, and the events that are drawn over them."""

import datetime as dt

from monitoring_assets.dashboards.widgets import EVENTS
from resources.delivery.datadog import AGENT_VARIABLES, Datadog
from resources.delivery.messages import Change, Notice, Subject
from resources.delivery.metrics import DEPLOYMENT
from tests.monitoring_assets.dashboards.drawn import DASHBOARDS, widgets_of
from tests.monitoring_assets.dashboards.published import (
    metric_queries,
)
from tests.receivers.datadog import DatadogReceiver


def test_lines_have_one_point_for_each_that_is_sent():
    for item in DASHBOARDS:
        for widget in widgets_of(item.body):
            if widget["type"] == "timeseries":
                assert all(".rollup(" in query for query in metric_queries(widget))


def test_events_are_found_by_the_tags_that_they_are_sent_with(monkeypatch):
    version = Subject(key="pd_cards.1", model="pd_cards", version="1")
    now = dt.datetime(2026, 11, 2, tzinfo=dt.UTC)
    notice = Notice(
        subject=version,
        incident="pd_cards.1/population/1",
        number=1,
        action="open",
        family="population",
        severity="critical",
        day=now.date(),
        since=now.date(),
        summary="PSI 0.3",
        decided_at=now,
    )
    deployment = Subject(key=DEPLOYMENT, model=DEPLOYMENT, version="")
    messages = [
        notice,
        notice.model_copy(update={"subject": deployment, "family": "pipeline"}),
        Change(subject=version, summary="landed", at=now),
    ]
    for name in AGENT_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DD_API_KEY", "a" * 32)
    with DatadogReceiver() as receiver:
        monkeypatch.setenv("DATADOG_HOST", receiver.url)
        for message in messages:
            Datadog().send(message)
    assert EVENTS == "event:(incident OR new_version) (model:* OR family:pipeline)"
    assert len(receiver.events) == len(messages)
    for event in receiver.events:
        assert {"event:incident", "event:new_version"} & {*event["tags"]}
        assert {"model:pd_cards", "family:pipeline"} & {*event["tags"]}
