"""A day's run starts when its batch is there: at once, and once."""

import datetime as dt
import json
import os

import dagster as dg
import pytest

from resources import layout
from resources.asset_keys import asset_key
from resources.manifest import Manifest
from resources.storage import open_storage
from resources.store import Landed
from sensors import batch_sensor as module
from sensors.batch_sensor import LATE_BATCH_DAYS, batch_sensor
from sensors.registry_sensor import registry_sensor
from sensors.run_requests import MAX_OPEN_RUNS
from tests.conftest import YESTERDAY, days_ago
from tests.s3_requests import recorded_requests
from tests.sensors.daemon import Daemon


@pytest.fixture
def daemon(lender, instance):
    return Daemon(batch_sensor, lender, instance)


def land(lender, name="pd_cards", landed=5, **changes):
    """Have a version with a reference profile, landed so many days before yesterday."""
    changes = {"deployed_at": "2020-01-01"} | changes
    manifest = Manifest.model_validate(lender.manifest(name, "1", **changes))
    landed_at = dt.datetime.combine(days_ago(landed), dt.time(15), dt.UTC)
    item = Landed(manifest=manifest, folder=f"{name}/1", landed_at=landed_at)
    everything = lender.store.all_landed() | {manifest.key: item}
    lender.store.land(everything, {manifest.key})
    lender.store.storage.write(layout.partition("reference_profile", manifest.key), b"there")


def requested(result):
    return [str(request.partition_key) for request in result.run_requests or []]


def test_a_day_is_requested_as_soon_as_its_batch_is_there_and_once(any_lender, instance):
    daemon = Daemon(batch_sensor, any_lender, instance)
    land(any_lender)
    result = daemon.tick()
    assert requested(result) == []
    assert result.skip_reason.skip_message == "6 batches have not arrived"
    any_lender.deliver(days_ago(2))
    assert requested(daemon.tick()) == [f"{days_ago(2)}|pd_cards.1"]
    any_lender.deliver(YESTERDAY)
    assert requested(daemon.tick()) == [f"{YESTERDAY}|pd_cards.1"]
    assert requested(daemon.tick()) == []
    assert len(daemon.run_keys()) == 2


@pytest.mark.parametrize("year", [1990, 2090])
def test_the_time_of_a_file_decides_nothing(daemon, year):
    land(daemon.lender)
    daemon.lender.deliver(YESTERDAY)
    written = dt.datetime(year, 1, 1, tzinfo=dt.UTC).timestamp()
    os.utime(f"{daemon.lender.lake.root}/pd_cards/{YESTERDAY}.parquet", (written, written))
    assert requested(daemon.tick()) == [f"{YESTERDAY}|pd_cards.1"]
    assert requested(daemon.tick()) == []


def test_a_batch_is_not_run_before_its_marker_is_there(daemon):
    batch = {"path": "cards/{date}/*.parquet", "key": "loan_id", "marker": "_SUCCESS"}
    land(daemon.lender, batch=batch)
    lake = open_storage(daemon.lender.lake.root)
    lake.write(f"cards/{YESTERDAY}/part-0.parquet", b"rows")
    assert requested(daemon.tick()) == []
    lake.write(f"cards/{YESTERDAY}/_SUCCESS", b"")
    assert requested(daemon.tick()) == [f"{YESTERDAY}|pd_cards.1"]


def test_a_lost_cursor_starts_no_run_twice(daemon):
    land(daemon.lender)
    daemon.lender.deliver(YESTERDAY)
    daemon.tick()
    daemon.instance.daemon_cursor_storage.set_cursor_values({batch_sensor.name: "{}"})
    daemon.tick()
    assert daemon.run_keys() == [f"{YESTERDAY}|pd_cards.1"]


@pytest.mark.parametrize("path", ["s3://no-such-bucket-at-all/{date}/", "gs://lake/{date}.parquet"])
def test_a_lake_that_cannot_be_reached_does_not_stop_the_others(s3_lender, instance, path, capfd):
    daemon = Daemon(batch_sensor, s3_lender, instance)
    land(s3_lender, "a", batch={"path": path, "key": "loan_id"})
    land(s3_lender, "b")
    s3_lender.deliver(YESTERDAY, feed="b")
    assert requested(daemon.tick()) == [f"{YESTERDAY}|b.1"]
    assert f"a.1: cannot look for the batch of {YESTERDAY}" in capfd.readouterr().err


