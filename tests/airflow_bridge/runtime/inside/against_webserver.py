"""Tasks of mode dagster against a real Dagster webserver; what it says is not ours to choose."""

from __future__ import annotations

import datetime as dt
import json
import os
import time

import pytest
from environment import BUNDLES, context, manifest, runtime


@pytest.fixture
def dag(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_DAGSTER_DEFAULT", os.environ["DAGSTER_WEBSERVER"])
    return runtime("dags").of_bundle(manifest(BUNDLES / "webserver"))["monitor_day.pd_cards.1"]


def on(task, day, **ti):
    """A context of the DAG run of a day of September."""
    now = context(task, data_interval_end=dt.datetime(2026, 9, day + 1, 5, tzinfo=dt.UTC))
    vars(now["ti"]).update(run_id=f"scheduled__{day}", **ti)
    return now


def waited(task, now):
    """What poking a task comes to."""
    for _ in range(240):
        result = task.poke(now)
        if result:
            return result
        time.sleep(0.5)
    raise AssertionError("the run does not end")


def test_all_that_can_happen_to_a_day(dag):
    features, checks = dag.get_task("features"), dag.get_task("checks")
    for day in (12, 13, 14, 15, 16, 17, 18):
        assert not features.poke(on(features, day))

    result = waited(features, on(features, 12))
    assert result.xcom_value["partition"] == "2026-09-12|pd_cards.1"
    assert result.xcom_value["metadata"] == {"rows": 400, "psi": 0.125}
    checks.execute(on(checks, 12))

    with pytest.raises(Exception, match="no Parquet file at lake/2026-09-13") as raised:
        waited(features, on(features, 13))
    assert type(raised.value).__name__ == "AirflowFailException"
    with pytest.raises(Exception, match=r"features was not made.*no Parquet file"):
        checks.execute(on(checks, 13))

    with pytest.raises(Exception, match="income: batch_quality of 2026-09-14") as raised:
        waited(features, on(features, 14))
    assert type(raised.value).__name__ == "AirflowFailException"

    for day, words in ((15, "disk full"), (18, "not yet")):
        with pytest.raises(Exception, match=words) as raised:
            waited(features, on(features, day))
        assert type(raised.value).__name__ == "AirflowException"

    assert waited(features, on(features, 17))
    with pytest.raises(Exception, match="income: csi of 2026-09-17"):
        checks.execute(on(checks, 17))

    # The 16th is under way: a clear ends it, and the run that follows is killed with its task.
    cleared = on(features, 16, max_tries=6, try_number=2)
    assert not features.poke(cleared)
    runs = {}
    for _ in range(240):
        features.poke(cleared)
        runs = {run.try_number: run.status for run in features.client.runs(features.tags)}
        if runs.get(2) == "STARTED":  # one that is only starting may not hear of its end
            break
        time.sleep(0.5)
    assert runs[1] == "CANCELED"
    features.on_kill()
    with pytest.raises(Exception, match="CANCELED"):
        waited(features, cleared)


def test_what_dagster_does_not_know_it_refuses(dag):
    features = dag.get_task("features")
    settings = json.loads(manifest(BUNDLES / "webserver").read_bytes())["settings"]
    refused = type(features)(
        task_id="refused",
        asset=features.asset | {"checks": []},
        model=features.model,
        job="no_such_job",
        dagster=settings["dagster"],
        run_seconds=settings["timeout_seconds"],
    )
    refused.dag = dag
    with pytest.raises(Exception, match="no_such_job"):
        refused.poke(on(refused, 12))
