"""Runs of the real daemon, each in a process that is forked from a warm one."""

import hashlib
import json
import os
import signal
import sys

import dagster as dg
import pytest

from monitoring_assets.cli.init import TEMPLATES
from monitoring_assets.runs.warm_launcher import PROCESS_TAG
from resources.storage import open_storage
from tests.conftest import YESTERDAY, onboard
from tests.integration.test_daemon import home, process, wait_for

__all__ = ["home"]

pytestmark = pytest.mark.slow

DAEMON = ("dagster-daemon", "run", "-w", str(TEMPLATES / "workspace.yaml"))
PROGRAM = """
import sys, time
from pathlib import Path
import pandas as pd
pd.read_parquet(sys.argv[1])[["loan_id"]].assign(score=0.1).to_parquet(sys.argv[2], index=False)
while Path({wait!r}).exists():
    time.sleep(0.2)
"""


@pytest.fixture
def wait_file(lender, home, tmp_path):
    """While it exists a version's program does not end; the version is onboarded."""
    path = tmp_path / "wait"
    program = PROGRAM.format(wait=str(path)).encode()
    open_storage(lender.registry.root).write("pd_cards/1/score.py", program)
    lender.publish(
        deployed_at=str(YESTERDAY),
        scoring={
            "flavour": "command",
            "artefact": "score.py",
            "sha256": hashlib.sha256(program).hexdigest(),
            "command": [sys.executable, "{artefact}", "{input}", "{output}"],
        },
    )
    with dg.DagsterInstance.get() as instance:
        onboard(lender, instance)
    path.touch()
    return path


def run_in_its_program(instance, but=()):
    """The day's run, once its program waits."""
    for run in instance.get_runs(dg.RunsFilter(job_name="monitor_day")):
        started = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_START)
        if run.run_id not in but and any("scores" in entry.step_key for entry in started):
            return run
    return None


def test_a_killed_process_is_a_failed_run_that_is_tried_again(lender, home, wait_file):
    lender.deliver(YESTERDAY)
    with process(lender, home, *DAEMON), dg.DagsterInstance.get() as instance:
        run = wait_for(lambda: run_in_its_program(instance))
        os.kill(json.loads(run.tags[PROCESS_TAG])["id"], signal.SIGKILL)

        def the_run_has_failed():
            return instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.FAILURE

        wait_for(the_run_has_failed, 60)
        said = [str(entry) for entry in instance.all_logs(run.run_id)]
        assert any("The run's process ended by SIGKILL" in text for text in said)
        again = wait_for(lambda: run_in_its_program(instance, but=[run.run_id]))
        assert again.parent_run_id == run.run_id
        wait_file.unlink()

        def the_day_is_done():
            return instance.get_run_by_id(again.run_id).status == dg.DagsterRunStatus.SUCCESS

        wait_for(the_day_is_done)


def test_a_run_that_is_terminated_is_canceled(lender, home, wait_file):
    """From another process than the daemon's, as the UI does."""
    lender.deliver(YESTERDAY)
    with process(lender, home, *DAEMON), dg.DagsterInstance.get() as instance:
        run = wait_for(lambda: run_in_its_program(instance))
        assert instance.run_launcher.terminate(run.run_id)

        def the_run_is_canceled():
            return instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.CANCELED

        wait_for(the_run_is_canceled, 60)
        assert not instance.run_launcher.terminate(run.run_id)


def test_runs_outlive_their_daemon(lender, home, wait_file):
    lender.deliver(YESTERDAY)
    with dg.DagsterInstance.get() as instance:
        with process(lender, home, *DAEMON):
            run = wait_for(lambda: run_in_its_program(instance))
        wait_file.unlink()

        def the_day_is_done():
            return instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.SUCCESS

        wait_for(the_day_is_done)
