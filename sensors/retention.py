"""Schedule for retention: each night Dagster's oldest runs are deleted."""

import datetime as dt

import dagster as dg

from monitoring_assets.runs.retention import RETENTION, delete_old_runs, retention_days
from sensors.default_status import default_schedule_status

NAME = "retention"
# The first night after years may have more to do; the next nights go on.
NIGHT_SECONDS = 2 * 3600.0


@dg.op(description="Deletes runs, their events and the evaluations of their checks, in slices.")
def delete_runs(context: dg.OpExecutionContext) -> None:
    """Delete what is older than the horizon."""
    before = dt.datetime.now(dt.UTC) - dt.timedelta(days=retention_days())
    deleted = delete_old_runs(context.instance, before, seconds=NIGHT_SECONDS)
    context.log.info(f"deleted {deleted} runs from before {before.date()}")


@dg.job(
    name=NAME,
    description=f"Deletes what Dagster keeps of runs that are older than {RETENTION} days; the "
    "store keeps every report, decision and piece of evidence.",
)
def retention() -> None:
    """Delete old runs."""
    delete_runs()


retention_schedule = dg.ScheduleDefinition(
    name=f"{NAME}_schedule",
    job=retention,
    cron_schedule="0 2 * * *",
    default_status=default_schedule_status(),
    description="Every night at 02:00 UTC.",
)
