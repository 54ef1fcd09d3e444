"""Batch sensor: a day's run starts as soon as its batch is there."""

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from airflow_bridge.export.settings import BRIDGE_IS_ON, bridge_is_on
from monitoring_assets.jobs import monitor_day
from monitoring_assets.partitions import ModelDay, last_whole_day, monitored_days
from resources import layout
from resources.lake import Lake
from resources.store import Landed, Store
from sensors.default_status import default_sensor_status
from sensors.look_up import look_up
from sensors.run_requests import is_new_day, request_day, room_for_runs, without_report

NAME = "batch_sensor"
# Days that it waits for a batch that is late; older ones are a matter for a backfill.
LATE_BATCH_DAYS = 14
# Days that it makes up for after it stood still, or its cursor was lost.
CATCH_UP_DAYS = 60
# Late days that one tick looks for: feeds that are dead cost as much, however many they are.
LATE_LOOKS = 500


@dg.sensor(
    name=NAME,
    job=monitor_day,
    minimum_interval_seconds=30,
    default_status=default_sensor_status(wanted=not bridge_is_on()),
    description="Requests the run of a day of a model version once its batch has arrived.",
)
def batch_sensor(context: dg.SensorEvaluationContext, lake: Lake, store: Store) -> dg.SensorResult:
    """Look for the batches of the last days that have not been requested yet.

    The cursor has the days that the last tick requested, and where to go on with those that are
    late (`next`). The store has the last day that was looked for (`through`) and the days until
    then that each version waited for before (`waits`): they grow with the fleet.
    """
    if bridge_is_on():
        return dg.SensorResult(skip_reason=BRIDGE_IS_ON, cursor=context.cursor)
    cursor = json.loads(context.cursor or "{}")
    known = _known(store, cursor)
    last, profiled = last_whole_day(), store.profiled_keys()
    watched = {key: item for key, item in store.all_landed().items() if key in profiled}
    pending = [
        ModelDay(day, key)
        for key, item in watched.items()
        for day in _days_to_look_for(key, item, known, last)
    ]
    if watched.keys() - known["waits"].keys():  # of those nothing is known
        pending = without_report(context.instance, pending)
    # New days first, as in the queue: batches that never come must not keep today's waiting.
    new = sorted(one for one in pending if is_new_day(one.day))
    # Then the late ones, from where the last tick had to stop.
    stopped_at = cursor.get("next", "")
    late = sorted(
        (one for one in pending if not is_new_day(one.day)),
        key=lambda one: (one.partition < stopped_at, one),
    )
    room = room_for_runs(context.instance, NAME)
    if not room:
        return dg.SensorResult(skip_reason="no room for more runs", cursor=context.cursor)

    def has_arrived(one: ModelDay) -> bool | None:
        try:
            return lake.has_arrived(watched[one.key].manifest, one.day)
        except Exception as error:  # one model's unreachable bucket must not stop the others
            context.log.warning(f"{one.key}: cannot look for the batch of {one.day}: {error}")
            return None

    answers = look_up([*new, *late[:LATE_LOOKS]], has_arrived)
    # Days that were run otherwise take up no room.
    wanted = without_report(context.instance, [one for one, yes in answers.items() if yes])
    due, without_room = sorted(wanted[:room]), {*wanted[room:]}
    # A tick that is killed before its requests count must find them again: the next one, which
    # knows that they do, takes them out.
    in_sight = {*due, *without_room}
    waits: dict[str, list[str]] = {key: [] for key in watched}
    for one in sorted(pending):
        is_there = answers.get(one)
        # Days that found no room, or could not be looked for, must be in sight of the next tick.
        longest = LATE_BATCH_DAYS if is_there is False else CATCH_UP_DAYS
        if (not is_there or one in in_sight) and one.day >= last - dt.timedelta(days=longest):
            waits[one.key].append(one.day.isoformat())
    stops = [place for place, one in enumerate(late) if one in without_room]
    looked = [place for place, one in enumerate(late) if one in answers]
    stop = min(stops) if stops else max(looked, default=0) + 1
    now_known = json.dumps({"through": last.isoformat(), "waits": waits})
    if cursor.get("requested") or now_known != json.dumps(known):
        store.storage.write(layout.WAITING_BATCHES, now_known.encode())
    absent = sum(yes is False for yes in answers.values())
    unknown = sum(answers.get(one) is None for one in pending)
    waiting = f"{absent} batches have not arrived"
    if unknown:
        waiting += f"; {unknown} could not be looked for"
    return dg.SensorResult(
        run_requests=[request_day(watched[one.key].manifest, one.day, NAME) for one in due],
        skip_reason=None if due else waiting,
        cursor=json.dumps(
            {
                "requested": [one.partition for one in due],
                "next": late[stop].partition if stop < len(late) else "",
            }
        ),
    )


def _known(store: Store, cursor: Mapping[str, Any]) -> dict[str, Any]:
    """`through`, and `waits` without what the last tick requested: its runs have been started."""
    if "through" in cursor:  # of before 0.2
        return {"through": cursor["through"], "waits": cursor["waits"]}
    try:
        # Without a cursor the runs of a tick may have been lost: look for all again.
        known = json.loads(store.storage.read(layout.WAITING_BATCHES)) if cursor else None
    except FileNotFoundError:
        known = None
    if known is None:
        return {"through": "", "waits": {}}
    requested = {*cursor["requested"]}
    waits = {
        key: [day for day in days if f"{day}|{key}" not in requested]
        for key, days in known["waits"].items()
    }
    return {"through": known["through"], "waits": waits}


def _days_to_look_for(
    key: str, item: Landed, known: Mapping[str, Any], last: dt.date
) -> Iterator[dt.date]:
    """Days of a version that have not been requested: none is left out, however long ago."""
    first = max(item.landed_at.date(), last - dt.timedelta(days=CATCH_UP_DAYS))
    if key in known["waits"]:
        waits = map(dt.date.fromisoformat, known["waits"][key])
        yield from filter(item.manifest.is_monitored, waits)
        first = max(first, dt.date.fromisoformat(known["through"]) + dt.timedelta(days=1))
    # The days before it landed are the registry sensor's.
    yield from monitored_days(item.manifest, first, last)
