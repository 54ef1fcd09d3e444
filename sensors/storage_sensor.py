"""Storage sensor: what failed for its storage is requested again once the storage is back."""

import datetime as dt
from collections.abc import Iterable

import dagster as dg

from monitoring_assets.jobs import decide_alerts, measure_performance, monitor_day, onboard_model
from monitoring_assets.partitions import ModelDay
from monitoring_assets.runs.storage_retries import FAILED_BY_STORAGE
from monitoring_assets.runs.tags import BACKFILL, REQUESTED_BY, is_backfill
from resources.dagster_internals import PARTITION_NAME_TAG, PRIORITY_TAG
from resources.kubernetes.pod_config import EXECUTED_BY_TAG, PROCESS_TAG
from resources.lake import Lake
from resources.registry import ModelRegistry
from resources.store import Store
from sensors.default_status import default_sensor_status
from sensors.look_up import look_up
from sensors.run_requests import newest_runs, room_for_runs

NAME = "storage_sensor"
# Until a failed run is requested again: the first time, doubling each time, up to the last.
BACK_OFF = (dt.timedelta(minutes=1), dt.timedelta(hours=2))
# Runs of one partition; what fails as often, over some ten hours, needs a person.
MAX_TRIES = 10
# Of an outage that lasted longer the days are a matter for a backfill.
LOOKBACK = dt.timedelta(days=14)
# Tag of a run that is requested again: how often it was before.
TRY = "monitoring/storage_try"
JOBS = [onboard_model, monitor_day, measure_performance, decide_alerts]


@dg.sensor(
    name=NAME,
    jobs=JOBS,
    minimum_interval_seconds=60,
    default_status=default_sensor_status(),
    description="Requests runs again that failed for their storage, once the storage is back.",
)
def storage_sensor(
    context: dg.SensorEvaluationContext, registry: ModelRegistry, lake: Lake, store: Store
) -> dg.SensorResult:
    """Look at the runs that are tagged so, have no later one of their partition, and are due."""
    now = dt.datetime.now(dt.UTC)
    failed = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.FAILURE],
        tags={FAILED_BY_STORAGE: "true"},
        created_after=now - LOOKBACK,
    )
    due = [
        record.dagster_run
        for record in _newest(context.instance, context.instance.get_run_records(failed))
        if now >= _due_at(record)
    ][: room_for_runs(context.instance, NAME)]

    def is_back(run_id: str) -> bool:
        run = runs[run_id]
        try:
            _ask(run, registry, lake, store)
        except Exception as error:  # one model's bucket must not keep the others waiting
            context.log.warning(f"{run.tags[PARTITION_NAME_TAG]} waits: {error}")
            return False
        return True

    runs = {run.run_id: run for run in due}
    back = [run_id for run_id, yes in look_up(runs, is_back).items() if yes]
    return dg.SensorResult(
        run_requests=[_again(runs[run_id]) for run_id in back],
        skip_reason=None if back else f"{len(due)} runs wait for their storage",
    )


def _newest(
    instance: dg.DagsterInstance, records: Iterable[dg.RunRecord]
) -> Iterable[dg.RunRecord]:
    """Those records that no later run of the same job and partition has followed."""
    by_job: dict[str, list[dg.RunRecord]] = {job.name: [] for job in JOBS}
    for record in records:
        run = record.dagster_run
        # Airflow tries again by itself, and a run over a range is a person's.
        is_ours = run.tags.get(REQUESTED_BY) != "airflow" and EXECUTED_BY_TAG not in run.tags
        if is_ours and run.job_name in by_job and PARTITION_NAME_TAG in run.tags:
            by_job[run.job_name].append(record)
    for job, found in by_job.items():
        partitions = [record.dagster_run.tags[PARTITION_NAME_TAG] for record in found]
        newest = {one.run_id for one in newest_runs(instance, partitions, job_name=job).values()}
        yield from (record for record in found if record.dagster_run.run_id in newest)


def _due_at(record: dg.RunRecord) -> dt.datetime:
    tries = int(record.dagster_run.tags.get(TRY, 0))
    if tries >= MAX_TRIES:
        return dt.datetime.max.replace(tzinfo=dt.UTC)
    first, last = BACK_OFF
    ended = record.end_time or record.update_timestamp.timestamp()
    wait: dt.timedelta = min(first * 2**tries, last)
    return dt.datetime.fromtimestamp(ended, dt.UTC) + wait


def _ask(run: dg.DagsterRun, registry: ModelRegistry, lake: Lake, store: Store) -> None:
    """Look at what the run reads first; raises if it cannot be reached."""
    partition = run.tags[PARTITION_NAME_TAG]
    if run.job_name == onboard_model.name:
        store.landed(partition)
        registry.candidates()
        return
    day = ModelDay.parse(partition)
    manifest = store.landed(day.key).manifest
    if run.job_name == monitor_day.name:
        lake.has_arrived(manifest, day.day)


def _again(run: dg.DagsterRun) -> dg.RunRequest:
    """The same run once more; Dagster starts one for each failed run."""
    # Dagster writes its own anew; these are what the run was requested with.
    ours = {PRIORITY_TAG, dg.MAX_RUNTIME_SECONDS_TAG}
    kept = {
        name: value
        for name, value in run.tags.items()
        if name in ours
        or not name.startswith(("dagster/", ".dagster/", FAILED_BY_STORAGE, PROCESS_TAG))
    }
    if is_backfill(run.tags):
        kept[BACKFILL] = run.run_id
    tries = int(run.tags.get(TRY, 0))
    partition = run.tags[PARTITION_NAME_TAG]
    is_of_a_day = run.job_name != onboard_model.name
    return dg.RunRequest(
        run_key=run.run_id,
        job_name=run.job_name,
        partition_key=ModelDay.parse(partition).partition_key if is_of_a_day else partition,
        asset_selection=sorted(run.asset_selection) if run.asset_selection else None,
        tags=kept | {REQUESTED_BY: NAME, TRY: str(tries + 1)},
    )
