"""The pod of a model's own container: what it may do, how it is followed, and how it ended."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from dagster import AssetExecutionContext, OpExecutionContext, PipesClientCompletedInvocation
from dagster_k8s import PipesK8sClient
from dagster_k8s.client import DagsterK8sError, DagsterKubernetesClient, WaitForPodState
from dagster_k8s.models import k8s_snake_case_dict
from dagster_k8s.pipes import PipesK8sPodLogsMessageReader
from dagster_k8s.utils import detect_current_namespace
from kubernetes.client import ApiException, CoreV1Api, V1PodSpec  # type: ignore[import-untyped]
from kubernetes.config import ConfigException  # type: ignore[import-untyped]
from urllib3.exceptions import HTTPError

from resources.kubernetes.pod_config import pod_resources
from resources.kubernetes.pod_status import OUT_OF_MEMORY, LostPodError, why_pod_ended
from resources.scorers.base import ScoringError

if TYPE_CHECKING:
    from resources.kubernetes.pod import Pod
    from resources.scorers.image import ImageScoring

SCORING_POD = "MONITORING_SCORING_POD"
SHOWN_LINES = 40
# A node may have to be started and the image to be pulled.
START_SECONDS = 900.0
POLL_SECONDS = 1.0


class ScoringPods(PipesK8sClient):
    """Pipes' client for this cluster, or that of ``KUBECONFIG``, in this project's words.

    Parameters
    ----------
    scoring
        The manifest's section.
    """

    def __init__(self, scoring: ImageScoring) -> None:
        self._scoring = scoring
        self._is_in_cluster = "KUBERNETES_SERVICE_HOST" in os.environ
        super().__init__(
            message_reader=PipesK8sPodLogsMessageReader(),
            load_incluster_config=self._is_in_cluster,
            kubeconfig_file=None if self._is_in_cluster else os.environ["KUBECONFIG"],
            poll_interval=POLL_SECONDS,
        )

    def owner(self) -> dict[str, Any]:
        """Metadata that makes this process's own pod the owner.

        What a killed run leaves behind then goes with the run's pod.

        Raises
        ------
        ScoringError
            If this pod has no token.
        """
        if not self._is_in_cluster:
            return {}
        try:
            self._load_k8s_config()  # type: ignore[no-untyped-call]
        except ConfigException as error:
            raise ScoringError(
                f"scoring.flavour: found 'image', but this pod may start none: {error}; "
                "MONITORING_STARTER_ACCOUNT names the service account that may"
            ) from None
        namespace = detect_current_namespace(self.kubeconfig_file)
        own = CoreV1Api().read_namespaced_pod(os.environ["HOSTNAME"], namespace)
        name, uid = own.metadata.name, own.metadata.uid
        return {
            "owner_references": [{"api_version": "v1", "kind": "Pod", "name": name, "uid": uid}]
        }

    def run(self, **options: Any) -> PipesClientCompletedInvocation:
        """Run the model's pod, and take it away."""
        try:
            return super().run(**options)
        except ApiException as error:
            # Where the pod is gone already, that hides why.
            if isinstance(error.__context__, LostPodError | ScoringError):
                raise error.__context__ from None
            raise

    @contextmanager
    def consume_pod_logs(
        self,
        context: OpExecutionContext | AssetExecutionContext,
        client: DagsterKubernetesClient,
        namespace: str,
        pod_name: str,
        enable_multi_container_logs: bool = False,
        ignore_containers: set[str] | None = None,
    ) -> Iterator[None]:
        """Follow a pod's log from its start to its end.

        Raises
        ------
        ScoringError
            If the container does not start in time, fails or takes too long.
        LostPodError
            If it is out of memory, evicted, deleted, or out of sight.
        """
        assert isinstance(self.message_reader, PipesK8sPodLogsMessageReader)
        try:
            client.wait_for_pod(
                pod_name,
                namespace,
                wait_for_state=WaitForPodState.Ready,
                pod_launch_timeout=START_SECONDS,
                wait_timeout=START_SECONDS,
                wait_time_between_attempts=POLL_SECONDS,
            )
            self.message_reader.consume_pod_logs(context, client.core_api, pod_name, namespace)
            if _was_cut_off(client.core_api, pod_name, namespace, self._scoring):
                raise _failure(client.core_api, pod_name, namespace, self._scoring)
            yield
        # Without Pipes' own words as the cause: people are told the innermost one.
        except DagsterK8sError:
            raise _failure(client.core_api, pod_name, namespace, self._scoring) from None
        except (HTTPError, ApiException) as error:
            raise LostPodError(f"{self._scoring.image}: its pod is out of sight: {error}") from None


