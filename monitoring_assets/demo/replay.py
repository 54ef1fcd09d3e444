"""The lender's days through the real product, in a few processes instead of Dagster's daemon.

The registry and outcome sensors tick until they ask for nothing more, and what they ask for is
done. The days that they want become runs over ranges of days: a process for each would import
Great Expectations hundreds of times.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import redirect_stderr
from io import StringIO

import dagster as dg

from monitoring_assets.assets.alerts import alerts
from monitoring_assets.assets.drift_report import drift_report
from monitoring_assets.assets.features import features
from monitoring_assets.assets.fleet_status import record_fleet
from monitoring_assets.assets.performance_report import performance_report
from monitoring_assets.assets.report_page import report_page
from monitoring_assets.assets.scores import scores
from monitoring_assets.assets.segment_report import segment_report
from monitoring_assets.demo.findings import read_findings
from monitoring_assets.demo.processes import processes
from monitoring_assets.jobs import decide_alerts, measure_performance, monitor_day
from monitoring_assets.partitions import ModelDay
from monitoring_assets.runs.backfill import QUIET, backfill, consecutive
from monitoring_assets.runs.tags import range_tags
from resources.dagster_internals import (
    InstanceRef,
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    LoadableTargetOrigin,
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
    SensorInstigatorData,
)
from resources.store import Store
from sensors.onboard import make_profile, profiles_wanted, tick
from sensors.outcome_sensor import outcome_sensor
from sensors.registry_sensor import registry_sensor

MODULE = "monitoring_assets.definitions"
LOCATION = "model_monitoring"

# Long enough that a run's own cost is small, short enough that progress is seen, and that few days
# are done again when one of them stops the run.
RUN_DAYS = 15
# Days of a version that get a page.
PAGE_DAYS = 28

# What a day's run makes before anything is decided, beside segments if the model has any.
MEASURED = [features.key, scores.key, drift_report.key]

Progress = Callable[[str, int, int], None]


def replay(
    defs: dg.Definitions, instance: dg.DagsterInstance, end: dt.date, progress: Progress
) -> None:
    """Onboard every version and work through its days; what was done before is not done again.

    Parameters
    ----------
    defs
        The code location.
    instance
        Records the runs.
    end
        Last day for which there are batches.
    progress
        Told what is being worked on, the steps done and the steps in all.

    Raises
    ------
    RuntimeError
        When a version cannot be onboarded, or a day fails that no check has stopped.
    """
    cursor, wanted = _read_cursor(instance, registry_sensor), list[ModelDay]()
    with processes() as pool:
        while (result := tick(defs, instance, cursor)).run_requests:
            _onboard(instance, pool, profiles_wanted(result), progress)
            wanted += [
                ModelDay.parse(str(request.partition_key))
                for request in result.run_requests
                if request.job_name == monitor_day.name
            ]
            cursor = result.cursor
        done = _days_done(instance)
        todo = [day for day in wanted if day.day <= end and day not in done]
        failed = _monitor(instance, pool, todo, progress)
        lost = failed.keys() - _days_done(instance)
        if lost:
            raise RuntimeError("\n".join(f"{day.partition}: {failed[day]}" for day in sorted(lost)))
        asked = _measure(defs, instance, pool, progress)
        unknown = _days_with(instance, drift_report) - _days_with(instance, performance_report)
        _by_version(instance, pool, unknown, _estimate, "estimates", progress)
        undecided = _days_done(instance) - _days_with(instance, alerts)
        _by_version(instance, pool, undecided, _decide_in_order, "alerts", progress)
    store = Store(root=os.environ["MONITORING_STORE"])
    for event in record_fleet(store, dt.datetime.now(dt.UTC)):
        instance.report_runless_asset_event(event)
    # Last, so that days of a replay that was stopped are asked for again.
    _keep_cursor(instance, registry_sensor, cursor)
    _keep_cursor(instance, outcome_sensor, asked)


def _onboard(
    instance: dg.DagsterInstance, pool: ProcessPoolExecutor, keys: list[str], progress: Progress
) -> None:
    """Make the reference profiles of versions, side by side."""
    runs = [pool.submit(_make_profile, instance.get_ref(), key) for key in keys]
    for number, run in enumerate(as_completed(runs), 1):
        run.result()
        progress("onboarding", number, len(keys))


def _make_profile(ref: InstanceRef, key: str) -> None:
    """Make one reference profile, in a process of its own."""
    from monitoring_assets.definitions import defs

    with dg.DagsterInstance.from_ref(ref) as instance:
        make_profile(defs, instance, key)


def _monitor(
    instance: dg.DagsterInstance,
    pool: ProcessPoolExecutor,
    days: list[ModelDay],
    progress: Progress,
) -> dict[ModelDay, str]:
    """Backfill days in processes side by side; return those without a report, and why."""
    by_key = {
        key: sorted(day.day for day in days if day.key == key)
        for key in sorted({day.key for day in days})
    }
    failed: dict[ModelDay, str] = {}
    done = dict.fromkeys(by_key, 0)
    runs = {}
    for key, mine in by_key.items():
        progress(key, 0, len(mine))
        for start in range(0, len(mine), RUN_DAYS):
            chunk = mine[start : start + RUN_DAYS]
            runs[pool.submit(_backfill, instance.get_ref(), key, chunk)] = (key, len(chunk))
    for run in as_completed(runs):
        key, size = runs[run]
        done[key] += size
        failed |= run.result()
        progress(key, done[key], len(by_key[key]))
    return failed


def _measure(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    pool: ProcessPoolExecutor,
    progress: Progress,
) -> str | None:
    """Measure the cohorts whose outcomes are there; return the outcome sensor's new cursor."""
    cursor, cohorts = _read_cursor(instance, outcome_sensor), set[ModelDay]()
    while True:
        resources = dict(defs.resources or {})
        with dg.build_sensor_context(instance, cursor, resources=resources) as context:
            result = outcome_sensor(context)
        assert isinstance(result, dg.SensorResult)
        cursor = result.cursor
        if not result.run_requests:
            break
        cohorts |= {ModelDay.parse(str(one.partition_key)) for one in result.run_requests}
    _by_version(instance, pool, cohorts, _measure_cohorts, "outcomes", progress)
    return cursor


