"""Airflow sensor: a version that lands, changes or retires has its DAG as it should be."""

import os
from pathlib import Path

import dagster as dg

from airflow_bridge.export.settings import VARIABLE
from monitoring_assets.jobs import monitor_day
from resources.errors import InputError
from resources.store import Store
from sensors.default_status import default_sensor_status

NAME = "airflow_sensor"


@dg.sensor(
    name=NAME,
    minimum_interval_seconds=10,
    default_status=default_sensor_status(),
    description="Keeps the bundle of Airflow DAGs as the versions that have landed are. It is here "
    f"where {VARIABLE} is set.",
)
def airflow_sensor(context: dg.SensorEvaluationContext, store: Store) -> dg.SkipReason:
    """Export, unless Dagster schedules the days as well."""
    from airflow_bridge.export.export import begin_bundle, export_bundle
    from airflow_bridge.export.overlap import refuse_overlap
    from airflow_bridge.export.settings import load_settings

    file = os.environ[VARIABLE]
    settings = load_settings(Path(file))
    if settings.bundle is None:
        raise InputError(f"{file}: bundle: found nothing; allowed: a folder, or s3://bucket/prefix")
    refuse_overlap(context.instance)
    assert context.repository_def is not None  # the daemon's ticks have it
    job = context.repository_def.get_job(monitor_day.name)
    if not store.all_landed():
        begin_bundle(job, settings, settings.bundle)
        return dg.SkipReason("no version has landed")
    done = export_bundle(job, store, settings, settings.bundle)
    if done.left_out:  # the others have their DAGs by now
        raise InputError(f"{', '.join(done.left_out)}: cannot be read, and have no DAG")
    changes = done.changes
    return dg.SkipReason(
        f"{len(done.bundle.models)} DAGs in {settings.bundle}: "
        f"{len(changes.written)} files written, {len(changes.removed)} removed"
    )
