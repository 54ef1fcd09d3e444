"""Onboarding in this process, for a machine without Dagster's daemon.

The registry sensor itself decides what is accepted; this does with its result what the daemon does.
"""

import logging
from dataclasses import replace

import dagster as dg
from sqlalchemy.exc import OperationalError

from monitoring_assets.assets.model_registry import model_registry
from monitoring_assets.jobs import onboard_model
from monitoring_assets.runs.backfill import QUIET
from monitoring_assets.runs.own_process import end_lost_runs, process_tags
from resources.registry import ModelRegistry
from sensors.registry_sensor import RegistryLine, registry_sensor


def onboard(
    defs: dg.Definitions, instance: dg.DagsterInstance, registry: ModelRegistry
) -> list[RegistryLine]:
    """Accept every valid version of the registry and make the reference profiles that are missing.

    Parameters
    ----------
    defs
        The code location.
    instance
        Records the runs.
    registry
        That of ``defs``.

    Returns
    -------
    A line for each folder; its status is ``failed`` if the profile could not be made.
    """
    lines: dict[str, RegistryLine] = {}
    failed: dict[str, str] = {}
    cursor = None
    end_lost_runs(instance)
    while True:
        result = tick(defs, instance, cursor)
        cursor = result.cursor
        for event in result.asset_events:
            if event.asset_key != model_registry.key:
                continue
            versions = event.metadata["versions"]
            assert isinstance(versions, dg.TableMetadataValue)
            lines = {line.folder: line for line in map(_line, versions.records)}
        wanted = profiles_wanted(result)
        for key in wanted:
            try:
                make_profile(defs, instance, key)
            except RuntimeError as error:
                failed[key.replace(".", "/", 1)] = str(error)
        # A tick has a time limit: folders may be left for the next one.
        if not wanted and {one.folder for one in registry.candidates()} <= lines.keys():
            break
    return [
        replace(line, status="failed", why=failed[folder]) if folder in failed else line
        for folder, line in lines.items()
    ]


def tick(defs: dg.Definitions, instance: dg.DagsterInstance, cursor: str | None) -> dg.SensorResult:
    """Evaluate the registry sensor and do what the daemon does with its result, but for runs."""
    resources = dict(defs.resources or {})
    logging.disable(logging.WARNING)  # what it logs is in its result, and a terminal shows that
    try:
        with dg.build_sensor_context(instance, cursor, resources=resources) as context:
            result = registry_sensor(context)
    finally:
        logging.disable(logging.NOTSET)
    assert isinstance(result, dg.SensorResult)
    for request in result.dynamic_partitions_requests or []:
        instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
    for event in result.asset_events:
        instance.report_runless_asset_event(event)
    return result


def profiles_wanted(result: dg.SensorResult) -> list[str]:
    """Keys of the versions whose reference profile a tick requests."""
    requests = result.run_requests or []
    return [str(one.partition_key) for one in requests if one.job_name == onboard_model.name]


def make_profile(defs: dg.Definitions, instance: dg.DagsterInstance, key: str) -> None:
    """Run ``onboard_model`` for a version.

    Raises
    ------
    RuntimeError
        If the run fails, with the reason.
    sqlalchemy.exc.OperationalError
        If it cannot be recorded, which is no fault of the version.
    """
    job = defs.get_repository_def().get_job(onboard_model.name)
    try:
        job.execute_in_process(
            instance=instance, partition_key=key, run_config=QUIET, tags=process_tags()
        )
    except OperationalError:
        raise
    except Exception as error:
        raise RuntimeError(f"{key} could not be onboarded: {error}") from error


def _line(record: dg.TableRecord) -> RegistryLine:
    return RegistryLine(**{name: str(value) for name, value in record.data.items()})
