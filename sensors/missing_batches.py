"""Schedule for batches that did not arrive: a failed run says so, where silence would not."""

import datetime as dt
from collections.abc import Iterator

import dagster as dg

from airflow_bridge.export.settings import BRIDGE_IS_ON, bridge_is_on
from monitoring_assets.jobs import monitor_day
from monitoring_assets.partitions import ModelDay, monitored_days
from resources.lake import Lake
from resources.manifest import Manifest
from resources.store import Landed, Store
from sensors.default_status import default_schedule_status
from sensors.look_up import look_up
from sensors.run_requests import newest_runs, request_day

NAME = "missing_batches"
# Longer than an outage of the daemon is likely to last: deadlines within it are caught up with.
MISSED_DEADLINE_DAYS = 7


@dg.schedule(
    name=NAME,
    cron_schedule="0 * * * *",
    job=monitor_day,
    default_status=default_schedule_status(wanted=not bridge_is_on()),
    description="Every hour: runs the days whose batch was due, is not there and has no run yet, "
    "so that the run fails and names the file it wants.",
)
def missing_batches(
    context: dg.ScheduleEvaluationContext, lake: Lake, store: Store
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Request the run of every day whose deadline has passed without a batch."""
    if bridge_is_on():
        yield dg.SkipReason(BRIDGE_IS_ON)
        return
    now = context.scheduled_execution_time
    landed, profiled = store.all_landed(), store.profiled_keys()
    due = [ModelDay(day, key) for key, item in landed.items() for day in _days_due(item, now)]
    partitions = [day.partition for day in due]
    run = newest_runs(context.instance, partitions, job_name=monitor_day.name)
    waiting = sorted((day for day in due if day.partition not in run), reverse=True)

    def is_missing(day: ModelDay) -> bool:
        # Without a reference profile no sensor asks for the day.
        return day.key not in profiled or not _has_arrived(
            context, lake, landed[day.key].manifest, day.day
        )

    found = look_up(waiting, is_missing)
    missing = sorted(day for day, yes in found.items() if yes)
    yield from (request_day(landed[day.key].manifest, day.day, NAME) for day in missing)
    if left := len(waiting) - len(found):
        context.log.warning(f"{left} batches could not be looked for in time")
    if not missing:
        yield dg.SkipReason(
            f"{left} batches could not be looked for in time"
            if left
            else "every batch that was due has arrived or has a run that says so"
        )


def _days_due(item: Landed, now: dt.datetime) -> Iterator[dt.date]:
    """Days of a version whose deadline has passed, of the last ones."""
    last = now.astimezone(dt.UTC).date() - dt.timedelta(days=1)
    # Days before it landed are the registry sensor's.
    first = max(last - dt.timedelta(days=MISSED_DEADLINE_DAYS - 1), item.landed_at.date())
    for day in monitored_days(item.manifest, first, last):
        if item.manifest.schedule.deadline(day) <= now:
            yield day


def _has_arrived(
    context: dg.ScheduleEvaluationContext, lake: Lake, manifest: Manifest, day: dt.date
) -> bool:
    try:
        return lake.has_arrived(manifest, day)
    except Exception as error:  # the run will say so, and the other models go on
        context.log.warning(f"cannot look for {manifest.batch.path} of {day}: {error}")
        return False
