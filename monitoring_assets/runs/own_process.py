"""Runs that a command executes in its own process, which no run launcher looks after.

Such a run carries its process. If that is killed, Dagster has the run as started for ever, and lets
no other run of its partition begin. So the next command, or the pipeline sensor, ends it.
"""

import os
import socket
import time

import dagster as dg

from resources.kubernetes.pod_config import PROCESS_TAG
from resources.lock import is_gone

# A process of another host cannot be asked whether it lives. No command of ours takes a day.
LONGEST_ELSEWHERE = 86_400.0
UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def process_tags() -> dict[str, str]:
    """Tags of a run that this process executes."""
    return {PROCESS_TAG: f"{os.getpid()}@{socket.gethostname()}"}


def end_lost_runs(instance: dg.DagsterInstance) -> list[str]:
    """Report runs whose process is gone as cancelled: what they were to make is still to be made.

    Returns
    -------
    Ids of the runs.
    """
    unfinished = instance.get_run_records(dg.RunsFilter(statuses=UNFINISHED))
    lost = [record.dagster_run for record in unfinished if _is_lost(record)]
    for run in lost:
        instance.report_run_canceled(run, "Its process was killed.")
    return [run.run_id for run in lost]


def _is_lost(record: dg.RunRecord) -> bool:
    run = record.dagster_run
    # What is executed again from Dagster's UI has the tags of the first run and another process.
    if PROCESS_TAG not in run.tags or run.parent_run_id is not None:
        return False
    pid, _, host = run.tags[PROCESS_TAG].partition("@")
    age = time.time() - record.create_timestamp.timestamp()
    return is_gone(int(pid), host) or (host != socket.gethostname() and age > LONGEST_ELSEWHERE)
