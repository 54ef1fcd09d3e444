"""A version's days, as Airflow's own timetable makes them of the exported cron, start and end."""

import datetime as dt
import itertools
import json
import os
import subprocess
from pathlib import Path

import pytest

from airflow_bridge.export.schedule import cron, end, start
from resources.manifest import Manifest
from resources.store import Landed
from tests.clocks import STARTS, TIMES, WEEKS, ZONES

ROOT = Path(__file__).parents[3]
LANDED = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)


def landed(lender, landed_at=LANDED, **changes):
    manifest = Manifest.model_validate(lender.manifest("pd_cards", "1", **changes))
    return Landed(manifest=manifest, folder="pd_cards/1", landed_at=landed_at)


@pytest.mark.in_airflow
@pytest.mark.parametrize("airflow", ["2.11", "3"])
def test_airflow_runs_the_days_from_deployment_to_retirement_and_no_other(
    lender, tmp_path, airflow
):
    python = ROOT / ".airflow" / airflow / "bin" / "python"
    assert python.exists(), "run `make airflows`"
    schedules, wanted = [], []
    for zone, time, week, first in itertools.product(ZONES, TIMES, WEEKS, STARTS):
        retired = first + dt.timedelta(days=15)
        item = landed(
            lender,
            deployed_at=str(first),
            retired_at=str(retired),
            schedule={"cron": f"{time} * * *", "timezone": zone, "days": list(week)},
        )
        begins, ends = start(item).isoformat(), end(item.manifest).isoformat()
        schedules.append((cron(item.manifest), zone, begins, ends))
        days = (first + dt.timedelta(days=number) for number in range(15))
        wanted.append([str(day) for day in days if day.strftime("%a").lower() in week])
    done = subprocess.run(
        [python, Path(__file__).with_name("timetable.py")],
        input=json.dumps(schedules),
        env=os.environ | {"AIRFLOW_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert len(made) == len(wanted) == 6 * 7 * 4 * 9
    assert [
        (schedule, found)
        for schedule, found, days in zip(schedules, made, wanted, strict=True)
        if found != days
    ] == []


@pytest.mark.parametrize(
    ("days", "line"),
    [
        (["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "30 4 * * *"),
        (["fri", "mon", "tue", "wed", "thu"], "30 4 * * 2,3,4,5,6"),
        (["sat", "sun"], "30 4 * * 0,1"),
        (["wed", "wed"], "30 4 * * 4"),
    ],
)
def test_a_day_is_due_on_the_day_after(lender, days, line):
    item = landed(lender, schedule={"cron": "30 4 * * *", "days": days})
    assert cron(item.manifest) == line


def test_the_schedule_begins_half_a_day_on_the_local_clock_before_its_first_interval(
    lender,
):
    # 29 March 2026: London goes to summer time. The day's interval begins at 06:00 on that day.
    schedule = {"cron": "0 6 * * *", "timezone": "Europe/London"}
    item = landed(lender, deployed_at="2026-03-29", schedule=schedule)
    assert start(item) == dt.datetime(2026, 3, 28, 18, tzinfo=dt.UTC)
    assert end(item.manifest) is None


def test_no_day_before_the_date_dimension_is_scheduled(lender, monkeypatch):
    item = landed(lender, deployed_at="2020-01-01")
    # The first of the month, a year before it landed: half a day before that midnight's deadline.
    assert start(item).date() == dt.date(2025, 11, 30)
    monkeypatch.setenv("MONITORING_START_DATE", "2026-06-01")
    assert start(item).date() == dt.date(2026, 5, 31)
    monkeypatch.setenv("MONITORING_START_DATE", "2019-06-01")
    assert start(item).date() == dt.date(2019, 12, 31)


def test_a_version_that_was_never_in_production_ends_before_it_begins(lender):
    item = landed(lender, deployed_at="2026-09-01", retired_at="2026-09-01")
    tick = dt.datetime(2026, 9, 1, 6, tzinfo=dt.UTC)
    assert start(item) < tick
    assert end(item.manifest) < tick


def test_days_before_the_first_day_of_the_deployment_are_left_out(lender):
    item = landed(lender, deployed_at="2026-09-01")
    first = dt.date(2026, 11, 9)
    assert start(item, first) == start(landed(lender, deployed_at=str(first)))
    assert start(item, dt.date(2026, 8, 1)) == start(item)
