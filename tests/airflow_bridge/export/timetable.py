"""Run by an Airflow's own Python: the days that its timetable runs, for each schedule on stdin."""

import datetime as dt
import json
import sys

import pendulum
from airflow.timetables.base import TimeRestriction
from airflow.timetables.interval import CronDataIntervalTimetable


def days(cron, timezone, start, end):
    """The day before each interval's end, in the schedule's time zone."""
    timetable = CronDataIntervalTimetable(cron, timezone)
    restriction = TimeRestriction(pendulum.parse(start), pendulum.parse(end), catchup=True)
    last = None
    while True:
        info = timetable.next_dagrun_info(
            last_automated_data_interval=last, restriction=restriction
        )
        if info is None:
            return
        last = info.data_interval
        yield str(last.end.in_timezone(timezone).date() - dt.timedelta(days=1))


sys.stdout.write(json.dumps([list(days(*schedule)) for schedule in json.load(sys.stdin)]))
