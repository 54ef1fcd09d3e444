"""Schedule for retention: each night the oldest runs and rows are deleted."""

import datetime as dt

import dagster as dg

from monitoring_assets.runs.retention import (
    RETENTION,
    ROW_RETENTION,
    delete_old_rows,
    delete_old_runs,
    retention_days,
    rows_days,
)
from resources.manifest import Manifest
from resources.store import Store
from sensors.default_status import default_schedule_status
from sensors.outcome_sensor import oldest_cohort

NAME = "retention"
# The first night after years may have more to do; the next nights go on.
NIGHT_SECONDS = 2 * 3600.0


@dg.op(description="Deletes runs, their events and the evaluations of their checks, in slices.")
def delete_runs(context: dg.OpExecutionContext) -> None:
    """Delete what is older than the horizon."""
    before = dt.datetime.now(dt.UTC) - dt.timedelta(days=retention_days())
    deleted = delete_old_runs(context.instance, before, seconds=NIGHT_SECONDS)
    context.log.info(f"deleted {deleted} runs from before {before.date()}")


@dg.op(description="Deletes features and scores of days that no outcome is waited for any more.")
def delete_rows(context: dg.OpExecutionContext, store: Store) -> None:
    """Delete the rows of every version that are older than the setting, if there is one."""
    days = rows_days()
    if days is None:
        context.log.info(f"{ROW_RETENTION} is not set: features and scores are kept for good")
        return
    today, failed = dt.datetime.now(dt.UTC).date(), []
    for key, landed in store.all_landed().items():
        before = _first_needed(landed.manifest, today - dt.timedelta(days=days), today)
        try:
            deleted = delete_old_rows(store, key, before)
        except Exception as error:  # one version's fault must not keep the rows of the others
            failed.append(f"{key}: {error}")
            continue
        context.log.info(f"{key}: deleted {deleted} files of rows from before {before}")
    if failed:
        raise dg.Failure(f"rows could not be deleted: {'; '.join(failed)}")


def _first_needed(manifest: Manifest, wanted: dt.date, today: dt.date) -> dt.date:
    """The first day whose rows stay: outcomes are joined with them."""
    return min(wanted, oldest_cohort(manifest.outcome, today)) if manifest.outcome else wanted


@dg.job(
    name=NAME,
    description=f"Deletes what Dagster keeps of runs that are older than {RETENTION} days, and the "
    f"features and scores that are older than {ROW_RETENTION}, if it is set; the store keeps every "
    "count, report, decision and piece of evidence.",
)
def retention() -> None:
    """Delete old runs and rows."""
    delete_runs()
    delete_rows()


retention_schedule = dg.ScheduleDefinition(
    name=f"{NAME}_schedule",
    job=retention,
    cron_schedule="0 2 * * *",
    default_status=default_schedule_status(),
    description="Every night at 02:00 UTC.",
)