def test_a_version_without_a_reference_profile_waits(daemon):
    land(daemon.lender)
    daemon.lender.store.storage.delete(layout.partition("reference_profile", "pd_cards.1"))
    daemon.lender.deliver(YESTERDAY)
    assert requested(daemon.tick()) == []


def test_a_retired_version_is_not_run(daemon):
    land(daemon.lender, retired_at=days_ago(1).isoformat())
    for number in range(4):
        daemon.lender.deliver(days_ago(number))
    assert requested(daemon.tick()) == [f"{days_ago(n)}|pd_cards.1" for n in (3, 2)]


def test_no_more_runs_are_opened_than_there_is_room_for(daemon):
    names = [f"m{number}" for number in range(MAX_OPEN_RUNS + 3)]
    for name in names:
        land(daemon.lender, name, batch={"path": "all/{date}.parquet", "key": "loan_id"})
    daemon.lender.deliver(days_ago(1), feed="all")
    daemon.lender.deliver(YESTERDAY, feed="all")
    first = requested(daemon.tick())
    assert len(first) == MAX_OPEN_RUNS
    assert {partition[:10] for partition in first} == {days_ago(1).isoformat()}
    assert requested(daemon.tick()) == []
    for _ in range(2):
        daemon.finish_runs()
        first += requested(daemon.tick())
    days = (days_ago(1), YESTERDAY)
    wanted = {f"{day}|{name}.1" for day in days for name in names}
    daemon.finish_runs()
    first += requested(daemon.tick())
    assert sorted(first) == sorted(wanted)


@pytest.mark.parametrize("sensor", [batch_sensor, registry_sensor])
def test_a_day_that_somebody_has_run_is_not_run_again(lender, instance, sensor):
    lender.publish(deployed_at=days_ago(1).isoformat())
    Daemon(registry_sensor, lender, instance).tick()
    if sensor is batch_sensor:
        land(lender, landed=1)
    lender.store.storage.write(layout.partition("reference_profile", "pd_cards.1"), b"there")
    lender.deliver(days_ago(1))
    lender.deliver(YESTERDAY)
    done = f"{days_ago(1)}|pd_cards.1"
    instance.report_runless_asset_event(
        dg.AssetMaterialization(asset_key("drift_report"), partition=done)
    )
    assert requested(Daemon(sensor, lender, instance).tick()) == [f"{YESTERDAY}|pd_cards.1"]


def test_a_batch_that_comes_very_late_is_left_to_a_backfill(daemon):
    land(daemon.lender, landed=60)
    assert requested(daemon.tick()) == []
    daemon.lender.deliver(days_ago(LATE_BATCH_DAYS))
    daemon.lender.deliver(days_ago(LATE_BATCH_DAYS + 1))
    assert requested(daemon.tick()) == [f"{days_ago(LATE_BATCH_DAYS)}|pd_cards.1"]


def test_days_that_arrived_while_the_sensor_stood_still_are_made_up_for(daemon):
    land(daemon.lender, landed=60)
    stood_still_since = days_ago(20).isoformat()
    cursor = json.dumps({"through": stood_still_since, "waits": {"pd_cards.1": []}})
    daemon.instance.daemon_cursor_storage.set_cursor_values({batch_sensor.name: cursor})
    daemon.lender.deliver(days_ago(18))
    assert requested(daemon.tick()) == [f"{days_ago(18)}|pd_cards.1"]
    assert requested(daemon.tick()) == []


def test_days_that_find_no_room_are_not_forgotten(daemon):
    land(daemon.lender, landed=MAX_OPEN_RUNS + 15)
    days = [days_ago(number) for number in range(MAX_OPEN_RUNS + 10)]
    for day in days:
        daemon.lender.deliver(day)
    first = requested(daemon.tick())
    daemon.finish_runs()
    second = requested(daemon.tick())
    assert len(first) == MAX_OPEN_RUNS
    assert sorted(first + second) == sorted(f"{day}|pd_cards.1" for day in days)


