"""A Datadog account on loopback: its dashboards and monitors, over HTTP as the API has them.

    with Receiver() as account:
        for name, value in account.environment.items():
            monkeypatch.setenv(name, value)
        account.next_answers.append((429, {"Retry-After": "3"}, {"errors": ["..."]}))
        ...
        account.dashboards, account.monitors    # by id, as the server keeps them
        account.writes                          # [(method, path, body)]: each was answered with 200

Every body is checked by `published.faults`; what is wrong is answered with 400. Like the real one
it adds fields: ids of dashboards, monitors and widgets, dates, defaults.
"""

from __future__ import annotations

import copy
import datetime as dt
import itertools
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.dashboards.published import faults

Answer = tuple[int, dict[str, str], Any]


class Receiver:
    """The account; a context manager that serves it."""

    API_KEY = "a" * 32
    APP_KEY = "b" * 40

    def __init__(self) -> None:
        self.dashboards: dict[str, Any] = {}
        self.monitors: dict[str, Any] = {}
        self.requests: list[tuple[str, str]] = []
        self.writes: list[tuple[str, str, Any]] = []
        self.next_answers: list[Answer] = []
        self._numbers = itertools.count(1000)

    def __enter__(self) -> Receiver:
        account = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def serve(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                text = self.rfile.read(length)
                account.requests.append((self.command, self.path))
                status, headers, answer = account._answer(
                    self.command, self.path, dict(self.headers), text
                )
                payload = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            do_GET = do_POST = do_PUT = do_DELETE = serve  # noqa: N815

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

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
        """Keep a dashboard or a monitor as if somebody had made it; returns it with its id."""
        number, now = next(self._numbers), dt.datetime.now(dt.UTC).isoformat()
        theirs = copy.deepcopy(body)
        if kind == "dashboard":
            theirs |= {"id": f"abc-{number}", "url": f"/dashboard/abc-{number}/x"}
            self.dashboards[theirs["id"]] = self._dashboard({"created_at": now, **theirs}, now)
        else:
            theirs["id"] = number
            self.monitors[str(number)] = self._monitor({"created": now, **theirs}, now)
        return theirs

    def _answer(self, method: str, path: str, headers: dict[str, str], text: bytes) -> Answer:
        if self.next_answers:
            return self.next_answers.pop(0)
        keys = (headers.get("DD-API-KEY"), headers.get("DD-APPLICATION-KEY"))
        if keys != (self.API_KEY, self.APP_KEY):
            return 403, {}, {"errors": ["Forbidden"]}
        url = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        root, version, kind, *rest = url.path.strip("/").split("/")
        if (root, version) != ("api", "v1") or kind not in ("dashboard", "monitor"):
            return 404, {}, {"errors": ["no such page"]}
        kept = self.dashboards if kind == "dashboard" else self.monitors
        if rest and rest[0] not in kept:
            return 404, {}, {"errors": [f"{kind} {rest[0]} not found"]}
        if method == "GET":
            return 200, {}, kept[rest[0]] if rest else self._list(kind, query)
        if method not in ("POST", "PUT") or (method == "PUT") != bool(rest):
            return 405, {}, {"errors": ["method not allowed"]}
        body = json.loads(text)
        if wrong := faults(kind, body):
            return 400, {}, {"errors": wrong}
        self.writes.append((method, url.path, body))
        if method == "POST":
            return 200, {}, kept[str(self.put(kind, body)["id"])]
        now = dt.datetime.now(dt.UTC).isoformat()
        before = kept[rest[0]]
        if kind == "dashboard":  # replaced whole
            stays = ("id", "url", "created_at")
            after = self._dashboard({name: before[name] for name in stays} | body, now)
        else:
            after = self._monitor(before | body, now)
        kept[rest[0]] = after
        return 200, {}, after

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
        self._number(theirs.get("widgets", []))
        return theirs

    def _number(self, widgets: Any) -> None:
        for widget in widgets:
            widget["id"] = next(self._numbers)
            self._number(widget["definition"].get("widgets", []))

    def _monitor(self, body: Any, now: str) -> Any:
        theirs = copy.deepcopy(body)
        theirs["tags"] = theirs.get("tags", [])[::-1]
        defaults = {"notify_audit": False, "silenced": {}, "new_host_delay": 300}
        options = defaults | theirs.get("options", {})
        limits = options.get("thresholds", {})
        options["thresholds"] = {name: float(limit) for name, limit in limits.items()}
        server = {"modified": now, "deleted": None, "multi": True, "overall_state": "No Data"}
        return theirs | {"options": options} | server
