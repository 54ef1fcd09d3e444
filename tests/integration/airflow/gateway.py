"""What stands between Airflow and Dagster's webserver in production; it may be slow."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Gateway(ThreadingHTTPServer):
    """Hands requests on to the webserver; answers 502 while that is down, as load balancers do.

    Parameters
    ----------
    upstream
        The webserver.
    """

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.refused = 0
        self.open = threading.Event()
        """While it is not set, the answer to a launch is kept back."""
        self.kept_back = threading.Event()
        """Dagster has launched a run, and its answer is kept back."""
        self.open.set()
        self.peer = 0
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def client(self) -> int:
        """Id of the process whose launch is kept back, from Linux' table of connections."""
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if int(fields[1].split(":")[1], 16) == self.peer:
                socket = f"socket:[{fields[9]}]"
                for found in Path("/proc").glob("[0-9]*/fd/*"):
                    with suppress(OSError):
                        if str(found.readlink()) == socket:
                            return int(found.parts[2])
        raise AssertionError("who asked for the launch is gone")

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Gateway

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._hand_on(body)

    def do_GET(self) -> None:
        self._hand_on(None)

    def _hand_on(self, body: bytes | None) -> None:
        headers = {"Content-Type": self.headers.get("Content-Type", "application/json")}
        request = urllib.request.Request(self.server.upstream + self.path, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                status, answer = response.status, response.read()
        except urllib.error.HTTPError as error:
            status, answer = error.code, error.read()
        except OSError:
            self.server.refused += 1
            status, answer = 502, b"Bad Gateway"
        if b"launchPipelineExecution" in (body or b"") and not self.server.open.is_set():
            self.server.peer = self.client_address[1]
            self.server.kept_back.set()
            self.server.open.wait(300)
        with suppress(OSError):  # who asked may have been killed
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the tests' output clean."""