def _measure_cohorts(ref: InstanceRef, cohorts: list[ModelDay]) -> None:
    """Measure the cohorts of one version, in a process of its own."""
    _report_performance(ref, cohorts, measure_performance.name)


def _estimate(ref: InstanceRef, days: list[ModelDay]) -> None:
    """Estimate the days of one version whose outcomes are unknown, in a process of its own."""
    _report_performance(ref, days, monitor_day.name)


def _report_performance(ref: InstanceRef, days: list[ModelDay], name: str) -> None:
    from monitoring_assets.definitions import defs

    job = defs.get_repository_def().get_job(name)
    with dg.DagsterInstance.from_ref(ref) as instance:
        for run in consecutive([day.day for day in days]):
            job.execute_in_process(
                instance=instance,
                run_config=QUIET,
                tags=range_tags(ModelDay(run[0], days[0].key), ModelDay(run[-1], days[0].key)),
                asset_selection=[performance_report.key],
            )


def _by_version(
    instance: dg.DagsterInstance,
    pool: ProcessPoolExecutor,
    days: set[ModelDay],
    work: Callable[[InstanceRef, list[ModelDay]], None],
    doing: str,
    progress: Progress,
) -> None:
    """Work through days, those of a version in their order, the versions side by side."""
    by_key = {key: sorted(day for day in days if day.key == key) for key in {d.key for d in days}}
    progress(doing, 0, len(days))
    done = 0
    runs = {pool.submit(work, instance.get_ref(), mine): len(mine) for mine in by_key.values()}
    for run in as_completed(runs):
        run.result()
        done += runs[run]
        progress(doing, done, len(days))


def _decide_in_order(ref: InstanceRef, days: list[ModelDay]) -> None:
    """Decide on days of one version, each as on the day, and write the pages of the last ones."""
    from monitoring_assets.definitions import defs

    job = defs.get_repository_def().get_job(decide_alerts.name)
    as_if = {"ops": {alerts.op.name: {"config": {"as_if_on_the_day": True}}}}
    # The alert log speaks on the terminal, where the progress is; the demo's end has what it said.
    with dg.DagsterInstance.from_ref(ref) as instance, redirect_stderr(StringIO()):
        job.execute_in_process(
            instance=instance,
            run_config=QUIET | as_if,
            tags=range_tags(days[0], days[-1]),
            asset_selection=[alerts.key],
        )
        last = days[-PAGE_DAYS:]
        job.execute_in_process(
            instance=instance,
            run_config=QUIET,
            tags=range_tags(last[0], last[-1]),
            asset_selection=[report_page.key],
        )


def _backfill(ref: InstanceRef, key: str, days: list[dt.date]) -> dict[ModelDay, str]:
    """Backfill days in a process of its own; return those without a report, and why."""
    from monitoring_assets.definitions import defs

    job = defs.get_repository_def().get_job(monitor_day.name)
    store = Store(root=os.environ["MONITORING_STORE"])
    segments = [segment_report.key] if store.landed(key).manifest.segments else []
    with dg.DagsterInstance.from_ref(ref) as instance:
        return backfill(job, instance, key, days, assets=[*MEASURED, *segments]).failed


def _days_done(instance: dg.DagsterInstance) -> set[ModelDay]:
    """Days that have a report, and days that a check stopped before they had one."""
    stopped = {
        ModelDay(day, key)
        for key, days in read_findings(instance).items()
        for day, found in days.items()
        if found.is_blocked
    }
    return _days_with(instance, drift_report) | stopped


def _days_with(instance: dg.DagsterInstance, asset: dg.AssetsDefinition) -> set[ModelDay]:
    """Days that an asset has been materialised for."""
    return set(map(ModelDay.parse, instance.get_materialized_partitions(asset.key)))


def _sensor_state(sensor: dg.SensorDefinition, cursor: str | None) -> InstigatorState:
    """A sensor's state as the daemon keeps it.

    Without it a daemon that starts on this instance would ask for everything once more.
    """
    location = ManagedGrpcPythonEnvCodeLocationOrigin(
        LoadableTargetOrigin(module_name=MODULE), LOCATION
    )
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), sensor.name)
    data = SensorInstigatorData(
        min_interval=sensor.minimum_interval_seconds,
        cursor=cursor,
        sensor_type=sensor.sensor_type,
    )
    return InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.DECLARED_IN_CODE, data)


def _stored_state(
    instance: dg.DagsterInstance, sensor: dg.SensorDefinition
) -> InstigatorState | None:
    state = _sensor_state(sensor, None)
    return instance.get_instigator_state(state.instigator_origin_id, state.selector_id)


def _read_cursor(instance: dg.DagsterInstance, sensor: dg.SensorDefinition) -> str | None:
    state = _stored_state(instance, sensor)
    data = state.instigator_data if state else None
    return data.cursor if isinstance(data, SensorInstigatorData) else None


def _keep_cursor(
    instance: dg.DagsterInstance, sensor: dg.SensorDefinition, cursor: str | None
) -> None:
    if _stored_state(instance, sensor) is None:
        instance.add_instigator_state(_sensor_state(sensor, cursor))
    elif cursor != _read_cursor(instance, sensor):
        instance.update_instigator_state(_sensor_state(sensor, cursor))
