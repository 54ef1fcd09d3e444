"""Widgets of a dashboard, for metrics that come once a day or once an hour.

A line has one point a day: a finer grid than the metric's own would show gaps. A list or a table
shows each version's last value of two days, so that a report that comes later than yesterday's
leaves no hole. There is no sum over versions of what is true now: they report at different times,
and such a sum would be of those that reported last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitoring_assets.dashboards.definition import Json
from resources.delivery.metrics import Metric, ServiceCheckDefinition

COLUMNS = 12
"""Width of a dashboard's grid."""
SECONDS = {"day": 86_400, "hour": 3_600}
EVENTS = "event:(incident OR new_version) (model:* OR family:pipeline)"
"""Search for the events that are sent; those of the deployment's own incidents have no model."""
NOW: Json = {"live_span": "2d"}

Limits = tuple[float, float]
"""Values from which on a number is yellow, and red."""


@dataclass(frozen=True)
class Series:
    """Values of a metric.

    Parameters
    ----------
    label
        What the reader sees.
    over
        How values of several series become one: ``max``, ``sum`` or ``avg``.
    by
        Tags that each have a series of their own.
    scope
        Filters: template variables such as ``$env``, or ``tag:value``.
    limits
        Colours of a number.
    """

    label: str
    metric: Metric
    scope: Sequence[str]
    by: Sequence[str] = ()
    over: str = "max"
    limits: Limits | None = None

    @property
    def query(self) -> str:
        """In Datadog's metric query language."""
        groups = f" by {{{','.join(self.by)}}}" if self.by else ""
        return f"{self.over}:{self.metric.name}{{{','.join(self.scope)}}}{groups}"

    @property
    def rollup(self) -> str:
        """How several points of a series become one; a day that was made again counts once."""
        return "avg" if self.over == "avg" else "max"


def timeseries(
    title: str,
    series: Sequence[Series],
    *,
    width: int = 6,
    kind: str = "line",
    markers: Mapping[str, float] | None = None,
    events: Sequence[str] | None = None,
) -> Json:
    """Lines or bars over time.

    Parameters
    ----------
    markers
        Horizontal lines: ``warning`` or ``error``, and where.
    events
        Template variables whose incidents and new versions are drawn over it.
    """
    queries = [
        {
            "data_source": "metrics",
            "name": f"q{number}",
            "query": f"{item.query}.rollup({item.rollup}, {SECONDS[item.metric.sent]})",
        }
        for number, item in enumerate(series)
    ]
    formulas = [
        {"formula": f"q{number}", "alias": item.label} for number, item in enumerate(series)
    ]
    definition: Json = {
        "type": "timeseries",
        "title": title,
        "show_legend": True,
        "legend_layout": "auto",
        "requests": [
            {
                "response_format": "timeseries",
                "queries": queries,
                "formulas": formulas,
                "display_type": kind,
            }
        ],
        "yaxis": {"include_zero": True},
    }
    if markers:
        definition["markers"] = [
            {"value": f"y = {value}", "display_type": f"{severity} dashed", "label": f"{value}"}
            for severity, value in markers.items()
        ]
    if events:
        definition["events"] = [{"q": " ".join([EVENTS, *events])}]
    return _widget(definition, width, 4)


def top_list(title: str, series: Series, *, width: int = 6) -> Json:
    """The last values, the largest first."""
    request = _last([series]) | _colours(series.limits) | {"sort": _largest_first(25)}
    definition = {"type": "toplist", "title": title, "time": NOW, "requests": [request]}
    return _widget(definition, width, 4)


def table(title: str, columns: Sequence[Series], links: Mapping[str, str]) -> Json:
    """The last values of several metrics, one row for each group, the largest first column first.

    Parameters
    ----------
    links
        Where a click on a row may lead: label and address.
    """
    request = _last(columns) | {"sort": _largest_first(500)}
    for formula, column in zip(request["formulas"], columns, strict=True):
        formula |= _colours(column.limits)
    definition: Json = {
        "type": "query_table",
        "title": title,
        "time": NOW,
        "requests": [request],
        "has_search_bar": "auto",
    }
    if links:
        definition["custom_links"] = [
            {"label": label, "link": link} for label, link in links.items()
        ]
    return _widget(definition, COLUMNS, 5)


