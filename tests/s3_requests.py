"""What a server of S3 was asked for: requests of every client, boto's and Arrow's."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


class _Recorder(logging.Handler):
    def __init__(self, seen: list[str]) -> None:
        super().__init__()
        self._seen = seen

    def emit(self, record: logging.LogRecord) -> None:
        line = record.getMessage()
        start = min(
            at
            for verb in ("GET", "PUT", "HEAD", "POST", "DELETE")
            if (at := line.find(f"{verb} /")) >= 0
        )
        self._seen.append(line[start:].rpartition(" HTTP/")[0])


@contextmanager
def recorded_requests() -> Iterator[list[str]]:
    """Requests such as ``GET /bucket/path`` that moto's server here answers meanwhile."""
    seen: list[str] = []
    log, recorder = logging.getLogger("werkzeug"), _Recorder(seen)
    before = log.level, log.propagate
    log.setLevel(logging.INFO)
    log.propagate = False
    log.addHandler(recorder)
    try:
        yield seen
    finally:
        log.removeHandler(recorder)
        log.setLevel(before[0])
        log.propagate = before[1]
