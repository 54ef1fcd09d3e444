"""A run that is killed with SIGKILL in any step leaves nothing behind that is later read."""

import os
import signal
import subprocess
import sys
import time

import dagster as dg
import pyarrow.parquet as pq
import pytest

from monitoring_assets.partitions import ModelDay
from tests.conftest import YESTERDAY, job, onboard, rows

pytestmark = pytest.mark.slow

KEY = "pd_cards.1"
RUN = """
import sys
import dagster as dg
from monitoring_assets.definitions import defs
with dg.DagsterInstance.get() as instance:
    job = defs.get_repository_def().get_job(sys.argv[1])
    job.execute_in_process(instance=instance, partition_key=sys.argv[2])
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    return folder


def kill_in_step(lender, instance, job_name, partition, step):
    """Start a run in a process of its own and kill it as soon as a step has started."""
    before = {run.run_id for run in instance.get_runs()}
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, job_name, partition],
        env={**os.environ, **lender.environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    started = False
    while not started and process.poll() is None and time.monotonic() < deadline:
        for run in instance.get_runs():
            if run.run_id not in before:
                logs = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.STEP_START)
                started = any(entry.step_key == step for entry in logs)
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert started, f"{step} did not start"


def parquet_files(lender):
    return [path for path in lender.store.storage.list() if path.endswith(".parquet")]


@pytest.mark.parametrize(
    "step", ["features", "features_checks", "scores", "scores_checks", "drift_report"]
)
def test_a_killed_step_is_made_up_for(lender, home, step):
    lender.publish()
    lender.deliver(YESTERDAY, rows(1, size=200_000))
    with dg.DagsterInstance.get() as instance:
        onboard(lender, instance)
        partition = ModelDay(YESTERDAY, KEY).partition

        kill_in_step(lender, instance, "monitor_day", partition, step)

        for path in parquet_files(lender):
            pq.read_table(lender.store.storage.location(path))
        assert not lender.store.has("drift_report", KEY, YESTERDAY) or step == "drift_report"
        again = job("monitor_day", lender).execute_in_process(
            instance=instance, partition_key=partition
        )
        assert again.success
        report, _ = lender.store.read_table("drift_report", KEY, YESTERDAY)
        assert report["rows"][0].as_py() == 200_000
        # The killed run, and the one that made up for it: nothing else was started.
        assert instance.get_runs_count(dg.RunsFilter(job_name="monitor_day")) == 2


def test_a_killed_reference_profile_is_made_up_for(lender, home):
    lender.publish()
    with dg.DagsterInstance.get() as instance:
        from tests.conftest import tick

        assert len(tick(lender, instance).run_requests) == 1
        kill_in_step(lender, instance, "onboard_model", KEY, "reference_profile")
        if not lender.store.has("reference_profile", KEY):
            assert parquet_files(lender) == []
        result = job("onboard_model", lender).execute_in_process(
            instance=instance, partition_key=KEY
        )
        assert result.success


def test_new_features_are_never_read_beside_an_old_profile(lender, home, monkeypatch):
    """Between the new features and their profile there is no profile at all."""
    from resources.store import Store

    lender.publish()
    lender.deliver(YESTERDAY)
    with dg.DagsterInstance.get() as instance:
        onboard(lender, instance)
        run = job("monitor_day", lender)
        partition = ModelDay(YESTERDAY, KEY).partition
        assert run.execute_in_process(instance=instance, partition_key=partition).success
        lender.deliver(YESTERDAY, rows(9, size=77))

        def killed(*args, **kwargs):
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(Store, "write_table", killed)
            with pytest.raises(BaseException):  # noqa: B017, PT011
                run.execute_in_process(instance=instance, partition_key=partition)

        assert pq.read_metadata(*lender.store.locations("features", KEY, YESTERDAY)).num_rows == 77
        assert not lender.store.has("features_profile", KEY, YESTERDAY)
