"""Secrets are planted in the environment, everything fails, and no byte that is left has one."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from resources.storage import open_storage
from tests.conftest import days_ago

TELLS = """
import os, sys
for place in ("/proc/self/environ", f"/proc/{os.getppid()}/environ"):
    told = open(place, "rb").read()
    sys.stdout.write(told.decode(errors="replace") + "\\n")
    sys.stderr.write(told.decode(errors="replace").replace("\\0", "\\n") + "\\n")
sys.exit(int(sys.argv[1] == "fail"))
"""


class Echo(BaseHTTPRequestHandler):
    """Refuses each request and repeats all of it, as no service should and some do."""

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        said = f"{self.path} {self.headers} {self.rfile.read(length).decode(errors='replace')}"
        body = said.encode()
        self.send_response(400)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST  # noqa: N815

    def log_message(self, *_):
        pass


@pytest.fixture
def echo():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def planted(echo):
    """Variables, and which parts of their values are secret."""
    secrets = {
        name: hashlib.sha256(name.encode()).hexdigest()[:32]
        for name in (
            "PAGERDUTY_ROUTING_KEY",
            "DD_API_KEY",
            "DD_APP_KEY",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "MLFLOW_TRACKING_TOKEN",
            "DAGSTER_PG_PASSWORD",
            "SOME_SERVICE_PASSWORD",
            "hook",
            "proxy",
            "warehouse",
        )
    }
    hook, proxy, warehouse = (secrets[name] for name in ("hook", "proxy", "warehouse"))
    variables = {name: value for name, value in secrets.items() if name.isupper()} | {
        "PAGERDUTY_EVENTS_URL": echo,
        "DATADOG_HOST": echo,
        "MONITORING_SLACK_WEBHOOK_URL": f"{echo}/services/T0/B0/{hook}",
        "FTP_PROXY": f"http://user:{proxy}@127.0.0.1:9",
        "MONITORING_WAREHOUSE_RISK_URL": f"postgresql://user:{warehouse}@127.0.0.1:9/db",
    }
    return variables, secrets


@pytest.mark.slow
def test_no_secret_is_left_anywhere(lender, echo, tmp_path):
    variables, secrets = planted(echo)
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    storage = open_storage(lender.registry.root)
    digest = hashlib.sha256(TELLS.encode()).hexdigest()
    for name, word in (("tells", "fail"), ("lies", "succeed")):
        lender.publish(
            name,
            scoring={
                "flavour": "command",
                "artefact": "tells.py",
                "sha256": digest,
                "command": [sys.executable, "{artefact}", word],
            },
            reference={"path": "reference.parquet", "score": "score"},
        )
        storage.write(f"{name}/1/tells.py", TELLS.encode())
        lender.deliver(days_ago(1), feed=name)
    lender.publish(
        "absent", batch={"path": "warehouse://risk/s.loans/day={date}", "key": "loan_id"}
    )
    lender.publish("broken", owner="|")
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("AWS_")},
        **lender.environment,
        **variables,
        "DAGSTER_HOME": str(home),
    }
    said = []
    for words in (
        "registry validate {registry}",
        "registry validate mlflow+{echo}/a/b",
        "onboard",
        "backfill tells.1 lies.1",
        "backfill absent.1",
        "backfill broken.1",
        "alerts tells.1",
        "report tells.1",
        "status",
        "dashboards apply",
    ):
        line = words.format(registry=lender.registry.root, echo=echo).split()
        done = subprocess.run(
            [Path(sys.executable).parent / "monitoring", *line],
            env=environment,
            capture_output=True,
            timeout=300,
        )
        said.append((words, done.stdout + done.stderr))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    said += [(str(path.relative_to(tmp_path)), path.read_bytes()) for path in files]
    assert len(files) > 20
    found = {
        (where, name)
        for where, content in said
        for name, secret in secrets.items()
        if secret.encode() in content
    }
    assert found == set()
    # The programs did run, and what they printed was kept.
    assert any(b"***" in content for _, content in said)
