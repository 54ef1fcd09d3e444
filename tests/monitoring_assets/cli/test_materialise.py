"""`monitoring materialise`: its exit codes, and how it ends when it is ended."""

import os
import signal
import subprocess
import time

import dagster as dg
import pytest

from tests.conftest import YESTERDAY, days_ago, onboard
from tests.monitoring_assets.cli.conftest import MONITORING

TASK = {
    "airflow/dag_id": "monitor_day.pd_cards.1",
    "airflow/run_id": "scheduled__2026",
    "airflow/generation": "3",
    "airflow/try_number": "1",
}


def arguments(asset, day=YESTERDAY, key="pd_cards.1"):
    tags = TASK | {"airflow/task_id": asset}
    words = [word for tag in tags.items() for word in ("--tag", "=".join(tag))]
    return ["materialise", asset, "--model", key, "--date", str(day), *words, "--wait", "0"]


@pytest.fixture
def watched(deployment):
    """A version that is watched, whose scores take a minute."""
    reference = {"path": "reference.parquet", "score": "score"}
    scoring = deployment.manifest("pd_cards", "1")["scoring"] | {
        "flavour": "command",
        "command": ["sleep", "60"],
    }
    deployment.publish(reference=reference, scoring=scoring)
    with dg.DagsterInstance.get() as instance:
        onboard(deployment, instance)
    return deployment


def last_line(text):
    return text.strip().splitlines()[-1]


@pytest.mark.slow
def test_made_once_and_failed_with_the_reason_last(watched, monitoring):
    watched.deliver(YESTERDAY)
    made = monitoring(*arguments("features"))
    assert made.returncode == 0, made.stderr
    again = monitoring(*arguments("features"))
    assert again.returncode == 0, again.stderr
    assert "has made features" in again.stdout
    with dg.DagsterInstance.get() as instance:
        assert instance.get_runs_count(dg.RunsFilter(job_name="monitor_day")) == 1
    failed = monitoring(*arguments("features", days_ago(1)))
    assert failed.returncode == 1
    assert f"pd_cards/{days_ago(1)}.parquet" in last_line(failed.stderr)

    tags = [word for tag in list(TASK.items())[:2] for word in ("--tag", "=".join(tag))]
    judged = monitoring("airflow", "checks", "pd_cards.1", "--date", str(YESTERDAY), *tags)
    assert judged.returncode == 1
    assert "scores was not made: no run came so far" in judged.stderr
    assert "features" not in judged.stderr


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"asset": "featurs"}, "'featurs' is no asset of monitor_day; known: features, scores"),
        ({"key": "pd_auto.1"}, "'pd_auto.1' is no model version that has landed"),
        ({"day": "2001-01-01"}, "2001-01-01 has no partition"),
        ({"day": "yesterday"}, "does not match the format"),
    ],
)
def test_bad_usage_is_named(watched, monitoring, changes, said):
    done = monitoring(*arguments(**{"asset": "features"} | changes))
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_version_without_a_reference_profile_is_waited_for_no_longer_than_asked(
    deployment, monitoring
):
    deployment.publish()
    from tests.conftest import tick

    with dg.DagsterInstance.get() as instance:
        tick(deployment, instance)
    done = monitoring(*arguments("features"))
    assert done.returncode == 1
    assert "reference_profile of pd_cards.1 is not materialised" in last_line(done.stderr)


def scoring_run(instance):
    """The run of the scores, once its program runs."""
    for _ in range(600):
        runs = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
        if runs and instance.all_logs(runs[0].run_id, of_type=dg.DagsterEventType.STEP_START):
            return runs[0]
        time.sleep(0.2)
    raise AssertionError("no run has started")


@pytest.mark.parametrize("ending", ["SIGTERM", "SIGKILL"])
@pytest.mark.slow
def test_a_process_that_is_ended_leaves_no_run_open(watched, monitoring, ending):
    watched.deliver(YESTERDAY)
    assert monitoring(*arguments("features")).returncode == 0
    with (
        subprocess.Popen(
            [MONITORING, *arguments("scores")], stderr=subprocess.PIPE, text=True, env=os.environ
        ) as process,
        dg.DagsterInstance.get() as instance,
    ):
        run = scoring_run(instance)
        if ending == "SIGTERM":  # as Kubernetes does
            process.terminate()
        else:  # as Linux does with a process that takes too much memory: the one that computes
            (child,) = subprocess.run(
                ["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True
            ).stdout.split()
            os.kill(int(child), signal.SIGKILL)
        _, said = process.communicate(timeout=120)
        ended = instance.get_run_by_id(run.run_id)
    assert process.returncode == 1
    if ending == "SIGTERM":
        assert ended.status == dg.DagsterRunStatus.CANCELED
        assert last_line(said) == f"scores of {YESTERDAY}|pd_cards.1: the run was cancelled"
    else:
        assert ended.status == dg.DagsterRunStatus.FAILURE
        assert last_line(said).startswith("its process was ended by SIGKILL")
    assert not watched.store.has("scores", "pd_cards.1", YESTERDAY)
