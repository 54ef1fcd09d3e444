"""A loopback HTTP server whose faults a test chooses.

::

    with PagerDutyReceiver() as receiver:          # or DatadogReceiver
        monkeypatch.setenv("PAGERDUTY_EVENTS_URL", receiver.url)
        receiver.fail(Answer(429, headers={"Retry-After": "7"}), Answer(500))   # the next two
        receiver.fail_if = lambda number: CUT if number % 10 == 0 else None     # as a rule
        ...
        receiver.requests    # every request that was taken or refused, in order

A fault is an `Answer` (sent as it is, the request having no effect), `CUT` (the connection is
closed without an answer, the request having no effect), `CUT_AFTER` (it has its effect, and then
the connection is closed: the sender cannot know) or `Slow` (seconds before the effect and the
answer). ``receiver.refuse_connections()`` closes the port, ``receiver.accept_connections()`` opens
the same one again. What the API's rules forbid is answered 400 and kept in ``receiver.violations``:
a test of a sender ends with ``assert not receiver.violations``.
"""

from __future__ import annotations

import json
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; ``body`` is sent as JSON unless it is bytes."""

    status: int
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Slow:
    """Wait, then go on as without a fault."""

    seconds: float


class _Cut:
    def __init__(self, *, after: bool) -> None:
        self.after = after


CUT = _Cut(after=False)
CUT_AFTER = _Cut(after=True)

Fault = Answer | Slow | _Cut


@dataclass(frozen=True)
class Request:
    """What came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    status: int | None

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class ViolationError(Exception):
    """A request that the published API forbids."""


class Receiver:
    """The server; `answer` says what an API does with a request."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.violations: list[str] = []
        self.fail_if: Callable[[int], Fault | None] = lambda number: None
        self._faults: deque[Fault] = deque()
        self._lock = threading.RLock()
        self._number = 0
        self._port = 0
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def environment(self) -> dict[str, str]:
        """Variables that configure a channel for this server: its address, and secrets."""
        raise NotImplementedError

    def fail(self, *faults: Fault) -> None:
        """The next requests meet these faults, one each."""
        with self._lock:
            self._faults.extend(faults)

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Take a request that meets no fault; raise `ViolationError` for what is not allowed."""
        raise NotImplementedError

    def refusal(self, violation: ViolationError) -> Answer:
        """How this API says that a request is wrong."""
        raise NotImplementedError

    def accept_connections(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver._handle(self)

            do_GET = do_PUT = do_DELETE = do_POST  # noqa: N815

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._server.daemon_threads = True
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def refuse_connections(self) -> None:
        assert self._server
        self._server.shutdown()
        self._server.server_close()
        self._server = None

    def __enter__(self):
        self.accept_connections()
        return self

    def __exit__(self, *_: object) -> None:
        if self._server:
            self.refuse_connections()

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        headers = {name.lower(): value for name, value in handler.headers.items()}
        body = handler.rfile.read(int(headers.get("content-length", 0)))
        if headers.get("content-encoding") == "deflate":
            body = zlib.decompress(body)
        with self._lock:
            self._number += 1
            fault = self._faults.popleft() if self._faults else self.fail_if(self._number)
        if isinstance(fault, Slow):
            time.sleep(fault.seconds)
        answer: Answer | None = fault if isinstance(fault, Answer) else None
        with self._lock:
            if answer is None and not (isinstance(fault, _Cut) and not fault.after):
                try:
                    answer = self.answer(handler.command, handler.path, headers, body)
                except ViolationError as violation:
                    self.violations.append(f"{handler.command} {handler.path}: {violation}")
                    answer = self.refusal(violation)
                except Exception as error:  # the receiver's own fault: shown, and not a mere cut
                    self.violations.append(f"{handler.command} {handler.path}: {error!r}")
                    answer = Answer(500, {"errors": [repr(error)]})
            status = answer.status if answer else None
            request = Request(handler.command, handler.path, headers, body, status)
            self.requests.append(request)
        if isinstance(fault, _Cut) or answer is None:
            handler.close_connection = True
            return
        content = (
            answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        )
        try:
            handler.send_response(answer.status)
            for name, value in ({"Content-Type": "application/json"} | answer.headers).items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(content)))
            handler.end_headers()
            handler.wfile.write(content)
        except OSError:
            pass  # the sender did not wait
