"""Monitors against Datadog's published API and the catalogue of metrics."""

import re

import pytest

from monitoring_assets.dashboards.plan import definitions
from resources.delivery.metrics import CHECKS, METRICS, SUBJECT_TAGS
from tests.monitoring_assets.dashboards.drawn import FULL, MONITORS, PLAIN, by_slug, tags_of
from tests.monitoring_assets.dashboards.published import (
    METRIC_ALERT,
    METRIC_QUERY,
    SERVICE_CHECK,
    faults,
)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"query": "max(last_2w):max:a{*} > 0"}, "no metric alert query"),
        ({"query": "max(last_200h):max:a{*} > 0"}, "1 to 168 h"),
        ({"query": "max(last_1d):max:a{*} > 7"}, "not the number of the query"),
        ({"type": "metrics alert"}, "not in the published API"),
        ({"priority": 6}, "1 to 5"),
    ],
)
def test_the_published_api_would_not_take_a_monitor_with_a_mistake(change, fault):
    assert any(fault in found for found in faults("monitor", MONITORS[0].body | change))


@by_slug(MONITORS)
def test_metrics_tags_and_windows_of_a_monitor_suit_the_catalogue(item):
    query = item.body["query"]
    if item.body["type"] == "service check":
        match = SERVICE_CHECK.fullmatch(query)
        assert CHECKS[match["check"]].scope == "version"
        groups = match["by"].replace('"', "").split(",")
        assert {*groups} <= {*SUBJECT_TAGS}
    else:
        alert = METRIC_ALERT.fullmatch(query)
        match = METRIC_QUERY.fullmatch(alert["metric"])
        metric = METRICS[match["metric"]]
        groups = match["by"].split(",")
        assert {*groups} <= tags_of(metric)
        hours = int(alert["hours"]) if alert["hours"] else 24
        assert hours >= (24 if metric.sent == "day" else 3)
        assert item.body["options"]["require_full_window"] is False
    # A message may only name what the monitor is grouped by.
    named = re.findall(r"\{\{(\w+)\.name\}\}", item.body["message"])
    assert named
    assert {*named} <= {*groups}


def test_breach_silence_pipeline_and_delivery_are_watched():
    watched = {
        name for item in MONITORS for name in [*METRICS, *CHECKS] if name in item.body["query"]
    }
    assert watched == {
        "model_monitoring.psi",
        "model_monitoring.incidents.open",
        "model_monitoring.report.age",
        "model_monitoring.heartbeat",
        "model_monitoring.pipeline",
        "model_monitoring.deliveries.waiting",
    }
    [silence] = [item for item in MONITORS if "heartbeat" in item.body["query"]]
    assert silence.body["options"]["on_missing_data"] == "show_and_notify_no_data"


def test_monitors_tell_whom_they_are_asked_to_but_not_of_the_raw_index():
    told = {item.slug: "@slack-models @teams-risk" in item.body["message"] for item in MONITORS}
    assert [slug for slug, tells in told.items() if not tells] == ["psi-at-fail"]
    assert "@" not in "".join(
        item.body["message"] for item in definitions(PLAIN) if item.kind == "monitor"
    )


@by_slug(MONITORS)
def test_messages_lead_to_the_runbook_and_the_reports(item):
    assert FULL.runbook in item.body["message"]
    assert FULL.reports in item.body["message"]
