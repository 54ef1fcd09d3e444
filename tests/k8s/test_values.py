"""The chart's values: what webserver, daemon, code server and runs become."""

from __future__ import annotations

import json
import os
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitoring_assets.cli.init import TEMPLATES
from tests.k8s import pod_security
from tests.k8s.conftest import FACTS, leaves, merged, of_kind

PINNED = f"{FACTS['IMAGE']}@sha256:{FACTS['IMAGE_SHA256']}"


def code(values: dict[str, Any]) -> dict[str, Any]:
    """The one code server."""
    (deployment,) = values["dagster-user-deployments"]["deployments"]
    return deployment


def components(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the chart makes a Deployment of, by the label that tells its pods apart."""
    every = [values["dagsterWebserver"], values["dagsterDaemon"], code(values)]
    return {one["labels"]["monitoring/role"]: one for one in every}


def pod_of(component: dict[str, Any]) -> dict[str, Any]:
    """The parts of a component's pod that its values decide."""
    container = {key: component[key] for key in ("securityContext", "resources", "volumeMounts")}
    return {
        "securityContext": component["podSecurityContext"],
        "volumes": component["volumes"],
        "containers": [container],
    }


def launcher_config(values: dict[str, Any]) -> dict[str, Any]:
    """The launcher's configuration, as Dagster accepts it."""
    from dagster._config import process_config, resolve_to_config_type

    from resources.kubernetes.run_launcher import ModelRunLauncher

    custom = values["runLauncher"]["config"]["customRunLauncher"]
    assert getattr(import_module(custom["module"]), custom["class"]) is ModelRunLauncher
    schema = resolve_to_config_type(ModelRunLauncher.config_type())
    result = process_config(schema, custom["config"])
    assert result.success, result.errors
    return dict(result.value)


@pytest.fixture
def run_job(values, monkeypatch):
    """Makes the Job of a run with these tags, as Kubernetes' API gets it."""
    from dagster import DagsterRun
    from dagster_k8s import launcher as module
    from dagster_k8s.job import construct_dagster_k8s_job
    from kubernetes.client import ApiClient

    from resources.kubernetes.run_launcher import ModelRunLauncher

    monkeypatch.setattr(module, "load_kubernetes_config", lambda **_: None)
    launcher = ModelRunLauncher(**launcher_config(values))

    def job(tags: dict[str, str]) -> dict[str, Any]:
        context = launcher.get_container_context_for_run(DagsterRun("monitor_day", tags=tags))
        config = context.get_k8s_job_config(PINNED, launcher)
        built = construct_dagster_k8s_job(
            config,
            args=["dagster", "api", "execute_run"],
            job_name="dagster-run-1",
            component="run_worker",
            user_defined_k8s_config=context.run_k8s_config,
        )
        return ApiClient().sanitize_for_serialization(built)

    return job


def test_every_image_is_pinned_by_digest(values) -> None:
    images = [one["image"] for one in components(values).values()]
    for image in images:
        assert f"{image['repository']}:{image['tag']}" == PINNED
    busybox = values["busybox"]["image"]
    assert busybox["repository"].endswith("@sha256")
    assert len(bytes.fromhex(busybox["tag"])) == 32
    assert "latest" not in [value for _, value in leaves(values)]


def test_every_pod_is_restricted_with_a_read_only_root(values) -> None:
    assert components(values).keys() == {"webserver", "daemon", "code"}
    for component in components(values).values():
        pod = pod_of(component)
        assert list(pod_security.restricted(pod)) == []
        assert list(pod_security.ours(pod)) == []


def test_the_platform_stays_off_spot_nodes(values) -> None:
    for component in components(values).values():
        terms = component["affinity"]["nodeAffinity"]
        (term,) = terms["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
        assert {(rule["key"], rule["operator"]) for rule in term["matchExpressions"]} == {
            ("eks.amazonaws.com/capacityType", "NotIn"),
            ("karpenter.sh/capacity-type", "NotIn"),
        }


def test_probes_ask_what_matters_and_outlast_a_failover_of_the_database(values) -> None:
    web, daemon, server = (components(values)[role] for role in ("webserver", "daemon", "code"))
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert web[probe]["httpGet"] == {"path": "/server_info", "port": web["service"]["port"]}
    for probe in ("startupProbe", "livenessProbe"):
        assert daemon[probe]["exec"]["command"] == ["dagster-daemon", "liveness-check"]
        assert "exec" not in server[probe]  # the chart's own: dagster api grpc-health-check
    for component in (web, daemon, server):
        probe = component["livenessProbe"]
        assert probe["failureThreshold"] * probe["periodSeconds"] >= 120
        assert component["startupProbe"]["enabled"] is True


def test_nothing_listens_where_only_root_may(values) -> None:
    assert values["dagsterWebserver"]["service"]["port"] > 1023
    assert code(values)["port"] > 1023


def test_the_chart_makes_no_accounts_rights_or_passwords(values, objects) -> None:
    assert values["rbacEnabled"] is False
    assert values["generatePostgresqlPasswordSecret"] is False
    accounts = of_kind(objects, "ServiceAccount")
    for chart in (values, values["dagster-user-deployments"]):
        assert chart["rbacEnabled"] is False
        assert chart["serviceAccount"]["create"] is False
        assert chart["serviceAccount"]["name"] in accounts


def test_environment_comes_from_what_the_manifests_make(values, objects) -> None:
    maps = of_kind(objects, "ConfigMap")
    launcher = launcher_config(values)
    assert [one["name"] for one in code(values)["envConfigMaps"]] == launcher["env_config_maps"]
    assert [one["name"] for one in code(values)["envSecrets"]] == launcher["env_secrets"]
    assert set(launcher["env_config_maps"]) <= maps.keys()
    mounted = {v["configMap"]["name"] for v in launcher["volumes"] if "configMap" in v}
    assert mounted <= maps.keys()
    folder = next(m for m in launcher["volume_mounts"] if m["name"] == "scoring-pod")["mountPath"]
    file = maps["monitoring-env"]["data"]["MONITORING_SCORING_POD"]
    assert Path(file).parent == Path(folder)
    assert Path(file).name in maps["monitoring-scoring-pod"]["data"]


def test_what_a_manifest_leaves_open_is_what_runs_have_without_one(values, objects) -> None:
    """A manifest's resources replace the launcher's whole; the namespace fills in the rest."""
    (limit,) = of_kind(objects, "LimitRange")["containers"]["spec"]["limits"]
    assert launcher_config(values)["resources"] == {
        "requests": limit["defaultRequest"],
        "limits": limit["default"],
    }


def test_one_run_a_partition_and_room_for_today(values) -> None:
    queue = values["dagsterDaemon"]["runCoordinator"]["config"]["queuedRunCoordinator"]
    limits = {limit["key"]: limit for limit in queue["tagConcurrencyLimits"]}
    assert limits["dagster/partition"] == {
        "key": "dagster/partition",
        "value": {"applyLimitPerUniqueValue": True},
        "limit": 1,
    }
    assert limits["monitoring/model"]["value"] == {"applyLimitPerUniqueValue": True}
    width = queue["maxConcurrentRuns"]
    assert limits["monitoring/model"]["limit"] <= width
    if width > 5:  # dev has no room to keep free
        assert limits["monitoring/backfill"]["limit"] < width
        assert limits["dagster/backfill"]["limit"] < width


def test_the_queues_limits_are_those_of_the_code() -> None:
    from monitoring_assets.runs.tags import BACKFILL
    from resources.dagster_internals import BACKFILL_ID_TAG, PARTITION_NAME_TAG

    assert (BACKFILL, BACKFILL_ID_TAG, PARTITION_NAME_TAG) == (
        "monitoring/backfill",
        "dagster/backfill",
        "dagster/partition",
    )


def test_the_run_queue_is_dagsters_own_form(values) -> None:
    from dagster._config import process_config, resolve_to_config_type
    from dagster._core.run_coordinator import QueuedRunCoordinator

    queue = values["dagsterDaemon"]["runCoordinator"]["config"]["queuedRunCoordinator"]
    config = {
        "max_concurrent_runs": queue["maxConcurrentRuns"],
        "tag_concurrency_limits": queue["tagConcurrencyLimits"],
        "dequeue_use_threads": queue["dequeueUseThreads"],
        "dequeue_num_workers": queue["dequeueNumWorkers"],
    }
    schema = resolve_to_config_type(QueuedRunCoordinator.config_type())
    result = process_config(schema, config)
    assert result.success, result.errors


def test_a_lost_pod_is_tried_again_and_a_wrong_batch_is_not(values) -> None:
    daemon = values["dagsterDaemon"]
    assert daemon["runRetries"] == {
        "enabled": True,
        "maxRetries": 2,
        "retryOnAssetOrOpFailure": False,
    }
    assert daemon["runMonitoring"]["enabled"] is True
    assert daemon["runMonitoring"]["maxResumeRunAttempts"] == 0
    local = yaml.safe_load((TEMPLATES / "dagster.yaml").read_text())["run_retries"]
    assert local["max_retries"] == daemon["runRetries"]["maxRetries"]


def test_a_run_is_a_restricted_pod_without_a_token(run_job, objects) -> None:
    job = run_job({})
    assert job["spec"]["ttlSecondsAfterFinished"] == 21600
    assert job["spec"]["activeDeadlineSeconds"] == 21600
    pod = job["spec"]["template"]["spec"]
    assert list(pod_security.restricted(pod)) == []
    assert list(pod_security.ours(pod)) == []
    assert pod["serviceAccountName"] == "monitoring-run"
    assert pod["serviceAccountName"] in of_kind(objects, "ServiceAccount")
    assert pod["automountServiceAccountToken"] is False
    assert pod["priorityClassName"] in of_kind(objects, "PriorityClass")
    assert pod["terminationGracePeriodSeconds"] < 120  # the notice of a spot interruption
    labels = job["spec"]["template"]["metadata"]["labels"]
    assert labels["monitoring/role"] == "run"
    names = [volume["name"] for volume in pod["volumes"]]
    assert len(names) == len(set(names))


def test_a_run_finds_database_settings_and_datadogs_agent(run_job) -> None:
    (container,) = run_job({})["spec"]["template"]["spec"]["containers"]
    environment = {one["name"]: one for one in container["env"]}
    assert environment["DAGSTER_HOME"]["value"] == "/opt/dagster/home"
    password = environment["DAGSTER_PG_PASSWORD"]["valueFrom"]["secretKeyRef"]
    assert password == {"name": "dagster-postgresql", "key": "postgresql-password"}
    agent = environment["DD_AGENT_HOST"]["valueFrom"]["fieldRef"]["fieldPath"]
    assert agent == "status.hostIP"
    sources = [next(iter(source.values()))["name"] for source in container["envFrom"]]
    assert sources == ["monitoring-env", "monitoring-alerting"]
    assert container["image"] == PINNED


def test_a_manifests_pod_and_account_come_on_top(run_job) -> None:
    from resources.kubernetes.pod_config import CONFIG_TAG, pod_config
    from resources.manifest import Pod

    pod = Pod.model_validate(
        {
            "cpu": "2",
            "memory": "4Gi",
            "node_selector": {"pool": "batch"},
            "tolerations": [{"key": "batch", "operator": "Exists"}],
        }
    )
    config = pod_config(pod)
    config["pod_spec_config"] |= {
        "service_account_name": "monitoring-run-steps",
        "automount_service_account_token": True,
    }
    spec = run_job({CONFIG_TAG: json.dumps(config)})["spec"]["template"]["spec"]
    assert list(pod_security.restricted(spec)) == []
    assert spec["serviceAccountName"] == "monitoring-run-steps"
    assert spec["automountServiceAccountToken"] is True
    assert spec["nodeSelector"] == {"pool": "batch"}
    assert {"key": "batch", "operator": "Exists"} in spec["tolerations"]
    (container,) = spec["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["resources"]["limits"]["memory"] == "4Gi"
    assert any(one["name"] == "DD_AGENT_HOST" for one in container["env"])


def test_kubernetes_own_schema_accepts_a_runs_job(run_job) -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="needs kubernetes-validate")
    for version in ("1.31", "1.37"):
        validate.validate(run_job({}), version, strict=True)


def test_dagsters_schema_accepts_the_rest_of_the_instance(values) -> None:
    """What the chart copies into ``dagster.yaml`` under other names."""
    from dagster._config import Shape, process_config
    from dagster._core.instance.config import dagster_instance_config_schema

    daemon, retention = values["dagsterDaemon"], values["retention"]
    monitoring, ticks = daemon["runMonitoring"], {"sensor", "schedule"}
    instance = {
        "telemetry": values["telemetry"],
        "run_monitoring": {
            "enabled": monitoring["enabled"],
            "start_timeout_seconds": monitoring["startTimeoutSeconds"],
            "cancel_timeout_seconds": monitoring["cancelTimeoutSeconds"],
            "max_resume_run_attempts": monitoring["maxResumeRunAttempts"],
            "poll_interval_seconds": monitoring["pollIntervalSeconds"],
            "free_slots_after_run_end_seconds": monitoring["freeSlotsAfterRunEndSeconds"],
        },
        "run_retries": {
            "enabled": daemon["runRetries"]["enabled"],
            "max_retries": daemon["runRetries"]["maxRetries"],
            "retry_on_asset_or_op_failure": daemon["runRetries"]["retryOnAssetOrOpFailure"],
        },
        "sensors": {
            "use_threads": daemon["sensors"]["useThreads"],
            "num_workers": daemon["sensors"]["numWorkers"],
        },
        "retention": {
            kind: {"purge_after_days": retention[kind]["purgeAfterDays"]} for kind in ticks
        },
        **values["additionalInstanceConfig"],
    }
    result = process_config(Shape(dagster_instance_config_schema()), instance)
    assert result.success, result.errors
    assert values["telemetry"] == {"enabled": False}


def test_the_charts_published_schema_accepts_the_values(values) -> None:
    """``DAGSTER_CHART`` names a folder with the chart, as ``helm pull --untar`` leaves it."""
    folder = os.environ.get("DAGSTER_CHART")
    if folder is None:
        pytest.skip("needs DAGSTER_CHART, a folder with dagster's Helm chart")
    from jsonschema import Draft7Validator

    chart = Path(folder)
    schema = json.loads((chart / "values.schema.json").read_text())
    own = yaml.safe_load((chart / "values.yaml").read_text())
    errors = [
        f"{error.json_path}: {error.message}"
        for error in Draft7Validator(schema).iter_errors(merged(own, values))
    ]
    assert errors == []
