"""What no other sensor notices: days never made, stopped sensors, failed decisions."""

import datetime as dt

import dagster as dg
import pytest

from monitoring_assets.partitions import ModelDay
from resources.dagster_internals import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    InstigatorStatus,
    TickStatus,
)
from resources.faults import RUN, RecordedFault, read_faults, record_faults
from resources.manifest import Manifest
from resources.store import Landed
from sensors import pipeline_sensor as module
from sensors.batch_sensor import batch_sensor
from sensors.pipeline_sensor import pipeline_sensor
from tests.conftest import YESTERDAY, days_ago, job, onboard
from tests.conftest import tick as registry_tick
from tests.queries import recorded_queries
from tests.receivers.datadog import DatadogReceiver
from tests.sensors.instigators import state, ticked

KEY = "pd_cards.1"
LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


@pytest.fixture
def instance():
    """An instance on disk: one in memory keeps no sensors."""
    with dg.instance_for_test() as one:
        yield one


def land(lender, **changes):
    """A version that has been monitored for years, with no run."""
    changes = {"deployed_at": "2020-01-01"} | changes
    manifest = Manifest.model_validate(lender.manifest("pd_cards", "1", **changes))
    landed = Landed(manifest=manifest, folder="pd_cards/1", landed_at=LONG_AGO)
    lender.store.land({manifest.key: landed}, {manifest.key})


def tick(lender, instance):
    context = dg.build_sensor_context(instance=instance, resources=lender.resources)
    return [str(one.partition_key) for one in pipeline_sensor(context).run_requests or []]


def test_a_day_that_no_run_has_made_is_a_fault_once(lender, instance):
    land(lender, schedule={"cron": "0 0 * * *"})
    # What the first tick requested was never started, as after a kill: it is requested again.
    days = tick(lender, instance)
    assert tick(lender, instance) == days
    # Yesterday's may still be in time, depending on the hour.
    assert {ModelDay(YESTERDAY - dt.timedelta(days=n), KEY).partition for n in (1, 2)} <= {*days}
    day = YESTERDAY - dt.timedelta(days=1)
    (fault,) = read_faults(lender.store.storage, KEY, day, day)[day]
    assert (fault.family, fault.subject) == ("pipeline", "monitor_day")
    for partition in days:
        instance.add_run(dg.DagsterRun("decide_alerts", tags={"dagster/partition": partition}))
    assert tick(lender, instance) == []


def test_a_day_whose_run_was_cancelled_is_not_made(lender, instance):
    land(lender, schedule={"cron": "0 0 * * *"})
    days = tick(lender, instance)
    for partition in days:
        cancelled = dg.DagsterRun("monitor_day", tags={"dagster/partition": partition})
        instance.add_run(cancelled)
        instance.report_run_canceled(cancelled)
    assert tick(lender, instance) == days


def test_a_day_with_a_run_on_its_way_is_given_time(lender, instance):
    land(lender)
    for n in range(3):
        tags = {"dagster/partition": ModelDay(YESTERDAY - dt.timedelta(days=n), KEY).partition}
        instance.add_run(dg.DagsterRun("monitor_day", tags=tags))
    assert tick(lender, instance) == []


def test_a_day_has_all_of_its_grace_where_the_clocks_change(lender, monkeypatch):
    monkeypatch.setenv("MONITORING_START_DATE", "2026-01-01")
    day = dt.date(2026, 3, 28)
    monkeypatch.setattr(module, "last_whole_day", lambda: day)
    # London's clocks go from 01:00 to 02:00, half an hour after the deadline.
    land(lender, schedule={"cron": "30 0 * * *", "timezone": "Europe/London"})
    end = dt.datetime(2026, 3, 29, 0, 30, tzinfo=dt.UTC) + module.GRACE

    def overdue(now):
        return ModelDay(day, KEY) in module._overdue(lender.store.all_landed(), now)

    assert overdue(end)
    assert not overdue(end - dt.timedelta(seconds=1))


def test_a_retired_version_is_not_missed(lender, instance):
    land(lender, retired_at="2021-01-01")
    assert tick(lender, instance) == []


def test_a_sensor_that_somebody_stopped_is_an_incident_until_it_runs(lender, instance, pagerduty):
    running = state(batch_sensor.name, InstigatorStatus.DECLARED_IN_CODE)
    instance.add_instigator_state(running)
    ticked(instance, running, TickStatus.SKIPPED, 30)
    tick(lender, instance)
    assert not pagerduty.incidents

    instance.update_instigator_state(running.with_status(InstigatorStatus.STOPPED))
    tick(lender, instance)
    tick(lender, instance)
    (incident,) = pagerduty.incidents
    (trigger,) = incident.triggers
    assert "batch_sensor was stopped" in trigger["payload"]["summary"]
    assert trigger["payload"]["source"] == "deployment"

    instance.update_instigator_state(running)
    tick(lender, instance)
    assert incident.resolved


