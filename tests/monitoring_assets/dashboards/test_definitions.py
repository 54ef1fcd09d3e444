"""Dashboards and monitors against Datadog's published API and the catalogue of metrics."""

import copy
import datetime as dt
import re
from itertools import combinations

import pytest

from monitoring_assets.dashboards.definition import Settings
from monitoring_assets.dashboards.plan import definitions
from monitoring_assets.dashboards.widgets import EVENTS
from resources.delivery.datadog import AGENT_VARIABLES, Datadog
from resources.delivery.messages import Change, Notice, Subject
from resources.delivery.metrics import CHECKS, DEPLOYMENT, DEPLOYMENT_TAGS, METRICS, SUBJECT_TAGS
from tests.monitoring_assets.dashboards.published import (
    METRIC_ALERT,
    METRIC_QUERY,
    SERVICE_CHECK,
    faults,
    metric_queries,
)
from tests.receivers.datadog import DatadogReceiver

PLAIN = Settings()
FULL = Settings(
    notify=("@slack-models", "@teams-risk"),
    runbook="https://wiki.example.com/alerts",
    reports="https://dagster.example.com/assets/drift_report?view=partitions",
    model_dashboard="https://app.datadoghq.com/dashboard/abc",
)
DASHBOARDS = [item for item in definitions(FULL) if item.kind == "dashboard"]
MONITORS = [item for item in definitions(FULL) if item.kind == "monitor"]
HOURS = {"day": 24, "hour": 1}


def by_slug(items):
    return pytest.mark.parametrize("item", items, ids=lambda item: item.slug)


def tags_of(metric):
    own = SUBJECT_TAGS if metric.scope == "version" else DEPLOYMENT_TAGS
    return {*own, *metric.tags}


def widgets_of(body):
    for widget in body["widgets"]:
        yield widget["definition"]
        yield from widgets_of(widget["definition"]) if "widgets" in widget["definition"] else ()


@by_slug([*definitions(PLAIN), *definitions(FULL)])
def test_the_published_api_takes_it(item):
    assert faults(item.kind, item.body) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda body: body.update(titel="x"), "body.titel: no such field of Dashboard"),
        (lambda body: body.update(id="abc"), "body.id: only the server writes it"),
        (lambda body: body.pop("title"), "missing 1 required positional argument: 'title'"),
        (lambda body: body.update(tags=["team:a"] * 6), "less than or equal to `5`"),
        (
            lambda body: body["widgets"][-1]["definition"].update(type="heap"),
            "not in the published API",
        ),
        (
            lambda body: body["widgets"][-1]["definition"]["widgets"][0]["definition"].update(x=1),
            "no such field of",
        ),
        (
            lambda body: next(item for item in widgets_of(body) if item["type"] == "query_table")[
                "requests"
            ][0]["queries"][0].update(aggregator="latest"),
            "not in the published API",
        ),
    ],
)
@by_slug(DASHBOARDS)
def test_the_published_api_would_not_take_it_with_a_mistake(item, change, fault):
    body = copy.deepcopy(item.body)
    change(body)
    assert any(fault in found for found in faults("dashboard", body))


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


@by_slug(DASHBOARDS)
def test_metrics_and_tags_of_a_dashboard_are_in_the_catalogue(item):
    variables = {variable["name"]: variable for variable in item.body["template_variables"]}
    queries = list(metric_queries(item.body))
    assert queries
    for query in queries:
        match = METRIC_QUERY.fullmatch(query)
        assert match, query
        metric = METRICS[match["metric"]]
        assert {*(match["by"] or "").split(",")} - {""} <= tags_of(metric), query
        for part in match["scope"].split(","):
            if part.startswith("$"):
                assert variables[part[1:]]["prefix"] in tags_of(metric), query
            else:
                tag, _, value = part.partition(":")
                assert value in metric.tags[tag], query
        if match["seconds"]:
            assert int(match["seconds"]) == HOURS[metric.sent] * 3600, query
    for widget in widgets_of(item.body):
        if widget["type"] == "check_status":
            assert widget["check"] in CHECKS


def test_lines_have_one_point_for_each_that_is_sent():
    for item in DASHBOARDS:
        for widget in widgets_of(item.body):
            if widget["type"] == "timeseries":
                assert all(".rollup(" in query for query in metric_queries(widget))


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


@by_slug(DASHBOARDS)
def test_dashboards_lead_to_the_runbook_the_reports_and_each_version(item):
    assert FULL.runbook in item.body["description"]
    links = [
        link["link"] for widget in widgets_of(item.body) for link in widget.get("custom_links", [])
    ]
    assert FULL.reports in links
    assert any(
        link.startswith(f"{FULL.model_dashboard}?tpl_var_model={{{{model.value}}}}")
        for link in links
    )


@by_slug(DASHBOARDS)
def test_psi_has_its_limits_and_the_incidents_drawn_over_it(item):
    [psi] = [
        widget
        for widget in widgets_of(item.body)
        if widget["type"] == "timeseries" and widget["title"] == "PSI of the score"
    ]
    assert [marker["value"] for marker in psi["markers"]] == ["y = 0.1", "y = 0.25"]
    [events] = psi["events"]
    assert "event:(incident OR new_version)" in events["q"]


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


@by_slug(DASHBOARDS)
def test_widgets_neither_overlap_nor_leave_the_grid(item):
    def check(widgets):
        cells = []
        for widget in widgets:
            place = widget["layout"]
            assert place["x"] + place["width"] <= 12
            xs = range(place["x"], place["x"] + place["width"])
            ys = range(place["y"], place["y"] + place["height"])
            cells.append({(x, y) for x in xs for y in ys})
            inner = widget["definition"].get("widgets")
            if inner:
                deepest = max(item["layout"]["y"] + item["layout"]["height"] for item in inner)
                assert place["height"] > deepest  # its heading takes a row
                check(inner)
        assert all(not (one & other) for one, other in combinations(cells, 2))

    check(item.body["widgets"])


def test_what_an_account_knows_them_by_never_changes():
    assert [(item.kind, item.slug, item.title) for item in definitions(PLAIN)] == [
        ("dashboard", "overview", "Model monitoring: all models"),
        ("dashboard", "model", "Model monitoring: one model"),
        ("monitor", "incident-open", "Model monitoring: incident open"),
        ("monitor", "psi-at-fail", "Model monitoring: PSI at fail"),
        ("monitor", "report-late", "Model monitoring: report late"),
        ("monitor", "silence", "Model monitoring: silence"),
        ("monitor", "pipeline-failure", "Model monitoring: pipeline failure"),
        ("monitor", "messages-waiting", "Model monitoring: messages not delivered"),
    ]
