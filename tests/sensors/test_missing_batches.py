"""A batch that does not arrive becomes one run that says so, whatever the clocks do."""

import datetime as dt
import itertools
from bisect import bisect
from collections import Counter
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from monitoring_assets.partitions import ModelDay
from resources import layout
from resources.manifest import Manifest
from resources.store import Landed
from sensors import missing_batches as module
from sensors.missing_batches import MISSED_DEADLINE_DAYS, missing_batches
from tests.clocks import STARTS, TIMES, ZONES
from tests.conftest import YESTERDAY, days_ago, job, onboard, rows
from tests.queries import recorded_queries
from tests.s3_requests import recorded_requests

HOUR = dt.timedelta(hours=1)
LONDON = ZoneInfo("Europe/London")


@pytest.fixture
def instance():
    """An instance on disk: a schedule opens it anew."""
    with dg.instance_for_test() as one:
        yield one


def land(lender, name="pd_cards", landed_at=None, **changes):
    """Have a version monitored since long ago, without a registry."""
    changes = {"deployed_at": "2020-01-01"} | changes
    manifest = Manifest.model_validate(lender.manifest(name, "1", **changes))
    landed = lender.store.all_landed() | {
        manifest.key: Landed(
            manifest=manifest,
            folder=f"{name}/1",
            landed_at=landed_at or dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
        )
    }
    lender.store.land(landed, {manifest.key})
    lender.store.storage.write(layout.partition("reference_profile", manifest.key), b"there")


def evaluate(lender, instance, now):
    """What the schedule requests at an hour; the runs are recorded as the daemon launches them."""
    context = dg.build_schedule_context(
        instance=instance, scheduled_execution_time=now, resources=lender.resources
    )
    requests = [one for one in missing_batches(context) if isinstance(one, dg.RunRequest)]
    for request in requests:
        instance.add_run(
            dg.DagsterRun(
                "monitor_day", tags={**request.tags, "dagster/partition": request.partition_key}
            )
        )
    return [request.partition_key for request in requests]


def hours(first, last):
    return [first + HOUR * number for number in range(int((last - first) / HOUR) + 1)]


def change_of_clocks(spring):
    """Midnight UTC of the last day whose clocks were put forward, or back, in London."""
    day = dt.datetime.combine(days_ago(3), dt.time(), dt.UTC)
    while True:
        before, after = (
            (day + shift).astimezone(LONDON).utcoffset() for shift in (0 * HOUR, 24 * HOUR)
        )
        if before != after and (after > before) == spring:
            return day
        day -= dt.timedelta(days=1)


# At 01:30 the clock jumps in spring, and comes by twice in autumn.
@pytest.mark.parametrize("spring", [True, False], ids=["spring", "autumn"])
@pytest.mark.slow
def test_each_missing_day_of_a_week_is_requested_once(lender, instance, spring):
    changing = change_of_clocks(spring)
    start = changing - dt.timedelta(days=3)
    land(lender, landed_at=start, schedule={"cron": "30 1 * * *", "timezone": "Europe/London"})
    schedule = lender.store.landed("pd_cards.1").manifest.schedule
    requested = {}
    for now in hours(start, start + dt.timedelta(days=8)):
        for partition in evaluate(lender, instance, now):
            assert partition not in requested
            requested[partition] = now
    days = [start.date() + dt.timedelta(days=number) for number in range(7)]
    wanted = {ModelDay(day, "pd_cards.1").partition for day in days}
    assert (
        wanted
        <= requested.keys()
        <= wanted | {ModelDay(days[-1] + dt.timedelta(days=1), "pd_cards.1").partition}
    )
    for day in days:
        late = requested[ModelDay(day, "pd_cards.1").partition] - schedule.deadline(day)
        # Its partition is there from midnight UTC on, which in summer may be after the deadline.
        assert dt.timedelta(0) <= late < 2 * HOUR


@pytest.mark.parametrize("zone", ZONES)
def test_a_day_is_due_by_the_local_clock_wherever_it_changes(lender, monkeypatch, zone):
    monkeypatch.setenv("MONITORING_START_DATE", "2026-01-01")
    for time, first in itertools.product(TIMES, STARTS):
        schedule = {"cron": f"{time} * * *", "timezone": zone}
        manifest = Manifest.model_validate(
            lender.manifest("pd_cards", "1", deployed_at=str(first), schedule=schedule)
        )
        landed_at = dt.datetime.combine(first, dt.time(), dt.UTC)
        item = Landed(manifest=manifest, folder="pd_cards/1", landed_at=landed_at)
        minute, hour = map(int, time.split())
        for day in (first + dt.timedelta(days=number) for number in range(15)):
            midnight = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), dt.UTC)
            asked = hours(midnight - 24 * HOUR, midnight + 36 * HOUR)
            due = asked[bisect(asked, False, key=lambda now: day in module._days_due(item, now))]
            late = due.astimezone(ZoneInfo(zone)).replace(tzinfo=None) - dt.datetime.combine(
                day + dt.timedelta(days=1), dt.time(hour, minute)
            )
            # An hour off where the clock shows the time twice, or leaves it out; asked every hour.
            assert -HOUR < late < 2 * HOUR or due == midnight


def test_a_day_that_arrived_is_not_requested(any_lender, instance):
    land(any_lender, landed_at=dt.datetime.combine(days_ago(1), dt.time(), dt.UTC))
    any_lender.deliver(days_ago(1))
    now = dt.datetime.combine(YESTERDAY + dt.timedelta(days=1), dt.time(7), dt.UTC)
    assert evaluate(any_lender, instance, now) == [f"{YESTERDAY}|pd_cards.1"]
    any_lender.deliver(YESTERDAY)
    assert evaluate(any_lender, instance, now) == []