@pytest.mark.parametrize(
    ("ticks", "said"),
    [
        ([(TickStatus.FAILURE, 90), (TickStatus.FAILURE, 60), (TickStatus.FAILURE, 30)], "no disk"),
        ([(TickStatus.SKIPPED, 7200)], "silent for 120 minutes"),
        ([(TickStatus.FAILURE, 90), (TickStatus.SKIPPED, 60), (TickStatus.FAILURE, 30)], None),
    ],
    ids=["fails", "is silent", "failed now and then"],
)
def test_a_sensor_that_does_nothing_is_an_incident(lender, instance, pagerduty, ticks, said):
    running = state(batch_sensor.name, InstigatorStatus.DECLARED_IN_CODE)
    instance.add_instigator_state(running)
    for status, ago in ticks:
        error = "no disk" if status == TickStatus.FAILURE else None
        ticked(instance, running, status, ago, error=error)
    tick(lender, instance)
    summaries = [one.triggers[0]["payload"]["summary"] for one in pagerduty.incidents]
    assert len(summaries) == (said is not None)
    assert all(said in summary for summary in summaries)


def test_with_the_bridge_on_airflows_sensor_is_watched_and_not_dagsters_own(
    lender, instance, pagerduty, monkeypatch
):
    stopped = state(batch_sensor.name, InstigatorStatus.STOPPED)
    instance.add_instigator_state(stopped)
    bridge = state("airflow_sensor", InstigatorStatus.DECLARED_IN_CODE)
    instance.add_instigator_state(bridge)
    ticked(instance, bridge, TickStatus.SKIPPED, 10)
    monkeypatch.setenv("MONITORING_AIRFLOW", "airflow.yaml")
    tick(lender, instance)
    assert not pagerduty.incidents
    instance.update_instigator_state(bridge.with_status(InstigatorStatus.STOPPED))
    tick(lender, instance)
    (incident,) = pagerduty.incidents
    assert "airflow_sensor was stopped" in incident.triggers[0]["payload"]["summary"]
    # Without the bridge there is no such sensor, and its last state says nothing.
    monkeypatch.delenv("MONITORING_AIRFLOW")
    instance.update_instigator_state(stopped.with_status(InstigatorStatus.DECLARED_IN_CODE))
    ticked(instance, stopped, TickStatus.SKIPPED, 10)
    tick(lender, instance)
    assert incident.resolved


def test_a_decision_that_failed_is_an_incident_until_it_is_made(lender, instance, pagerduty):
    lender.publish()
    onboard(lender, instance)
    partition = ModelDay(YESTERDAY, KEY).partition
    failed = dg.DagsterRun("decide_alerts", tags={"dagster/partition": partition})
    instance.add_run(failed)
    instance.report_run_failed(failed)
    tick(lender, instance)
    (incident,) = pagerduty.incidents
    assert partition in incident.triggers[0]["payload"]["summary"]

    job("decide_alerts", lender).execute_in_process(instance=instance, partition_key=partition)
    tick(lender, instance)
    assert incident.resolved


def test_a_decision_on_a_shadow_version_that_failed_is_no_incident(lender, instance, pagerduty):
    lender.publish(shadow=True)
    onboard(lender, instance)
    partition = ModelDay(YESTERDAY, KEY).partition
    failed = dg.DagsterRun("decide_alerts", tags={"dagster/partition": partition})
    instance.add_run(failed)
    instance.report_run_failed(failed)
    tick(lender, instance)
    assert not pagerduty.incidents


@pytest.mark.parametrize("shadow", [False, True])
def test_how_late_a_shadow_version_is_alerts_no_monitor(lender, instance, monkeypatch, shadow):
    land(lender, shadow=shadow)
    instance.report_runless_asset_event(
        dg.AssetMaterialization(
            module.drift_report.key, partition=ModelDay(days_ago(5), KEY).partition
        )
    )
    with DatadogReceiver() as datadog:
        monkeypatch.setenv("DATADOG_HOST", datadog.url)
        monkeypatch.setenv("DD_API_KEY", "0" * 32)
        tick(lender, instance)
        sent = b"".join(one.body for one in datadog.requests)
        assert (b"report.age" in sent) is not shadow


