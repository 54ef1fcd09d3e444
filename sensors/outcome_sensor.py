"""Outcome sensor: a cohort is measured when outcomes of it have come, and no other is."""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping

import dagster as dg

from monitoring_assets.jobs import measure_performance
from monitoring_assets.partitions import ModelDay, monitored_days
from resources import layout
from resources.lake import Lake
from resources.manifest import Manifest, Outcome
from resources.store import Store
from sensors.default_status import default_sensor_status
from sensors.look_up import look_up
from sensors.run_requests import request_performance, room_for_runs

NAME = "outcome_sensor"
# Outcomes that come or change later than this after the last horizon are a matter for a person.
LATE_DAYS = 60
# Of a digest that is kept: changes of one cohort are told apart, and few bytes are kept of each.
STATE_LENGTH = 12


@dg.sensor(
    name=NAME,
    job=measure_performance,
    minimum_interval_seconds=600,
    default_status=default_sensor_status(),
    description="Requests the performance of the cohorts whose outcomes have come or changed, or "
    "that have reached a further horizon.",
)
def outcome_sensor(
    context: dg.SensorEvaluationContext, lake: Lake, store: Store
) -> dg.SensorResult:
    """Look for the outcomes of every cohort between its first horizon and long after its last.

    What was asked for of each version and day is a text that changes with the files, with the
    horizons that are reached, and with the manifest's `outcome`. The cursor has what the last tick
    asked for. What was before is in the store: it grows with the fleet, and Dagster keeps the
    cursor of each tick.
    """
    today = dt.datetime.now(dt.UTC).date()
    watched = {
        key: (item.manifest, item.manifest.outcome)
        for key, item in store.all_landed().items()
        if item.manifest.outcome is not None
    }
    cursor = json.loads(context.cursor or "{}")
    first = cursor.get("next", "")
    # A cursor that is older than the file in the store was all that had been asked for.
    last = cursor.get("asked", cursor)
    since = {
        key: oldest_cohort(outcome, today).isoformat() for key, (_, outcome) in watched.items()
    }
    asked = _asked(store, last, since)

    def cohorts(key: str) -> dict[str, str] | None:
        try:
            return _cohorts(lake, store, *watched[key], today)
        except Exception as error:  # one model's unreachable bucket must not stop the others
            context.log.warning(f"{key}: cannot look for outcomes: {error}")
            return None

    # From where the last tick had to stop.
    keys = sorted(watched, key=lambda key: (key < first, key))
    looked = look_up(keys, cohorts)
    left = [key for key in keys if key not in looked]
    due = sorted(
        (ModelDay(dt.date.fromisoformat(day), key), state)
        for key, found in looked.items()
        for day, state in (found or {}).items()
        if asked[key].get(day) != state
    )
    requested = due[: room_for_runs(context.instance, NAME)]
    now_asked: dict[str, dict[str, str]] = {}
    for one, state in requested:
        now_asked.setdefault(one.key, {})[one.day.isoformat()] = state
    waiting = f"{len(due) - len(requested)} cohorts wait for room"
    if left:
        waiting += f"; {len(left)} versions are left to the next tick"
    return dg.SensorResult(
        run_requests=[
            request_performance(watched[one.key][0], one.day, state, NAME)
            for one, state in requested
        ],
        skip_reason=None if requested else f"no new outcomes; {waiting}",
        cursor=json.dumps({"asked": now_asked, "next": left[0] if left else ""}),
    )


def _asked(
    store: Store, last: Mapping[str, Mapping[str, str]], since: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """What was asked for of each version, the last tick's included, and kept for the next ticks.

    Parameters
    ----------
    last
        By version and day, what the last tick asked for: its runs have been started by now.
    since
        First day that is kept, by version.
    """
    try:
        before = json.loads(store.storage.read(layout.ASKED_COHORTS))
    except FileNotFoundError:
        before = {}
    asked = {
        key: {
            day: state
            for day, state in {**before.get(key, {}), **last.get(key, {})}.items()
            if day >= first
        }
        for key, first in since.items()
    }
    if asked != before:
        store.storage.write(layout.ASKED_COHORTS, json.dumps(asked).encode())
    return asked


def oldest_cohort(outcome: Outcome, today: dt.date) -> dt.date:
    """The oldest cohort that is still looked for outcomes of: its rows are needed."""
    return today - dt.timedelta(days=outcome.maturity[-1] + LATE_DAYS)


def _cohorts(
    lake: Lake, store: Store, manifest: Manifest, outcome: Outcome, today: dt.date
) -> dict[str, str]:
    """Cohorts that can be measured, each with a text that changes when it must be again."""
    oldest = oldest_cohort(outcome, today)
    newest = today - dt.timedelta(days=outcome.maturity[0])
    scored = store.days("scores_profile", manifest.key, since=oldest)
    days = [day for day in monitored_days(manifest, oldest, newest) if day in scored]
    found = lake.files_by_day(outcome.path, days)
    # Without the kind of before there were kinds: no cohort of then is asked for again.
    plain = {"kind"} if outcome.kind == "binary" else None
    rules, states = outcome.model_dump_json(exclude=plain), {}
    for day in days:
        # A day without files too: its check says that its outcomes are due and not there.
        files = found.get(day, ())
        reached = [horizon for horizon in outcome.maturity if (today - day).days >= horizon]
        parts = [rules, *map(str, reached), *map(repr, files)]
        digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        states[day.isoformat()] = digest[:STATE_LENGTH]
    return states
