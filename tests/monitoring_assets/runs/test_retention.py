"""Old runs are deleted with all that they recorded, and the store stays as it is."""

import datetime as dt

import dagster as dg
import pytest

from monitoring_assets.partitions import ModelDay
from monitoring_assets.runs import retention as module
from monitoring_assets.runs.retention import RETENTION, delete_old_runs, retention_days
from resources.asset_keys import asset_key
from resources.dagster_internals import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
)
from resources.errors import InputError
from resources.storage import open_storage
from tests.conftest import YESTERDAY, days_ago, job, onboard
from tests.warehouses import warehouse_server

OLD, NEW = (ModelDay(day, "pd_cards.1") for day in (days_ago(1), YESTERDAY))
FUTURE = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def instance(request):
    if request.param == "SQLite":
        with dg.instance_for_test() as one:
            yield one
    else:
        with warehouse_server() as server:
            storage = server.dagster_storage("postgres")
            with dg.instance_for_test(overrides={"storage": storage}) as one:
                yield one


def run(lender, instance, day):
    lender.deliver(day.day)
    done = job("monitor_day", lender).execute_in_process(
        instance=instance, partition_key=day.partition
    )
    return done.run_id


def evaluations(instance, asset="features", check="csi"):
    key = dg.AssetCheckKey(asset_key(asset), check)
    history = instance.event_log_storage.get_asset_check_execution_history(key, limit=100)
    return [record.run_id for record in history]


def contents(lender):
    return open_storage(lender.store.root).list()


def test_runs_events_and_evaluations_go_and_the_store_stays(lender, instance):
    lender.publish()
    onboard(lender, instance)
    old = run(lender, instance, OLD)
    between = dt.datetime.now(dt.UTC)
    new = run(lender, instance, NEW)
    store = contents(lender)

    assert delete_old_runs(instance, between, seconds=60) == 1

    assert instance.get_run_by_id(old) is None
    assert not instance.all_logs(old)
    assert evaluations(instance) == [new]
    for name in ("features", "scores", "drift_report", "alerts"):
        assert instance.get_materialized_partitions(asset_key(name)) == {NEW.partition}
    assert instance.get_run_by_id(new) is not None
    assert instance.all_logs(new)
    # A version's reference profile is as old as the version.
    assert instance.get_materialized_partitions(asset_key("reference_profile")) == {NEW.key}
    assert contents(lender) == store
    assert delete_old_runs(instance, between, seconds=60) == 0


def test_all_slices_are_deleted_and_what_has_not_ended_stays(instance, monkeypatch):
    monkeypatch.setattr(module, "SLICE", 2)
    of_a_version = {"dagster/partition": "pd_cards.1"}
    of_versions = {ASSET_PARTITION_RANGE_START_TAG: "a.1", ASSET_PARTITION_RANGE_END_TAG: "b.1"}
    kept = [
        instance.add_run(dg.DagsterRun("any", status=dg.DagsterRunStatus.SUCCESS, tags=tags))
        for tags in (of_a_version, of_versions)
    ]
    for number in range(9):
        instance.add_run(dg.DagsterRun("monitor_day", status=dg.DagsterRunStatus.FAILURE))
        if number % 3 == 0:
            kept.append(instance.add_run(dg.DagsterRun("monitor_day")))
    of_a_day = {"dagster/partition": OLD.partition}
    made = dg.DagsterRun("any", status=dg.DagsterRunStatus.SUCCESS, tags=of_a_day)
    instance.add_run(made)
    assert delete_old_runs(instance, FUTURE, seconds=60) == 10
    assert {one.run_id for one in instance.get_runs()} == {one.run_id for one in kept}


def test_no_slice_is_begun_after_its_time(instance):
    instance.add_run(dg.DagsterRun("monitor_day", status=dg.DagsterRunStatus.FAILURE))
    assert delete_old_runs(instance, FUTURE, seconds=0) == 0
    assert instance.get_runs_count() == 1


def test_what_a_kill_leaves_behind_is_deleted_the_next_night(instance, monkeypatch):
    failed = dg.DagsterRun("monitor_day")
    instance.add_run(failed)
    instance.report_run_failed(failed)
    with monkeypatch.context() as killed:
        killed.setattr(instance.run_storage, "delete_run", lambda run_id: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            delete_old_runs(instance, FUTURE, seconds=60)
    assert delete_old_runs(instance, FUTURE, seconds=60) == 1
    assert instance.get_runs_count() == 0


@pytest.mark.parametrize(("value", "days"), [(None, 400), ("90", 90), ("3650", 3650)])
def test_the_horizon_is_a_setting(monkeypatch, value, days):
    monkeypatch.delenv(RETENTION, raising=False)
    if value:
        monkeypatch.setenv(RETENTION, value)
    assert retention_days() == days


@pytest.mark.parametrize("value", ["", "89", "-1", "a year", "90.5"])
def test_a_horizon_that_is_none_is_refused_in_words(monkeypatch, value):
    monkeypatch.setenv(RETENTION, value)
    with pytest.raises(InputError, match=f"{RETENTION}: found '{value}'; allowed: 90 or more"):
        retention_days()