def test_the_heartbeat_is_sent_and_its_failure_stops_nothing(lender, instance, monkeypatch):
    with DatadogReceiver() as datadog:
        monkeypatch.setenv("DATADOG_HOST", datadog.url)
        monkeypatch.setenv("DD_API_KEY", "0" * 32)
        tick(lender, instance)
        assert b"model_monitoring.heartbeat" in b"".join(one.body for one in datadog.requests)
        datadog.refuse_connections()
        assert tick(lender, instance) == []
        assert not datadog.violations
        datadog.accept_connections()


def test_a_range_of_decisions_that_failed_is_an_incident_too(lender, instance, pagerduty):
    lender.publish()
    onboard(lender, instance)
    first, last = (ModelDay(days_ago(n), KEY).partition for n in (1, 0))
    failed = dg.DagsterRun(
        "decide_alerts",
        tags={ASSET_PARTITION_RANGE_START_TAG: first, ASSET_PARTITION_RANGE_END_TAG: last},
    )
    instance.add_run(failed)
    instance.report_run_failed(failed)
    tick(lender, instance)
    (incident,) = pagerduty.incidents
    assert last in incident.triggers[0]["payload"]["summary"]


def test_a_decision_that_was_recorded_and_not_told_is_an_incident(
    lender, instance, pagerduty, monkeypatch
):
    lender.publish()
    onboard(lender, instance)
    decide = job("decide_alerts", lender)
    partition = ModelDay(YESTERDAY, KEY).partition
    with monkeypatch.context() as broken:
        broken.setattr("monitoring_assets.alerting.ledger.tell", lambda *args, **more: 1 / 0)
        decide.execute_in_process(instance=instance, partition_key=partition, raise_on_error=False)
    assert lender.store.has("alerts", KEY, YESTERDAY)
    tick(lender, instance)
    assert len(pagerduty.incidents) == 1
    decide.execute_in_process(instance=instance, partition_key=partition)
    tick(lender, instance)
    assert pagerduty.incidents[0].resolved


def test_a_version_that_is_retired_leaves_nothing_open(lender, instance, pagerduty):
    lender.publish()
    onboard(lender, instance)
    fault = RecordedFault(family="pipeline", subject="monitor_day", text="no batch")
    record_faults(lender.store.storage, KEY, YESTERDAY, RUN, [fault])
    job("decide_alerts", lender).execute_in_process(
        instance=instance, partition_key=ModelDay(YESTERDAY, KEY).partition
    )
    (incident,) = pagerduty.incidents
    lender.publish_manifest("pd_cards", "1", retired_at=YESTERDAY.isoformat())
    registry_tick(lender, instance)
    tick(lender, instance)
    assert incident.resolved


def test_a_day_of_the_week_without_a_batch_is_not_missed(lender, instance):
    day = YESTERDAY - dt.timedelta(days=1)
    names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    others = [name for number, name in enumerate(names) if number != day.weekday()]
    land(lender, schedule={"cron": "0 0 * * *", "days": others})
    assert ModelDay(day, KEY).partition not in tick(lender, instance)
    land(lender, schedule={"cron": "0 0 * * *", "days": names})
    assert ModelDay(day, KEY).partition in tick(lender, instance)


def land_many(lender, number):
    landed = {}
    for name in (f"m{n}" for n in range(number)):
        more = {"deployed_at": "2020-01-01", "schedule": {"cron": "0 0 * * *"}}
        manifest = Manifest.model_validate(lender.manifest(name, "1", **more))
        landed[manifest.key] = Landed(manifest=manifest, folder=f"{name}/1", landed_at=LONG_AGO)
    lender.store.land(landed, {*landed})


def test_after_an_outage_queries_do_not_grow_with_the_fleet(lender, instance):
    cost = []
    for number in (2, 12):
        land_many(lender, number)
        with recorded_queries() as queries:
            assert len(tick(lender, instance)) >= 2 * number
        cost.append(len(queries))
    assert cost[0] == cost[1]


def test_after_an_outage_the_newest_days_are_told_of_first_and_the_others_by_later_ticks(
    lender, instance, monkeypatch
):
    land_many(lender, 4)
    everything = tick(lender, instance)
    monkeypatch.setattr(module, "DAYS_A_TICK", 5)
    told = []
    while found := tick(lender, instance):
        assert len(found) <= 5
        told += found
        for partition in found:
            instance.add_run(dg.DagsterRun("decide_alerts", tags={"dagster/partition": partition}))
    assert sorted(told) == sorted(everything)
    assert [one[:10] for one in told] == sorted((one[:10] for one in told), reverse=True)