def test_a_batch_without_its_marker_is_missing(lender, instance):
    batch = {"path": "pd_cards/{date}.parquet", "key": "loan_id", "marker": "_SUCCESS"}
    land(lender, landed_at=dt.datetime.combine(YESTERDAY, dt.time(), dt.UTC), batch=batch)
    lender.deliver(YESTERDAY)
    now = dt.datetime.combine(YESTERDAY + dt.timedelta(days=1), dt.time(7), dt.UTC)
    assert evaluate(lender, instance, now) == [f"{YESTERDAY}|pd_cards.1"]


@pytest.mark.parametrize("timezone", ["Pacific/Auckland", "America/Los_Angeles"])
def test_a_deadline_anywhere_on_earth_is_kept(lender, instance, timezone):
    """East of Greenwich a deadline may lie before the day's end in UTC, where partitions begin."""
    start = dt.datetime.combine(days_ago(6), dt.time(), dt.UTC)
    land(lender, landed_at=start, schedule={"cron": "0 6 * * *", "timezone": timezone})
    counted = Counter(
        partition
        for now in hours(start, start + dt.timedelta(days=5))
        for partition in evaluate(lender, instance, now)
    )
    for number in (6, 5, 4, 3):
        assert counted[f"{days_ago(number)}|pd_cards.1"] == 1
    assert set(counted.values()) == {1}


def test_deadlines_during_an_outage_are_caught_up_with(lender, instance):
    start = dt.datetime.combine(days_ago(MISSED_DEADLINE_DAYS - 1), dt.time(), dt.UTC)
    land(lender, landed_at=start)
    now = dt.datetime.combine(YESTERDAY + dt.timedelta(days=1), dt.time(7), dt.UTC)
    requested = evaluate(lender, instance, now)
    assert requested == [
        f"{days_ago(number)}|pd_cards.1" for number in reversed(range(MISSED_DEADLINE_DAYS))
    ]


def test_days_that_are_not_monitored_are_not_missing(lender, instance):
    now = dt.datetime.combine(YESTERDAY + dt.timedelta(days=1), dt.time(7), dt.UTC)
    land(lender, "retired", retired_at=YESTERDAY.isoformat(), landed_at=now - dt.timedelta(days=1))
    land(lender, "coming", deployed_at=now.date().isoformat())
    land(lender, "just_landed", landed_at=now)
    assert evaluate(lender, instance, now) == []


def test_a_lake_that_cannot_be_reached_is_a_run_that_says_so(lender, instance):
    yesterday = dt.datetime.combine(YESTERDAY, dt.time(), dt.UTC)
    land(lender, "a", landed_at=yesterday, batch={"path": "gs://lake/{date}/", "key": "loan_id"})
    land(lender, "b", landed_at=yesterday)
    now = yesterday + dt.timedelta(hours=31)
    assert evaluate(lender, instance, now) == [f"{YESTERDAY}|a.1", f"{YESTERDAY}|b.1"]


def test_a_missing_day_that_has_run_and_failed_is_not_run_again(lender, instance):
    lender.publish()
    onboard(lender, instance)
    land(lender, landed_at=dt.datetime.combine(YESTERDAY, dt.time(), dt.UTC))
    result = job("monitor_day", lender).execute_in_process(
        instance=instance, partition_key=f"{YESTERDAY}|pd_cards.1", raise_on_error=False
    )
    assert not result.success
    now = dt.datetime.combine(YESTERDAY + dt.timedelta(days=1), dt.time(7), dt.UTC)
    assert evaluate(lender, instance, now) == []


def test_a_version_without_a_reference_profile_is_not_passed_over_in_silence(lender, instance):
    land(lender, landed_at=dt.datetime(2026, 3, 1, tzinfo=dt.UTC))
    day = dt.date(2026, 3, 2)
    lender.deliver(day, rows(1))
    noon = dt.datetime(2026, 3, 3, 12, tzinfo=dt.UTC)
    assert f"{day}|pd_cards.1" not in evaluate(lender, instance, noon)
    lender.store.storage.delete(layout.partition("reference_profile", "pd_cards.1"))
    assert f"{day}|pd_cards.1" in evaluate(lender, instance, noon)


def test_queries_do_not_grow_with_versions_and_calls_only_with_days_without_a_run(
    s3_lender, instance
):
    start = dt.datetime.combine(days_ago(3), dt.time(), dt.UTC)
    now = dt.datetime.combine(YESTERDAY + dt.timedelta(days=1), dt.time(7), dt.UTC)

    def cost():
        with recorded_queries() as queries, recorded_requests() as requests:
            found = evaluate(s3_lender, instance, now)
        return len(found), len(queries), len([one for one in requests if "/lake/" in one])

    land(s3_lender, "m0", landed_at=start)
    s3_lender.deliver(YESTERDAY, feed="m0")
    assert cost()[::2] == (3, 4)
    missing, queries, calls = cost()
    assert (missing, calls) == (0, 1)
    for number in range(1, 6):
        land(s3_lender, f"m{number}", landed_at=start)
        for day in range(4):
            s3_lender.deliver(days_ago(day), feed=f"m{number}")
    assert cost() == (0, queries, 21)


def test_the_newest_days_are_looked_for_first(lender, instance, monkeypatch):
    start = dt.datetime.combine(days_ago(3), dt.time(), dt.UTC)
    now = dt.datetime.combine(YESTERDAY + dt.timedelta(days=1), dt.time(7), dt.UTC)
    for name in ("a", "b"):
        land(lender, name, landed_at=start)
    monkeypatch.setattr(module, "look_up", lambda items, ask: dict.fromkeys(items[:2], True))
    newest = [f"{YESTERDAY}|a.1", f"{YESTERDAY}|b.1"]
    assert evaluate(lender, instance, now) == newest
