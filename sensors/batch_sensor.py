"""Batch sensor: a day's run starts as soon as its batch is there."""

import datetime as dt
import json
import time
from concurrent.futures import ThreadPoolExecutor

import dagster as dg

from airflow_bridge.export.settings import BRIDGE_IS_ON, bridge_is_on
from monitoring_assets.jobs import monitor_day
from monitoring_assets.partitions import last_whole_day, monitored_days
from resources.lake import Lake
from resources.store import Landed, Store
from sensors.default_status import default_sensor_status
from sensors.run_requests import request_day, room_for_runs, without_report

NAME = "batch_sensor"
# Days that it waits for a batch that is late; older ones are a matter for a backfill.
LATE_BATCH_DAYS = 14
# Days that it makes up for after it stood still: a tick must end within Dagster's minute.
CATCH_UP_DAYS = 60
READERS = 16
# A tick must end within Dagster's limit of a minute; what is left is looked for by the next ones.
LOOK_SECONDS = 20.0


@dg.sensor(
    name=NAME,
    job=monitor_day,
    minimum_interval_seconds=30,
    default_status=default_sensor_status(wanted=not bridge_is_on()),
    description="Requests the run of a day of a model version once its batch has arrived.",
)
def batch_sensor(context: dg.SensorEvaluationContext, lake: Lake, store: Store) -> dg.SensorResult:
    """Look for the batches of the last days that have not been requested yet."""
    if bridge_is_on():
        return dg.SensorResult(skip_reason=BRIDGE_IS_ON, cursor=context.cursor)
    cursor = json.loads(context.cursor or "{}")
    requested: dict[str, list[str]] = cursor.get("requested", {})
    seen: dict[str, str] = cursor.get("seen", {})
    landed = store.all_landed()
    profiled = store.profiled_keys()
    last = last_whole_day()
    watched = {key: item for key, item in landed.items() if key in profiled}
    pending = sorted(
        (day, key)
        for key, item in watched.items()
        for day in monitored_days(item.manifest, _first_day(item, seen.get(key)), last)
        if day.isoformat() not in requested.get(key, ())
    )

    end = time.monotonic() + LOOK_SECONDS

    def arrived(day_and_key: tuple[dt.date, str]) -> bool | None:
        day, key = day_and_key
        return _has_arrived(context, lake, landed[key], day) if time.monotonic() < end else None

    with ThreadPoolExecutor(READERS) as readers:
        answers = list(readers.map(arrived, pending))
    there = [item for item, yes in zip(pending, answers, strict=True) if yes]
    # Days that were run otherwise take up no room.
    wanted = without_report(context.instance, there)
    room = room_for_runs(context.instance, NAME)
    due, later = wanted[:room], set(wanted[room:])
    for day, key in there:
        if (day, key) not in later:
            requested.setdefault(key, []).append(day.isoformat())
    # Days that found no room, or could not be looked for, must be in sight of the next tick.
    unknown = [item for item, yes in zip(pending, answers, strict=True) if yes is None]
    postponed = {key for _, key in [*later, *unknown]}
    seen |= {key: last.isoformat() for key in watched.keys() - postponed}
    # Days that will not be looked at again need no memory.
    kept = {
        key: [day for day in days if day >= _first_day(landed[key], seen.get(key)).isoformat()]
        for key, days in requested.items()
        if key in landed
    }
    requests = [request_day(landed[key].manifest, day, NAME) for day, key in due]
    waiting = f"{len(pending) - len(there) - len(unknown)} batches have not arrived"
    if unknown:
        waiting += f"; {len(unknown)} could not be looked for"
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else waiting,
        cursor=json.dumps({"requested": kept, "seen": seen}),
    )


def _first_day(item: Landed, seen: str | None) -> dt.date:
    """First day to look for: no day since the last look is left out, however long ago it was."""
    landed = item.landed_at.date()  # the days before are the registry sensor's
    first = max(landed, last_whole_day() - dt.timedelta(days=CATCH_UP_DAYS))
    if seen is None:
        return first
    return max(first, dt.date.fromisoformat(seen) - dt.timedelta(days=LATE_BATCH_DAYS))


def _has_arrived(
    context: dg.SensorEvaluationContext, lake: Lake, item: Landed, day: dt.date
) -> bool | None:
    try:
        return lake.has_arrived(item.manifest, day)
    except Exception as error:  # one model's unreachable bucket must not stop the others
        context.log.warning(f"{item.manifest.key}: cannot look for the batch of {day}: {error}")
        return None
