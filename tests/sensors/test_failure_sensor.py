"""A day whose run failed is decided, once for each failure, whatever failed."""

import itertools

import dagster as dg
import numpy as np
import pytest

from monitoring_assets.partitions import ModelDay
from monitoring_assets.runs.tags import BACKFILL
from resources.asset_keys import asset_key
from resources.dagster_internals import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    WILL_RETRY_TAG,
)
from resources.faults import read_faults
from resources.storage import open_storage
from sensors import failure_sensor as module
from sensors.failure_sensor import failure_sensor
from tests.conftest import YESTERDAY, days_ago, job, onboard, rows, tick
from tests.sensors.daemon import Daemon

KEY = "pd_cards.1"


@pytest.fixture
def daemon(lender, instance):
    return Daemon(failure_sensor, lender, instance)


def run(lender, instance, day, tags=None, key=KEY, asset=None):
    return job("monitor_day", lender).execute_in_process(
        instance=instance,
        asset_selection=None if asset is None else [asset_key(asset)],
        partition_key=None if tags else ModelDay(day, key).partition,
        tags=tags,
        raise_on_error=False,
    )


def requested(daemon):
    return [str(one.partition_key) for one in daemon.tick().run_requests]


def faults(lender, day):
    found = read_faults(lender.store.storage, KEY, day, day).get(day, [])
    return [(one.family, one.subject, one.text) for one in found]


def test_a_missing_batch_is_a_fault_of_the_pipeline_that_names_the_file(lender, instance, daemon):
    lender.publish()
    onboard(lender, instance)
    run(lender, instance, YESTERDAY)
    assert requested(daemon) == [ModelDay(YESTERDAY, KEY).partition]
    ((family, subject, text),) = faults(lender, YESTERDAY)
    assert (family, subject) == ("pipeline", "monitor_day")
    assert f"{YESTERDAY}.parquet" in text
    assert requested(daemon) == []


def test_each_failure_of_a_day_asks_once(lender, instance, daemon):
    lender.publish()
    onboard(lender, instance)
    run(lender, instance, YESTERDAY)
    run(lender, instance, YESTERDAY)
    assert requested(daemon) == [ModelDay(YESTERDAY, KEY).partition] * 2
    assert len(set(daemon.run_keys())) == 2


def test_what_a_check_has_said_is_not_said_again_as_a_failed_run(lender, instance, daemon):
    lender.publish()
    onboard(lender, instance)
    lender.deliver(YESTERDAY, rows(1).assign(income=np.nan))
    run(lender, instance, YESTERDAY)
    assert requested(daemon) == [ModelDay(YESTERDAY, KEY).partition]
    assert {family for family, _, _ in faults(lender, YESTERDAY)} == {"data quality"}


def test_what_a_check_has_said_is_decided_once(lender, instance, daemon):
    lender.publish()
    onboard(lender, instance)
    lender.deliver(YESTERDAY, rows(1).assign(income=np.nan))
    run(lender, instance, YESTERDAY)
    job("decide_alerts", lender).execute_in_process(
        instance=instance, partition_key=ModelDay(YESTERDAY, KEY).partition
    )
    assert requested(daemon) == []


def test_a_run_that_is_tried_again_is_not_news(lender, instance, daemon):
    lender.publish()
    onboard(lender, instance)
    first = run(lender, instance, YESTERDAY)
    instance.add_run_tags(first.run_id, {WILL_RETRY_TAG: "true"})
    assert requested(daemon) == []
    last = run(lender, instance, YESTERDAY)
    instance.add_run_tags(last.run_id, {WILL_RETRY_TAG: "false"})
    assert requested(daemon) == [ModelDay(YESTERDAY, KEY).partition]


def test_of_a_range_only_the_days_without_a_report_are_asked_for(lender, instance, daemon):
    lender.publish()
    onboard(lender, instance)
    lender.deliver(days_ago(2))
    run(lender, instance, days_ago(2))
    first, last = (ModelDay(days_ago(n), KEY).partition for n in (2, 1))
    run(
        lender,
        instance,
        None,
        tags={ASSET_PARTITION_RANGE_START_TAG: first, ASSET_PARTITION_RANGE_END_TAG: last},
    )
    (request,) = daemon.tick().run_requests
    assert str(request.partition_key) == last
    assert BACKFILL in request.tags


def test_a_reference_that_cannot_be_profiled_is_an_incident_of_its_version(
    lender, instance, daemon
):
    lender.publish()
    requests = tick(lender, instance).run_requests
    # It changes between its acceptance and its run.
    lender.put(open_storage(lender.registry.root), "pd_cards/1/reference.parquet", rows(9))
    onboarding = job("onboard_model", lender)
    for request in requests:
        onboarding.execute_in_process(
            instance=instance, partition_key=request.partition_key, raise_on_error=False
        )
    assert requested(daemon) == [ModelDay(YESTERDAY, KEY).partition]
    ((family, subject, _),) = faults(lender, YESTERDAY)
    assert (family, subject) == ("pipeline", "onboard_model")


def test_a_decision_that_failed_is_not_asked_for_again(lender, instance, daemon):
    failed = dg.DagsterRun(
        "decide_alerts", tags={"dagster/partition": ModelDay(YESTERDAY, KEY).partition}
    )
    instance.add_run(failed)
    instance.report_run_failed(failed)
    assert requested(daemon) == []


