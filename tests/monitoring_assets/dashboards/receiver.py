"""The dashboards and monitors of a Datadog account on loopback, over HTTP as the API has them.

::

    with AccountReceiver() as receiver:
        for name, value in receiver.environment.items():
            monkeypatch.setenv(name, value)
        ...
        receiver.dashboards, receiver.monitors    # by id, as the server keeps them
        receiver.writes                           # [(method, path, body)] that had their effect

Every body is checked by `published.faults`. Like the real one it adds fields: ids of dashboards,
monitors and widgets, dates, defaults.
"""

from __future__ import annotations

import copy
import datetime as dt
import itertools
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.monitoring_assets.dashboards.published import faults
from tests.receivers.server import Answer, Receiver, ViolationError


class AccountReceiver(Receiver):
    """The account."""

    API_KEY = "a" * 32
    APP_KEY = "b" * 40

    def __init__(self) -> None:
        super().__init__()
        self.dashboards: dict[str, Any] = {}
        self.monitors: dict[str, Any] = {}
        self.writes: list[tuple[str, str, Any]] = []
        self._numbers = itertools.count(1000)

    @property
    def environment(self) -> dict[str, str]:
        """What leads a client to this account."""
        return {
            "DATADOG_HOST": self.url,
            "DD_SITE": "datadoghq.com",
            "DD_API_KEY": self.API_KEY,
            "DD_APP_KEY": self.APP_KEY,
        }

    def put(self, kind: str, body: Any) -> Any:
        """Keep a dashboard or a monitor as if made by hand; returns it with its id."""
        number, now = next(self._numbers), dt.datetime.now(dt.UTC).isoformat()
        theirs = copy.deepcopy(body)
        if kind == "dashboard":
            theirs |= {"id": f"abc-{number}", "url": f"/dashboard/abc-{number}/x"}
            self.dashboards[theirs["id"]] = self._dashboard({"created_at": now, **theirs}, now)
        else:
            theirs["id"] = number
            self.monitors[str(number)] = self._monitor({"created": now, **theirs}, now)
        return theirs

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        keys = (headers.get("dd-api-key"), headers.get("dd-application-key"))
        if keys != (self.API_KEY, self.APP_KEY):
            return Answer(403, {"errors": ["Forbidden"]})
        url = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        root, version, kind, *rest = url.path.strip("/").split("/")
        if (root, version) != ("api", "v1") or kind not in ("dashboard", "monitor"):
            raise ViolationError("no such page")
        kept = self.dashboards if kind == "dashboard" else self.monitors
        if rest and rest[0] not in kept:
            return Answer(404, {"errors": [f"{kind} {rest[0]} not found"]})
        if method == "GET":
            return Answer(200, kept[rest[0]] if rest else self._list(kind, query))
        if method not in ("POST", "PUT") or (method == "PUT") != bool(rest):
            raise ViolationError("method not allowed")
        content = json.loads(body)
        if wrong := faults(kind, content):
            raise ViolationError("; ".join(wrong))
        self.writes.append((method, url.path, content))
        if method == "POST":
            return Answer(200, kept[str(self.put(kind, content)["id"])])
        now = dt.datetime.now(dt.UTC).isoformat()
        before = kept[rest[0]]
        if kind == "dashboard":  # replaced whole
            stays = ("id", "url", "created_at")
            after = self._dashboard({name: before[name] for name in stays} | content, now)
        else:
            after = self._monitor(before | content, now)
        kept[rest[0]] = after
        return Answer(200, after)

    def refusal(self, violation: ViolationError) -> Answer:
        return Answer(400, {"errors": [str(violation)]})

    def _list(self, kind: str, query: dict[str, str]) -> Any:
        if kind == "dashboard":
            start, count = int(query.get("start", 0)), int(query.get("count", 100))
            shown = ("id", "title", "description", "created_at", "modified_at", "url")
            items = list(self.dashboards.values())[start : start + count]
            return {"dashboards": [{name: item[name] for name in shown} for item in items]}
        tags = query["monitor_tags"].split(",") if "monitor_tags" in query else []
        found = [item for item in self.monitors.values() if {*tags} <= {*item["tags"]}]
        if "page" not in query:
            return found
        size = int(query.get("page_size", 100))
        start = int(query["page"]) * size
        return found[start : start + size]

    def _dashboard(self, body: Any, now: str) -> Any:
        defaults = {"notify_list": None, "tags": [], "restricted_roles": [], "is_read_only": False}
        theirs = defaults | copy.deepcopy(body)
        theirs |= {"author_handle": "jane@example.com", "author_name": None, "modified_at": now}
        for variable in theirs.get("template_variables") or []:
            variable |= {"available_values": [], "default": None}
        self._give_ids(theirs.get("widgets", []))
        return theirs

    def _give_ids(self, widgets: Any) -> None:
        for widget in widgets:
            widget["id"] = next(self._numbers)
            self._give_ids(widget["definition"].get("widgets", []))

    def _monitor(self, body: Any, now: str) -> Any:
        theirs = copy.deepcopy(body)
        theirs["tags"] = theirs.get("tags", [])[::-1]
        defaults = {"notify_audit": False, "silenced": {}, "new_host_delay": 300}
        options = defaults | theirs.get("options", {})
        limits = options.get("thresholds", {})
        options["thresholds"] = {name: float(limit) for name, limit in limits.items()}
        server = {"modified": now, "deleted": None, "multi": True, "overall_state": "No Data"}
        return theirs | {"options": options} | server
