"""Schedule for batches that did not arrive: a failed run says so, where silence would not."""

import datetime as dt
from collections.abc import Iterator

import dagster as dg

from monitoring_assets.jobs import monitor_day
from monitoring_assets.partitions import last_whole_day, monitored_days
from resources.lake import Lake
from resources.store import Store
from sensors.run_requests import request_day

NAME = "missing_batches"
EVERY = dt.timedelta(hours=1)


@dg.schedule(
    name=NAME,
    cron_schedule="0 * * * *",
    job=monitor_day,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every hour: runs the days whose batch was due within the hour before and is not "
    "there, so that the run fails and names the file it wants.",
)
def missing_batches(
    context: dg.ScheduleEvaluationContext, lake: Lake, store: Store
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Request the run of every day whose deadline has just passed without a batch."""
    now = context.scheduled_execution_time
    missing = 0
    for item in store.all_landed().values():
        manifest = item.manifest
        last = last_whole_day()
        for day in monitored_days(manifest, last - dt.timedelta(days=2), last):
            # Each deadline falls into exactly one hour, so a day is requested once.
            if not now - EVERY < manifest.schedule.deadline(day) <= now:
                continue
            if day >= item.landed_at.date() and not lake.has_arrived(manifest.batch, day):
                missing += 1
                yield request_day(manifest, day, NAME)
    if not missing:
        yield dg.SkipReason("every batch that was due in the last hour has arrived")
