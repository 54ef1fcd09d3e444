"""Why a run failed, from what run monitoring wrote of it."""

import dagster as dg
import pytest

from monitoring_assets.runs.failures import failure_in_words

DETECTED = (
    "Detected run worker status (WorkerStatus.FAILED, 'K8s job failed'). Marking run 1 as failed."
)
DEBUG = """Debug information for pod dagster-run-1-abc:

Pod status: Failed
Container 'dagster' status: Terminated with exit code 137: OOMKilled

No warning events for pod."""


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            f"{DETECTED}\nOOMKilled: out of memory, the limit of its pod is 2Gi\n{DEBUG}",
            "OOMKilled: out of memory, the limit of its pod is 2Gi",
        ),
        (
            f"{DETECTED}\nEvicted: The node was low on resource: memory.\n{DEBUG}",
            "Evicted: The node was low on resource: memory.",
        ),
        (f"{DETECTED}\n{DEBUG}", f"{DETECTED}\n{DEBUG}"),
        ("the pod was evicted", "the pod was evicted"),
    ],
)
def test_why_a_pod_ended_is_said_before_what_was_found_out_about_it(message, said):
    event = dg.DagsterEvent(
        event_type_value=dg.DagsterEventType.RUN_FAILURE.value,
        job_name="monitor_day",
        message=message,
    )
    assert failure_in_words([event]) == said
