"""Datadog: a day's gauges and service checks, and an event for each incident and new version."""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Self

from dagster import ConfigurableResource

from resources.delivery import http_errors
from resources.delivery.channel import UndeliveredError
from resources.delivery.messages import Change, Gauge, Measurements, Message, Notice
from resources.delivery.metrics import CHECKS, METRICS, subject_tags
from resources.markdown import as_markdown

if TYPE_CHECKING:
    from datadog.dogstatsd.base import DogStatsd

    from resources.store import Store

SERVICE = "Datadog"
API_KEY = "DD_API_KEY"
AGENT_VARIABLES = ("DD_AGENT_HOST", "DD_DOGSTATSD_URL", "DD_DOGSTATSD_PORT")
# Published limits of an event, in characters.
TEXT_CHARACTERS = 4000
AGGREGATION_KEY_CHARACTERS = 100
TITLE_CHARACTERS = 100
# The intake writes tags in small letters, and one underscore for those in a row and none at an end.
TAG_CHARACTERS = 200
# Ours, of a service check: one line on a screen.
MESSAGE_CHARACTERS = 500
# An agent takes 8 KB an event, with its tags.
AGENT_TEXT_BYTES = 4000
AGENT_SECONDS = 3.0
HOST = "model-monitoring"
VERBS = {
    "open": "opened",
    "update": "has more evidence",
    "escalate": "has become worse",
    "resolve": "resolved",
}
STATUS = {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}
_KEY_HEADERS = ("DD-API-KEY", "DD-APPLICATION-KEY")

# The datadog library keeps its settings in a module: one thread at a time has them.
_SETTINGS = threading.RLock()


class Datadog(ConfigurableResource):
    """Through the datadog library: DogStatsD for measurements where an agent is, else the API.

    All is read from the environment when something is sent, so that no configuration holds a
    secret: ``DD_AGENT_HOST``, ``DD_DOGSTATSD_PORT`` or ``DD_DOGSTATSD_URL`` (``unix:///path`` or
    ``udp://host:port``) for the agent; ``DD_API_KEY`` and ``DD_SITE`` (or ``DATADOG_HOST``, a URL)
    for the API; ``DD_ENV`` for the tag.
    """

    name: ClassVar[str] = "datadog"

    @classmethod
    def from_environment(cls, store: Store) -> Self | None:
        """If an agent or the API's key is set."""
        is_set = any(os.environ.get(name) for name in (API_KEY, *AGENT_VARIABLES))
        return cls() if is_set else None

    def takes(self, message: Message) -> bool:
        """Everything."""
        return True

    def send(self, message: Message) -> str:
        """Send measurements to the agent, events to the API, and each to the other if one is not.

        Points are stamped with the time of sending: Datadog takes none older than an hour.

        Raises
        ------
        UndeliveredError
            If it was not taken, neither agent nor key is there, or a gauge is not in the catalogue.
        """
        agent = any(os.environ.get(name) for name in AGENT_VARIABLES)
        key = bool(os.environ.get(API_KEY))
        if not (agent or key):
            raise UndeliveredError(
                f"neither an agent nor a key: set {AGENT_VARIABLES[0]} or {API_KEY}", refused=True
            )
        if isinstance(message, Measurements):
            _verify(message)
            return _measure_by_agent(message) if agent else _measure_by_api(message)
        event = _event(message)
        return _tell_api(event) if key else _tell_agent(event)


@contextmanager
def api_session() -> Iterator[None]:
    """The datadog library's API with this environment's keys, and errors that are not hidden.

    What the library had before is put back. ``DD_APP_KEY`` is used if it is there. Each request
    is tried once.

    Raises
    ------
    UndeliveredError
        From any call within, if Datadog did not take it.
    """
    from datadog import api
    from datadog.api.api_client import APIClient

    site = os.environ.get("DD_SITE") or "datadoghq.com"
    settings = {
        "_api_key": os.environ.get(API_KEY),
        "_application_key": os.environ.get("DD_APP_KEY"),
        "_api_host": os.environ.get("DATADOG_HOST") or f"https://api.{site}",
        "_mute": False,
    }
    with _SETTINGS:
        before = {name: getattr(api, name) for name in settings}
        client_before = APIClient._http_client
        for name, value in settings.items():
            setattr(api, name, value)
        APIClient._http_client = _one_try()
        try:
            yield
        finally:
            for name, value in before.items():
                setattr(api, name, value)
            APIClient._http_client = client_before


