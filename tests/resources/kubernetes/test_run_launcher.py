"""Runs that the launcher of pods has not started."""

import dagster as dg
import pytest

from resources.dagster_internals import WorkerStatus
from resources.kubernetes.pod_config import EXECUTED_BY_TAG, PROCESS_TAG
from resources.kubernetes.run_launcher import ModelRunLauncher


@pytest.mark.parametrize("tag", [EXECUTED_BY_TAG, PROCESS_TAG])
def test_a_run_that_something_else_executes_is_not_taken_for_lost(tag):
    # Without a connection to an API server: nothing is asked of it.
    launcher = ModelRunLauncher.__new__(ModelRunLauncher)
    run = dg.DagsterRun("monitor_day", tags={tag: "something else"})
    assert launcher.check_run_worker_health(run).status == WorkerStatus.RUNNING
