"""Outcome sensor: a cohort is measured when outcomes of it have come, and no other is."""

import datetime as dt
import hashlib
import json
from collections.abc import Iterator

import dagster as dg

from monitoring_assets.jobs import measure_performance
from monitoring_assets.partitions import monitored_days
from resources.lake import Lake
from resources.manifest import Manifest, Outcome
from resources.store import Store
from sensors.default_status import default_sensor_status
from sensors.run_requests import request_performance, room_for_runs

NAME = "outcome_sensor"
# Outcomes that come or change later than this after the last horizon are a matter for a person.
LATE_DAYS = 60
# Of a digest in the cursor: changes of one cohort are told apart, and few bytes are kept of each.
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

    The cursor has, for each version and day, what was last asked for: a text that changes with the
    files, with the horizons that are reached, and with the manifest's `outcome`.
    """
    asked: dict[str, dict[str, str]] = json.loads(context.cursor or "{}")
    today = dt.datetime.now(dt.UTC).date()
    kept: dict[str, dict[str, str]] = {}
    due: list[tuple[dt.date, Manifest, str]] = []
    for key, landed in store.all_landed().items():
        manifest = landed.manifest
        if manifest.outcome is None:
            continue
        before = kept[key] = asked.get(key, {})
        try:
            found = dict(_cohorts(lake, store, manifest, manifest.outcome, today))
        except Exception as error:  # one model's unreachable bucket must not stop the others
            context.log.warning(f"{key}: cannot look for outcomes: {error}")
            continue
        kept[key] = {day: state for day, state in before.items() if day in found}
        due += [
            (dt.date.fromisoformat(day), manifest, state)
            for day, state in found.items()
            if before.get(day) != state
        ]
    due.sort(key=lambda one: (one[0], one[1].key))
    requested = due[: room_for_runs(context.instance, NAME)]
    for day, manifest, state in requested:
        kept[manifest.key][day.isoformat()] = state
    waiting = len(due) - len(requested)
    return dg.SensorResult(
        run_requests=[
            request_performance(manifest, day, state, NAME) for day, manifest, state in requested
        ],
        skip_reason=None if requested else f"no new outcomes; {waiting} cohorts wait for room",
        cursor=json.dumps(kept),
    )


def _cohorts(
    lake: Lake, store: Store, manifest: Manifest, outcome: Outcome, today: dt.date
) -> Iterator[tuple[str, str]]:
    """Cohorts that can be measured, each with a text that changes when it must be again."""
    oldest = today - dt.timedelta(days=outcome.maturity[-1] + LATE_DAYS)
    newest = today - dt.timedelta(days=outcome.maturity[0])
    scored = store.days("scores_profile", manifest.key)
    days = [day for day in monitored_days(manifest, oldest, newest) if day in scored]
    found = lake.files_by_day(outcome.path, days)
    for day in days:
        # A day without files too: its check says that its outcomes are due and not there.
        files = found.get(day, ())
        reached = [horizon for horizon in outcome.maturity if (today - day).days >= horizon]
        parts = [outcome.model_dump_json(), *map(str, reached), *map(repr, files)]
        yield day.isoformat(), hashlib.sha256("\n".join(parts).encode()).hexdigest()[:STATE_LENGTH]
