"""The real daemon and webserver, over a real S3 API: from a version that lands to its reports."""

import datetime as dt
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest

from monitoring_assets.cli.init import TEMPLATES
from monitoring_assets.partitions import ModelDay
from monitoring_assets.runs.evaluated_day import evaluated_partition
from resources.asset_keys import asset_key
from tests.conftest import YESTERDAY, days_ago

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An instance as `dagster.yaml` of the project describes it."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "dagster.yaml").write_text((TEMPLATES / "dagster.yaml").read_text())
    monkeypatch.setenv("DAGSTER_HOME", str(folder))
    return folder


@contextmanager
def process(lender, home, *command):
    """A process of the deployment, killed with all its children at the end."""
    with (home / f"{command[0]}.log").open("ab") as log:
        started = subprocess.Popen(
            [BIN / command[0], *command[1:]],
            cwd=ROOT,
            env={**os.environ, **lender.environment},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield started
        finally:
            kill(started)


def kill(started):
    if started.poll() is None:
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()


def wait_for(condition, seconds=240):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.5)
    raise AssertionError(f"{condition.__name__} did not come true in {seconds} s")


def reports(instance):
    return instance.get_materialized_partitions(asset_key("drift_report"))


@pytest.mark.slow
def test_a_version_on_s3_is_onboarded_and_its_days_run_once_though_the_daemon_is_killed(
    s3_lender, home
):
    expected = {ModelDay(days_ago(n), "pd_cards.1").partition for n in range(3)}
    for number in range(3):
        s3_lender.deliver(days_ago(number))
    s3_lender.publish()
    daemon = ("dagster-daemon", "run", "-w", str(TEMPLATES / "workspace.yaml"))
    with dg.DagsterInstance.get() as instance:
        with process(s3_lender, home, *daemon) as first:

            def reference_profile_is_asked_for():
                return instance.get_runs_count(dg.RunsFilter(job_name="onboard_model"))

            wait_for(reference_profile_is_asked_for)
            kill(first)
        with process(s3_lender, home, *daemon):

            def every_day_is_reported():
                return reports(instance) == expected

            wait_for(every_day_is_reported, 400)

        runs = instance.get_runs(dg.RunsFilter(job_name="monitor_day"))
        asked = [run.tags["dagster/partition"] for run in runs]
        assert sorted(asked) == sorted(expected)
        assert instance.get_runs_count(dg.RunsFilter(job_name="onboard_model")) == 1
        psi = dg.AssetCheckKey(asset_key("scores"), "psi")
        history = instance.event_log_storage.get_asset_check_execution_history(psi, limit=10)
        assert {evaluated_partition(record.evaluation) for record in history} == expected
        registry = instance.get_latest_materialization_event(asset_key("model_registry"))
        assert registry.asset_materialization.metadata["monitored"].value == 1


LAUNCH_BACKFILL = """
mutation($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
LAUNCH_RUN = """
mutation($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""


def graphql(port, query, **variables):
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        json.dumps({"query": query, "variables": variables}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        return next(iter(json.load(response)["data"].values()))


@pytest.mark.slow
def test_backfills_from_the_ui_run_a_day_or_a_whole_range(lender, home):
    """What the UI's dialog sends for 'multiple runs' and for 'single run', through its server."""
    from tests.conftest import onboard

    for name in ("pd_cards", "pd_auto"):
        # Not in production yet, so that no sensor asks for the days that a person asks for.
        lender.publish(name, deployed_at=str(YESTERDAY + dt.timedelta(days=2)))
        for number in range(2):
            lender.deliver(days_ago(number), feed=name)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    workspace = ("-w", str(TEMPLATES / "workspace.yaml"))
    assets = [{"path": asset_key(name).path} for name in ("features", "scores", "drift_report")]
    cards = [ModelDay(days_ago(n), "pd_cards.1").partition for n in (1, 0)]
    auto = [ModelDay(days_ago(n), "pd_auto.1").partition for n in (1, 0)]
    with dg.DagsterInstance.get() as instance:
        onboard(lender, instance)
        web = process(
            lender, home, "dagster-webserver", "-h", "127.0.0.1", "-p", str(port), *workspace
        )
        with web:

            def the_server_answers():
                try:
                    return graphql(port, "{ version }")
                except OSError:
                    return None

            wait_for(the_server_answers)
            launched = graphql(
                port,
                LAUNCH_RUN,
                params={
                    "selector": {
                        "repositoryLocationName": "model_monitoring",
                        "repositoryName": "__repository__",
                        "pipelineName": "monitor_day",
                        "assetSelection": assets,
                    },
                    "mode": "default",
                    "executionMetadata": {
                        "tags": [
                            {"key": "dagster/asset_partition_range_start", "value": auto[0]},
                            {"key": "dagster/asset_partition_range_end", "value": auto[-1]},
                        ]
                    },
                },
            )
            assert launched["__typename"] == "LaunchRunSuccess", launched
            backfill = graphql(
                port,
                LAUNCH_BACKFILL,
                params={"assetSelection": assets, "partitionNames": cards, "tags": []},
            )
            assert backfill["__typename"] == "LaunchBackfillSuccess", backfill
            with process(lender, home, "dagster-daemon", "run", *workspace):

                def both_are_reported():
                    return reports(instance) == {*cards, *auto}

                wait_for(both_are_reported, 300)
        runs = instance.get_runs()
        of_range = [r for r in runs if "dagster/asset_partition_range_start" in r.tags]
        of_backfill = [r for r in runs if "dagster/backfill" in r.tags]
        assert len(of_range) == 1
        assert sorted(run.tags["dagster/partition"] for run in of_backfill) == sorted(cards)
