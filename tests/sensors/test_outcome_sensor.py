"""A cohort is measured when outcomes of it have come, once for each change, and no other is."""

import datetime as dt
import json
from urllib.parse import parse_qs

import pytest

from resources import layout
from resources.manifest import Manifest
from resources.storage import open_storage
from resources.store import Landed
from sensors import outcome_sensor as module
from sensors.outcome_sensor import LATE_DAYS, outcome_sensor
from sensors.run_requests import MAX_OPEN_RUNS
from tests.conftest import days_ago
from tests.s3_requests import recorded_requests
from tests.sensors.daemon import Daemon, KilledError

OUTCOME = {"path": "o/{date}/", "column": "bad_{horizon}", "maturity": [30, 90]}


@pytest.fixture
def daemon(lender, instance):
    return Daemon(outcome_sensor, lender, instance)


def aged(days):
    """The day whose cohort is so many days old today."""
    return days_ago(days - 1)


def land(lender, name="pd_cards", scored=(), **changes):
    """Have a version, and these days of it scored."""
    changes = {"deployed_at": "2020-01-01", "outcome": OUTCOME} | changes
    manifest = Manifest.model_validate(lender.manifest(name, "1", **changes))
    item = Landed(manifest=manifest, folder=f"{name}/1", landed_at=dt.datetime.now(dt.UTC))
    lender.store.land(lender.store.all_landed() | {manifest.key: item}, {manifest.key})
    for day in scored:
        lender.store.storage.write(layout.partition("scores_profile", manifest.key, day), b"there")


def tell(lender, day, content=b"rows", file="part-0.parquet", folder="o"):
    open_storage(lender.lake.root).write(f"{folder}/{day}/{file}", content)


def requested(result):
    return [str(request.partition_key) for request in result.run_requests or []]


def test_cohorts_that_outcomes_have_come_for_are_measured_once_and_no_others(any_lender, instance):
    daemon = Daemon(outcome_sensor, any_lender, instance)
    days = [aged(number) for number in (30, 35, 40)]
    land(any_lender, scored=days)
    # Due, and nothing there: once, for the check to say so.
    assert requested(daemon.tick()) == [f"{day}|pd_cards.1" for day in sorted(days)]
    assert requested(daemon.tick()) == []
    tell(any_lender, aged(35))
    assert requested(daemon.tick()) == [f"{aged(35)}|pd_cards.1"]
    assert requested(daemon.tick()) == []
    tell(any_lender, aged(40))
    assert requested(daemon.tick()) == [f"{aged(40)}|pd_cards.1"]
    tell(any_lender, aged(35), b"rows that were late")
    assert requested(daemon.tick()) == [f"{aged(35)}|pd_cards.1"]
    tell(any_lender, aged(35), file="part-1.parquet")
    assert requested(daemon.tick()) == [f"{aged(35)}|pd_cards.1"]
    assert requested(daemon.tick()) == []
    assert len(set(daemon.run_keys())) == 7


def test_a_cohort_is_measured_from_its_first_horizon_until_long_after_its_last(daemon):
    oldest = 90 + LATE_DAYS
    days = [aged(number) for number in (29, 30, oldest, oldest + 1)]
    land(daemon.lender, scored=days)
    for day in days:
        tell(daemon.lender, day)
    assert requested(daemon.tick()) == [f"{aged(n)}|pd_cards.1" for n in (oldest, 30)]


def test_a_further_horizon_measures_again_without_new_files(daemon, monkeypatch):
    land(daemon.lender, scored=[aged(89)])
    tell(daemon.lender, aged(89))
    assert len(requested(daemon.tick())) == 1
    assert requested(daemon.tick()) == []

    class Tomorrow(dt.datetime):
        @classmethod
        def now(cls, tz=None):
            return dt.datetime.now(tz) + dt.timedelta(days=1)

    class Clock:
        datetime, timedelta, date, UTC = Tomorrow, dt.timedelta, dt.date, dt.UTC

    cohort = f"{aged(89)}|pd_cards.1"
    monkeypatch.setattr(module, "dt", Clock)
    assert requested(daemon.tick()) == [cohort]
    assert requested(daemon.tick()) == []


def test_a_day_is_not_measured_before_it_is_scored(daemon):
    land(daemon.lender)
    tell(daemon.lender, aged(30))
    assert requested(daemon.tick()) == []
    daemon.lender.store.storage.write(
        layout.partition("scores_profile", "pd_cards.1", aged(30)), b"there"
    )
    assert requested(daemon.tick()) == [f"{aged(30)}|pd_cards.1"]


def test_an_outcome_that_is_revised_is_measured_again(daemon):
    land(daemon.lender, scored=[aged(30)])
    tell(daemon.lender, aged(30))
    daemon.tick()
    land(daemon.lender, outcome=OUTCOME | {"cut_offs": [0.2]}, revision=2)
    assert requested(daemon.tick()) == [f"{aged(30)}|pd_cards.1"]


def test_a_version_without_outcomes_or_out_of_production_is_left_alone(daemon):
    land(daemon.lender, "a", scored=[aged(30)], outcome=None)
    land(daemon.lender, "b", scored=[aged(30)], retired_at=aged(30).isoformat())
    tell(daemon.lender, aged(30))
    assert requested(daemon.tick()) == []