def test_days_that_somebody_has_run_take_up_no_room(daemon):
    land(daemon.lender, landed=MAX_OPEN_RUNS + 10)
    for number in range(MAX_OPEN_RUNS + 5):
        daemon.lender.deliver(days_ago(number))
        if number:
            partition = f"{days_ago(number)}|pd_cards.1"
            done = dg.AssetMaterialization(asset_key("drift_report"), partition=partition)
            daemon.instance.report_runless_asset_event(done)
    assert requested(daemon.tick()) == [f"{YESTERDAY}|pd_cards.1"]


def test_the_two_sensors_share_the_days_and_none_is_run_by_both(lender, instance):
    """One has the days before the landing, the other those from it on; together they have all."""
    registry = Daemon(registry_sensor, lender, instance)
    batches = Daemon(batch_sensor, lender, instance)
    lender.publish(deployed_at=days_ago(9).isoformat())
    registry.tick()
    landed = lender.store.all_landed()
    landed_at = dt.datetime.combine(days_ago(4), dt.time(23, 59), dt.UTC)
    landed["pd_cards.1"] = landed["pd_cards.1"].model_copy(update={"landed_at": landed_at})
    lender.store.land(landed, {"pd_cards.1"})
    lender.store.storage.write(layout.partition("reference_profile", "pd_cards.1"), b"there")
    for number in range(10):
        lender.deliver(days_ago(number))
    before, after = requested(registry.tick()), requested(batches.tick())
    assert before == [f"{days_ago(number)}|pd_cards.1" for number in (9, 8, 7, 6, 5)]
    assert after == [f"{days_ago(number)}|pd_cards.1" for number in (4, 3, 2, 1, 0)]
    assert instance.get_runs_count(dg.RunsFilter(job_name="monitor_day")) == 10


def test_a_day_that_somebody_has_backfilled_is_not_run_again(lender, instance):
    from tests.conftest import job, onboard, tick

    lender.publish()
    for number in range(3):
        lender.deliver(days_ago(number))
    onboard(lender, instance)
    done = days_ago(1)
    run = job("monitor_day", lender)
    partition = f"{done}|pd_cards.1"
    assert run.execute_in_process(instance=instance, partition_key=partition).success

    asked = {str(request.partition_key) for request in tick(lender, instance).run_requests}

    assert asked == {f"{days_ago(number)}|pd_cards.1" for number in (0, 2)}


def test_feeds_that_are_dead_keep_no_batch_of_today_waiting(daemon, monkeypatch):
    monkeypatch.setattr(module, "LATE_LOOKS", 3)
    for number in range(5):
        land(daemon.lender, f"dead{number}", landed=10)
    land(daemon.lender, "alive", landed=10)
    daemon.tick()
    daemon.lender.deliver(YESTERDAY, feed="alive")
    assert requested(daemon.tick()) == [f"{YESTERDAY}|alive.1"]