def check_status(title: str, check: ServiceCheckDefinition, scope: Sequence[str]) -> Json:
    """How many versions have which status of a service check."""
    definition = {
        "type": "check_status",
        "title": title,
        "check": check.name,
        "grouping": "cluster",
        "group_by": ["env", "model", "version"],
        "tags": list(scope),
    }
    return _widget(definition, 3, 2)


def events_stream(title: str, scope: Sequence[str], *, width: int = 6) -> Json:
    """Incidents and new versions, the latest first."""
    query = {
        "data_source": "event_stream",
        "query_string": " ".join([EVENTS, *scope]),
        "event_size": "l",
    }
    request = {
        "response_format": "event_list",
        "query": query,
        "columns": [{"field": "timestamp", "width": "auto"}, {"field": "title", "width": "full"}],
    }
    return _widget({"type": "list_stream", "title": title, "requests": [request]}, width, 4)


def monitors(title: str, tag: str, *, count: str, width: int) -> Json:
    """Monitors with a tag, those that alert first.

    Parameters
    ----------
    count
        ``monitors``, or their ``groups``: the model versions.
    """
    definition = {
        "type": "manage_status",
        "title": title,
        "query": f'tag:"{tag}"',
        "summary_type": count,
        "display_format": "countsAndList",
        "color_preference": "text",
        "sort": "status,asc",
        "hide_zero_counts": True,
        "show_last_triggered": True,
    }
    return _widget(definition, width, 4)


def note(text: str) -> Json:
    """Text in Markdown, over the whole width."""
    definition = {
        "type": "note",
        "content": text,
        "background_color": "white",
        "font_size": "14",
        "text_align": "left",
        "vertical_align": "center",
        "show_tick": False,
        "has_padding": True,
    }
    return _widget(definition, COLUMNS, 2)


def group(title: str, *widgets: Json) -> Json:
    """Widgets under a heading."""
    placed = arrange(widgets)
    height = max(item["layout"]["y"] + item["layout"]["height"] for item in placed)
    definition = {"type": "group", "title": title, "layout_type": "ordered", "widgets": placed}
    return _widget(definition, COLUMNS, height + 1)


def arrange(widgets: Sequence[Json]) -> list[Json]:
    """Give widgets their places: from left to right, then in the next row."""
    placed, x, y, row = [], 0, 0, 0
    for item in widgets:
        width, height = item["layout"]["width"], item["layout"]["height"]
        if x + width > COLUMNS:
            x, y, row = 0, y + row, 0
        placed.append(item | {"layout": {"x": x, "y": y, "width": width, "height": height}})
        x, row = x + width, max(row, height)
    return placed


def variables(*names: str) -> list[Json]:
    """Template variables: tags that the reader chooses the values of, all of them at first."""
    return [{"name": name, "prefix": name, "defaults": ["*"]} for name in names]


def _widget(definition: Json, width: int, height: int) -> Json:
    return {"definition": definition, "layout": {"width": width, "height": height}}


def _last(series: Sequence[Series]) -> Json:
    """A request for the last value of each series."""
    queries = [
        {
            "data_source": "metrics",
            "name": f"q{number}",
            "query": item.query,
            "aggregator": "last",
        }
        for number, item in enumerate(series)
    ]
    formulas = [
        {"formula": f"q{number}", "alias": item.label} for number, item in enumerate(series)
    ]
    return {"response_format": "scalar", "queries": queries, "formulas": formulas}


def _colours(limits: Limits | None) -> Json:
    if limits is None:
        return {}
    warn, fail = limits
    formats = [
        {"comparator": ">=", "value": fail, "palette": "white_on_red"},
        {"comparator": ">=", "value": warn, "palette": "white_on_yellow"},
        {"comparator": "<", "value": warn, "palette": "white_on_green"},
    ]
    return {"conditional_formats": formats}


def _largest_first(count: int) -> Json:
    return {"count": count, "order_by": [{"type": "formula", "index": 0, "order": "desc"}]}
