"""An asset of a day as a run of its own: recorded as any other, and made once a generation."""

import dagster as dg
import pytest
from dagster._core.storage.tags import REPOSITORY_LABEL_TAG

from airflow_bridge.export.graph import assets_of
from airflow_bridge.pod import asset_run
from airflow_bridge.pod.day_verdict import judge_day
from monitoring_assets.partitions import ModelDay
from resources.asset_keys import asset_key
from tests.conftest import YESTERDAY, days_ago, job, onboard, rows

DAY = ModelDay(YESTERDAY, "pd_cards.1")
DAG_RUN = {"airflow/dag_id": "monitor_day.pd_cards.1", "airflow/run_id": "scheduled__2026"}


def task(asset, generation="3", try_number="1"):
    return DAG_RUN | {
        "airflow/task_id": asset,
        "airflow/generation": generation,
        "airflow/try_number": try_number,
    }


@pytest.fixture
def watched(lender, instance):
    """A lender with a version that is watched."""
    lender.publish()
    onboard(lender, instance)
    return lender


@pytest.fixture
def monitor_day(watched):
    """The job, bound to the lender."""
    return job("monitor_day", watched)


@pytest.fixture
def nodes(monitor_day):
    """The job's assets by name."""
    return {node.name: node for node in assets_of(monitor_day)}


@pytest.fixture
def make(monitor_day, nodes, instance):
    """Make an asset of the day: the run, and why it was not made."""

    def make(asset, tags=None):
        tags = task(asset) if tags is None else tags
        run = asset_run.create_run(monitor_day, instance, nodes[asset], DAY, tags)
        why = asset_run.execute(monitor_day, instance, run, nodes[asset], DAY)
        return instance.get_run_by_id(run.run_id), why

    return make


def evaluated(instance, run):
    entries = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    return {entry.dagster_event.asset_check_evaluation_data.check_name for entry in entries}


def test_the_run_is_one_of_the_code_location_for_one_asset_and_its_checks(watched, instance, make):
    watched.deliver(YESTERDAY)
    run, why = make("features")
    assert (why, run.status, run.job_name) == (None, dg.DagsterRunStatus.SUCCESS, "monitor_day")
    assert run.asset_selection == {asset_key("features")}
    assert run.remote_job_origin.location_name == "model_monitoring"
    # What the code location's page lists.
    listed = dg.RunsFilter(tags={REPOSITORY_LABEL_TAG: "__repository__@model_monitoring"})
    assert [one.run_id for one in instance.get_runs(listed)] == [run.run_id]
    assert run.tags["dagster/partition"] == DAY.partition
    assert run.tags["dagster/partition/model"] == DAY.key
    assert run.tags["airflow/try_number"] == "1"
    assert run.tags["dagster/max_retries"] == "0"
    assert run.tags["monitoring/executed_by"] == "monitoring materialise"
    assert evaluated(instance, run) == {"batch_quality", "broken_columns", "csi"}
    made = instance.get_materialized_partitions(asset_key("features"))
    assert made == {DAY.partition}
    assert instance.get_materialized_partitions(asset_key("scores")) == set()


def test_the_days_graph_in_runs_of_one_asset_each_passes(watched, instance, make):
    watched.deliver(YESTERDAY)
    nodes = assets_of(job("monitor_day", watched))
    for node in nodes:
        run, why = make(node.name)
        assert why is None
        assert evaluated(instance, run) == set(node.checks)
    assert watched.store.has("alerts", DAY.key, DAY.day)
    verdict = judge_day(instance, nodes, DAY, DAG_RUN)
    assert (verdict.errors, verdict.warnings) == ([], [])
    # Another DAG run has made nothing.
    other = judge_day(instance, nodes, DAY, DAG_RUN | {"airflow/run_id": "another"})
    assert other.errors == [f"{node.name} was not made: no run came so far" for node in nodes]


def test_a_blocking_check_fails_the_run_with_what_it_said(watched, instance, make):
    watched.deliver(YESTERDAY, rows(1).assign(income=None))
    run, why = make("features")
    assert run.status == dg.DagsterRunStatus.FAILURE
    assert why.startswith("batch_quality: ")
    assert "income" in why
    verdict = judge_day(instance, assets_of(job("monitor_day", watched))[:1], DAY, DAG_RUN)
    assert any("check batch_quality of features: ERROR: " in one for one in verdict.errors)