def test_a_run_of_a_version_that_nobody_monitors_stops_no_other(lender, instance, daemon):
    lender.publish()
    onboard(lender, instance)
    for key in ("pd_gone.1", KEY):
        run_of = dg.DagsterRun(
            "monitor_day", tags={"dagster/partition": ModelDay(YESTERDAY, key).partition}
        )
        instance.add_run(run_of)
        instance.report_run_failed(run_of, "the pod was evicted")
    assert requested(daemon) == [ModelDay(YESTERDAY, KEY).partition]
    assert faults(lender, YESTERDAY) == [("pipeline", "monitor_day", "the pod was evicted")]


def test_a_failure_that_has_been_made_good_is_no_news(lender, instance, daemon):
    lender.publish()
    onboard(lender, instance)
    run(lender, instance, YESTERDAY)
    lender.deliver(YESTERDAY)
    assert run(lender, instance, YESTERDAY).success
    assert requested(daemon) == []
    assert faults(lender, YESTERDAY) == []


def test_alerts_that_failed_after_the_report_are_no_fault_of_the_day(
    lender, instance, daemon, monkeypatch
):
    lender.publish()
    onboard(lender, instance)
    lender.deliver(YESTERDAY)
    with monkeypatch.context() as broken:
        broken.setattr("monitoring_assets.alerting.ledger.tell", lambda *args, **more: 1 / 0)
        assert not run(lender, instance, YESTERDAY).success
    assert requested(daemon) == [ModelDay(YESTERDAY, KEY).partition]
    assert faults(lender, YESTERDAY) == []


@pytest.mark.parametrize(
    ("asset", "broken"),
    [
        ("segment_report", "monitoring_assets.assets.segment_report._report"),
        ("performance_report", "monitoring_assets.assets.performance_report._report"),
        ("drift_report", "monitoring_assets.assets.drift_report.compare_with_reference"),
    ],
)
def test_a_day_that_is_made_asset_by_asset_is_good_once_the_failed_one_is_made(
    lender, instance, daemon, monkeypatch, asset, broken
):
    lender.publish(segments=["region"])
    onboard(lender, instance)
    lender.deliver(YESTERDAY)
    others = ["features", "scores", "drift_report", "performance_report", "segment_report"]
    for other in others[: others.index(asset)]:
        assert run(lender, instance, YESTERDAY, asset=other).success
    with monkeypatch.context() as at_first:
        at_first.setattr(broken, lambda *args, **more: 1 / 0)
        assert not run(lender, instance, YESTERDAY, asset=asset).success
    assert requested(daemon) == [ModelDay(YESTERDAY, KEY).partition]
    assert [family for family, _, _ in faults(lender, YESTERDAY)] == ["pipeline"]
    for other in set(others[2:]) - {asset}:  # what others make is not what is missing
        assert run(lender, instance, YESTERDAY, asset=other).success
    assert [family for family, _, _ in faults(lender, YESTERDAY)] == ["pipeline"]
    assert run(lender, instance, YESTERDAY, asset=asset).success
    assert faults(lender, YESTERDAY) == []


def test_a_decision_that_failed_in_a_run_of_its_own_is_asked_for_and_no_fault_of_the_day(
    lender, instance, daemon, monkeypatch
):
    lender.publish()
    onboard(lender, instance)
    lender.deliver(YESTERDAY)
    for asset in ("features", "scores", "drift_report", "performance_report", "segment_report"):
        assert run(lender, instance, YESTERDAY, asset=asset).success
    with monkeypatch.context() as broken:
        broken.setattr("monitoring_assets.alerting.ledger.tell", lambda *args, **more: 1 / 0)
        assert not run(lender, instance, YESTERDAY, asset="alerts").success
    assert requested(daemon) == [ModelDay(YESTERDAY, KEY).partition]
    assert faults(lender, YESTERDAY) == []


def test_a_run_that_cannot_be_looked_at_keeps_no_other_from_being_seen(lender, instance, daemon):
    lender.publish()
    onboard(lender, instance)
    whole = dg.DagsterRun("onboard_model", tags={})
    instance.add_run(whole)
    instance.report_run_failed(whole)
    run(lender, instance, YESTERDAY)
    assert requested(daemon) == [ModelDay(YESTERDAY, KEY).partition]


def test_the_fault_of_a_batch_that_came_after_all_is_forgotten(lender, instance, daemon):
    lender.publish()
    onboard(lender, instance)
    run(lender, instance, YESTERDAY)
    requested(daemon)
    lender.deliver(YESTERDAY, rows(1).assign(income=np.nan))
    run(lender, instance, YESTERDAY)
    assert {family for family, _, _ in faults(lender, YESTERDAY)} == {"data quality"}


def test_a_tick_ends_in_time_and_the_next_one_goes_on(lender, instance, daemon, monkeypatch):
    lender.publish()
    onboard(lender, instance)
    days = [ModelDay(days_ago(number), KEY).partition for number in range(3)]
    for day in days:
        failed = instance.add_run(dg.DagsterRun("monitor_day", tags={"dagster/partition": day}))
        instance.report_run_failed(failed, "the pod was evicted")
    clock = itertools.count(step=module.LOOK_SECONDS)
    monkeypatch.setattr(module.time, "monotonic", lambda: float(next(clock)))
    assert [requested(daemon) for _ in range(4)] == [[days[0]], [days[1]], [days[2]], []]
