"""`monitoring airflow`: exports, and says what keeps it from it."""

import json

import dagster as dg

from resources.dagster_internals import InstigatorStatus
from resources.storage import open_storage
from tests.airflow_bridge.export.conftest import land
from tests.sensors.instigators import state


def test_export_writes_the_bundle_and_lists_what_it_did(deployment, monitoring, tmp_path):
    land(deployment, "pd_cards")
    out = str(tmp_path / "dags")
    done = monitoring("airflow", "export", "--out", out)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == [
        "wrote model_monitoring_dags.py",
        f"{out}: 1 DAGs, mode dagster",
    ]
    again = json.loads(monitoring("airflow", "export", "--out", out, "--format", "json").stdout)
    assert again == {
        "bundle": out,
        "mode": "dagster",
        "dags": ["monitor_day.pd_cards.1"],
        "written": [],
        "removed": [],
        "left_out": [],
    }


def test_export_takes_place_and_mode_from_the_settings(
    deployment, monitoring, tmp_path, monkeypatch
):
    land(deployment, "pd_cards")
    settings = tmp_path / "airflow.yaml"
    out = tmp_path / "dags"
    settings.write_text(
        f"bundle: {out}\nmode: kubernetes\nkubernetes: {{image: 'm:1', namespace: models}}\n"
    )
    monkeypatch.setenv("MONITORING_AIRFLOW", str(settings))
    done = monitoring("airflow", "export")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"{out}: 1 DAGs, mode kubernetes\n")
    monkeypatch.delenv("MONITORING_AIRFLOW")
    nowhere = monitoring("airflow", "export")
    assert nowhere.returncode == 2
    assert "--out, or `bundle` in the settings" in nowhere.stderr


def test_export_refuses_while_dagster_schedules_the_days(deployment, monitoring, tmp_path):
    land(deployment, "pd_cards")
    with dg.DagsterInstance.get() as instance:
        instance.add_instigator_state(state("batch_sensor", InstigatorStatus.RUNNING))
    done = monitoring("airflow", "export", "--out", str(tmp_path / "dags"))
    assert done.returncode == 2
    assert "batch_sensor of __repository__@model_monitoring is running" in done.stderr
    assert not (tmp_path / "dags").exists()


def test_export_names_a_version_that_it_leaves_out(deployment, monitoring, tmp_path):
    land(deployment, "pd_cards", "pd_auto")
    storage = open_storage(deployment.store.root)
    everything = json.loads(storage.read("manifests/all.json"))
    everything["pd_auto.1"]["manifest"]["owner"] = None
    storage.write("manifests/all.json", json.dumps(everything).encode())
    done = monitoring("airflow", "export", "--out", str(tmp_path / "dags"))
    assert done.returncode == 1
    assert "pd_auto.1: its manifest cannot be read; it has no DAG" in done.stderr
    assert "1 DAGs" in done.stdout


def test_export_says_what_is_wrong_with_its_input(deployment, monitoring, tmp_path):
    empty = monitoring("airflow", "export", "--out", str(tmp_path / "dags"))
    assert (empty.returncode, "no model version" in empty.stderr) == (2, True)
    land(deployment, "pd_cards")
    for arguments, said in [
        (["--out", "gs://dags"], "found scheme 'gs'"),
        (["--out", str(tmp_path), "--mode", "kubernetes"], "mode: found 'kubernetes'"),
        (["--settings", str(tmp_path / "no.yaml")], "no.yaml: cannot be read"),
    ]:
        done = monitoring("airflow", "export", *arguments)
        assert done.returncode == 2
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_the_plugin_is_printed_as_a_file_that_airflow_loads(monitoring):
    done = monitoring("airflow", "plugin")
    assert done.returncode == 0, done.stderr
    compile(done.stdout, "model_monitoring_notes.py", "exec")
    assert "class ModelMonitoringNotes(AirflowPlugin)" in done.stdout
