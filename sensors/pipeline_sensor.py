"""Pipeline sensor: watches what nothing else would miss.

A day that no run has made, a sensor that stopped or fails, a decision that could not be made; and
a heartbeat, so that Datadog notices when this sensor itself is silent.
"""

import datetime as dt
import time
from collections.abc import Collection, Iterable, Iterator, Mapping

import dagster as dg

from airflow_bridge.export.settings import bridge_is_on
from monitoring_assets.assets.drift_report import drift_report
from monitoring_assets.jobs import decide_alerts
from monitoring_assets.partitions import ModelDay, last_whole_day, monitored_days
from monitoring_assets.runs.own_process import end_lost_runs
from monitoring_assets.runs.tags import days_of
from resources.dagster_internals import InstigatorStatus, TickStatus
from resources.faults import RUN, RecordedFault, record_faults
from resources.manifest import Manifest
from resources.store import Landed, Store
from sensors.airflow_sensor import airflow_sensor
from sensors.batch_sensor import batch_sensor
from sensors.default_status import default_sensor_status
from sensors.delivery_sensor import delivery_sensor
from sensors.failure_sensor import failure_sensor
from sensors.look_up import look_up
from sensors.missing_batches import missing_batches
from sensors.outcome_sensor import outcome_sensor
from sensors.registry_sensor import registry_sensor
from sensors.run_requests import OPEN, newest_runs, request_alerts

NAME = "pipeline_sensor"
# Days whose runs it expects, up to the last whole one.
WATCHED_DAYS = 3
# Days of one tick, the newest first: after an outage of all there are many, and each is decided.
DAYS_A_TICK = 200
# After a day's deadline: the hourly schedule for missing batches, the queue and the run itself.
GRACE = dt.timedelta(hours=3)
WATCHED = (registry_sensor, outcome_sensor, failure_sensor, delivery_sensor)
# What schedules the days: Airflow, or Dagster itself.
WITH_BRIDGE = (airflow_sensor,)
WITHOUT_BRIDGE = (batch_sensor, missing_batches)
# A restart of the daemon takes minutes; a sensor that is silent for longer has stopped.
SILENCE_SECONDS = 900.0
SCHEDULE_SILENCE = 3 * 3600.0
FAILED_TICKS = 3
# A cancelled run has not made its day.
WORKED = [status for status in dg.DagsterRunStatus if status != dg.DagsterRunStatus.CANCELED]
FAILED_DECISIONS = 20
DECISIONS_LOOKBACK = dt.timedelta(days=14)
RETIRED_LOOKBACK = dt.timedelta(days=30)
# For what a tick has to tell; the outbox keeps what is not sent by then.
SEND_SECONDS = 5.0


@dg.sensor(
    name=NAME,
    job=decide_alerts,
    minimum_interval_seconds=300,
    default_status=default_sensor_status(),
    description="Opens and resolves incidents of the pipeline itself: a day that no run has made, "
    "a sensor that stopped, a decision that failed. Sends the heartbeat.",
)
def pipeline_sensor(context: dg.SensorEvaluationContext, store: Store) -> dg.SensorResult:
    """Look at days, sensors and decisions; tell what has changed."""
    now = dt.datetime.now(dt.UTC)
    for run_id in end_lost_runs(context.instance):
        context.log.info(f"run {run_id} is ended: its process was killed")
    landed = store.all_landed()
    reported = context.instance.get_materialized_partitions(drift_report.key)
    overdue = [day for day in _overdue(landed, now) if day.partition not in reported]
    untold = sorted({*overdue} - _days_at_work(context.instance, overdue), reverse=True)
    why = f"no run has made this day, {GRACE} after its batch was due"
    fault = RecordedFault(family="pipeline", subject="monitor_day", text=why)
    recorded = look_up(
        untold[:DAYS_A_TICK],
        lambda day: record_faults(store.storage, day.key, day.day, RUN, [fault]),
    )
    requests = [request_alerts(landed[day.key].manifest, day.day, NAME) for day in recorded]
    problems = dict(
        [
            *_stopped_sensors(context, now),
            *_failed_decisions(context.instance, store, landed, now),
        ]
    )
    for line in [*_tell(store, problems, now), *_end_retired(store, landed, now)]:
        context.log.info(line)
    _send_heartbeat(context, store, landed, reported, now)
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else "; ".join(problems.values()) or "all is well",
    )


