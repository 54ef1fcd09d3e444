"""Deployments: a Dagster with the bridge on, and an Airflow that schedules it."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Lender, days_ago
from tests.integration.airflow.airflows import Airflow, airflow
from tests.integration.airflow.dagster_side import ROOT, Dagster
from tests.integration.airflow.postgres import Postgres, postgres_server
from tests.integration.airflow.processes import Processes, wait_for

DAG_FILES = Path(__file__).parent / "team_dags"
ONCALL = """\
import os

def late(context, **_):
    with open(os.environ["AIRFLOW_HOME"] + "/late", "a") as told:
        told.write(context["dag_run"]["dag_run_id"] + "\\n")
"""
PLUGIN = ROOT / "airflow_bridge/plugin/model_monitoring_notes.py"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """PostgreSQL for all deployments."""
    with postgres_server() as server:
        yield server


@dataclass(frozen=True)
class Bridge:
    """Both sides of a deployment.

    Parameters
    ----------
    bundle
        The bundle's folder.
    """

    dagster: Dagster
    airflow: Airflow
    processes: Processes
    bundle: Path

    def ended(self, key: str, number: int) -> list[dict[str, Any]]:
        """Wait until so many DAG runs of a model version have ended; all its runs."""

        def runs_have_ended() -> list[dict[str, Any]]:
            self.processes.check()
            runs = self.airflow.runs(dag_id(key))
            over = [run for run in runs if run["state"] in ("success", "failed")]
            return runs if len(over) == number == len(runs) else []

        return wait_for(runs_have_ended, 900)


def dag_id(key: str) -> str:
    """The DAG of a model version."""
    return f"monitor_day.{key}"


@contextmanager
def deployment(
    folder: Path,
    version: str,
    lender: Lender,
    postgres: Postgres,
    settings: dict[str, Any],
    connections: dict[str, dict[str, Any]] | None = None,
    without: tuple[str, ...] = (),
) -> Iterator[Bridge]:
    """Run Dagster and an Airflow until the end.

    Parameters
    ----------
    version
        Airflow environment.
    lender
        Registry, lake and store.
    settings
        Content of ``airflow.yaml`` besides ``bundle``.
    connections
        Airflow's, besides the one to Dagster.
    without
        Processes of Airflow that are not needed.
    """
    bundle = folder / "dags" / "monitoring"
    shutil.copytree(DAG_FILES, folder / "dags" / "team")
    bundle.mkdir()
    database = f"{folder.name}-{version}-{secrets.token_hex(4)}"
    with Processes(folder / "logs") as processes:
        given = {"bundle": str(bundle), **settings}
        dagster = Dagster(folder, lender, postgres, f"{database}-dagster", processes, given)
        if version == "2.11-dagster":
            connection = {"conn_type": "dagster", "login": dagster.gateway.url}
        else:
            connection = {"conn_type": "http", "host": dagster.gateway.url}
        connections = {"dagster_default": connection, **(connections or {})}
        scheduler = airflow(
            version,
            folder / "airflow",
            bundle.parent,
            postgres,
            f"{database}-airflow",
            processes,
            connections,
        )
        (scheduler.folder / "plugins").mkdir()
        shutil.copy(PLUGIN, scheduler.folder / "plugins")
        # A folder that Airflow imports from.
        (scheduler.folder / "config").mkdir()
        (scheduler.folder / "config/lender_oncall.py").write_text(ONCALL)
        dagster.start()
        # A fleet is there, and with it the file that Airflow parses again when it changes.
        dagster.lender.publish("pd_planned", deployed_at=str(days_ago(-7)))
        wait_for((bundle / "model_monitoring_dags.py").exists)
        scheduler.start(*without)
        yield Bridge(dagster, scheduler, processes, bundle)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Show the ends of the processes' logs with a failure."""
    report = yield
    bridge = getattr(item, "funcargs", {}).get("bridge")
    if report.failed and isinstance(bridge, Bridge):
        report.sections.append(("Logs of the processes", bridge.processes.tails()))
    return report
