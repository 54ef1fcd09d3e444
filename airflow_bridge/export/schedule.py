"""A version's schedule as Airflow takes it: a cron line, and the intervals it begins and ends with.

Airflow runs an interval of ``CronDataIntervalTimetable`` when it ends. A day's deadline is a tick
on the day after it, so an interval that ends on a day is the run of the day before: in the model's
time zone, across a change of the clocks too.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import count

from monitoring_assets.partitions import first_date
from resources.manifest import WEEKDAYS, Manifest
from resources.store import Landed

# Where the clocks change near a tick, Airflow does not take a start or an end on it for the tick;
# and no other tick is as near as this.
ROOM = dt.timedelta(hours=12)


def cron(manifest: Manifest) -> str:
    """The cron line of the deadlines: on the days after those that have a batch."""
    minute, hour = manifest.schedule.cron.split()[:2]
    if len(set(manifest.schedule.days)) == len(WEEKDAYS):
        return f"{minute} {hour} * * *"
    # Cron's Sunday is 0, so the day after a Monday, our 0, is cron's 2.
    ticks = sorted((WEEKDAYS.index(day) + 2) % 7 for day in set(manifest.schedule.days))
    return f"{minute} {hour} * * {','.join(map(str, ticks))}"


def start(item: Landed, first_day: dt.date | None = None) -> dt.datetime:
    """When the version's schedule begins: its first run is that of the first monitored day.

    Days before ``first_day`` are left to what has made them before Airflow does.

    No day before the date dimension's first one is run: of the dimension as it was when the version
    landed, as a start that moves with it would make Airflow's history and its schedule disagree.
    """
    first = max(
        item.manifest.deployed_at, first_date(item.landed_at.date()), first_day or dt.date.min
    )
    day = next(_batch_days(item.manifest, first, +1))
    return _interval_begin(item.manifest, day) - ROOM


def end(manifest: Manifest) -> dt.datetime | None:
    """When the schedule ends: its last run is that of the last monitored day; None if none is."""
    if manifest.retired_at is None:
        return None
    day = next(_batch_days(manifest, manifest.retired_at - dt.timedelta(days=1), -1))
    return _interval_begin(manifest, day) + ROOM


def _interval_begin(manifest: Manifest, day: dt.date) -> dt.datetime:
    """The deadline before the one of ``day``, which ends its interval."""
    before = next(_batch_days(manifest, day - dt.timedelta(days=1), -1))
    return manifest.schedule.deadline(before)


def _batch_days(manifest: Manifest, start: dt.date, step: int) -> Iterator[dt.date]:
    """Days that have a batch, from ``start`` on or back."""
    days = (start + dt.timedelta(days=step * number) for number in count())
    return (day for day in days if WEEKDAYS[day.weekday()] in manifest.schedule.days)