def _overdue(landed: Mapping[str, Landed], now: dt.datetime) -> Iterator[ModelDay]:
    """Recent days that should have been made by now."""
    last = last_whole_day()
    for key, item in landed.items():
        # Days before it landed are a backlog, which takes its time.
        first = max(last - dt.timedelta(days=WATCHED_DAYS - 1), item.landed_at.date())
        for day in monitored_days(item.manifest, first, last):
            if item.manifest.schedule.deadline(day) <= now - GRACE:
                yield ModelDay(day, key)


def _days_at_work(instance: dg.DagsterInstance, days: Collection[ModelDay]) -> set[ModelDay]:
    """Days that something has worked on, or will; what failed has told of itself."""
    if not days:
        return set()
    # Of a run over a range they are in no tag of their own.
    runs = instance.get_runs(dg.RunsFilter(statuses=OPEN))
    begun = {day for run in runs for day in days_of(instance, run)}
    worked = newest_runs(instance, [day.partition for day in days], statuses=WORKED)
    return begun | {day for day in days if day.partition in worked}


def _stopped_sensors(
    context: dg.SensorEvaluationContext, now: dt.datetime
) -> Iterator[tuple[str, str]]:
    """Sensors and schedules of ours that were stopped, are silent or fail, and since when."""
    scheduling = WITH_BRIDGE if bridge_is_on() else WITHOUT_BRIDGE
    names = {one.name for one in (*WATCHED, *scheduling)}
    location = context.code_location_origin
    for state in context.instance.all_instigator_state():
        name, origin = state.instigator_name, state.origin.repository_origin
        if name not in names or (location and origin.code_location_origin != location):
            continue
        if state.status == InstigatorStatus.STOPPED:
            yield name, f"{name} was stopped; start it again in Dagster, under Automation"
            continue
        ticks = context.instance.get_ticks(
            state.instigator_origin_id, state.selector_id, limit=FAILED_TICKS
        )
        if len(ticks) == FAILED_TICKS and all(t.status == TickStatus.FAILURE for t in ticks):
            error = ticks[0].error
            said = (error.cause or error).message.strip() if error else "no error was recorded"
            yield name, f"the last {FAILED_TICKS} ticks of {name} failed: {said}"
        elif ticks:
            silent = now.timestamp() - ticks[0].timestamp
            if silent > (SILENCE_SECONDS if state.sensor_instigator_data else SCHEDULE_SILENCE):
                yield name, f"{name} has been silent for {silent / 60:.0f} minutes"


def _failed_decisions(
    instance: dg.DagsterInstance, store: Store, landed: Mapping[str, Landed], now: dt.datetime
) -> Iterator[tuple[str, str]]:
    """Days whose decision failed and was not made since, as long as no later day was told of.

    Those of shadow versions page no more than the decision would have.
    """
    from monitoring_assets.alerting.ledger import read_ledger

    failed = instance.get_run_records(
        dg.RunsFilter(
            job_name=decide_alerts.name,
            statuses=[dg.DagsterRunStatus.FAILURE],
            updated_after=now - DECISIONS_LOOKBACK,
        ),
        limit=FAILED_DECISIONS,
    )
    # The newest failure of each day, as records come newest first.
    days = {
        day: record
        for record in reversed(failed)
        for day in days_of(instance, record.dagster_run)
        if day.key not in landed or not landed[day.key].manifest.shadow
    }
    partitions = [day.partition for day in days]
    made = newest_runs(instance, partitions, statuses=[dg.DagsterRunStatus.SUCCESS])
    told = look_up({day.key for day in days}, lambda key: read_ledger(store.storage, key).decided)
    for day, record in days.items():
        run = made.get(day.partition)
        is_made = run and (run.start_time or 0.0) > record.create_timestamp.timestamp()
        decided = told.get(day.key, dt.date.max)  # one that was not read in time is told of later
        if not is_made and (decided is None or decided <= day.day):
            failed_run = record.dagster_run.run_id
            yield day.partition, f"the decision on {day.partition} failed: see run {failed_run}"


