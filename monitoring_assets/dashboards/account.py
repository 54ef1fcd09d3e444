"""The dashboards and monitors of a Datadog account, through the datadog library."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

from monitoring_assets.dashboards.definition import MANAGED_BY, Json, Kind
from resources.delivery.channel import UndeliveredError

KEYS = ("DD_API_KEY", "DD_APP_KEY")
PAGE = 100
TRIES = 5
LONGEST_WAIT = 120.0
"""Seconds; who is asked to wait longer had better run the command again."""


class Account:
    """The account of ``DD_API_KEY``, ``DD_APP_KEY`` and ``DD_SITE``.

    All methods raise an `UndeliveredError`, whose text has no key in it, if Datadog was not reached
    or said no.

    Parameters
    ----------
    say
        Told when a request has to wait, as Datadog limits their rate.
    wait
        Waits a number of seconds.
    """

    def __init__(
        self, say: Callable[[str], None], wait: Callable[[float], None] = time.sleep
    ) -> None:
        self._say = say
        self._wait = wait

    def marked(self, kind: Kind) -> Iterator[Json]:
        """Whatever may be ours, as the list shows it: monitors whole, dashboards in outline."""
        page = 0
        while True:
            if kind == "monitor":
                found = self._call(
                    kind, "get_all", page=page, page_size=PAGE, monitor_tags=MANAGED_BY
                )
            else:
                found = self._call(kind, "get_all", count=PAGE, start=page * PAGE)["dashboards"]
            yield from found
            if len(found) < PAGE:
                return
            page += 1

    def read(self, kind: Kind, listed: Json) -> Json:
        """The whole of what a list shows."""
        return listed if kind == "monitor" else self._call(kind, "get", listed["id"])

    def create(self, kind: Kind, body: Json) -> Json:
        """Create a dashboard or a monitor; returns it as Datadog has it."""
        created: Json = self._call(kind, "create", **body)
        return created

    def update(self, kind: Kind, identity: str | int, body: Json) -> Json:
        """Write over a dashboard or a monitor; returns it as Datadog has it."""
        updated: Json = self._call(kind, "update", identity, **body)
        return updated

    def _call(self, kind: Kind, method: str, *arguments: Any, **keywords: Any) -> Any:
        """Call the library; where Datadog limits the rate of requests, when it says so, again."""
        from datadog.api.dashboards import Dashboard
        from datadog.api.monitors import Monitor

        from resources.delivery.datadog import api_session

        resource = {"dashboard": Dashboard, "monitor": Monitor}[kind]
        for name in KEYS:
            if not re.fullmatch(r"[A-Za-z0-9_-]+", os.environ.get(name, "")):
                found = "what cannot be a key (not shown)" if os.environ.get(name) else "nothing"
                raise UndeliveredError(f"{name}: found {found}; allowed: a key", refused=True)
        attempt = 1
        while True:
            try:
                with api_session():
                    return getattr(resource, method)(*arguments, **keywords)
            except UndeliveredError as error:
                seconds = error.retry_after
                if seconds is None or seconds > LONGEST_WAIT or attempt == TRIES:
                    raise
            self._say(f"Datadog limits the rate of requests: waiting {seconds:g} s")
            self._wait(seconds)
            attempt += 1


def link(kind: Kind, theirs: Json) -> str:
    """Where people see a dashboard or a monitor."""
    site = os.environ.get("DD_SITE") or "datadoghq.com"
    # Sites that are a subdomain themselves, such as us5.datadoghq.com, have no `app.`.
    root = f"https://app.{site}" if site.count(".") == 1 else f"https://{site}"
    path = theirs["url"] if kind == "dashboard" else f"/monitors/{theirs['id']}"
    return f"{root}{path}"
