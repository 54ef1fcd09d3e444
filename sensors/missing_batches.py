"""Schedule for batches that did not arrive: a failed run says so, where silence would not."""

import datetime as dt
from collections.abc import Iterator

import dagster as dg

from airflow_bridge.export.settings import BRIDGE_IS_ON, bridge_is_on
from monitoring_assets.jobs import monitor_day
from monitoring_assets.partitions import ModelDay, monitored_days
from resources.dagster_internals import PARTITION_NAME_TAG
from resources.lake import Lake
from resources.manifest import Manifest
from resources.store import Store
from sensors.default_status import default_schedule_status
from sensors.run_requests import request_day

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
    last = now.astimezone(dt.UTC).date() - dt.timedelta(days=1)
    profiled = store.profiled_keys()
    missing = 0
    for item in store.all_landed().values():
        manifest = item.manifest
        # Days before it landed are the registry sensor's.
        first = max(last - dt.timedelta(days=MISSED_DEADLINE_DAYS - 1), item.landed_at.date())
        for day in monitored_days(manifest, first, last):
            if (
                manifest.schedule.deadline(day) <= now
                and not _has_run(context.instance, manifest, day)
                # Without a reference profile no sensor asks for the day.
                and not (manifest.key in profiled and _has_arrived(context, lake, manifest, day))
            ):
                missing += 1
                yield request_day(manifest, day, NAME)
    if not missing:
        yield dg.SkipReason("every batch that was due has arrived or has a run that says so")


def _has_run(instance: dg.DagsterInstance, manifest: Manifest, day: dt.date) -> bool:
    tags = {PARTITION_NAME_TAG: ModelDay(day, manifest.key).partition}
    return bool(instance.get_runs_count(dg.RunsFilter(job_name=monitor_day.name, tags=tags)))


def _has_arrived(
    context: dg.ScheduleEvaluationContext, lake: Lake, manifest: Manifest, day: dt.date
) -> bool:
    try:
        return lake.has_arrived(manifest, day)
    except Exception as error:  # the run will say so, and the other models go on
        context.log.warning(f"cannot look for {manifest.batch.path} of {day}: {error}")
        return False
