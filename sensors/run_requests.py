"""Run requests: the same partition keys, tags and limits for everything that starts a run."""

import datetime as dt
from collections.abc import Collection, Sequence

import dagster as dg

from monitoring_assets.assets.drift_report import drift_report
from monitoring_assets.jobs import (
    decide_alerts,
    measure_performance,
    monitor_day,
    onboard_model,
)
from monitoring_assets.partitions import ModelDay
from monitoring_assets.runs.tags import BACKFILL, REQUESTED_BY, is_backfill, run_tags
from resources.dagster_internals import (
    PARTITION_NAME_TAG,
    PRIORITY_TAG,
    RunPartitionData,
)
from resources.manifest import Manifest
from resources.store import Landed, NotMaterialisedError, Store

# Runs of ours that may be open before a sensor holds back: a long history must not bury today.
MAX_OPEN_RUNS = 25
# In Dagster's queue the higher comes first: what is needed for anything else, then what is new.
# Runs of people and of backfills, which say nothing, have 0, as the days of a history.
ONBOARDING_PRIORITY, NEW_DAY_PRIORITY = "2", "1"
# Of a run, beside its SQL and its scoring: reading, counting, waiting for a storage.
REST_SECONDS = 3600
# A batch is that of the day before, which in some time zones is still the day before that.
NEW_DAYS = dt.timedelta(days=2)
OPEN = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


def room_for_runs(instance: dg.DagsterInstance, requested_by: str) -> int:
    """How many more runs one requester may open now."""
    open_runs = instance.get_runs_count(
        dg.RunsFilter(statuses=OPEN, tags={REQUESTED_BY: requested_by})
    )
    return max(MAX_OPEN_RUNS - open_runs, 0)


def is_new_day(day: dt.date) -> bool:
    """Whether a day comes before all history: its batch is one of the last two."""
    return day >= dt.datetime.now(dt.UTC).date() - NEW_DAYS


def request_reference(landed: Landed, requested_by: str) -> dg.RunRequest:
    """The run that makes a version's reference profile, once for whatever was accepted."""
    manifest = landed.manifest
    return dg.RunRequest(
        run_key=f"{manifest.key}|{landed.fingerprint}",
        job_name=onboard_model.name,
        partition_key=manifest.key,
        tags=_tags(manifest, requested_by) | {PRIORITY_TAG: ONBOARDING_PRIORITY},
    )


def request_day(manifest: Manifest, day: dt.date, requested_by: str) -> dg.RunRequest:
    """The run of a day of a version; Dagster starts one for each run key of a sensor."""
    of = ModelDay(day, manifest.key)
    return dg.RunRequest(
        run_key=of.partition,
        job_name=monitor_day.name,
        partition_key=of.partition_key,
        tags=_tags(manifest, requested_by)
        | ({PRIORITY_TAG: NEW_DAY_PRIORITY} if is_new_day(day) else {}),
    )


def request_performance(
    manifest: Manifest, day: dt.date, state: str, requested_by: str
) -> dg.RunRequest:
    """The run that measures a cohort, once for each ``state`` of its outcomes."""
    of = ModelDay(day, manifest.key)
    return dg.RunRequest(
        run_key=f"{of.partition}|{state}",
        job_name=measure_performance.name,
        partition_key=of.partition_key,
        tags=_tags(manifest, requested_by),
    )


def request_alerts(
    manifest: Manifest, day: dt.date, requested_by: str, failed: dg.DagsterRun | None = None
) -> dg.RunRequest:
    """The run that decides on a day alone.

    ``failed`` is the run whose failure asks for it: one request for each failure, and a backfill's
    days stay a backfill's.
    """
    of = ModelDay(day, manifest.key)
    cause = failed.run_id if failed else requested_by
    tags = {REQUESTED_BY: requested_by, "monitoring/model": manifest.name}
    if failed and is_backfill(failed.tags):
        tags[BACKFILL] = failed.run_id
    return dg.RunRequest(
        run_key=f"{of.partition}|{cause}",
        job_name=decide_alerts.name,
        partition_key=of.partition_key,
        tags=tags,
    )


def decided_at(store: Store, day: ModelDay) -> dt.datetime:
    """When the recorded decision on a day was made; the beginning of time if there is none."""
    try:
        _, notes = store.read_table("alerts", day.key, day.day)
    except NotMaterialisedError:
        return dt.datetime.min.replace(tzinfo=dt.UTC)
    return dt.datetime.fromisoformat(notes["decided_at"])


def without_report(instance: dg.DagsterInstance, days: Sequence[ModelDay]) -> list[ModelDay]:
    """Days that have not been run yet, by a backfill for example."""
    if not days:  # the usual tick: spares reading every partition's key
        return []
    reported = instance.get_materialized_partitions(drift_report.key)
    return [day for day in days if day.partition not in reported]


def newest_runs(
    instance: dg.DagsterInstance,
    partitions: Collection[str],
    *,
    job_name: str | None = None,
    statuses: Sequence[dg.DagsterRunStatus] | None = None,
) -> dict[str, RunPartitionData]:
    """The newest run of its own, of a job or in a status, of each partition; one query."""
    if not partitions:
        return {}
    tags = {PARTITION_NAME_TAG: [*partitions]}
    runs = dg.RunsFilter(job_name=job_name, statuses=statuses, tags=tags)
    found = instance.run_storage.get_run_partition_data(runs)
    return {one.partition: one for one in found}


def _tags(manifest: Manifest, requested_by: str) -> dict[str, str]:
    """Tags of a run of one partition; of a range they would end it after a day's time."""
    longest = 2 * manifest.limits.bounds.seconds + REST_SECONDS
    return {
        REQUESTED_BY: requested_by,
        dg.MAX_RUNTIME_SECONDS_TAG: str(int(longest)),
    } | run_tags(manifest)
