"""Steps in pods: dagster-k8s' handler of a run's steps, which also says why a pod ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dagster import DagsterEvent
from dagster_k8s.container_context import K8sContainerContext
from dagster_k8s.executor import K8sStepHandler
from dagster_k8s.job import UserDefinedDagsterK8sConfig
from dagster_k8s.launcher import K8sRunLauncher

from resources.dagster_internals import (
    CheckStepHealthResult,
    RetryMode,
    RunLauncher,
    StepDelegatingExecutor,
    StepHandlerContext,
)
from resources.kubernetes.api_server import wait_for_api_server
from resources.kubernetes.pod_status import why_job_ended


class StepPods(K8sStepHandler):
    """A Job for each step of a run."""

    def launch_step(self, step_handler_context: StepHandlerContext) -> Iterator[DagsterEvent]:
        """Create a step's Job."""
        wait_for_api_server(self._api_client.batch_api)
        yield from super().launch_step(step_handler_context)

    def check_step_health(self, step_handler_context: StepHandlerContext) -> CheckStepHealthResult:
        """Whether a step's Job is still under way; if not, why its pod ended."""
        health = super().check_step_health(step_handler_context)
        if health.is_healthy:
            return health
        namespace = self._get_container_context(step_handler_context).namespace
        job = self._get_k8s_step_job_name(step_handler_context)
        reasons = why_job_ended(self._api_client, job, namespace)
        return CheckStepHealthResult.unhealthy(
            ". ".join([*reasons, health.unhealthy_reason or "its Job has failed"])
        )


def step_pods_executor(
    launcher: RunLauncher, config: Mapping[str, object]
) -> StepDelegatingExecutor:
    """The executor that starts a pod for each step, beside those that the launcher starts.

    Parameters
    ----------
    launcher
        The run launcher: steps get its image, service account, environment and volumes.
    config
        What each of them asks of Kubernetes besides, as `pod_config` says it.
    """
    assert isinstance(launcher, K8sRunLauncher), "pod.steps: the instance's run launcher is another"
    asked = UserDefinedDagsterK8sConfig.from_dict(config)  # type: ignore[no-untyped-call]
    context = K8sContainerContext(run_k8s_config=asked)
    handler = StepPods(
        image=None,
        container_context=context,
        load_incluster_config=launcher.load_incluster_config,
        kubeconfig_file=launcher.kubeconfig_file,
        # A run's pod that is gone takes its steps with it.
        enable_owner_references=True,
    )
    return StepDelegatingExecutor(handler, retries=RetryMode.ENABLED, should_verify_step=True)
