"""Fixtures of the tests that run inside an Airflow environment, without Dagster or this project."""

from __future__ import annotations

import datetime as dt
import importlib
import json
import os
import socket
import sys
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.timetables.base import DagRunInfo, TimeRestriction

try:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.serialization.serialized_objects import DagSerialization

    SerializedDag = DagSerialization
    AIRFLOW_3 = True
except ImportError:
    from airflow.models.dagbag import DagBag
    from airflow.serialization.serialized_objects import SerializedDAG

    SerializedDag = SerializedDAG
    AIRFLOW_3 = False

UTC = dt.UTC
BUNDLES = Path(os.environ["BUNDLES"])


def parse(folder: Path) -> DagBag:
    """Parse a folder as Airflow's DAG processor does, without a server."""
    return DagBag(str(folder)) if AIRFLOW_3 else DagBag(str(folder), include_examples=False)


def manifest(folder: Path) -> Path:
    """The manifest of a bundle."""
    (path,) = folder.glob("model_monitoring_*.json")
    return path


def runtime(name: str) -> Any:
    """A module of the bundles' runtime; it is the same in all of them, byte for byte."""
    folder = next(path for path in sorted(BUNDLES.iterdir()) if path.is_dir())
    (package,) = folder.glob("model_monitoring_runtime_*")
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    return importlib.import_module(f"{package.name}.{name}")


def infos(dag: Any, until: dt.datetime) -> list[DagRunInfo]:
    """The runs that Airflow's scheduler makes of a DAG until a moment."""
    utc = importlib.import_module("pendulum").instance
    restriction = TimeRestriction(
        earliest=utc(dag.start_date),
        latest=utc(dag.end_date) if dag.end_date else None,
        catchup=dag.catchup,
    )
    found: list[DagRunInfo] = []
    while True:
        info = dag.timetable.next_dagrun_info(
            last_automated_data_interval=found[-1].data_interval if found else None,
            restriction=restriction,
        )
        if info is None or info.run_after > until:
            return found
        found.append(info)


class TaskInstance(SimpleNamespace):
    """As much of a task instance as a task sees."""

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def dag_run(**changes: Any) -> SimpleNamespace:
    """As much of a DAG run as a task sees."""
    started = dt.datetime(2026, 9, 13, 5, 0, 1, tzinfo=UTC)
    fields = {"run_type": "scheduled", "start_date": started, "clear_number": 0}
    return SimpleNamespace(**fields | changes)


def context(task: Any, **changes: Any) -> dict[str, Any]:
    """A task's context: of the run of 12 September, at its first try."""
    ti = TaskInstance(
        dag_id=task.dag.dag_id,
        task_id=task.task_id,
        run_id="scheduled__2026-09-12T05:00:00+00:00",
        max_tries=task.retries,
        try_number=1,
        pushed={},
    )
    return {
        "dag": task.dag,
        "ti": ti,
        "params": {"date": None},
        "data_interval_end": dt.datetime(2026, 9, 13, 5, tzinfo=UTC),
        "dag_run": dag_run(),
    } | changes


class Dagster:
    """The scripted Dagster in the process that started this one."""

    def __init__(self, url: str) -> None:
        self.url = url

    @property
    def state(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/state") as answer:
            return dict(json.load(answer))

    def set(self, **state: Any) -> None:
        request = urllib.request.Request(
            f"{self.url}/state", json.dumps(state).encode(), method="PUT"
        )
        urllib.request.urlopen(request).close()

    def end(self, status: str, events: list[dict[str, Any]], number: int = -1) -> str:
        """End a run, with what it recorded."""
        runs = self.state["runs"]
        runs[number]["status"] = status
        run_id = str(runs[number]["runId"])
        self.set(runs=runs, events={**self.state["events"], run_id: events})
        return run_id


@pytest.fixture
def dagster(monkeypatch: pytest.MonkeyPatch):
    """A Dagster that knows nothing yet, behind an Airflow connection of type http."""
    url = os.environ["DAGSTER_API"]
    monkeypatch.setenv("AIRFLOW_CONN_DAGSTER_DEFAULT", url)
    api = Dagster(url)
    known = api.state
    api.set(**json.loads(os.environ["DAGSTER_API_EMPTY"]))
    assert known is not None
    api.set(materialised=[[["monitoring", "reference_profile"], "pd_cards.1"]])
    yield api
    assert not api.state["faults"]


@pytest.fixture
def nobody_to_talk_to(monkeypatch: pytest.MonkeyPatch):
    """Neither network nor metadata database."""

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr("sqlalchemy.pool.base.Pool.connect", refuse)
