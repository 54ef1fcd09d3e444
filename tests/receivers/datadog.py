"""Datadog on loopback: series, service checks and events of API v1.

Every request is read by the typed models of Datadog's own client (datadog-api-client), which must
know each field; the limits that the models only describe in words are checked here. An object is
taken where the published API has an array of service checks: the datadog library sends one, as
Datadog's own agent integrations have for years.

``receiver.points`` are (metric, tags, value), ``receiver.checks`` and ``receiver.events`` the
bodies. ``DatadogReceiver(key=...)`` answers 403 to any other key.
"""

from __future__ import annotations

import json
import time
from typing import Any

from datadog_api_client import Configuration
from datadog_api_client.model_utils import validate_and_convert_types
from datadog_api_client.v1.model.event_create_request import EventCreateRequest
from datadog_api_client.v1.model.metrics_payload import MetricsPayload
from datadog_api_client.v1.model.series import Series
from datadog_api_client.v1.model.service_check import ServiceCheck

from tests.receivers.server import Answer, Receiver, ViolationError

Point = tuple[str, frozenset[str], float]


class DatadogReceiver(Receiver):
    """The intake end of Datadog."""

    def __init__(self, key: str | None = None) -> None:
        super().__init__()
        self.key = key
        self.points: list[Point] = []
        self.checks: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []

    @property
    def environment(self) -> dict[str, str]:
        return {"DD_API_KEY": self.key or "5ec7e7" + 26 * "0", "DATADOG_HOST": self.url}

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if self.key is not None and headers.get("dd-api-key") != self.key:
            return Answer(403, {"errors": ["Forbidden"]})
        if method != "POST":
            return Answer(404, {"errors": ["Not found"]})
        if headers.get("content-type") != "application/json":
            raise ViolationError(f"content type {headers.get('content-type')!r}")
        try:
            content = json.loads(body)
        except ValueError as error:
            raise ViolationError(f"not JSON: {error}") from None
        if path == "/api/v1/series":
            self._take_series(content)
            return Answer(202, {"status": "ok"})
        if path == "/api/v1/check_run":
            for check in content if isinstance(content, list) else [content]:
                conforms(check, ServiceCheck)
                _tags(check["tags"])
                self.checks.append(check)
            return Answer(202, {"status": "ok"})
        if path == "/api/v1/events":
            self._take_event(content)
            number = len(self.events)
            return Answer(202, {"status": "ok", "event": {"id": number, "title": content["title"]}})
        return Answer(404, {"errors": ["Not found"]})

    def refusal(self, violation: ViolationError) -> Answer:
        return Answer(400, {"errors": [str(violation)]})

    def _take_series(self, content: Any) -> None:
        conforms(content, MetricsPayload)
        now = time.time()
        for series in content["series"]:
            conforms(series, Series)
            if series.get("type") not in ("gauge", "count", "rate"):
                raise ViolationError(f"type {series.get('type')!r}")
            _tags(series.get("tags", []))
            for stamp, value in series["points"]:
                if not now - 3600 <= stamp <= now + 600:
                    raise ViolationError(
                        f"{series['metric']} is stamped {stamp}, more than an hour ago"
                    )
                self.points.append((series["metric"], frozenset(series.get("tags", [])), value))

    def _take_event(self, content: Any) -> None:
        conforms(content, EventCreateRequest)
        if len(content["text"]) > 4000:
            raise ViolationError("text is longer than 4000 characters")
        if len(content.get("aggregation_key", "")) > 100:
            raise ViolationError("aggregation_key is longer than 100 characters")
        _tags(content.get("tags", []))
        self.events.append(content)


def conforms(body: Any, model: type) -> None:
    """Read ``body`` by a typed model of the published API, which must know all of its fields.

    Raises
    ------
    ViolationError
        If it does not conform.
    """
    try:
        read = validate_and_convert_types(body, (model,), ["body"], True, True, Configuration())
    except (TypeError, ValueError) as error:
        raise ViolationError(f"{model.__name__}: {error}") from None
    if read._unparsed:
        raise ViolationError(f"{model.__name__}: {body} has a value that the API does not know")
    if unknown := body.keys() - set(model.attribute_map.values()):
        raise ViolationError(f"{model.__name__}: {sorted(unknown)} are no fields")


def _tags(tags: list[str]) -> None:
    for tag in tags:
        if len(tag) > 200:
            raise ViolationError(f"tag {tag!r} is longer than 200 characters")
        if not tag[:1].isalpha() or "," in tag or " " in tag:
            raise ViolationError(f"tag {tag!r} is none")


RECEIVER = DatadogReceiver
