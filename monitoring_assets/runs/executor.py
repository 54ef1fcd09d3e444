"""Executor: the steps of a run in one process, or each in a pod where the manifest says so."""

import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from monitoring_assets.partitions import MODEL_DIMENSION
from monitoring_assets.runs.failures import failure_in_words
from resources.dagster_internals import (
    ExecutionPlan,
    InProcessExecutor,
    PlanOrchestrationContext,
    RetryMode,
    get_multidimensional_partition_tag,
)
from resources.environment import resources_from_environment
from resources.errors import InputError, StorageError
from resources.kubernetes.pod_config import MEMORY_TAG, pod_config
from resources.kubernetes.pod_status import LostPodError
from resources.manifest import Pod

# Words of a step's failure: a pod that it started was lost; its own was, as Dagster's executor
# finds out; or its own had notice of it.
LOST = (LostPodError.__name__, "failed health check", dg.DagsterExecutionInterruptedError.__name__)
# Where Kubernetes puts the token of a pod's service account.
TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"
MODEL_TAG: str = get_multidimensional_partition_tag(MODEL_DIMENSION)  # type: ignore[no-untyped-call]


class ModelExecutor(dg.Executor):
    """Runs a day of a model as its manifest asks; whatever started the run.

    One process is the default: a pod is one process, and Great Expectations is imported once, not
    for each step.
    """

    @property
    def retries(self) -> RetryMode:
        """Retry policies of steps count."""
        return RetryMode.ENABLED

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[dg.DagsterEvent]:
        """Execute a run's steps.

        Raises
        ------
        LostPodError
            If a pod was lost on the way. The run has then failed for what Dagster tries again by
            itself, and not, like the failure of a step, for what stays wrong.
        """
        executor = _executor_of(plan_context)
        lost = []
        for event in executor.execute(plan_context, execution_plan):
            if event.is_step_failure:
                said = failure_in_words([event])
                lost += [said] if any(mark in said for mark in LOST) else []
            yield event
        if lost:
            raise LostPodError("\n".join(lost))


def _executor_of(plan_context: PlanOrchestrationContext) -> dg.Executor:
    tags = plan_context.dagster_run.tags
    pod = _pod_of(tags[MODEL_TAG]) if MODEL_TAG in tags else None
    if pod is not None and pod.steps and "KUBERNETES_SERVICE_HOST" in os.environ:
        if Path(TOKEN).exists():
            from resources.kubernetes.step_pods import step_pods_executor

            launcher = plan_context.instance.run_launcher
            return step_pods_executor(launcher, pod_config(pod, tags.get(MEMORY_TAG)))
        # Not requested by a sensor, so without the account that the sensors ask for.
        plan_context.log.warning("All steps in this pod: its service account may start none")
    return InProcessExecutor(RetryMode.ENABLED)


def _pod_of(key: str) -> Pod:
    try:
        return resources_from_environment()["store"].landed(key).manifest.pod
    except (InputError, StorageError):  # the step that needs the version says so
        return Pod()  # type: ignore[call-arg]


@dg.executor(name="model")
def model_executor(_: dg.InitExecutorContext) -> ModelExecutor:
    """A run's steps in one process; each in a pod of its own where the manifest says so."""
    return ModelExecutor()
