"""Failure sensor: a day whose run failed is decided too, though nothing downstream of it ran."""

import datetime as dt
import json
import time
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain

import dagster as dg

from monitoring_assets.assets.alerts import alerts
from monitoring_assets.assets.drift_report import drift_report
from monitoring_assets.assets.report_page import report_page
from monitoring_assets.jobs import decide_alerts, onboard_model
from monitoring_assets.partitions import ModelDay, last_whole_day
from monitoring_assets.runs.failures import failed_partitions, failure_in_words, stopped_partitions
from monitoring_assets.runs.tags import days_of
from resources.asset_keys import asset_name
from resources.dagster_internals import PARTITION_NAME_TAG, WILL_RETRY_TAG
from resources.faults import ONBOARDING, RUN, RecordedFault, record_faults, run_of
from resources.storage import S3_CONNECTIONS
from resources.store import Landed, Store
from sensors.default_status import default_sensor_status
from sensors.look_up import LOOK_SECONDS
from sensors.run_requests import decided_at, request_alerts

NAME = "failure_sensor"
# Failed runs of one tick: as many as a large lender's feeds bring at once.
RUNS_A_TICK = 200
# Of a deployment that is new, or that stood still: older failures are no news.
LOOKBACK = dt.timedelta(days=3)
# Dagster says whether a failed run is tried again a moment after it says that the run failed.
VERDICT_SECONDS = 60.0
EVENTS = {
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    dg.DagsterEventType.RUN_FAILURE,
}


@dataclass(frozen=True)
class FailedDay:
    """A day that a run left without a report.

    Parameters
    ----------
    run, at
        The run, and when it failed, in seconds since 1970.
    source
        Where that is recorded.
    why
        None if a check has recorded it already.
    """

    run: dg.DagsterRun
    at: float
    day: ModelDay
    source: str
    why: str | None


@dg.sensor(
    name=NAME,
    job=decide_alerts,
    minimum_interval_seconds=10,
    default_status=default_sensor_status(),
    description="Records why the run of a day failed and requests the decision on that day.",
)
def failure_sensor(context: dg.SensorEvaluationContext, store: Store) -> dg.SensorResult:
    """Look at the runs that failed since the last tick."""
    after: int | None = json.loads(context.cursor or "null")
    since = None if after is not None else (dt.datetime.now(dt.UTC) - LOOKBACK).timestamp()
    changes = context.instance.fetch_run_status_changes(
        dg.RunStatusChangeRecordsFilter(
            dg.DagsterEventType.RUN_FAILURE, after_storage_id=after, after_timestamp=since
        ),
        limit=RUNS_A_TICK,
        ascending=True,
    ).records
    failed: list[FailedDay] = []
    end = time.monotonic() + LOOK_SECONDS
    for change in changes:
        if time.monotonic() > end:  # the next tick goes on after those that were looked at
            break
        record = context.instance.get_run_record_by_id(change.run_id)
        if record is not None:
            run = record.dagster_run
            is_tried_again = run.tags.get(WILL_RETRY_TAG)
            is_fresh = time.time() - change.timestamp < VERDICT_SECONDS
            if context.instance.run_retries_enabled and is_tried_again is None and is_fresh:
                break
            # A decision that failed is the pipeline sensor's: asking again could go on for ever.
            if is_tried_again != "true" and run.job_name != decide_alerts.name:
                try:
                    failed += _failed_days(context.instance, store, record, change.timestamp)
                except Exception as error:  # one run must not keep the others from being seen
                    context.log.exception(f"run {run.run_id} cannot be looked at: {error}")
        after = change.storage_id
    by_key: defaultdict[str, list[FailedDay]] = defaultdict(list)
    for one in failed:
        by_key[one.day.key].append(one)
    landed = store.all_landed() if failed else {}

    def requests_of(key: str) -> list[dg.RunRequest]:
        # Of two failures of a day the later one's reason stays: those of a version go in order.
        return [
            request for one in by_key[key] if (request := _request(context, store, landed, one))
        ]

    with ThreadPoolExecutor(S3_CONNECTIONS) as writers:
        requests = list(chain.from_iterable(writers.map(requests_of, by_key)))
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else "no run of a day has failed",
        cursor=json.dumps(after),
    )


def _request(
    context: dg.SensorEvaluationContext,
    store: Store,
    landed: Mapping[str, Landed],
    failed: FailedDay,
) -> dg.RunRequest | None:
    """Record the fault of a failed day, and ask for the decision on it if it has none since."""
    day = failed.day
    try:
        item = landed.get(day.key) or store.landed(day.key)
        if failed.why is not None:
            fault = RecordedFault(family="pipeline", subject=failed.run.job_name, text=failed.why)
            record_faults(store.storage, day.key, day.day, failed.source, [fault])
        elif decided_at(store, day).timestamp() > failed.at:
            return None  # what the check said has been counted in
    except Exception as error:  # one day must not keep the others from being decided
        context.log.warning(f"run {failed.run.run_id}: {error}")
        return None
    return request_alerts(item.manifest, day.day, NAME, failed.run)


def _failed_days(
    instance: dg.DagsterInstance, store: Store, record: dg.RunRecord, failed_at: float
) -> list[FailedDay]:
    """Days that a run left without a report."""
    run, began = record.dagster_run, record.create_timestamp.timestamp()
    records = instance.get_records_for_run(run.run_id, of_type=EVENTS).records
    events = [event for one in records if (event := one.event_log_entry.dagster_event) is not None]
    if run.job_name == onboard_model.name and PARTITION_NAME_TAG in run.tags:
        day = ModelDay(last_whole_day(), run.tags[PARTITION_NAME_TAG])
        return [FailedDay(run, failed_at, day, ONBOARDING, failure_in_words(events))]
    stopped, failed = stopped_partitions(events), failed_partitions(events)
    days = days_of(instance, run)
    if PARTITION_NAME_TAG not in run.tags:  # of a range some may have been made, now or before
        reported = {
            ModelDay(day, key)
            for key in {one.key for one in days}
            for day in store.days("drift_report", key, since=min(days).day)
        }
        days = [day for day in days if day.partition in {*stopped, *failed} or day not in reported]
    # A run of one asset is as Airflow has them: what it says is taken back when that asset is made.
    # If that asset is the decision or the page, others have made the day.
    selected = run.asset_selection or frozenset()
    only = next(iter(selected)) if len(selected) == 1 else None
    found = []
    for day in days:
        is_said = (
            only in (alerts.key, report_page.key)
            or day.partition in stopped
            or _is_made_since(instance, began, day, only or drift_report.key)
        )
        why = None if is_said else failed.get(day.partition) or failure_in_words(events)
        source = run_of(asset_name(only)) if only else RUN
        found.append(FailedDay(run, failed_at, day, source, why))
    return found


def _is_made_since(
    instance: dg.DagsterInstance, began: float, day: ModelDay, asset: dg.AssetKey
) -> bool:
    """Whether the day has the asset from the run that began then, or from a later one."""
    # By its number: of a day that was never made, the newest record would be looked for in all.
    kind = dg.DagsterEventType.ASSET_MATERIALIZATION
    made = instance.event_log_storage.get_latest_storage_id_by_partition(
        asset, kind, partitions={day.partition}
    )
    if day.partition not in made:
        return False
    (record,) = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset, storage_ids=[made[day.partition]]), limit=1
    ).records
    return record.timestamp > began
