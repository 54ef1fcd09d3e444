"""`monitoring serve`, as a process."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from resources import layout
from tests.integration.airflow.processes import free_port, wait_for

MONITORING = Path(sys.executable).with_name("monitoring")


@pytest.fixture
def environment(lender):
    lender.store.storage.write(layout.FLEET_PAGE, b"<p>all</p>")
    return {**os.environ, **lender.environment}


def test_serves_until_it_is_interrupted(environment, lender):
    port = free_port()
    with subprocess.Popen(
        [MONITORING, "serve", "--port", str(port)], env=environment, stdout=subprocess.PIPE
    ) as server:
        try:

            def it_answers():
                with socket.socket() as client:
                    return client.connect_ex(("127.0.0.1", port)) == 0

            wait_for(it_answers, seconds=60)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as page:
                assert page.read() == b"<p>all</p>"
            server.send_signal(signal.SIGINT)
            said, _ = server.communicate(timeout=30)
        finally:
            server.kill()
    assert server.returncode == 0
    assert f"Pages of {lender.store.root}: http://127.0.0.1:{port}" in said.decode()


@pytest.mark.parametrize(
    ("host", "words"), [("127.0.0.1", "Address already in use"), ("no.such.host.invalid", "")]
)
def test_an_address_that_cannot_be_used_is_named(environment, host, words):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = subprocess.run(
            [MONITORING, "serve", "--host", host, "--port", str(port)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert f"cannot listen on {host}:{port}: {words}" in done.stderr
    assert "Traceback" not in done.stderr
