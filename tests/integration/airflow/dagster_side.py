"""The Dagster of a deployment: code server, webserver and daemon over PostgreSQL, and a lender."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

from monitoring_assets.cli.init import TEMPLATES
from resources.asset_keys import asset_key
from tests.conftest import Lender
from tests.integration.airflow.gateway import Gateway
from tests.integration.airflow.postgres import Postgres
from tests.integration.airflow.processes import Processes, free_port, wait_for

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent
LOCATION = "model_monitoring"


class Dagster:
    """A deployment of the product with the bridge on.

    Parameters
    ----------
    folder
        Of the deployment: home and settings.
    lender
        Its registry, lake and store.
    postgres, database
        Where the instance is.
    processes
        Runs its processes.
    settings
        Content of ``airflow.yaml``.
    """

    def __init__(
        self,
        folder: Path,
        lender: Lender,
        postgres: Postgres,
        database: str,
        processes: Processes,
        settings: dict[str, Any],
    ) -> None:
        self.home = folder / "home"
        self.home.mkdir(parents=True)
        self.lender = lender
        postgres.create(database)
        configuration = yaml.safe_load((TEMPLATES / "dagster.yaml").read_text())
        configuration["storage"] = postgres.dagster_storage(database)
        # On a busy machine a run that starts slowly is not a lost one.
        configuration["run_monitoring"]["start_timeout_seconds"] = 900
        configuration["run_queue"]["dequeue_interval_seconds"] = 1
        (self.home / "dagster.yaml").write_text(yaml.safe_dump(configuration))
        self.bridge = folder / "airflow.yaml"
        self.bridge.write_text(yaml.safe_dump(settings))
        self.processes = processes
        self._web_port, self._code_port = free_port(), free_port()
        self._workspace = folder / "workspace.yaml"
        server = {"host": "127.0.0.1", "port": self._code_port, "location_name": LOCATION}
        self._workspace.write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}))
        self.gateway = Gateway(f"http://127.0.0.1:{self._web_port}")

    @property
    def environment(self) -> dict[str, str]:
        """Variables of every process of the deployment."""
        return {
            **{k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "MONITORING"))},
            **self.lender.environment,
            "DAGSTER_HOME": str(self.home),
            "DAGSTER_DISABLE_TELEMETRY": "yes",
            "MONITORING_AIRFLOW": str(self.bridge),
            "PYTHONPATH": str(ROOT),
        }

    def start(self) -> None:
        """Start all of it."""
        code = ["-m", "monitoring_assets.definitions", "--location-name", LOCATION]
        self._start("code", BIN / "dagster", "api", "grpc", "-p", self._code_port, *code)

        def the_code_server_listens() -> bool:
            self.processes.check()
            with socket.socket() as client:
                return client.connect_ex(("127.0.0.1", self._code_port)) == 0

        wait_for(the_code_server_listens)
        self.start_webserver()
        self._start("daemon", BIN / "dagster-daemon", "run", "-w", self._workspace)

    def start_webserver(self) -> None:
        """Start the webserver, and wait for it."""
        where = ("-h", "127.0.0.1", "-p", self._web_port, "-w", self._workspace)
        self._start("webserver", BIN / "dagster-webserver", *where)

        def the_webserver_answers() -> bool:
            self.processes.check()
            try:
                with urllib.request.urlopen(f"{self.gateway.upstream}/server_info", timeout=10):
                    return True
            except OSError:
                return False

        wait_for(the_webserver_answers)

    def stop_webserver(self) -> None:
        """Take the webserver down."""
        self.processes.stop("webserver")

    def command(self, *arguments: Any) -> str:
        """Run a ``monitoring`` command and return its output."""
        done = subprocess.run(
            [BIN / "monitoring", *map(str, arguments)],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"monitoring {arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def _start(self, name: str, *command: Any) -> None:
        self.processes.start(name, list(command), self.environment, cwd=ROOT)

    @contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        """The deployment's instance."""
        with dg.DagsterInstance.from_config(str(self.home)) as instance:
            yield instance

    def runs(self, **tags: str) -> list[dg.DagsterRun]:
        """Runs of ``monitor_day`` with these tags, newest first; ``__`` stands for ``/``."""
        named = {name.replace("__", "/"): value for name, value in tags.items()}
        with self.instance() as instance:
            return list(instance.get_runs(dg.RunsFilter(job_name="monitor_day", tags=named)))

    def materialized(self, asset: str) -> set[str]:
        """Partitions of an asset that are made."""
        with self.instance() as instance:
            return set(instance.get_materialized_partitions(asset_key(asset)))
