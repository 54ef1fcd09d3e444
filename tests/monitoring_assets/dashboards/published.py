"""Datadog's published API of dashboards and monitors, as the typed models of its client have it.

The models take fields that they do not know, and values that they do not know become an
``UnparsedObject``: here both are refused, and so are fields that only the server writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from datadog_api_client.exceptions import ApiTypeError, ApiValueError
from datadog_api_client.model_utils import (
    ModelComposed,
    ModelNormal,
    ModelSimple,
    UnparsedObject,
    validate_and_convert_types,
)
from datadog_api_client.v1.model.dashboard import Dashboard
from datadog_api_client.v1.model.monitor import Monitor

MODELS = {"dashboard": Dashboard, "monitor": Monitor}

# The grammars are those of the reference: "Create a monitor", "Query types".
METRIC_ALERT = re.compile(
    r"(avg|sum|max|min)\(last_((?P<minutes>\d+)m|(?P<hours>\d+)h|1d|1w)\):"
    r"(?P<metric>(avg|sum|min|max):[a-z][\w.]*\{[^{}]+\}( by \{[\w,]+\})?)"
    r" (<=|>=|<|>|==|!=) (?P<number>\d+(\.\d+)?)"
)
SERVICE_CHECK = re.compile(
    r'"(?P<check>[\w.]+)"\.over\("[^"]+"(,"[^"]+")*\)(\.by\((?P<by>"\w+"(,"\w+")*)\))'
    r"\.last\((?P<count>\d+)\)\.count_by_status\(\)"
)
METRIC_QUERY = re.compile(
    r"(?P<over>avg|sum|min|max):(?P<metric>[a-z][\w.]*)\{(?P<scope>[^{}]+)\}"
    r"( by \{(?P<by>[\w,]+)\})?(\.rollup\((avg|sum|min|max), (?P<seconds>\d+)\))?"
)


def faults(kind: str, body: Any) -> list[str]:
    """What the published API would not take; nothing for what is right."""
    try:
        model = validate_and_convert_types(body, (MODELS[kind],), ["body"], True, True)
    except (ApiTypeError, ApiValueError, TypeError) as error:
        return [str(error)]
    found = list(_unknown(model, "body"))
    if kind == "monitor" and not found:
        found += _monitor_faults(body)
    return found


def metric_queries(body: Any) -> Iterator[str]:
    """Every metric query of a dashboard."""
    if isinstance(body, dict):
        if body.get("data_source") == "metrics":
            yield body["query"]
        for value in body.values():
            yield from metric_queries(value)
    elif isinstance(body, list):
        for item in body:
            yield from metric_queries(item)


def _unknown(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, UnparsedObject) or getattr(value, "_unparsed", False):
        if isinstance(value, ModelNormal) and not isinstance(value, UnparsedObject):
            for name, item in value._data_store.items():
                yield from _unknown(item, f"{path}.{name}")
        else:
            yield f"{path}: not in the published API: {value}"
    elif isinstance(value, ModelComposed):
        yield from _unknown(value.get_oneof_instance(), path)
    elif isinstance(value, ModelSimple):
        return
    elif isinstance(value, ModelNormal):
        for name, item in value._data_store.items():
            if name not in value.openapi_types:
                yield f"{path}.{name}: no such field of {type(value).__name__}"
            elif name in value.read_only_vars:
                yield f"{path}.{name}: only the server writes it"
            else:
                yield from _unknown(item, f"{path}.{name}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _unknown(item, f"{path}[{number}]")
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _unknown(item, f"{path}.{name}")


def _monitor_faults(body: Any) -> Iterator[str]:
    thresholds = body["options"]["thresholds"]
    if body["type"] == "query alert":
        match = METRIC_ALERT.fullmatch(body["query"])
        if not match:
            yield f"query: {body['query']!r} is no metric alert query"
        elif float(match["number"]) != thresholds["critical"]:
            yield "thresholds.critical is not the number of the query"
        elif match["hours"] and not 1 <= int(match["hours"]) <= 168:
            yield "time window: allowed is 1 to 168 h"
        elif match["minutes"] and not 1 <= int(match["minutes"]) <= 10080:
            yield "time window: allowed is 1 to 10080 m"
    elif body["type"] == "service check":
        match = SERVICE_CHECK.fullmatch(body["query"])
        if not match:
            yield f"query: {body['query']!r} is no service check query"
        elif not max(thresholds.values()) <= int(match["count"]) <= 100:
            yield "last(): allowed is from the largest threshold to 100"
    if not 1 <= body.get("priority", 1) <= 5:
        yield "priority: allowed is 1 to 5"
