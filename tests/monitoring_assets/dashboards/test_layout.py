"""Dashboards against Datadog's published API and the catalogue of metrics."""

import copy
from itertools import combinations

import pytest

from resources.delivery.metrics import CHECKS, METRICS
from tests.monitoring_assets.dashboards.drawn import (
    DASHBOARDS,
    FULL,
    HOURS,
    by_slug,
    tags_of,
    widgets_of,
)
from tests.monitoring_assets.dashboards.published import (
    METRIC_QUERY,
    faults,
    metric_queries,
)


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
