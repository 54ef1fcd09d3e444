"""Receivers at which the first sending of everything meets another fault, in turn."""

from __future__ import annotations

import io
import json
import os
import signal
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from tests.integration.workers import SLOW_SECONDS
from tests.receivers.datadog import DatadogReceiver
from tests.receivers.pagerduty import PagerDutyReceiver
from tests.receivers.server import CUT, CUT_AFTER, Answer, Fault, Receiver, Slow


@dataclass(frozen=True)
class Kill:
    """The sender gets SIGKILL while it waits for the answer: ``after`` the effect, or before."""

    after: bool


FAULTS: dict[str, Fault | Kill | None] = {
    "killed after it was taken": Kill(after=True),
    "429": Answer(429, {"errors": ["slower"]}, {"Retry-After": "90"}),
    "connection cut after it was taken": CUT_AFTER,
    "no answer in time": Slow(SLOW_SECONDS),
    "killed before it was taken": Kill(after=False),
    "500": Answer(500, {"errors": ["ours"]}),
    "connection cut": CUT,
    "none": None,
}
UNCERTAIN = {"killed after it was taken", "connection cut after it was taken", "no answer in time"}
"""After these it was taken, and the sender cannot know."""

Name = tuple[str, str]


class Rough(Receiver):
    """Meets faults by what is sent. The process id of the sender is the first part of the path.

    ``met`` says which fault the first sending of what met; ``settle`` waits until every request
    has had its effect.
    """

    def __init__(self) -> None:
        super().__init__()
        self.met: dict[Name, str] = {}
        self._names = cycle(FAULTS)
        self._thread = threading.local()
        self._open = Counter[str]()
        self._guard = threading.Lock()
        self.fail_if = lambda number: self._thread.fault

    def name_of(self, path: str, content: Any) -> Name | None:
        """What a request says; None for what meets no faults."""
        raise NotImplementedError

    def faults_met(self) -> Counter[str]:
        """How often each fault was met."""
        return Counter(self.met.values())

    def settle(self) -> None:
        """Wait until no request is under way, whether its sender waits for it or not."""
        while self._open["requests"]:
            time.sleep(0.02)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._guard:
            self._open["requests"] += 1
        try:
            yield
        finally:
            with self._guard:
                self._open["requests"] -= 1

    def _handle(self, handler: Any) -> None:
        with self._counted():
            body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
            handler.rfile = io.BytesIO(body)
            if handler.headers.get("content-encoding") == "deflate":
                body = zlib.decompress(body)
            sender, _, path = handler.path.removeprefix("/").partition("/")
            if sender.isdigit():
                handler.path = f"/{path}"
            fault = self._fault(handler.path, body) if sender.isdigit() else None
            self._thread.victim = None
            if isinstance(fault, Kill):
                self._thread.victim, fault = (int(sender), None) if fault.after else (None, fault)
            if isinstance(fault, Kill):
                os.kill(int(sender), signal.SIGKILL)
                return
            self._thread.fault = fault
            super()._handle(handler)

    def _fault(self, path: str, body: bytes) -> Fault | Kill | None:
        name = self.name_of(path, json.loads(body))
        with self._guard:
            if name is None or name in self.met:
                return None
            self.met[name] = next(self._names)
            return FAULTS[self.met[name]]

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        answer = super().answer(method, path, headers, body)
        if self._thread.victim is not None:
            os.kill(self._thread.victim, signal.SIGKILL)
        return answer


class RoughPagerDuty(Rough, PagerDutyReceiver):
    """The beginning and the end of each incident meet faults."""

    def name_of(self, path: str, content: Any) -> Name | None:
        if path != "/v2/enqueue":
            return None
        return content["dedup_key"], content["event_action"]


class RoughDatadog(Rough, DatadogReceiver):
    """The beginning and the end of each incident meet faults, and a tenth of the measurements."""

    def name_of(self, path: str, content: Any) -> Name | None:
        if path == "/api/v1/events":
            tags = dict(tag.split(":", 1) for tag in content["tags"])
            return content["aggregation_key"], tags.get("action", "landed")
        if path == "/api/v1/series":
            self._open["series"] += 1
            number = self._open["series"]
            return ("series", str(number)) if number % 10 == 0 else None
        return None