def _was_cut_off(core_api: CoreV1Api, name: str, namespace: str, scoring: ImageScoring) -> bool:
    """Whether a pod whose log has ended was ended as a whole: deleted, by its deadline or its node.

    What it then says of its container may be that it runs, for ever, and Pipes waits for that.
    """
    last = time.monotonic() + scoring.timeout_seconds + START_SECONDS
    while time.monotonic() < last:
        with suppress(HTTPError, ApiException):  # the API server may be restarted meanwhile
            pods = core_api.list_namespaced_pod(
                namespace, field_selector=f"metadata.name={name}"
            ).items
            if not pods or pods[0].status.phase == "Failed":
                return True
            if any(one.state.terminated for one in pods[0].status.container_statuses or []):
                return False
        time.sleep(POLL_SECONDS)
    return True


def _failure(core_api: CoreV1Api, name: str, namespace: str, scoring: ImageScoring) -> Exception:
    """What to raise for a pod that did not end well."""
    try:
        pod = core_api.read_namespaced_pod(name, namespace)
    except ApiException as error:
        return LostPodError(f"{scoring.image}: its pod was deleted while it ran ({error.reason})")
    why = why_pod_ended(pod)
    if why is None:
        statuses = pod.status.container_statuses or []
        if any(status.state.running for status in statuses):
            return LostPodError(f"{scoring.image}: its node says no more of its pod")
        said = [one.message for one in pod.status.conditions or [] if one.message]
        for status in statuses:
            if status.state.waiting:
                said.append(f"{status.state.waiting.reason}: {status.state.waiting.message}")
        return ScoringError(f"scoring.image: {scoring.image} did not start: {'; '.join(said)}")
    if why.startswith("DeadlineExceeded"):
        return ScoringError(f"{scoring.image} ran longer than {scoring.timeout_seconds} s")
    if pod.status.reason or why.startswith(OUT_OF_MEMORY):
        return LostPodError(f"{scoring.image}: {why}")
    log: str = core_api.read_namespaced_pod_log(
        name, namespace, tail_lines=SHOWN_LINES, _preload_content=False
    ).data.decode(errors="replace")
    lines = [line for line in log.splitlines() if "__dagster_pipes_version" not in line]
    shown = "\n".join(lines) or "(nothing)"
    return ScoringError(f"{scoring.image}: {why}; its log:\n{shown}\n")


def scoring_pod_spec(scoring: ImageScoring, pod: Pod, memory: str | None) -> dict[str, Any]:
    """Specification of the pod, in the form of Kubernetes' Python client.

    Closed by default: no root, no writing but to ``/tmp``, no token. What a deployment gives it
    (service account, environment, mounts) stands in the file that ``MONITORING_SCORING_POD`` names,
    a pod's ``spec`` in Kubernetes' own YAML.

    Parameters
    ----------
    scoring
        The manifest's section.
    pod
        What the model asks of Kubernetes.
    memory
        That of a retry, instead of the manifest's.

    Raises
    ------
    ScoringError
        If the file is no pod's specification.
    """
    container = {
        "name": "model",
        "resources": pod_resources(pod, memory),
        "security_context": {
            "allow_privilege_escalation": False,
            "capabilities": {"drop": ["ALL"]},
            "read_only_root_filesystem": True,
        },
        "volume_mounts": [{"name": "tmp", "mount_path": "/tmp"}],
    }
    spec = {
        "restart_policy": "Never",
        "active_deadline_seconds": scoring.timeout_seconds,
        "automount_service_account_token": False,
        "security_context": {
            "run_as_non_root": True,
            "seccomp_profile": {"type": "RuntimeDefault"},
        },
        "node_selector": pod.node_selector,
        "tolerations": pod.tolerations,
        "volumes": [{"name": "tmp", "empty_dir": {}}],
        "containers": [container],
    }
    file = os.environ.get(SCORING_POD)
    if file is None:
        return spec
    try:
        given = k8s_snake_case_dict(V1PodSpec, yaml.safe_load(Path(file).read_text()))
    except Exception as error:  # dagster-k8s raises bare ones
        raise ScoringError(f"{SCORING_POD}: {file} is no pod's spec: {error}") from error
    (own,) = given.get("containers", [{}])
    return _merged(spec, {**given, "containers": [_merged(container, own)]})


def _merged(ours: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What is given over what is ours: mappings field by field, volumes and the like of both."""
    merged = {**ours, **given}
    for name in ours.keys() & given.keys():
        if isinstance(ours[name], Mapping):
            merged[name] = _merged(ours[name], given[name])
        elif name in ("volumes", "volume_mounts", "tolerations"):
            merged[name] = [*ours[name], *given[name]]
    return merged
