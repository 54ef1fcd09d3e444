"""A DogStatsD agent on loopback: the lines it gets, read as the published datagram format has them.

The grammar is that of Datadog's documentation, "DogStatsD: Datagram Format and Shell Usage"; it is
written here a second time, and shares nothing with the library that sends.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

METRIC_TYPES = {"c", "g", "ms", "h", "s", "d"}
STATUSES = {"0", "1", "2", "3"}
ALERT_TYPES = {"error", "warning", "info", "success"}
PRIORITIES = {"normal", "low"}
EVENT_BYTES = 8 * 1024


@dataclass(frozen=True)
class Datagram:
    """One line: ``kind`` is metric, event or check."""

    kind: str
    name: str
    value: str
    tags: frozenset[str]
    fields: dict[str, str] = field(default_factory=dict)


def parse(line: bytes) -> Datagram:
    """Read a line.

    Raises
    ------
    ValueError
        If the format does not allow it.
    """
    if line.startswith(b"_e{"):
        return _event(line)
    text = line.decode()
    if text.startswith("_sc|"):
        return _check(text)
    name, colon, rest = text.partition(":")
    value, *sections = rest.split("|")
    if not colon or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_.]{0,199}", name):
        raise ValueError(f"no metric name: {text}")
    if not sections or sections[0] not in METRIC_TYPES:
        raise ValueError(f"no metric type: {text}")
    float(value)
    fields = _fields(sections[1:], {"@", "#", "c:", "T"})
    return Datagram("metric", name, value, _tags(fields.pop("#", "")), fields)


def _event(line: bytes) -> Datagram:
    if len(line) > EVENT_BYTES:
        raise ValueError(f"an event of {len(line)} bytes")
    head = re.match(rb"_e\{(\d+),(\d+)\}:", line)
    if not head:
        raise ValueError(f"no event: {line!r}")
    title_bytes, text_bytes = map(int, head.groups())
    rest = line[head.end() :]
    title, bar, rest = rest[:title_bytes], rest[title_bytes:][:1], rest[title_bytes + 1 :]
    text, end = rest[:text_bytes], rest[text_bytes:].decode()
    if bar != b"|" or (end and end[0] != "|"):
        raise ValueError(f"the lengths are not those of title and text: {line!r}")
    known = {"d:", "h:", "k:", "p:", "s:", "t:", "#", "c:"}
    fields = _fields(end[1:].split("|"), known)
    if fields.get("t:", "info") not in ALERT_TYPES or fields.get("p:", "low") not in PRIORITIES:
        raise ValueError(f"alert type or priority: {line!r}")
    return Datagram("event", title.decode(), text.decode(), _tags(fields.pop("#", "")), fields)


def _check(text: str) -> Datagram:
    head, _, message = text.partition("|m:")
    _, name, status, *sections = head.split("|")
    if status not in STATUSES:
        raise ValueError(f"no status: {text}")
    if "|" in message:
        raise ValueError(f"a field after the message: {text}")
    fields = _fields(sections, {"d:", "h:", "#", "c:"})
    return Datagram("check", name, status, _tags(fields.pop("#", "")), fields | {"m:": message})


def _fields(sections: list[str], known: set[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for section in sections:
        name = next((prefix for prefix in known if section.startswith(prefix)), None)
        if name is None or name in found:
            raise ValueError(f"{section!r} is no field, or there twice")
        found[name] = section.removeprefix(name)
    return found


def _tags(text: str) -> frozenset[str]:
    tags = text.split(",") if text else []
    for tag in tags:
        if not re.fullmatch(r"[^\W\d_][\w\-:./]{0,199}", tag):
            raise ValueError(f"{tag!r} is no tag")
    if len(set(tags)) != len(tags):
        raise ValueError(f"a tag is there twice: {text}")
    return frozenset(tags)


class AgentSocket:
    """``address`` is host and port, or the socket's path; ``lines`` what came, undecoded."""

    def __init__(self, path: Path | None = None) -> None:
        self._socket = socket.socket(socket.AF_UNIX if path else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(str(path) if path else ("127.0.0.1", 0))
        self._socket.settimeout(0.05)
        self.address = self._socket.getsockname()
        self.lines: list[bytes] = []
        self._open = True
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def _listen(self) -> None:
        while self._open:
            try:
                packet = self._socket.recv(65536)
            except TimeoutError:
                continue
            self.lines += packet.splitlines()

    def wait_for(self, count: int) -> list[Datagram]:
        """What came, once there are ``count`` lines; each must be as the format says."""
        for _ in range(500):
            if len(self.lines) >= count:
                break
            time.sleep(0.02)
        return [parse(line) for line in self.lines]

    def __enter__(self) -> AgentSocket:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._open = False
        self._thread.join()
        self._socket.close()