def test_late_days_are_looked_for_in_turn(daemon, monkeypatch):
    monkeypatch.setattr(module, "LATE_LOOKS", 7)
    names = [f"m{number}" for number in range(5)]
    for name in names:
        land(daemon.lender, name, landed=6)
    daemon.tick()
    late = [(days_ago(number), name) for number in (6, 4, 2) for name in names]
    for day, name in late:
        daemon.lender.deliver(day, feed=name)
    # Five versions have five late days each.
    found = [one for _ in range(1 + 25 // 7) for one in requested(daemon.tick())]
    assert sorted(found) == sorted(f"{day}|{name}.1" for day, name in late)


def test_late_days_without_room_come_first_when_there_is_some(daemon, monkeypatch):
    monkeypatch.setattr(module, "LATE_LOOKS", MAX_OPEN_RUNS + 5)
    names = [f"m{number:02}" for number in range(MAX_OPEN_RUNS + 10)]
    for name in names:
        batch = {"path": "all/{date}.parquet", "key": "loan_id"}
        land(daemon.lender, name, landed=4, batch=batch)
    daemon.lender.deliver(days_ago(4), feed="all")
    first = requested(daemon.tick())
    daemon.finish_runs()
    second = requested(daemon.tick())
    assert first + second == [f"{days_ago(4)}|{name}.1" for name in names]


def test_new_days_come_before_a_backlog(daemon):
    land(daemon.lender, landed=MAX_OPEN_RUNS + 15)
    for number in range(MAX_OPEN_RUNS + 10):
        daemon.lender.deliver(days_ago(number))
    first = requested(daemon.tick())
    assert len(first) == MAX_OPEN_RUNS
    assert {f"{days_ago(0)}|pd_cards.1", f"{days_ago(1)}|pd_cards.1"} <= {*first}


def test_the_store_holds_what_a_version_waits_for_and_the_cursor_does_not_grow(daemon):
    def cursor():
        name = batch_sensor.name
        return daemon.instance.daemon_cursor_storage.get_cursor_values({name})[name]

    def known():
        return json.loads(daemon.lender.store.storage.read(layout.WAITING_BATCHES))

    land(daemon.lender, "dead", landed=200)
    land(daemon.lender, "alive", landed=200)
    for number in range(60):
        daemon.lender.deliver(days_ago(number), feed="alive")
    for _ in range(4):
        daemon.tick()
        daemon.finish_runs()
    daemon.tick()
    assert known()["waits"]["alive.1"] == []
    assert len(known()["waits"]["dead.1"]) == LATE_BATCH_DAYS + 1
    before = cursor(), known()
    daemon.tick()
    assert (cursor(), known()) == before
    assert json.loads(cursor())["requested"] == []


def test_a_tick_that_is_lost_is_made_again_and_one_that_counts_is_not(lender, instance):
    def tick(cursor):
        resources = lender.resources
        with dg.build_sensor_context(instance, cursor, resources=resources) as context:
            result = batch_sensor(context)
        return [one.partition_key for one in result.run_requests], result.cursor

    land(lender, landed=60)
    found, first = tick(None)
    assert not found
    lender.deliver(days_ago(2))
    wanted = [f"{days_ago(2)}|pd_cards.1"]
    found, second = tick(first)
    assert found == wanted
    # Killed before its requests counted: the daemon still has the cursor of before.
    assert tick(first) == (wanted, second)
    found, third = tick(second)
    assert not found
    assert tick(third) == ([], third)
    # Killed after it had written down what the last tick had requested.
    assert tick(second) == ([], third)


def test_nothing_is_looked_for_without_room(s3_lender, instance):
    daemon = Daemon(batch_sensor, s3_lender, instance)
    for number in range(MAX_OPEN_RUNS + 3):
        batch = {"path": "all/{date}.parquet", "key": "loan_id"}
        land(s3_lender, f"m{number}", landed=0, batch=batch)
    s3_lender.deliver(YESTERDAY, feed="all")
    first = requested(daemon.tick())
    with recorded_requests() as requests:
        assert requested(daemon.tick()) == []
    assert not [one for one in requests if "/lake/" in one]
    daemon.finish_runs()
    second = requested(daemon.tick())
    assert (len(first), len(second)) == (MAX_OPEN_RUNS, 3)


def test_days_that_were_run_are_not_looked_for_when_the_cursor_is_lost(s3_lender, instance):
    land(s3_lender, landed=40)
    for number in range(1, 40):
        partition = f"{days_ago(number)}|pd_cards.1"
        done = dg.AssetMaterialization(asset_key("drift_report"), partition=partition)
        instance.report_runless_asset_event(done)
    with recorded_requests() as requests:
        Daemon(batch_sensor, s3_lender, instance).tick()
    assert len([one for one in requests if "/lake/" in one]) == 2


def test_a_run_has_an_end_after_what_its_model_may_take(daemon, monkeypatch):
    monkeypatch.setenv("MONITORING_MAX_SECONDS", "1000")
    land(daemon.lender)
    land(daemon.lender, "quick", limits={"seconds": 60})
    for feed in ("pd_cards", "quick"):
        daemon.lender.deliver(YESTERDAY, feed=feed)
    ends = {
        request.partition_key: request.tags["dagster/max_runtime"]
        for request in daemon.tick().run_requests
    }
    assert ends == {f"{YESTERDAY}|pd_cards.1": "5600", f"{YESTERDAY}|quick.1": "3720"}