def _one_try() -> Any:
    """An HTTP client for the library: its own hides ``Retry-After``, and tries again by itself."""
    import requests
    from datadog.api.http_client import HTTPClient

    class OneTry(HTTPClient):
        @classmethod
        def request(
            cls,
            method: str,
            url: str,
            headers: dict[str, str],
            params: dict[str, Any],
            data: Any,
            timeout: float,
            proxies: Any,
            verify: Any,
            max_retries: int,
        ) -> requests.Response:
            try:
                response = requests.request(
                    method,
                    url,
                    headers=headers,
                    params=params,
                    data=data,
                    timeout=http_errors.TIMEOUT,
                    proxies=proxies,
                    verify=verify,
                    # A redirect would send the key to another host.
                    allow_redirects=False,
                )
            except requests.RequestException as error:
                failure = http_errors.unreachable(SERVICE, url, error)
            else:
                keys = (headers[name] for name in _KEY_HEADERS if name in headers)
                http_errors.taken(SERVICE, response, *keys)
                return response
            # Outside the handler: what was caught holds the request, and so the key.
            raise failure

    return OneTry


def _verify(message: Measurements) -> None:
    """Refuse what the catalogue does not have: each new series costs money."""
    for gauge in message.gauges:
        if gauge.metric not in METRICS:
            raise UndeliveredError(
                f"{gauge.metric} is not in resources/delivery/metrics.py", refused=True
            )
        try:
            METRICS[gauge.metric].verify(gauge.tags)
        except ValueError as error:
            raise UndeliveredError(str(error), refused=True) from None
    for check in message.checks:
        if check.check not in CHECKS:
            raise UndeliveredError(
                f"{check.check} is not in resources/delivery/metrics.py", refused=True
            )


def _tags(tags: dict[str, str]) -> list[str]:
    from datadog.util.format import normalize_tags

    return list(normalize_tags([f"{name}:{value}" for name, value in tags.items()]))


def _gauge_tags(tags: dict[str, str], gauge: Gauge) -> list[str]:
    allowed = METRICS[gauge.metric].tags
    own = {
        tag: value if allowed[tag] else _distinct(tag, value) for tag, value in gauge.tags.items()
    }
    return _tags(tags | own)


def _distinct(tag: str, value: str) -> str:
    """A value as Datadog shows it, told apart from others that it would show the same.

    Two columns must not share a series. The name alone decides the suffix: it is the same in every
    process, and stays when other columns come or go.
    """
    from datadog.util.format import normalize_tags

    shown = re.sub("_+", "_", normalize_tags([value.lower()])[0]).rstrip("_")
    room = TAG_CHARACTERS - len(f"{tag}:")
    if shown == value and len(value) <= room:
        return value
    suffix = f"_{hashlib.sha256(value.encode()).hexdigest()[:8]}"
    return shown[: room - len(suffix)] + suffix


def _measure_by_api(message: Measurements) -> str:
    from datadog.api.metrics import Metric
    from datadog.api.service_checks import ServiceCheck

    now = int(time.time())
    tags = subject_tags(message.subject)
    series = [
        {
            "metric": gauge.metric,
            "type": "gauge",
            "points": [(now, gauge.value)],
            "tags": _gauge_tags(tags, gauge),
        }
        for gauge in message.gauges
    ]
    with api_session():
        if series:
            Metric.send(metrics=series, attach_host_name=False)
        for check in message.checks:
            ServiceCheck.check(
                check=check.check,
                host_name=HOST,
                status=STATUS[check.status],
                timestamp=now,
                message=check.message[:MESSAGE_CHARACTERS],
                tags=_tags(tags),
            )
    return f"API took {len(series)} gauges, {len(message.checks)} service checks"


