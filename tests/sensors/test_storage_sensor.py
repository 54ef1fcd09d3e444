"""What failed for its storage is requested again when the storage is back, with an end."""

import datetime as dt

import dagster as dg
import pytest

from monitoring_assets.runs import storage_retries
from monitoring_assets.runs.storage_retries import FAILED_BY_STORAGE
from resources.kubernetes.pod_config import PROCESS_TAG
from sensors import storage_sensor as module
from sensors.storage_sensor import MAX_TRIES, TRY, storage_sensor
from tests.conftest import YESTERDAY, job, onboard
from tests.sensors.daemon import Daemon

DAY = f"{YESTERDAY}|pd_cards.1"


@pytest.fixture
def daemon(s3_lender, s3_faults, instance, monkeypatch):
    """A version whose day's batch is there, and the sensor, which waits for no back-off."""
    monkeypatch.setattr(storage_retries, "WAITS_SECONDS", ())
    monkeypatch.setattr(module, "BACK_OFF", (dt.timedelta(), dt.timedelta()))
    s3_lender.publish(deployed_at=str(YESTERDAY))
    onboard(s3_lender, instance)
    s3_lender.deliver(YESTERDAY)
    return Daemon(storage_sensor, s3_lender, instance)


def add_failed(instance, job_name="monitor_day", partition=DAY, **tags):
    """A run of a partition that has failed for its storage."""
    tags = {"dagster/partition": partition, FAILED_BY_STORAGE: "true"} | tags
    run = dg.DagsterRun(job_name, tags=tags)
    instance.add_run(run)
    instance.report_run_failed(run)
    return run


def requested(result):
    return [(one.job_name, str(one.partition_key)) for one in result.run_requests or []]


def test_a_day_that_failed_for_its_storage_is_made_once_that_is_back(daemon, s3_faults):
    lender, instance = daemon.lender, daemon.instance
    s3_faults.fault = lambda method, path: "reset" if "/pd_cards/" in path else None
    failed = job("monitor_day", lender).execute_in_process(
        instance=instance, partition_key=DAY, raise_on_error=False
    )
    assert not failed.success
    s3_faults.fault = lambda method, path: "reset"
    result = daemon.tick()
    assert requested(result) == []
    assert result.skip_reason.skip_message == "1 runs wait for their storage"
    s3_faults.fault = lambda method, path: None
    (request,) = daemon.tick().run_requests
    assert requested(daemon.tick()) == []
    again = job(request.job_name, lender).execute_in_process(
        instance=instance, partition_key=request.partition_key, tags=request.tags
    )
    assert again.success
    assert requested(daemon.tick()) == []


@pytest.mark.parametrize("name", ["onboard_model", "measure_performance", "decide_alerts"])
def test_so_is_a_run_of_any_job(daemon, name):
    partition = "pd_cards.1" if name == "onboard_model" else DAY
    add_failed(daemon.instance, name, partition)
    assert requested(daemon.tick()) == [(name, partition)]


def test_it_keeps_what_the_run_was_asked_for(daemon):
    tags = {"monitoring/backfill": "x", "dagster/priority": "2", "monitoring/requested_by": "b"}
    tags[PROCESS_TAG] = "1@host"
    add_failed(daemon.instance, **tags, **{"dagster/max_runtime": "7200"})
    (request,) = daemon.tick().run_requests
    assert request.tags["dagster/priority"] == "2"
    assert request.tags["dagster/max_runtime"] == "7200"
    assert "monitoring/backfill" in request.tags
    assert request.tags["monitoring/requested_by"] == storage_sensor.name
    assert request.tags.keys().isdisjoint({FAILED_BY_STORAGE, PROCESS_TAG})


def test_it_ends(daemon):
    add_failed(daemon.instance, **{TRY: str(MAX_TRIES - 1)})
    (request,) = daemon.tick().run_requests
    assert request.tags[TRY] == str(MAX_TRIES)
    add_failed(daemon.instance, **request.tags)
    assert requested(daemon.tick()) == []


def test_it_waits_longer_each_time(daemon, monkeypatch):
    monkeypatch.setattr(module, "BACK_OFF", (dt.timedelta(hours=1), dt.timedelta(hours=3)))
    add_failed(daemon.instance)
    assert requested(daemon.tick()) == []
    record = daemon.instance.get_run_records()[0]
    ended = dt.datetime.fromtimestamp(record.end_time, dt.UTC)
    assert module._due_at(record) == ended + dt.timedelta(hours=1)
    add_failed(daemon.instance, **{TRY: "5"})
    record = daemon.instance.get_run_records()[0]
    ended = dt.datetime.fromtimestamp(record.end_time, dt.UTC)
    assert module._due_at(record) == ended + dt.timedelta(hours=3)


@pytest.mark.parametrize(
    "tags",
    [
        {"monitoring/requested_by": "airflow"},
        {"monitoring/executed_by": "monitoring materialise"},
    ],
)
def test_what_airflow_tries_again_is_left_to_it(daemon, tags):
    add_failed(daemon.instance, **tags)
    assert requested(daemon.tick()) == []


def test_a_run_that_a_later_one_has_followed_is_not(daemon):
    add_failed(daemon.instance)
    later = dg.DagsterRun("monitor_day", tags={"dagster/partition": DAY})
    daemon.instance.add_run(later)
    assert requested(daemon.tick()) == []


def test_one_models_bucket_does_not_keep_the_others_waiting(daemon, s3_faults):
    daemon.lender.publish("other", deployed_at=str(YESTERDAY))
    onboard(daemon.lender, daemon.instance)
    for key in ("pd_cards.1", "other.1"):
        add_failed(daemon.instance, partition=f"{YESTERDAY}|{key}")
    s3_faults.fault = lambda method, path: (
        "reset" if "lake" in path and "pd_cards" in path else None
    )
    assert requested(daemon.tick()) == [("monitor_day", f"{YESTERDAY}|other.1")]
