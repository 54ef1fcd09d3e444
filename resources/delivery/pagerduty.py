"""PagerDuty: incidents that page, and new model versions as change events (Events API v2).

pdpyras warns at its import that PagerDuty's own package, ``pagerduty``, takes its place; its
sessions are the same but for their names. That one warning is silenced.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable
from operator import methodcaller
from typing import TYPE_CHECKING, Any, ClassVar, Self

from dagster import ConfigurableResource

from resources.delivery import http_errors
from resources.delivery.channel import UndeliveredError
from resources.delivery.messages import Change, Message, Notice
from resources.delivery.metrics import environment_name
from resources.delivery.notice_text import breach_lines, duration, reason_lines, shortened

if TYPE_CHECKING:
    import requests

    from resources.store import Store

SERVICE = "PagerDuty"
KEY_VARIABLE = "PAGERDUTY_ROUTING_KEY"
# Published limit of the Events API v2; what is longer is refused.
SUMMARY_CHARACTERS = 1024


class PagerDuty(ConfigurableResource):
    """Events API v2, through pdpyras.

    The routing key is ``PAGERDUTY_ROUTING_KEY_<SERVICE>``, the subject's service in capitals with
    ``_`` for what is neither letter nor digit, else ``PAGERDUTY_ROUTING_KEY``. Both, and
    ``PAGERDUTY_EVENTS_URL`` (``https://events.eu.pagerduty.com`` in the EU's service region), are
    read from the environment when something is sent, so that no configuration holds a secret.
    """

    name: ClassVar[str] = "pagerduty"

    @classmethod
    def from_environment(cls, store: Store) -> Self | None:
        """If any routing key is set."""
        is_set = any(name.startswith(KEY_VARIABLE) and key for name, key in os.environ.items())
        return cls() if is_set else None

    def takes(self, message: Message) -> bool:
        """Notices and changes."""
        return isinstance(message, Notice | Change)

    def send(self, message: Message) -> str:
        """Trigger or resolve the incident, or record the change: one try.

        PagerDuty takes further triggers of an open incident without paging again. So what has
        become materially worse has a key of its own, and all keys are resolved together.

        Raises
        ------
        UndeliveredError
            If PagerDuty did not take it, or there is no routing key.
        """
        key = _routing_key(message.subject.service)
        if isinstance(message, Notice):
            return f"taken as {self._send_notice(message, key)}"
        if isinstance(message, Change):
            self._send_change(message, key)
            return "taken as a change event"
        raise TypeError(f"PagerDuty takes no {message.kind}")

    def _send_notice(self, notice: Notice, key: str) -> str:
        if notice.action == "resolve":
            keys = [dedup_key(notice.incident, n) for n in range(notice.escalations + 1)]
            for one in keys:
                _answered("EventsAPISession", key, methodcaller("resolve", one))
            return ", ".join(keys)
        links = [link.model_dump() for link in notice.links]
        event = {
            "payload": {
                "summary": shortened(notice.summary, SUMMARY_CHARACTERS),
                "source": notice.subject.key,
                "severity": notice.severity,
                "timestamp": notice.decided_at.isoformat(),
                "component": notice.breaches[0].subject if notice.breaches else notice.family,
                "group": notice.subject.model,
                "class": notice.family,
                "custom_details": details(notice),
            },
            "links": links,
            "client": "model-monitoring",
        }
        if links:
            event["client_url"] = links[0]["href"]
        return str(
            _answered(
                "EventsAPISession",
                key,
                lambda session: session.send_event(
                    "trigger", dedup_key(notice.incident, notice.escalations), **event
                ),
            )
        )

    def _send_change(self, change: Change, key: str) -> None:
        _answered(
            "ChangeEventsAPISession",
            key,
            lambda session: session.submit(
                shortened(change.summary, SUMMARY_CHARACTERS),
                source=change.subject.key,
                custom_details={"model": change.subject.model, "version": change.subject.version},
                links=[link.model_dump() for link in change.links],
                timestamp=change.at.isoformat(),
            ),
        )


def routing_variable(service: str) -> str:
    """The environment variable that holds a service's routing key.

    Examples
    --------
    >>> routing_variable("card-models")
    'PAGERDUTY_ROUTING_KEY_CARD_MODELS'
    """
    return f"{KEY_VARIABLE}_{re.sub(r'[^A-Z0-9]', '_', service.upper())}"


def dedup_key(incident: str, escalations: int = 0) -> str:
    """What makes notices one incident in PagerDuty; at most 255 characters.

    The notices of an incident share it until the incident has become worse once more.
    """
    first = f"model-monitoring/{environment_name()}/{incident}"
    return f"{first}/worse-{escalations}" if escalations else first


def details(notice: Notice) -> dict[str, Any]:
    """What the paged person reads: what moved from what to what, why it pages, where to look."""
    return {
        "model": f"{notice.subject.model} version {notice.subject.version}",
        "since": duration(notice),
        "what": breach_lines(notice),
        "why": reason_lines(notice),
        "look further": [shortened(text) for text in notice.commands],
        **({"first page": dedup_key(notice.incident)} if notice.escalations else {}),
        **({"team": notice.subject.team} if notice.subject.team else {}),
    }


def _routing_key(service: str | None) -> str:
    """The key of a service, or the one for all."""
    names = [KEY_VARIABLE] if service is None else [routing_variable(service), KEY_VARIABLE]
    for name in names:
        if key := os.environ.get(name):
            return key
    raise UndeliveredError(
        f"no routing key: set {' or '.join(names)} to the integration key of the service",
        refused=True,
    )


def _answered(kind: str, key: str, send: Callable[[Any], object]) -> object:
    """What ``send`` returns for a session of pdpyras, with one try; further ones are the outbox's.

    Raises
    ------
    UndeliveredError
        For every failure.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message='The package "pdpyras" is deprecated')
        import pdpyras

    # Called with each answer before pdpyras acts on it: it would repeat a 429 for ever.
    def postprocess(response: requests.Response) -> None:
        http_errors.taken(SERVICE, response, key)

    with getattr(pdpyras, kind)(key) as session:
        session.url = os.environ.get("PAGERDUTY_EVENTS_URL", session.url).rstrip("/")
        session.timeout = http_errors.TIMEOUT
        session.max_network_attempts = 0
        # A redirect would send the key to another host.
        session.max_redirects = 0
        session.postprocess = postprocess
        try:
            return send(session)
        except pdpyras.PDHTTPError:
            failure = UndeliveredError(f"{SERVICE} answered what is not documented: no dedup_key")
        except pdpyras.PDClientError as error:
            cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
            failure = http_errors.unreachable(SERVICE, session.url, cause)
    # Outside the handlers: what was caught holds the request, and so the key.
    raise failure