def _measure_by_agent(message: Measurements) -> str:
    tags = subject_tags(message.subject)
    with _agent() as agent:
        for gauge in message.gauges:
            agent.gauge(gauge.metric, gauge.value, tags=_gauge_tags(tags, gauge))
        for check in message.checks:
            # The library leaves a bar as it is, and the agent would read a field after it.
            text = check.message.replace("|", "/")[:MESSAGE_CHARACTERS]
            agent.service_check(check.check, STATUS[check.status], tags=_tags(tags), message=text)
    return (
        f"sent {len(message.gauges)} gauges, {len(message.checks)} service checks to the agent, "
        "which does not answer"
    )


def _event(message: Notice | Change) -> dict[str, Any]:
    tags = subject_tags(message.subject)
    if isinstance(message, Change):
        return {
            "title": message.summary[:TITLE_CHARACTERS],
            "text": _markdown(
                [as_markdown(message.summary)], [(link.text, link.href) for link in message.links]
            ),
            "alert_type": "info",
            "aggregation_key": f"{message.subject.key}/landed"[:AGGREGATION_KEY_CHARACTERS],
            "tags": _tags(tags | {"event": "new_version"}),
        }
    lines = [
        as_markdown(message.summary),
        *(f"- {as_markdown(f'{line.subject}: {line.text}')}" for line in message.breaches),
        *map(as_markdown, message.reasons),
        *(f"`{command}`" for command in message.commands),
    ]
    resolved = message.action == "resolve"
    title = f"{message.subject.key}: {message.family} incident {VERBS[message.action]}"
    return {
        "title": title[:TITLE_CHARACTERS],
        "text": _markdown(lines, [(link.text, link.href) for link in message.links]),
        "alert_type": "success" if resolved else "error",
        "priority": "normal",
        "aggregation_key": message.incident[-AGGREGATION_KEY_CHARACTERS:],
        "tags": _tags(
            tags
            | {
                "event": "incident",
                "family": message.family,
                "action": message.action,
                "severity": message.severity,
            }
        ),
    }


def _markdown(lines: list[str], links: list[tuple[str, str]]) -> str:
    """Lines as Datadog's markdown; the links stay whole where the text must be cut."""
    end = "".join(f"\n[{text}]({href})" for text, href in links) + "\n %%%"
    start = "%%% \n"
    return start + "\n\n".join(lines)[: TEXT_CHARACTERS - len(start) - len(end)] + end


def _tell_api(event: dict[str, Any]) -> str:
    from datadog.api.events import Event

    with api_session():
        answer = Event.create(attach_host_name=False, **event)
    number = answer.get("event", {}).get("id") if isinstance(answer, dict) else None
    return f"API took event {number}" if number else "API took the event"


def _tell_agent(event: dict[str, Any]) -> str:
    text = event["text"].encode()[:AGENT_TEXT_BYTES].decode(errors="ignore")
    rest = {name: value for name, value in event.items() if name not in ("title", "text")}
    with _agent() as agent:
        agent.event(event["title"], text, **rest)
    return "sent the event to the agent, which does not answer"


@contextmanager
def _agent() -> Iterator[DogStatsd]:
    """A DogStatsD client; a failure to send, where there is a sign of one, is raised at the end."""
    from datadog.dogstatsd.base import DogStatsd

    agent = DogStatsd(
        disable_buffering=True,
        # Each run is in another container: its tags would make new series every day.
        origin_detection_enabled=False,
        # Only for its count of dropped packets; it is never sent.
        telemetry_min_flush_interval=10**9,
        socket_timeout=AGENT_SECONDS,
        track_instance=False,
    )
    # The library adds DD_SERVICE and DD_VERSION of the process: not those of the model.
    agent.constant_tags = []
    where = agent.socket_path or f"{agent.host}:{agent.port}"
    try:
        agent.get_socket()
    except OSError as error:
        raise UndeliveredError(f"{SERVICE}: no agent at {where} ({error})") from None
    try:
        with agent:  # many lines a packet
            yield agent
    finally:
        agent.close_socket()
    if agent.packets_dropped:
        raise UndeliveredError(
            f"{SERVICE}: the agent at {where} did not take {agent.packets_dropped} packets"
        )
