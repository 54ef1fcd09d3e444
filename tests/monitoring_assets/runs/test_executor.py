"""The executor: what a lost pod does to a run, and what a fault does."""

import dagster as dg
import pytest
from dagster._core.events import RunFailureReason

from monitoring_assets.runs.executor import model_executor
from resources.kubernetes.pod_status import LostPodError


@dg.op
def lost():
    raise LostPodError("OOMKilled: out of memory, the limit of its pod is 2Gi")


@dg.op
def wrong():
    raise ValueError("the batch has no key")


@dg.op
def right():
    pass


@dg.job(executor_def=model_executor)
def job_with_a_lost_pod():
    lost()


@dg.job(executor_def=model_executor)
def job_with_a_fault():
    wrong()


@dg.job(executor_def=model_executor)
def job_that_succeeds():
    right()


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        # Dagster's run retries take up what ended a run, and leave alone what ended a step.
        (job_with_a_lost_pod, RunFailureReason.RUN_EXCEPTION),
        (job_with_a_fault, RunFailureReason.STEP_FAILURE),
    ],
)
def test_a_lost_pod_ends_the_run_and_a_fault_its_step(instance, job, reason):
    with dg.execute_job(dg.reconstructable(job), instance, raise_on_error=False) as result:
        (event,) = (one for one in result.all_events if one.is_job_failure)
    assert event.job_failure_data.failure_reason == reason


def test_a_run_without_a_lost_pod_succeeds(instance):
    with dg.execute_job(dg.reconstructable(job_that_succeeds), instance) as result:
        assert result.success
