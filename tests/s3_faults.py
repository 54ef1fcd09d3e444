"""A proxy before an S3 API that fails as networks and servers do, on loopback."""

from __future__ import annotations

import http.client
import re
import socket
import struct
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import urlsplit

from typing_extensions import override

Fault = Literal["truncate", "503", "reset", "expired", "denied"]
WORDS = {
    "503": (503, "SlowDown", "Please reduce your request rate."),
    "expired": (400, "ExpiredToken", "The provided token has expired."),
    "denied": (403, "AccessDenied", "Access Denied"),
}


class FaultyS3:
    """Passes requests on, but for those that ``fault`` names a fault for.

    Parameters
    ----------
    endpoint
        The S3 API.

    Attributes
    ----------
    fault
        Says what becomes of a request from its method and path; None for an answer.
    expired_keys
        Access keys whose token has expired.
    unlisted
        End of the keys that no listing shows, as of objects that are listed late; empty for none.
    failed
        Requests that failed, such as ``GET /bucket/key``.
    """

    def __init__(self, endpoint: str) -> None:
        self.fault: Callable[[str, str], Fault | None] = lambda method, path: None
        self.expired_keys: set[str] = set()
        self.unlisted = ""
        self.failed: list[str] = []
        host = urlsplit(endpoint).netloc
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            @override
            def log_message(self, format: str, *args: Any) -> None:
                pass

            def _answer(self) -> None:
                body = self._body()
                fault = (
                    "expired" if self._key_has_expired() else proxy.fault(self.command, self.path)
                )
                if fault:
                    proxy.failed.append(f"{self.command} {self.path}")
                if fault == "reset":
                    linger = struct.pack("ii", 1, 0)
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    self.close_connection = True
                    self.connection.close()
                    return
                if fault in WORDS:
                    status, code, said = WORDS[fault]
                    xml = f"<Error><Code>{code}</Code><Message>{said}</Message></Error>".encode()
                    self._send(status, {"Content-Type": "application/xml"}, xml, len(xml))
                    return
                upstream = http.client.HTTPConnection(host, timeout=30)
                kept = {n: v for n, v in self.headers.items() if n.lower() != "transfer-encoding"}
                upstream.request(self.command, self.path, body, kept)
                answer = upstream.getresponse()
                content = answer.read()
                upstream.close()
                if proxy.unlisted and "list-type=2" in self.path:
                    entry = rf"<Contents><Key>[^<]*{re.escape(proxy.unlisted)}</Key>.*?</Contents>"
                    content = re.sub(entry.encode(), b"", content, flags=re.DOTALL)
                    size = len(content)
                else:
                    size = int(answer.headers.get("Content-Length") or len(content))
                sent = content[: len(content) // 2] if fault == "truncate" else content
                headers = {
                    name: value
                    for name, value in answer.getheaders()
                    if name.lower() not in ("content-length", "transfer-encoding", "connection")
                }
                self._send(answer.status, headers, sent, size)
                if fault == "truncate":
                    self.close_connection = True

            def _key_has_expired(self) -> bool:
                said = self.headers.get("Authorization", "")
                return any(f"Credential={key}/" in said for key in proxy.expired_keys)

            def _body(self) -> bytes:
                if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                    return self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parts = []
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                while self.rfile.readline().strip():
                    pass
                return b"".join(parts)

            def _send(self, status: int, headers: dict[str, str], body: bytes, size: int) -> None:
                self.send_response_only(status)
                for name, value in {**headers, "Content-Length": str(size)}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _answer  # noqa: N815

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> FaultyS3:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
