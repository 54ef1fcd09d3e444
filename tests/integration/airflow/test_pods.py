"""The scheduler runs each task in a pod of a real cluster (mode kubernetes)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from tests.conftest import Lender, days_ago
from tests.integration.airflow.cluster import Cluster, find_cluster, pod_settings
from tests.integration.airflow.conftest import Bridge, dag_id, deployment
from tests.integration.airflow.models import ASSETS, SCHEDULE, land_held, launched, partition
from tests.integration.airflow.postgres import Postgres, postgres_server
from tests.integration.airflow.processes import wait_for

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(1800)]

BOTH_AIRFLOWS = ["2.11", "3"]
CARDS = "pd_cards.1"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A namespace of a real cluster, deleted at the end."""
    one = find_cluster()
    one.kubectl("create", "namespace", one.namespace)
    try:
        yield one
    finally:
        one.kubectl("delete", "namespace", one.namespace, "--wait=false")


@pytest.fixture(scope="module")
def reachable(cluster: Cluster) -> Iterator[Postgres]:
    """PostgreSQL where pods reach it."""
    with postgres_server(["127.0.0.1", cluster.node_address()]) as server:
        yield server


@pytest.fixture(scope="module")
def bridge(
    request: pytest.FixtureRequest,
    cluster: Cluster,
    reachable: Postgres,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Bridge]:
    """A deployment whose tasks are pods."""
    folder = tmp_path_factory.mktemp("pods")
    lender = Lender(str(folder / "lender"), folder)
    settings: dict[str, Any] = {
        "mode": "kubernetes",
        "kubernetes": pod_settings(cluster, folder, lender.environment),
        "retries": 2,
        "retry_delay_seconds": 5,
        "max_retry_delay_seconds": 10,
    }
    extra = json.dumps({"kube_config_path": str(cluster.kubeconfig)})
    connections = {"kubernetes_default": {"conn_type": "kubernetes", "extra": extra}}
    with deployment(folder, request.param, reachable, settings, connections) as one:
        home = {"dagster.yaml": (one.dagster.home / "dagster.yaml").read_text()}
        kind = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "dagster-home"}}
        cluster.kubectl("apply", "-f", "-", given={**kind, "data": home})
        yield one


@pytest.mark.parametrize("bridge", BOTH_AIRFLOWS, indirect=True)
def test_pods_make_a_day_and_record_it_in_dagster(bridge: Bridge, cluster: Cluster):
    bridge.dagster.lender.deliver(days_ago(0))
    bridge.dagster.lender.publish(deployed_at=str(days_ago(0)), schedule=SCHEDULE)

    (run,) = bridge.ended(CARDS, 1)

    assert run["state"] == "success"
    day = partition(days_ago(0), CARDS)
    for asset in ASSETS:
        assert bridge.dagster.materialized(asset) == {day}
        (recorded,) = launched(bridge, CARDS, asset)
        assert recorded.is_success
        assert recorded.tags["airflow/run_id"] == run["run_id"]
        assert recorded.remote_job_origin is not None
    with bridge.dagster.instance() as instance:
        psi = dg.AssetCheckKey(dg.AssetKey("scores"), "psi")
        history = instance.event_log_storage.get_asset_check_execution_history(psi, limit=2)
    assert [record.partition for record in history] == [day]
    log = bridge.airflow.log(dag_id(CARDS), run["run_id"], "scores")
    assert f"scores of {day} is made" in log
    assert not cluster.pods(dag_id=dag_id(CARDS)), "pods of tasks that succeeded are left"


@pytest.mark.parametrize("bridge", BOTH_AIRFLOWS, indirect=True)
def test_a_pod_that_is_deleted_in_mid_step_is_made_up_for(bridge: Bridge, cluster: Cluster):
    hold = land_held(bridge, "pd_deleted")
    key = "pd_deleted.1"

    def it_scores() -> list[dg.DagsterRun]:
        runs = launched(bridge, key, "scores")
        return [run for run in runs if run.status is dg.DagsterRunStatus.STARTED]

    (lost,) = wait_for(it_scores, 900)
    (pod,) = cluster.pods(dag_id=dag_id(key), task_id="scores")
    cluster.kubectl("delete", "pod", pod["metadata"]["name"], "--grace-period=0", "--force")
    hold.unlink()

    (run,) = bridge.ended(key, 1)

    assert run["state"] == "success"
    assert partition(days_ago(0), key) in bridge.dagster.materialized("alerts")
    runs = {one.run_id: one for one in launched(bridge, key, "scores")}
    assert len(runs) == 2
    assert not runs.pop(lost.run_id).is_success
    (again,) = runs.values()
    assert again.is_success
    for asset in ASSETS - {"scores"}:
        assert len(launched(bridge, key, asset)) == 1
