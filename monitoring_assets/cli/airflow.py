"""``monitoring airflow``: the jobs as Airflow DAGs, and what their tasks ask for."""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitoring_assets.cli.instance import dagster_instance
from monitoring_assets.cli.materialise import tag_option
from monitoring_assets.cli.options import DAY, format_option

if TYPE_CHECKING:
    from airflow_bridge.export.settings import BridgeSettings


@click.group()
def airflow() -> None:
    """The jobs as Airflow DAGs, one for each model version."""


@airflow.command(
    epilog="""\b
Examples:
  monitoring airflow export --out /opt/airflow/dags/model_monitoring
  monitoring airflow export --out s3://mwaa/dags/model_monitoring --settings airflow.yaml
"""
)
@click.option("--out", metavar="DIR|s3://...", help="Folder of the bundle.  [default: `bundle`]")
@click.option(
    "--settings",
    "path",
    envvar="MONITORING_AIRFLOW",
    show_envvar=True,
    type=click.Path(path_type=Path),
    help="airflow.yaml; without it every setting has its default.",
)
@click.option(
    "--mode",
    type=click.Choice(["dagster", "kubernetes"]),
    help="How tasks are executed.  [default: `mode` of the settings]",
)
@format_option
def export(out: str | None, path: Path | None, mode: str | None, output: str) -> None:
    """Write the bundle of DAGs of every version that has landed.

    Reads MONITORING_STORE. Files that are right are left as they are. With DAGSTER_HOME, it refuses
    while that instance schedules the days itself.

    Exit code: 0, 1 if a version that has landed cannot be read and has no DAG, 2 for bad usage or
    input.
    """
    from airflow_bridge.export.export import export_bundle
    from airflow_bridge.export.overlap import refuse_overlap
    from monitoring_assets.definitions import defs
    from resources.environment import resources_from_environment
    from resources.errors import InputError

    try:
        settings = _settings(path, mode)
        root = out or settings.bundle
        if root is None:
            raise click.UsageError("--out, or `bundle` in the settings, must say where to write")
        if "DAGSTER_HOME" in os.environ:
            with dagster_instance() as instance:
                refuse_overlap(instance)
        job = defs.get_repository_def().get_job("monitor_day")
        done = export_bundle(job, resources_from_environment()["store"], settings, root)
    except (InputError, ValueError) as error:  # of ours, or a URL that no storage is for
        raise click.UsageError(str(error)) from error
    if output == "json":
        document = {
            "bundle": root,
            "mode": done.bundle.mode,
            "dags": [model.dag_id for model in done.bundle.models],
            "written": done.changes.written,
            "removed": done.changes.removed,
            "left_out": done.left_out,
        }
        click.echo(json.dumps(document, indent=2))
    else:
        for path_written in done.changes.written:
            click.echo(f"wrote {path_written}")
        for path_removed in done.changes.removed:
            click.echo(f"removed {path_removed}")
        click.echo(f"{root}: {len(done.bundle.models)} DAGs, mode {done.bundle.mode}")
    for key in done.left_out:
        click.secho(f"{key}: its manifest cannot be read; it has no DAG", fg="red", err=True)
    if done.left_out:
        sys.exit(1)


@airflow.command()
def schema() -> None:
    """Print the JSON Schema of a bundle's manifest."""
    from airflow_bridge.export.bundle import Bundle

    click.echo(json.dumps(Bundle.model_json_schema(mode="serialization"), indent=2))


@airflow.command()
def plugin() -> None:
    """Print the plugin for Airflow's scheduler that writes the notes of DAG runs."""
    import airflow_bridge.plugin

    (folder,) = airflow_bridge.plugin.__path__
    click.echo((Path(folder) / "model_monitoring_notes.py").read_text(encoding="utf-8"), nl=False)


@airflow.command()
@click.argument("key", metavar="MODEL")
@click.option("--date", "date", type=DAY, required=True)
@tag_option
def checks(key: str, date: dt.datetime, tags: dict[str, str]) -> None:
    """Say whether a day of MODEL, a version's key, passes: as its runs with these tags say.

    It does not if an asset was not made, or if a check failed with severity ERROR or was not
    evaluated. Reads the Dagster instance of DAGSTER_HOME.

    Exit code: 0 if it passes, 1 if not, 2 for bad usage or input.
    """
    with dagster_instance() as instance:
        from airflow_bridge.export.graph import assets_of
        from airflow_bridge.pod.day_verdict import judge_day
        from monitoring_assets.definitions import defs
        from monitoring_assets.partitions import ModelDay

        job = defs.get_repository_def().get_job("monitor_day")
        day = ModelDay(date.date(), key)
        verdict = judge_day(instance, assets_of(job), day, tags)
    for warning in verdict.warnings:
        click.secho(warning, fg="yellow")
    for error in verdict.errors:
        click.secho(error, fg="red", err=True)
    if verdict.errors:
        sys.exit(1)
    click.echo(f"{day.partition} passes")


def _settings(path: Path | None, mode: str | None) -> BridgeSettings:
    from airflow_bridge.export.settings import load_settings, read_settings

    changes = {"mode": mode} if mode else {}
    return load_settings(path, **changes) if path else read_settings(changes, "settings")
