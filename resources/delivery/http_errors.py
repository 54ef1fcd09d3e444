"""What an HTTP API answered, as the outbox wants to know it: taken, or why not and when again."""

from __future__ import annotations

import datetime as dt
import logging
import os
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from resources.delivery.channel import UndeliveredError
from resources.masking import masked

if TYPE_CHECKING:
    from requests import Response

TIMEOUT = (3.05, 10.0)
"""Seconds to connect and, from then on, between two bytes of the answer."""

SHOWN_CHARACTERS = 300
# Of the 4xx, those that are about the moment and not about the message.
_LATER = {408, 425, 429}
# The statuses that say when to come again; another may carry the header and mean nothing by it.
_WAITING = {429, 503}
# Seconds: `Retry-After` is the standard's, the other is Datadog's.
_WAIT_HEADERS = ("Retry-After", "X-RateLimit-Reset")


def taken(service: str, response: Response, *secrets: str) -> Any:
    """The JSON that a service answered; see `accepted`.

    Raises
    ------
    UndeliveredError
        If the status is not 2xx, or the answer is not JSON.
    """
    accepted(service, response, *secrets)
    try:
        return response.json()
    except ValueError:
        text = f"{service} answered {response.status_code} with what is not JSON"
    raise UndeliveredError(text)


def accepted(service: str, response: Response, *secrets: str) -> None:
    """Verify that a service took a request.

    Parameters
    ----------
    service
        For people: ``PagerDuty``.
    secrets
        What was sent and must not be in what is raised, even if the answer repeats it.

    Raises
    ------
    UndeliveredError
        If the status is not 2xx.
    """
    status = response.status_code
    if 200 <= status < 300:
        return
    raise UndeliveredError(
        f"{service} answered {status}: {_answer_text(response, secrets)}",
        retry_after=_wait(response.headers) if status in _WAITING else None,
        refused=400 <= status < 500 and status not in _LATER,
    )


def unreachable(service: str, url: str, error: Exception) -> UndeliveredError:
    """The failure to get any answer; it keeps nothing of ``error``, which may hold the request."""
    from requests.exceptions import Timeout

    what = "no answer in time" if isinstance(error, Timeout) else "no connection"
    return UndeliveredError(
        f"{service}: {what} ({type(error).__name__}) from {urlsplit(url).hostname}"
    )


def keep_address_from_log(variable: str) -> None:
    """Keep the address in an environment variable out of urllib3's log.

    It logs the path of each request, which of a webhook is the secret.
    """

    def has_no_address(record: logging.LogRecord) -> bool:
        path = urlsplit(os.environ.get(variable, "")).path.rstrip("/")
        return not path or path not in record.getMessage()

    logging.getLogger("urllib3.connectionpool").addFilter(has_no_address)


def _answer_text(response: Response, secrets: Sequence[str]) -> str:
    """The errors of an answer, without secrets: JSON with ``errors``, or Slack's plain text."""
    is_text = response.headers.get("Content-Type", "").startswith("text/plain")
    try:
        body = response.json()
    except ValueError:
        body = (is_text and response.text) or response.reason or "no reason given"
    if isinstance(body, dict):
        errors = body.get("errors") or body.get("message") or body.get("error")
        body = "; ".join(map(str, errors)) if isinstance(errors, list) else errors
    text = masked(str(body))
    for secret in secrets:  # before it is cut: half a key is a secret too
        text = text.replace(secret, "***") if secret else text
    return text[:SHOWN_CHARACTERS]


def _wait(headers: Mapping[str, str]) -> float | None:
    """Seconds that the other side asks to wait: a number, or a date (RFC 9110, 10.2.3)."""
    text = next((headers[name] for name in _WAIT_HEADERS if name in headers), "")
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        left = parsedate_to_datetime(text) - dt.datetime.now(dt.UTC)
    except (TypeError, ValueError):
        return None
    return max(0.0, left.total_seconds())