def _tell(store: Store, problems: Mapping[str, str], now: dt.datetime) -> list[str]:
    """Open, update or resolve the incident of the deployment."""
    from monitoring_assets.alerting.incidents import NoticeContext
    from monitoring_assets.alerting.ledger import read_ledger, tell
    from monitoring_assets.statistics.alerts.breach import Breach
    from monitoring_assets.statistics.alerts.decision import Decision
    from resources.delivery.metrics import DEPLOYMENT, deployment

    is_open = bool(read_ledger(store.storage, DEPLOYMENT).open)
    if not problems and not is_open:
        return []
    today = now.date()
    decision = Decision(
        "pipeline",
        ("keep" if is_open else "open") if problems else "resolve",
        tuple(problems.values()) or ("all sensors run and all decisions are made",),
        severity="error",
        pages=True,
        since=today,
        breaches=tuple(
            Breach("pipeline", name, text, today, pages=True) for name, text in problems.items()
        ),
    )
    notice_context = NoticeContext(subject=deployment(), day=today, decided_at=now)
    return tell(store, notice_context, [decision], None, seconds=SEND_SECONDS)


def _end_retired(store: Store, landed: Mapping[str, Landed], now: dt.datetime) -> Iterator[str]:
    """Resolve what is open of versions that are no longer monitored: no day will do it."""
    from monitoring_assets.alerting.incidents import NoticeContext
    from monitoring_assets.alerting.ledger import read_ledger, tell
    from monitoring_assets.statistics.alerts.decision import FAMILIES, Decision
    from resources.delivery.messages import Measurements, Subject
    from resources.delivery.metrics import INCIDENTS_OPEN

    retired = {
        key: item.manifest.retired_at
        for key, item in landed.items()
        if item.manifest.retired_at is not None
        and item.manifest.retired_at <= now.date() < item.manifest.retired_at + RETIRED_LOOKBACK
    }
    end = time.monotonic() + SEND_SECONDS
    for key, known in look_up(retired, lambda key: read_ledger(store.storage, key)).items():
        if not known.open or time.monotonic() > end:  # what is left is told by the next ticks
            continue
        why = f"the version was retired on {retired[key]}"
        decisions = [
            Decision(family, "resolve", (why,))
            for one in known.open
            for family in FAMILIES
            if family in one.families
        ]
        subject = Subject.of(landed[key].manifest)
        closed = [INCIDENTS_OPEN.gauge(0.0, family=one.family) for one in decisions]
        last = max(known.decided or retired[key], retired[key])
        notice_context = NoticeContext(subject=subject, day=last, decided_at=now)
        measurements = Measurements(subject=subject, day=last, gauges=closed)
        seconds = end - time.monotonic()
        yield from tell(store, notice_context, decisions, measurements, seconds=seconds)


def _send_heartbeat(
    context: dg.SensorEvaluationContext,
    store: Store,
    landed: Mapping[str, Landed],
    reported: Iterable[str],
    now: dt.datetime,
) -> None:
    """Send what must not fall silent; a failure is not repeated, the next is minutes away."""
    from resources.delivery.channel import UndeliveredError, send
    from resources.delivery.channels import channels_from_environment
    from resources.delivery.messages import Measurements
    from resources.delivery.metrics import DELIVERIES_WAITING, HEARTBEAT, REPORT_AGE, deployment
    from resources.delivery.outbox import Outbox

    newest: dict[str, dt.date] = {}
    for day in map(ModelDay.parse, reported):
        newest[day.key] = max(newest.get(day.key, day.day), day.day)
    waiting = [one.channel for one in Outbox(store.storage).parcels()]
    channels = channels_from_environment(store)
    message = Measurements(
        subject=deployment(),
        day=now.date(),
        gauges=[
            HEARTBEAT.gauge(1.0),
            *(
                DELIVERIES_WAITING.gauge(float(waiting.count(one.name)), channel=one.name)
                for one in channels
            ),
            *(
                REPORT_AGE.gauge(
                    float(_days_since(newest[key], item.manifest, now.date())),
                    model=item.manifest.name,
                    version=item.manifest.version,
                )
                for key, item in landed.items()
                if key in newest
                and not item.manifest.shadow  # the monitor of this metric tells people
                and not item.manifest.is_retired(now.date())
            ),
        ],
    )
    for channel in channels:
        if channel.takes(message):
            try:
                send(channel, message)
            except UndeliveredError as error:
                context.log.warning(f"no heartbeat: {error.reason}")


def _days_since(newest: dt.date, manifest: Manifest, today: dt.date) -> int:
    """Days from a version's newest report until today, of those that have a batch."""
    days = (newest + dt.timedelta(days=n + 1) for n in range((today - newest).days))
    return sum(manifest.is_monitored(day) for day in days)
