"""Batch sensor: a day's run starts as soon as its batch is there."""

import datetime as dt
import json
from concurrent.futures import ThreadPoolExecutor

import dagster as dg

from monitoring_assets.jobs import monitor_day
from monitoring_assets.partitions import last_whole_day, monitored_days
from resources.lake import Lake
from resources.store import Landed, Store
from sensors.run_requests import request_day, room_for_runs, without_report

NAME = "batch_sensor"
# Days that it looks back; older ones are a matter for a backfill.
LOOKBACK_DAYS = 14
READERS = 16


@dg.sensor(
    name=NAME,
    job=monitor_day,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests the run of a day of a model version once its batch has arrived.",
)
def batch_sensor(context: dg.SensorEvaluationContext, lake: Lake, store: Store) -> dg.SensorResult:
    """Look for the batches of the last days that have not been requested yet."""
    requested: dict[str, list[str]] = json.loads(context.cursor or "{}")
    landed = store.all_landed()
    profiled = {path.split("/")[1] for path in store.storage.list("reference_profile")}
    last = last_whole_day()
    first = last - dt.timedelta(days=LOOKBACK_DAYS)
    pending = sorted(
        (day, key)
        for key, item in landed.items()
        if f"model={key}" in profiled
        # Days before it landed are the registry sensor's.
        for day in monitored_days(item.manifest, max(first, item.landed_at.date()), last)
        if day.isoformat() not in requested.get(key, ())
    )

    def arrived(day_and_key: tuple[dt.date, str]) -> bool:
        day, key = day_and_key
        return _has_arrived(context, lake, landed[key], day)

    with ThreadPoolExecutor(READERS) as readers:
        answers = list(readers.map(arrived, pending))
    there = [item for item, yes in zip(pending, answers, strict=True) if yes]
    due = there[: room_for_runs(context.instance, NAME)]
    for day, key in due:
        requested.setdefault(key, []).append(day.isoformat())
    # Days out of sight need no memory.
    kept = {
        key: [day for day in days if day >= first.isoformat()]
        for key, days in requested.items()
        if key in landed
    }
    requests = [
        request_day(landed[key].manifest, day, NAME)
        for day, key in without_report(context.instance, due)
    ]
    waiting = f"{len(pending) - len(there)} batches have not arrived"
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else waiting,
        cursor=json.dumps(kept),
    )


def _has_arrived(
    context: dg.SensorEvaluationContext, lake: Lake, item: Landed, day: dt.date
) -> bool:
    try:
        return lake.has_arrived(item.manifest.batch, day)
    except Exception as error:  # one model's unreachable bucket must not stop the others
        context.log.warning(f"{item.manifest.key}: cannot look for the batch of {day}: {error}")
        return False
