"""Waiting for an API server that is away: the real client, against a server that comes later."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import kubernetes
import pytest
from urllib3.exceptions import HTTPError

from resources.kubernetes import api_server


class Discovery(BaseHTTPRequestHandler):
    """Answers 503 once, as a server does that is just starting; then what there is."""

    def do_GET(self):
        status = 200 if self.server.asked else 503
        self.server.asked.append(self.path)
        body = b'{"groupVersion": "batch/v1", "resources": []}'
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    """A server that is bound and does not answer until it is told to; a client for it."""
    monkeypatch.setattr(api_server, "PAUSE_SECONDS", 0.05)
    one = ThreadingHTTPServer(("127.0.0.1", 0), Discovery, bind_and_activate=False)
    one.asked = []
    one.server_bind()
    settings = kubernetes.client.Configuration(host=f"http://127.0.0.1:{one.server_port}")
    settings.retries = False
    one.client = kubernetes.client.BatchV1Api(kubernetes.client.ApiClient(settings))
    yield one
    one.server_close()


def test_it_returns_once_the_server_answers(server):
    waiting = threading.Thread(target=api_server.wait_for_api_server, args=(server.client,))
    waiting.start()
    time.sleep(0.3)
    assert waiting.is_alive()  # no server listens
    server.server_activate()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    waiting.join(20)
    assert not waiting.is_alive()
    assert server.asked == ["/apis/batch/v1/"] * 2
    server.shutdown()


def test_it_gives_up_after_a_while(server, monkeypatch):
    monkeypatch.setattr(api_server, "PATIENCE_SECONDS", 0.2)
    with pytest.raises(HTTPError):
        api_server.wait_for_api_server(server.client)
