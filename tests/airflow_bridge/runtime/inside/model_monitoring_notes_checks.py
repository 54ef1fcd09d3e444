"""The plugin of the scheduler: what it notes, and which day it takes a DAG run for."""

from __future__ import annotations

import datetime as dt
import importlib.util
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from environment import BUNDLES, UTC, SerializedDag, context, manifest, runtime

ROOT = Path(__file__).parents[4]
FILE = ROOT / "airflow_bridge" / "plugin" / "model_monitoring_notes.py"


@pytest.fixture(scope="module")
def plugin():
    spec = importlib.util.spec_from_file_location(FILE.stem, FILE)
    module = importlib.util.module_from_spec(spec)
    importlib.sys.modules[FILE.stem] = module  # as Airflow's loader does
    spec.loader.exec_module(module)
    return module


def scheduled(dag):
    """The DAG as the scheduler has it, which never reads the file."""
    return SerializedDag.from_dict(json.loads(json.dumps(SerializedDag.to_dict(dag))))


def dag_of(folder="dagster"):
    return runtime("dags").of_bundle(manifest(BUNDLES / folder))["monitor_day.pd_cards.1"]


@pytest.mark.parametrize("folder", ["dagster", "east"])
@pytest.mark.parametrize("day", range(1, 29))
@pytest.mark.parametrize("hour", [0, 5, 11, 18])
def test_the_day_is_that_of_the_tasks(plugin, folder, day, hour):
    dag = dag_of(folder)
    end = dt.datetime(2026, 3, day, hour, tzinfo=UTC)
    zone = json.loads(manifest(BUNDLES / folder).read_bytes())["models"][0]["timezone"]
    day_of, task = runtime("day").day_of, dag.get_task("features")
    run = SimpleNamespace(dag=scheduled(dag), data_interval_end=end, conf={}, run_after=end)
    assert plugin.monitored_day(run) == str(day_of(context(task, data_interval_end=end), zone))

    # Airflow 3: asked for without a logical date, so without an interval.
    run.data_interval_end = None
    asked = context(task)
    del asked["data_interval_end"]
    asked["dag_run"].run_after = end
    assert plugin.monitored_day(run) == str(day_of(asked, zone))

    run.conf = {"date": "2026-02-01"}
    assert plugin.monitored_day(run) == "2026-02-01"


def test_a_note_is_markdown_that_shows_texts_as_they_are(plugin):
    assert plugin.note_of("2026-09-12", "") == "Monitors 2026-09-12"
    note = plugin.note_of("2026-09-12", "check csi: [x](http://y) <b>*\ncheck psi: 0.31")
    first = r"Monitors 2026-09-12: check csi: \[x\](http://y) \<b\>\*"
    assert note == f"{first}\n\ncheck psi: 0.31"
    assert len(plugin.note_of("2026-09-12", "x" * 5000)) == 1000


def test_a_fault_of_ours_is_none_of_the_schedulers(plugin, caplog):
    plugin.on_dag_run_running(SimpleNamespace(dag_id="d", run_id="r"), "started")
    assert "No note for r of d" in caplog.text


def test_the_plugin_is_one_that_airflow_takes(plugin):
    plugin.ModelMonitoringNotes.validate()
    assert plugin.ModelMonitoringNotes.listeners == (plugin,)
