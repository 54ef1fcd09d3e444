"""Tasks of mode kubernetes: the pods that they ask for."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from environment import BUNDLES, context, dag_run, manifest, runtime
from kubernetes.client import models as k8s

DAG_ID = "monitor_day.pd_cards.1"


@pytest.fixture
def dag():
    return runtime("dags").of_bundle(manifest(BUNDLES / "kubernetes"))[DAG_ID]


def rendered(dag, task_id, **changes):
    task = dag.get_task(task_id)
    task.render_template_fields(context(task, **changes))
    return task


def words(tags):
    return [word for tag in tags for word in ("--tag", tag)]


def test_the_command_of_an_asset(dag):
    task = rendered(dag, "features")
    assert task.arguments == [
        *("materialise", "features", "--model", "pd_cards.1", "--date", "2026-09-12"),
        *words(
            [
                "monitoring/model=pd_cards",
                "monitoring/requested_by=airflow",
                f"airflow/dag_id={DAG_ID}",
                "airflow/run_id=scheduled__2026-09-12T05:00:00+00:00",
                "airflow/task_id=features",
                "airflow/generation=5",
                "airflow/try_number=1",
                "airflow/dag_run_started=2026-09-13T05:00:01+00:00",
            ]
        ),
    ]


def test_a_backfill_is_marked_as_one(dag):
    task = rendered(dag, "features", dag_run=dag_run(run_type="backfill"))
    mark = "monitoring/backfill=scheduled__2026-09-12T05:00:00+00:00"
    assert task.arguments[-2:] == ["--tag", mark]


def test_the_command_of_the_checks(dag):
    task = rendered(dag, "checks")
    assert task.arguments == [
        *("airflow", "checks", "pd_cards.1", "--date", "2026-09-12"),
        *words(
            [
                f"airflow/dag_id={DAG_ID}",
                "airflow/run_id=scheduled__2026-09-12T05:00:00+00:00",
            ]
        ),
    ]


def test_the_error_of_the_checks_ends_with_the_pod_s_log(dag):
    """The provider's own clean-up of a pod that failed, as Kubernetes reports it."""
    task = rendered(dag, "checks")
    answers = SimpleNamespace(read_namespaced_pod=lambda *_, **__: pod)  # there is no cluster
    task.__dict__["hook"] = SimpleNamespace(is_in_cluster=True, core_v1_client=answers)
    pod = task.build_pod_request_obj()
    assert pod.spec.containers[0].termination_message_policy == "FallbackToLogsOnError"
    said = "check psi of scores: ERROR: score: 0.31"
    ended = k8s.V1ContainerStateTerminated(exit_code=1, message=said)
    pod.status = k8s.V1PodStatus(
        phase="Failed",
        container_statuses=[
            k8s.V1ContainerStatus(
                name="base",
                image="monitoring:1",
                image_id="",
                ready=False,
                restart_count=0,
                state=k8s.V1ContainerState(terminated=ended),
            )
        ],
    )
    now = context(task)
    with pytest.raises(Exception, match="returned a failure") as raised:
        task.cleanup(pod=pod, remote_pod=pod, context=now)
    assert str(raised.value).splitlines()[-1] == said
    # What the DAG run's note is made of.
    assert now["ti"].pushed["why"] == said


def test_how_a_pod_is_waited_for(dag):
    task = dag.get_task("features")
    assert task.deferrable
    assert task.reattach_on_restart
    assert task.get_logs
    assert task.on_finish_action.value == "delete_succeeded_pod"
    assert task.in_cluster
    assert task.execution_timeout.total_seconds() == 14400


def test_the_pod(dag):
    task = rendered(dag, "features")
    task.__dict__["hook"] = SimpleNamespace(is_in_cluster=True)  # there is no cluster to ask
    pod = task.build_pod_request_obj()
    (container,) = pod.spec.containers
    assert pod.metadata.namespace == "monitoring"
    assert pod.metadata.labels["team"] == "risk"
    assert pod.spec.service_account_name == "monitoring"
    assert pod.spec.node_selector == {"pool": "batch"}
    assert pod.spec.restart_policy == "Never"
    (toleration,) = pod.spec.tolerations
    assert (toleration.key, toleration.operator) == ("spot", "Exists")
    assert container.image == "registry.example/monitoring:1"
    assert container.image_pull_policy == "IfNotPresent"
    assert container.command == ["monitoring"]
    assert container.args[:2] == ["materialise", "features"]
    assert container.resources.requests == {"cpu": "500m", "memory": "2Gi"}
    assert container.resources.limits == {"memory": "2Gi"}
    assert {entry.name: entry.value for entry in container.env} == {
        "MONITORING_STORE": "s3://store",
        "DAGSTER_HOME": "/opt/dagster/home",
    }
    assert [source.config_map_ref.name for source in container.env_from[:1]] == ["roots"]
    assert [source.secret_ref.name for source in container.env_from[1:]] == ["keys"]
    mounts = {(mount.name, mount.mount_path, mount.sub_path) for mount in container.volume_mounts}
    assert mounts == {
        ("lake", "/lake", None),
        ("tmp", "/tmp", None),
        ("dagster-home", "/opt/dagster/home", None),
        ("dagster-instance", "/opt/dagster/home/dagster.yaml", "dagster.yaml"),
    }
    volumes = {volume.name: volume for volume in pod.spec.volumes}
    assert volumes["lake"].host_path.path == "/lake"
    assert volumes["dagster-instance"].config_map.name == "dagster-instance"
    assert volumes["tmp"].empty_dir is not None
    assert volumes["dagster-home"].empty_dir is not None
    assert len(volumes) == 4


def test_the_pod_is_what_the_restricted_standard_asks_for(dag):
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/ ."""
    task = rendered(dag, "features")
    task.__dict__["hook"] = SimpleNamespace(is_in_cluster=True)
    pod = task.build_pod_request_obj()
    (container,) = pod.spec.containers
    assert pod.spec.security_context.run_as_non_root
    assert pod.spec.security_context.run_as_user == 10001
    assert pod.spec.security_context.seccomp_profile.type == "RuntimeDefault"
    assert container.security_context.allow_privilege_escalation is False
    assert container.security_context.capabilities.drop == ["ALL"]
    assert container.security_context.read_only_root_filesystem
    assert not pod.spec.host_network
    assert not pod.spec.host_pid