@pytest.mark.parametrize("path", ["s3://no-such-bucket-at-all/{date}/", "gs://lake/{date}.parquet"])
def test_a_lake_that_cannot_be_reached_does_not_stop_the_others(s3_lender, instance, path, capfd):
    daemon = Daemon(outcome_sensor, s3_lender, instance)
    land(s3_lender, "a", scored=[aged(30)])
    land(s3_lender, "b", scored=[aged(30)])
    tell(s3_lender, aged(30))
    assert len(requested(daemon.tick())) == 2
    land(s3_lender, "a", outcome=OUTCOME | {"path": path}, revision=2)
    tell(s3_lender, aged(30), b"more")
    assert requested(daemon.tick()) == [f"{aged(30)}|b.1"]
    assert "a.1: cannot look for outcomes" in capfd.readouterr().err
    land(s3_lender, "a", revision=3)
    # What was asked for before is not forgotten meanwhile: its files have changed since.
    assert requested(daemon.tick()) == [f"{aged(30)}|a.1"]


def test_no_more_runs_are_opened_than_there_is_room_for_and_none_is_forgotten(daemon):
    days = [aged(30 + number) for number in range(MAX_OPEN_RUNS + 3)]
    land(daemon.lender, scored=days)
    for day in days:
        tell(daemon.lender, day)
    first = requested(daemon.tick())
    assert len(first) == MAX_OPEN_RUNS
    result = daemon.tick()
    assert requested(result) == []
    assert result.skip_reason.skip_message == "no new outcomes; 3 cohorts wait for room"
    daemon.finish_runs()
    assert sorted(first + requested(daemon.tick())) == sorted(f"{d}|pd_cards.1" for d in days)


def test_a_lost_cursor_starts_no_run_twice(daemon):
    land(daemon.lender, scored=[aged(30)])
    tell(daemon.lender, aged(30))
    daemon.tick()
    daemon.instance.daemon_cursor_storage.set_cursor_values({outcome_sensor.name: "{}"})
    daemon.tick()
    assert len(daemon.run_keys()) == 1


def test_a_version_costs_two_listings_from_its_oldest_cohort_on(s3_lender, instance):
    for name in ("a", "b"):
        path = f"o/{name}/{{date}}/"
        land(
            s3_lender,
            name,
            [aged(number) for number in range(30, 60)],
            outcome=OUTCOME | {"path": path},
        )
        for number in range(30, 60):
            tell(s3_lender, aged(number), folder=f"o/{name}")
    daemon = Daemon(outcome_sensor, s3_lender, instance)
    with recorded_requests() as requests:
        daemon.tick()
    listings = [
        (query["prefix"][0], query["start-after"][0])
        for one in requests
        if "start-after" in (query := parse_qs(one.partition("?")[2]))
    ]
    oldest = aged(90 + LATE_DAYS)
    assert sorted(listings) == [
        *((f"lake/o/{name}/", f"lake/o/{name}/{aged(59)}") for name in "ab"),
        *(
            (
                f"store/scores_profile/model={name}.1/",
                f"store/scores_profile/model={name}.1/date={oldest}",
            )
            for name in "ab"
        ),
    ]


def test_the_cursor_holds_what_the_last_tick_asked_for_and_no_more(daemon):
    def asked():
        name = outcome_sensor.name
        cursor = daemon.instance.daemon_cursor_storage.get_cursor_values({name})[name]
        return json.loads(cursor)["asked"]

    land(daemon.lender, scored=[aged(number) for number in range(30, 70)])
    daemon.tick()
    assert len(asked()["pd_cards.1"]) == MAX_OPEN_RUNS
    daemon.finish_runs()
    daemon.tick()
    assert len(asked()["pd_cards.1"]) == 40 - MAX_OPEN_RUNS
    daemon.tick()
    assert asked() == {}
    assert requested(daemon.tick()) == []


def test_a_tick_that_is_killed_before_its_runs_are_started_forgets_none(daemon):
    land(daemon.lender, scored=[aged(30), aged(31)])

    def killed():
        raise KilledError

    daemon.step = killed
    with pytest.raises(KilledError):
        daemon.tick()
    daemon.step = lambda: None
    assert len(requested(daemon.tick())) == 2
    assert requested(daemon.tick()) == []


def test_what_an_older_cursor_asked_for_is_not_asked_for_again(daemon):
    land(daemon.lender, scored=[aged(30)])
    daemon.tick()
    cursors = daemon.instance.daemon_cursor_storage
    name = outcome_sensor.name
    asked = json.loads(cursors.get_cursor_values({name})[name])["asked"]
    daemon.lender.store.storage.delete(layout.ASKED_COHORTS)
    cursors.set_cursor_values({name: json.dumps(asked)})
    assert requested(daemon.tick()) == []
    assert requested(daemon.tick()) == []


def test_a_tick_goes_on_where_the_last_one_had_to_stop(daemon, monkeypatch):
    names = ["a", "b", "c", "d", "e"]
    for name in names:
        land(daemon.lender, name, scored=[aged(30)])

    def two_at_a_time(items, ask):
        return {item: ask(item) for item in items[:2]}

    monkeypatch.setattr(module, "look_up", two_at_a_time)
    found = [requested(daemon.tick()) for _ in range(3)]
    assert found == [
        [f"{aged(30)}|{name}.1" for name in two] for two in (["a", "b"], ["c", "d"], ["e"])
    ]
