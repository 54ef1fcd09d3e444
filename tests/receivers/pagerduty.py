"""PagerDuty on loopback: the Events API v2 with the published rules, and what becomes of events.

Rules: PagerDuty's developer documentation, "Events API v2 Overview", "Send an Alert Event" and
"Send a Change Event". Incidents by dedup key behave as described there: a trigger on an open one
adds to it, a trigger after its end makes a new one, a resolve of none is dropped.

``receiver.incidents`` are all that there ever were, in the order of their opening; each
`Incident` has ``triggers`` (the payloads, the first one paged) and ``resolved``. A page is an
incident. ``receiver.changes`` are the change events' payloads.

``PagerDutyReceiver(keys={...})`` takes only these routing keys.
"""

from __future__ import annotations

import datetime as dt
import json
import time
import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.receivers.server import Answer, Receiver, ViolationError

PAYLOAD_BYTES = 512 * 1024
SEVERITIES = {"critical", "error", "warning", "info"}
EVENT = {
    "routing_key": str,
    "event_action": str,
    "dedup_key": str,
    "payload": dict,
    "images": list,
    "links": list,
    "client": str,
    "client_url": str,
}
PAYLOAD = {
    "summary": str,
    "source": str,
    "severity": str,
    "timestamp": str,
    "component": str,
    "group": str,
    "class": str,
    "custom_details": dict,
}
CHANGE = {"routing_key": str, "payload": dict, "links": list}
CHANGE_PAYLOAD = {"summary": str, "source": str, "timestamp": str, "custom_details": dict}
LINK = {"href": str, "text": str}
IMAGE = {"src": str, "href": str, "alt": str}


@dataclass
class Incident:
    """One page and what followed."""

    dedup_key: str
    routing_key: str
    opened_at: float
    triggers: list[dict[str, Any]] = field(default_factory=list)
    resolved: bool = False


class PagerDutyReceiver(Receiver):
    """The events end of PagerDuty."""

    def __init__(self, keys: Collection[str] | None = None) -> None:
        super().__init__()
        self.keys = keys
        self.incidents: list[Incident] = []
        self.changes: list[dict[str, Any]] = []
        self.dropped: list[str] = []

    @property
    def environment(self) -> dict[str, str]:
        key = min(self.keys) if self.keys else "0123456789abcdef" * 2
        return {"PAGERDUTY_ROUTING_KEY": key, "PAGERDUTY_EVENTS_URL": self.url}

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if method != "POST" or path not in ("/v2/enqueue", "/v2/change/enqueue"):
            return Answer(404, {"status": "not found", "message": "no such endpoint", "errors": []})
        if len(body) > PAYLOAD_BYTES:
            raise ViolationError(f"payload of {len(body)} bytes, over {PAYLOAD_BYTES}")
        if headers.get("content-type") != "application/json":
            raise ViolationError(f"content type {headers.get('content-type')!r}")
        try:
            event = json.loads(body)
        except ValueError as error:
            raise ViolationError(f"not JSON: {error}") from None
        if path == "/v2/enqueue":
            _check_alert(event)
        else:
            _check_change(event)
        if self.keys is not None and event["routing_key"] not in self.keys:
            return Answer(
                400,
                {
                    "status": "invalid event",
                    "message": "Event object is invalid",
                    "errors": ["Invalid routing key"],
                },
            )
        if path == "/v2/change/enqueue":
            self.changes.append(event["payload"])
            return Answer(202, {"status": "success", "message": "Change event processed"})
        key = event.get("dedup_key") or uuid.uuid4().hex
        self._apply(event, key)
        body_out = {"status": "success", "message": "Event processed", "dedup_key": key}
        return Answer(202, body_out)

    def refusal(self, violation: ViolationError) -> Answer:
        return Answer(
            400,
            {
                "status": "invalid event",
                "message": "Event object is invalid",
                "errors": [str(violation)],
            },
        )

    def _apply(self, event: dict[str, Any], key: str) -> None:
        same = [i for i in self.incidents if i.dedup_key == key and not i.resolved]
        # Only events of the key that opened it apply to an alert.
        found = next((i for i in same if i.routing_key == event["routing_key"]), None)
        if event["event_action"] == "trigger":
            if found is None:
                found = Incident(key, event["routing_key"], time.time())
                self.incidents.append(found)
            found.triggers.append(event)
        elif found is None:
            self.dropped.append(key)
        elif event["event_action"] == "resolve":
            found.resolved = True


def _check_alert(event: Any) -> None:
    _fields(event, "event", EVENT, required=("routing_key", "event_action"))
    _routing_key(event)
    action = event["event_action"]
    if action not in ("trigger", "acknowledge", "resolve"):
        raise ViolationError(f"event_action {action!r}")
    if len(event.get("dedup_key", "")) > 255:
        raise ViolationError("dedup_key is longer than 255 characters")
    if action != "trigger":
        if not event.get("dedup_key"):
            raise ViolationError(f"dedup_key is needed to {action}")
        return
    if "payload" not in event:
        raise ViolationError("payload is missing")
    payload = event["payload"]
    _fields(payload, "payload", PAYLOAD, required=("summary", "source", "severity"))
    _summary(payload)
    if not payload["source"]:
        raise ViolationError("payload.source is empty")
    if payload["severity"] not in SEVERITIES:
        raise ViolationError(f"payload.severity {payload['severity']!r}")
    _timestamp(payload)
    _links(event)
    for image in event.get("images", []):
        _fields(image, "image", IMAGE, required=("src",))
        if urlsplit(image["src"]).scheme != "https":
            raise ViolationError("an image must be served over HTTPS")
    if "client_url" in event:
        _url(event["client_url"], "client_url")


def _check_change(event: Any) -> None:
    _fields(event, "event", CHANGE, required=("routing_key", "payload"))
    _routing_key(event)
    _fields(event["payload"], "payload", CHANGE_PAYLOAD, required=("summary",))
    _summary(event["payload"])
    _timestamp(event["payload"])
    _links(event)


def _fields(found: Any, where: str, known: dict[str, type], required: tuple[str, ...]) -> None:
    if not isinstance(found, dict):
        raise ViolationError(f"{where} is not an object")
    for name in required:
        if name not in found:
            raise ViolationError(f"{where}.{name} is missing")
    for name, value in found.items():
        if name not in known:
            raise ViolationError(f"{where}.{name} is not a field")
        if not isinstance(value, known[name]):
            raise ViolationError(f"{where}.{name} is not a {known[name].__name__}")


def _routing_key(event: dict[str, Any]) -> None:
    if len(event["routing_key"]) != 32:
        raise ViolationError("routing_key is not of 32 characters")


def _summary(payload: dict[str, Any]) -> None:
    if not 1 <= len(payload["summary"]) <= 1024:
        raise ViolationError("payload.summary is empty or longer than 1024 characters")


def _timestamp(payload: dict[str, Any]) -> None:
    try:
        dt.datetime.fromisoformat(payload.get("timestamp", "2026-01-01"))
    except ValueError:
        raise ViolationError("payload.timestamp is not ISO 8601") from None


def _links(event: dict[str, Any]) -> None:
    for link in event.get("links", []):
        _fields(link, "link", LINK, required=("href",))
        _url(link["href"], "link.href")


def _url(text: str, where: str) -> None:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ViolationError(f"{where} {text!r} is no URL")


RECEIVER = PagerDutyReceiver
