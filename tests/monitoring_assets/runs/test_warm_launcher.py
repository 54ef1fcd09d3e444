"""Which runs are forked, and whether their processes are there."""

import json
import os
import socket
import subprocess
import sys
from types import SimpleNamespace

import dagster as dg
import pytest

from monitoring_assets.runs import warm_launcher
from monitoring_assets.runs.warm_launcher import PROCESS_TAG, WarmRunLauncher
from resources.dagster_internals import WorkerStatus


def run_with(identity):
    tags = {} if identity is None else {PROCESS_TAG: json.dumps(identity)}
    return dg.DagsterRun(job_name="monitor_day", tags=tags)


def health(identity):
    return WarmRunLauncher().check_run_worker_health(run_with(identity)).status


def test_health_of_a_process():
    here = warm_launcher._identity(os.getpid())
    assert health(here) == WorkerStatus.RUNNING
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    assert health(here | {"id": ended.pid}) == WorkerStatus.FAILED
    assert health(here | {"started": here["started"] - 1}) == WorkerStatus.FAILED


@pytest.mark.parametrize("identity", [None, {"host": "another", "id": 1, "started": 1}])
def test_of_other_processes_nothing_is_known(identity):
    """Dagster's own launcher started it, or another machine did."""
    assert health(identity) == WorkerStatus.RUNNING


@pytest.mark.parametrize(
    ("python", "module", "ours"),
    [
        (sys.executable, "monitoring_assets.definitions", True),
        ("/other/bin/python", "monitoring_assets.definitions", False),
        (sys.executable, "company.definitions", False),
        (sys.executable, None, False),
    ],
)
def test_only_runs_of_this_location_are_forked(python, module, ours):
    pointer = SimpleNamespace(module=module) if module else SimpleNamespace()
    repository = SimpleNamespace(executable_path=python, code_pointer=pointer)
    run = SimpleNamespace(job_code_origin=SimpleNamespace(repository_origin=repository))
    assert warm_launcher._is_ours(run) is ours


def test_a_run_of_no_location_is_not_forked():
    assert not warm_launcher._is_ours(SimpleNamespace(job_code_origin=None))


def test_identity():
    found = warm_launcher._identity(os.getpid())
    assert (found["host"], found["id"]) == (socket.gethostname(), os.getpid())
