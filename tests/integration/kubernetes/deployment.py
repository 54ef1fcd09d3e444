"""A deployment of the product in a namespace of its own, as k8s/ says it, but smaller."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import dagster as dg
import yaml

from tests.integration.kubernetes.cluster import ROOT, Cluster

HOME = "/opt/dagster/home"
USER = 10001
T = TypeVar("T")


def wait_for(condition: Callable[[], T], seconds: float = 300) -> T:
    """Poll until a condition is true; what it returns."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(1)
    raise AssertionError(f"{condition.__name__} did not come true in {seconds} s")


def filled(path: str, namespace: str) -> str:
    """A file of k8s/, its placeholders replaced by made-up facts."""
    spec = importlib.util.spec_from_file_location("render", ROOT / "k8s/render.py")
    render = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(render)
    lines = (ROOT / "k8s/environments/dev.env").read_text().splitlines()
    facts = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    facts = {name: value or "made-up" for name, value in facts.items()}
    return render.fill(ROOT / "k8s" / path, facts | {"NAMESPACE": namespace})


@dataclass(frozen=True)
class Deployment:
    """Code servers and a daemon in pods, and the instance that they share with the tests.

    ``locations`` are modules of definitions by the name of their code location.
    """

    cluster: Cluster
    namespace: str
    instance: dg.DagsterInstance
    environment: dict[str, str]
    database: str
    locations: Mapping[str, str] = field(
        default_factory=lambda: {"model_monitoring": "monitoring_assets.definitions"}
    )

    def start(self) -> None:
        """Create everything but the runs."""
        password = {"postgresql-password": self.cluster.postgres["password"]}
        self._apply(
            {"kind": "Namespace", "metadata": {"name": self.namespace}},
            self._object("Secret", "dagster-postgresql", stringData=password),
            self._object("Secret", "monitoring-alerting"),
            self._object("ConfigMap", "monitoring-env", data=self.environment),
        )
        for file in ("service-accounts", "rbac", "priority-classes"):
            self.cluster.apply(filled(f"manifests/{file}.yaml", self.namespace))
        servers = []
        for location, module in self.locations.items():
            name = f"code-{location.replace('_', '-')}"
            spec = {"selector": {"app": name}, "ports": [{"port": 3030}]}
            self._apply(self._object("Service", name, spec=spec))
            # By address: a cluster need not have a name service.
            service = self.cluster.core.read_namespaced_service(name, self.namespace)
            server = {"host": service.spec.cluster_ip, "port": 3030, "location_name": location}
            servers.append({"grpc_server": server})
            command = ["dagster", "api", "grpc", "--module-name", module, "--host", "0.0.0.0"]
            command += ["--port", "3030", "--location-name", location]
            self._apply(self._server(name, "monitoring-code", command))
        files = {
            "dagster.yaml": yaml.safe_dump(self._instance_settings()),
            "workspace.yaml": yaml.safe_dump({"load_from": servers}),
        }
        scoring_pod = {"scoring-pod.yaml": yaml.safe_dump(self._scoring_pod())}
        command = ["dagster-daemon", "run", "-w", f"{HOME}/workspace.yaml"]
        self._apply(
            self._object("ConfigMap", "dagster-instance", data=files),
            self._object("ConfigMap", "monitoring-scoring-pod", data=scoring_pod),
            self._server("daemon", "monitoring-dagster", command),
        )

    def pods(self, selector: str) -> list[Any]:
        """Pods by their labels."""
        return self.cluster.core.list_namespaced_pod(self.namespace, label_selector=selector).items

    def kill_pod(self, name: str) -> None:
        """Delete a pod without notice, as a lost node does."""
        self.cluster.core.delete_namespaced_pod(name, self.namespace, grace_period_seconds=0)

    def stop(self) -> None:
        """Delete the namespace and all that is in it."""
        self.cluster.core.delete_namespace(self.namespace)
        self.cluster.core.delete_collection_namespaced_pod(self.namespace, grace_period_seconds=0)

    def _apply(self, *objects: dict[str, Any]) -> None:
        self.cluster.apply(yaml.safe_dump_all([{"apiVersion": "v1"} | item for item in objects]))

    def _object(self, kind: str, name: str, **fields: Any) -> dict[str, Any]:
        return {"kind": kind, "metadata": {"name": name, "namespace": self.namespace}, **fields}

    def _instance_settings(self) -> dict[str, Any]:
        """``dagster.yaml`` of the values for the chart, sized for one small node."""
        values = yaml.safe_load(filled("values.yaml", self.namespace))
        launcher = values["runLauncher"]["config"]["customRunLauncher"]
        settings = launcher["config"]
        settings["resources"]["requests"] |= {"cpu": "50m", "memory": "256Mi"}
        daemon = values["dagsterDaemon"]
        retries, monitoring = daemon["runRetries"], daemon["runMonitoring"]
        queue = daemon["runCoordinator"]["config"]["queuedRunCoordinator"]
        return {
            "storage": self.cluster.storage(self.database, {"env": "DAGSTER_PG_PASSWORD"}),
            "run_launcher": launcher,
            "run_queue": {
                "max_concurrent_runs": 6,
                "tag_concurrency_limits": queue["tagConcurrencyLimits"],
                "dequeue_use_threads": queue["dequeueUseThreads"],
                "dequeue_num_workers": queue["dequeueNumWorkers"],
                "dequeue_interval_seconds": 1,
            },
            "run_monitoring": {
                "enabled": monitoring["enabled"],
                "max_resume_run_attempts": monitoring["maxResumeRunAttempts"],
                "poll_interval_seconds": 5,
                "start_timeout_seconds": 300,
            },
            "run_retries": {
                "enabled": retries["enabled"],
                "max_retries": retries["maxRetries"],
                "retry_on_asset_or_op_failure": retries["retryOnAssetOrOpFailure"],
            },
            "telemetry": {"enabled": False},
        }

    def _scoring_pod(self) -> dict[str, Any]:
        names = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        env = [{"name": name, "value": self.environment[name]} for name in names]
        return {
            "serviceAccountName": "monitoring-model",
            "securityContext": {"runAsUser": USER},
            "containers": [{"name": "model", "env": env}],
        }

    def _server(self, name: str, account: str, command: list[str]) -> dict[str, Any]:
        security = yaml.safe_load(filled("values.yaml", self.namespace))["dagsterDaemon"]
        mounts = [
            {"name": "tmp", "mountPath": "/tmp"},
            {"name": "home", "mountPath": HOME},
            *(
                {"name": "instance", "mountPath": f"{HOME}/{file}", "subPath": file}
                for file in ("dagster.yaml", "workspace.yaml")
            ),
        ]
        password = {"secretKeyRef": {"name": "dagster-postgresql", "key": "postgresql-password"}}
        container = {
            "name": name,
            "image": self.cluster.image,
            "command": command,
            "securityContext": security["securityContext"],
            "envFrom": [{"configMapRef": {"name": "monitoring-env"}}],
            "env": [
                {"name": "DAGSTER_HOME", "value": HOME},
                {"name": "DAGSTER_CURRENT_IMAGE", "value": self.cluster.image},
                {"name": "DAGSTER_PG_PASSWORD", "valueFrom": password},
            ],
            # What serves everybody must not be the last to be served.
            "resources": {"requests": {"cpu": "200m", "memory": "256Mi"}},
            "volumeMounts": mounts,
        }
        pod = {
            "serviceAccountName": account,
            "securityContext": security["podSecurityContext"],
            "terminationGracePeriodSeconds": 5,
            "containers": [container],
            "volumes": [
                {"name": "tmp", "emptyDir": {}},
                {"name": "home", "emptyDir": {}},
                {"name": "instance", "configMap": {"name": "dagster-instance"}},
            ],
        }
        labels = {"app": name}
        spec = {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        }
        return self._object("Deployment", name, spec=spec) | {"apiVersion": "apps/v1"}
