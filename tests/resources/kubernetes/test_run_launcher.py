"""Runs that the launcher of pods has not started."""

import dagster as dg

from resources.dagster_internals import WorkerStatus
from resources.kubernetes.pod_config import EXECUTED_BY_TAG
from resources.kubernetes.run_launcher import ModelRunLauncher


def test_a_run_that_airflows_pod_executes_is_not_taken_for_lost():
    # Without a connection to an API server: nothing is asked of it.
    launcher = ModelRunLauncher.__new__(ModelRunLauncher)
    run = dg.DagsterRun("monitor_day", tags={EXECUTED_BY_TAG: "monitoring materialise"})
    assert launcher.check_run_worker_health(run).status == WorkerStatus.RUNNING
