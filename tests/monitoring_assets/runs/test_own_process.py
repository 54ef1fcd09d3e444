"""Runs whose process is gone are ended, and those of living ones are not."""

import datetime as dt
import os
import socket
import subprocess
import sys

import dagster as dg
import pytest

from monitoring_assets.runs import own_process
from monitoring_assets.runs.own_process import end_lost_runs, process_tags
from resources.kubernetes.pod_config import PROCESS_TAG


@pytest.fixture(scope="module")
def gone():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return f"{process.pid}@{socket.gethostname()}"


def started(instance, tags, **fields):
    run = dg.DagsterRun("onboard_model", tags=tags, status=dg.DagsterRunStatus.STARTED, **fields)
    return instance.add_run(run).run_id


def test_a_run_whose_process_is_gone_is_cancelled(instance, gone):
    run_id = started(instance, {PROCESS_TAG: gone})
    assert end_lost_runs(instance) == [run_id]
    assert instance.get_run_by_id(run_id).status == dg.DagsterRunStatus.CANCELED
    assert end_lost_runs(instance) == []


@pytest.mark.parametrize("is_a_parent", [False, True])
def test_a_run_of_a_living_process_goes_on(instance, is_a_parent):
    pid = os.getppid() if is_a_parent else os.getpid()
    started(instance, {PROCESS_TAG: f"{pid}@{socket.gethostname()}"})
    assert end_lost_runs(instance) == []


def test_a_run_that_a_launcher_has_started_is_left_to_it(instance, gone):
    started(instance, {})
    of_a_command = started(instance, {PROCESS_TAG: gone})
    origin = {"root_run_id": of_a_command, "parent_run_id": of_a_command}
    again = started(instance, {PROCESS_TAG: gone}, **origin)
    assert end_lost_runs(instance) == [of_a_command]
    assert instance.get_run_by_id(again).status == dg.DagsterRunStatus.STARTED


def test_of_a_process_elsewhere_only_the_age_tells(instance, monkeypatch):
    run_id = started(instance, {PROCESS_TAG: "1@another-host"})
    assert end_lost_runs(instance) == []
    later = dt.datetime.now(dt.UTC).timestamp() + own_process.LONGEST_ELSEWHERE + 60
    monkeypatch.setattr(own_process.time, "time", lambda: later)
    assert end_lost_runs(instance) == [run_id]


def test_the_tags_are_of_this_process():
    assert process_tags() == {PROCESS_TAG: f"{os.getpid()}@{socket.gethostname()}"}