def test_a_check_that_does_not_block_fails_the_day_and_not_the_asset(watched, instance, make):
    watched.deliver(YESTERDAY, rows(1, income_shift=-0.7))
    run, why = make("features")
    assert (run.status, why) == (dg.DagsterRunStatus.SUCCESS, None)
    verdict = judge_day(instance, assets_of(job("monitor_day", watched))[:1], DAY, DAG_RUN)
    (error,) = verdict.errors
    assert error.startswith("check csi of features: ERROR: ")
    # A clear that makes it well again is what counts then.
    watched.deliver(YESTERDAY)
    make("features", task("features", generation="7", try_number="5"))
    again = judge_day(instance, assets_of(job("monitor_day", watched))[:1], DAY, DAG_RUN)
    assert again.errors == []


def test_a_day_without_a_batch_names_the_file(watched, instance, make):
    run, why = make("features")
    assert run.status == dg.DagsterRunStatus.FAILURE
    assert f"pd_cards/{YESTERDAY}.parquet" in why
    (error,) = judge_day(instance, assets_of(job("monitor_day", watched))[:1], DAY, DAG_RUN).errors
    assert error.startswith(f"features was not made: run {run.run_id}: ")
    assert f"pd_cards/{YESTERDAY}.parquet" in error


def test_what_a_generation_has_made_is_found_again(watched, instance, make, nodes):
    watched.deliver(YESTERDAY)
    run, _ = make("features")

    def found(tags, day=DAY):
        return asset_run.run_that_made(instance, nodes["features"], day, tags)

    assert found(task("features", try_number="2")) == run.run_id
    assert found(task("features", generation="7", try_number="5")) is None  # cleared
    assert found(task("features") | {"airflow/run_id": "another"}) is None
    assert found(task("features"), ModelDay(days_ago(1), DAY.key)) is None
    assert found({}) is None


def test_what_a_deleted_dag_run_has_made_is_not_that_of_the_next(watched, instance, make, nodes):
    watched.deliver(YESTERDAY)
    first, second = ({"airflow/dag_run_started": f"2026-09-1{day}"} for day in (3, 4))
    run, _ = make("features", task("features") | first)

    def found(tags):
        return asset_run.run_that_made(instance, nodes["features"], DAY, task("features") | tags)

    assert found(first) == run.run_id
    assert found(second) is None
    assert found({}) == run.run_id  # another task was cleared since
    make("features", task("features", generation="5") | second)
    assert found({}) is None  # and this is the DAG run that was cleared


def test_a_run_that_failed_has_made_nothing(instance, make, nodes):
    make("features")
    assert asset_run.run_that_made(instance, nodes["features"], DAY, task("features")) is None


def test_what_a_lost_process_left_open_is_ended(watched, instance, make, monitor_day, nodes):
    watched.deliver(YESTERDAY)
    features, scores = nodes["features"], nodes["scores"]
    lost = asset_run.create_run(monitor_day, instance, features, DAY, task("features"))
    cancelled = asset_run.create_run(monitor_day, instance, features, DAY, task("features"))
    instance.report_run_canceling(cancelled)
    others = [
        asset_run.create_run(monitor_day, instance, asset, DAY, tags)
        for asset, tags in [
            (scores, task("scores")),
            (features, task("features") | {"airflow/run_id": "another"}),
            (features, {}),
        ]
    ]
    ended = asset_run.end_lost_runs(instance, DAY, task("features", try_number="2"))
    assert set(ended) == {lost.run_id, cancelled.run_id}
    status = {run.run_id: run.status for run in instance.get_runs()}
    assert status[lost.run_id] == dg.DagsterRunStatus.FAILURE
    assert status[cancelled.run_id] == dg.DagsterRunStatus.CANCELED
    assert {status[run.run_id] for run in others} == {dg.DagsterRunStatus.NOT_STARTED}
    assert asset_run.end_lost_runs(instance, DAY, {}) == []


def test_a_run_waits_for_what_is_not_there_yet(lender, instance):
    features, scores = assets_of(job("monitor_day", lender))[:2]
    assert "no partition pd_cards.1 yet" in asset_run.why_not_yet(instance, features, DAY)
    instance.add_dynamic_partitions("model", [DAY.key])
    why = asset_run.why_not_yet(instance, features, DAY)
    assert why == "reference_profile of pd_cards.1 is not materialised: see its run"
    assert asset_run.why_not_yet(instance, scores, DAY) is None
    today = ModelDay(days_ago(-1), DAY.key)
    assert "before it is over in UTC" in asset_run.why_not_yet(instance, scores, today)
    lender.publish()
    onboard(lender, instance)
    assert asset_run.why_not_yet(instance, features, DAY) is None
