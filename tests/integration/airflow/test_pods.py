"""The scheduler runs each task in a pod of a real cluster (mode kubernetes)."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any

import boto3
import dagster as dg
import pytest

from monitoring_assets.runs.evaluated_day import evaluated_partition
from resources.asset_keys import asset_key
from tests.conftest import Lender, days_ago
from tests.integration.airflow.conftest import Bridge, dag_id, deployment
from tests.integration.airflow.models import (
    ASSETS,
    SCHEDULE,
    held,
    land_held,
    launched,
    partition,
    scoring,
)
from tests.integration.airflow.postgres import Postgres
from tests.integration.airflow.processes import wait_for
from tests.integration.kubernetes.cluster import Cluster
from tests.integration.kubernetes.conftest import cluster, environment  # noqa: F401
from tests.integration.kubernetes.deployment import USER

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(1800)]

BOTH_AIRFLOWS = ["2.11", "3"]
CARDS = "pd_cards.1"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


@pytest.fixture(scope="module")
def namespace(cluster: Cluster) -> Iterator[str]:  # noqa: F811
    """A namespace of the tests' own, deleted at the end."""
    name = f"airflow-{secrets.token_hex(4)}"
    cluster.core.create_namespace({"metadata": {"name": name, "labels": RESTRICTED}})
    try:
        yield name
    finally:
        cluster.core.delete_namespace(name)


@pytest.fixture(scope="module")
def bridge(
    request: pytest.FixtureRequest,
    cluster: Cluster,  # noqa: F811
    environment: dict[str, str],  # noqa: F811
    namespace: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Bridge]:
    """A deployment whose tasks are pods, over a real S3 API."""
    folder = tmp_path_factory.mktemp("pods")
    bucket = f"airflow-{secrets.token_hex(4)}"
    boto3.client("s3").create_bucket(Bucket=bucket)
    lender = Lender(f"s3://{bucket}", folder)
    home = f"dagster-home-{request.param.replace('.', '-')}"
    settings: dict[str, Any] = {
        "mode": "kubernetes",
        "kubernetes": {
            "image": cluster.image,
            "namespace": namespace,
            "connection": "kubernetes_default",
            "home_config_map": home,
            "run_as_user": USER,
            "env": {**environment, **lender.environment},
        },
        "retries": 3,
        "retry_delay_seconds": 5,
        "max_retry_delay_seconds": 10,
    }
    extra = json.dumps({"kube_config_path": cluster.kubeconfig})
    connections = {"kubernetes_default": {"conn_type": "kubernetes", "extra": extra}}
    postgres = Postgres(**cluster.postgres)
    version = request.param
    with deployment(folder, version, lender, postgres, settings, connections) as one:
        data = {"dagster.yaml": (one.dagster.home / "dagster.yaml").read_text()}
        body = {"metadata": {"name": home}, "data": data}
        cluster.core.create_namespaced_config_map(namespace, body)
        yield one


def pods(cluster: Cluster, namespace: str, key: str) -> list[Any]:  # noqa: F811
    """Pods of a version's tasks."""
    selector = f"dag_id={dag_id(key)}"
    found: list[Any] = cluster.core.list_namespaced_pod(namespace, label_selector=selector).items
    return found


@pytest.mark.parametrize("bridge", BOTH_AIRFLOWS, indirect=True)
def test_pods_make_a_day_and_record_it_in_dagster(
    bridge: Bridge,
    cluster: Cluster,  # noqa: F811
    namespace: str,
):
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
        psi = dg.AssetCheckKey(asset_key("scores"), "psi")
        history = instance.event_log_storage.get_asset_check_execution_history(psi, limit=2)
    assert [evaluated_partition(record.evaluation) for record in history] == [day]
    log = bridge.airflow.log(dag_id(CARDS), run["run_id"], "scores")
    assert f"scores of {day} is made" in log
    assert not pods(cluster, namespace, CARDS), "pods of tasks that succeeded are left"


@pytest.mark.parametrize("bridge", BOTH_AIRFLOWS, indirect=True)
def test_a_pod_that_is_deleted_in_mid_step_is_made_up_for(
    bridge: Bridge,
    cluster: Cluster,  # noqa: F811
    namespace: str,
):
    key = "pd_deleted.1"
    land_held(bridge, "pd_deleted")

    def it_scores() -> list[dg.DagsterRun]:
        return scoring(bridge, key)

    (lost,) = wait_for(it_scores, 900)
    (pod,) = pods(cluster, namespace, key)
    cluster.core.delete_namespaced_pod(pod.metadata.name, namespace, grace_period_seconds=0)
    held(bridge).delete("pd_deleted")

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
