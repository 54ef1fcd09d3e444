"""S3's API over keys in memory, every answer late by the same time.

Moto, which the tests have, walks through every key of a bucket for each listing, so a large bucket
would measure moto. Here a listing costs what its page costs, and seeding is one request.
"""

from __future__ import annotations

import bisect
import json
import sys
import time
from collections.abc import Mapping
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

PAGE = 1000
SEED, CALLS = "/-/seed", "/-/calls"


class Objects:
    """Keys, with their bucket in front, and what they hold."""

    def __init__(self) -> None:
        self._content: dict[str, bytes] = {}
        self._keys: list[str] = []
        self.calls = 0

    def seed(self, content: Mapping[str, str]) -> None:
        """Add many objects."""
        self._content |= {key: text.encode() for key, text in content.items()}
        self._keys = sorted(self._content)

    def get(self, key: str) -> bytes | None:
        """What an object holds."""
        return self._content.get(key)

    def put(self, key: str, content: bytes) -> None:
        """Replace an object."""
        if key not in self._content:
            bisect.insort(self._keys, key)
        self._content[key] = content

    def delete(self, key: str) -> None:
        """Remove an object."""
        if self._content.pop(key, None) is not None:
            del self._keys[bisect.bisect_left(self._keys, key)]

    def page(self, prefix: str, after: str) -> tuple[list[str], bool]:
        """The next page of keys, and whether there are more."""
        start = max(bisect.bisect_left(self._keys, prefix), bisect.bisect_right(self._keys, after))
        found = []
        for key in self._keys[start : start + PAGE + 1]:
            if not key.startswith(prefix):
                break
            found.append(key)
        return found[:PAGE], len(found) > PAGE


class Handler(BaseHTTPRequestHandler):
    """One request of S3's API, with the bucket in the path."""

    protocol_version = "HTTP/1.1"
    objects: Objects
    seconds: float

    def do_GET(self) -> None:
        """A listing, or an object."""
        if self.path == CALLS:
            answer, self.objects.calls = self.objects.calls, 0
            self._answer(200, str(answer).encode())
            return
        self._begin()
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        if "list-type" in query:
            self._answer(200, self._listing(url.path.strip("/"), query))
            return
        content = self.objects.get(self._key)
        if content is None:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            self._answer(200, content, md5(content).hexdigest())

    def do_HEAD(self) -> None:
        """Whether an object is there."""
        self._begin()
        content = self.objects.get(self._key)
        self._answer(404 if content is None else 200, content or b"", md5(b"").hexdigest())

    def do_PUT(self) -> None:
        """Write an object, or many."""
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == SEED:
            self.objects.seed(json.loads(content))
        else:
            self._begin()
            self.objects.put(self._key, content)
        self._answer(200, b"", md5(content).hexdigest())

    def do_DELETE(self) -> None:
        """Remove an object."""
        self._begin()
        self.objects.delete(self._key)
        self._answer(204, b"")

    @property
    def _key(self) -> str:
        return unquote(urlsplit(self.path).path.lstrip("/"))

    def _begin(self) -> None:
        self.objects.calls += 1
        time.sleep(self.seconds)

    def _listing(self, bucket: str, query: dict[str, list[str]]) -> bytes:
        def given(name: str) -> str:
            return f"{bucket}/{query.get(name, [''])[0]}"

        after = max(given("start-after"), given("continuation-token"))
        keys, more = self.objects.page(given("prefix"), after)
        entries = "".join(
            f"<Contents><Key>{escape(key.partition('/')[2])}</Key><Size>1</Size>"
            "<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;0&quot;</ETag>"
            "</Contents>"
            for key in keys
        )
        token = escape(keys[-1].partition("/")[2]) if more else ""
        return (
            f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{entries}"
            f"<NextContinuationToken>{token}</NextContinuationToken></ListBucketResult>"
        ).encode()

    def _answer(self, status: int, content: bytes, etag: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        if etag:
            self.send_header("ETag", f'"{etag}"')
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Takes as many connections at once as a client opens."""

    daemon_threads = True
    request_queue_size = 256


def main() -> None:
    """Serve until the process is ended; print the port first."""
    Handler.objects, Handler.seconds = Objects(), float(sys.argv[1])
    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
