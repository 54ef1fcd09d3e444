"""``monitoring materialise``: one asset of a day in this process, as a run of Dagster's."""

from __future__ import annotations

import datetime as dt
import os
import sys
import time
from typing import TYPE_CHECKING

import click

from airflow_bridge.pod.supervisor import supervise
from monitoring_assets.cli.instance import dagster_instance
from monitoring_assets.cli.options import DAY

if TYPE_CHECKING:
    import dagster as dg

    from airflow_bridge.export.graph import AssetNode
    from monitoring_assets.partitions import ModelDay

LOOK_SECONDS = 5.0


def tags_of(
    context: click.Context, parameter: click.Parameter, words: tuple[str, ...]
) -> dict[str, str]:
    """Read ``KEY=VALUE`` from a command line."""
    wrong = [word for word in words if not word.partition("=")[0] or "=" not in word]
    if wrong:
        raise click.BadParameter(f"found {wrong[0]!r}; allowed: KEY=VALUE")
    return {key: value for key, _, value in (word.partition("=") for word in words)}


tag_option = click.option(
    "--tag", "tags", multiple=True, metavar="KEY=VALUE", callback=tags_of, help="A tag of the run."
)


@click.command(
    epilog="""\b
Examples:
  monitoring materialise features --model pd_cards.3 --date 2026-09-12
  monitoring materialise scores --model pd_cards.3 --date 2026-09-12 --tag asked/by=me
"""
)
@click.argument("asset")
@click.option("--model", "key", required=True, metavar="MODEL", help="A version's key.")
@click.option("--date", "date", type=DAY, required=True)
@tag_option
@click.option(
    "--wait",
    type=click.IntRange(min=0),
    default=900,
    show_default=True,
    help="Seconds to wait for the reference profile.",
)
def materialise(asset: str, key: str, date: dt.datetime, tags: dict[str, str], wait: int) -> None:
    """Make ASSET of a day of a model version, and its checks, here and now.

    The run is recorded on the Dagster instance of DAGSTER_HOME. With the tags of an Airflow task,
    what its earlier try has made is not made again, and what that left open is ended. SIGTERM
    cancels the run.

    Exit code: 0, 1 if it was not made (the last line says why), 2 for bad usage or input.
    """
    tell = supervise()
    with dagster_instance() as instance:
        from airflow_bridge.pod import asset_run
        from monitoring_assets.definitions import defs
        from monitoring_assets.partitions import ModelDay

        job = defs.get_repository_def().get_job("monitor_day")
        node = _node(job, asset)
        day = ModelDay(date.date(), key)
        _check_day(day)
        done = asset_run.run_that_made(instance, node, day, tags)
        if done is not None:
            click.echo(f"run {done} has made {asset} of {day.partition}")
            return
        for run_id in asset_run.end_lost_runs(instance, day, tags):
            click.echo(f"run {run_id} of an earlier try was lost; it is ended")
        why = _wait(instance, node, day, wait)
        if why is None:
            run = asset_run.create_run(job, instance, node, day, tags)
            click.echo(f"run {run.run_id} makes {asset} of {day.partition}")
            tell(run.run_id)
            why = asset_run.execute(job, instance, run, node, day)
    if why is not None:
        click.secho(f"{asset} of {day.partition}: {why}", fg="red", err=True)
        sys.exit(1)
    click.echo(f"{asset} of {day.partition} is made")


def _node(job: dg.JobDefinition, asset: str) -> AssetNode:
    from airflow_bridge.export.graph import assets_of

    nodes = {node.name: node for node in assets_of(job)}
    if asset not in nodes:
        raise click.BadParameter(f"{asset!r} is no asset of {job.name}; known: {', '.join(nodes)}")
    return nodes[asset]


def _check_day(day: ModelDay) -> None:
    from monitoring_assets.partitions import DATES
    from resources.environment import resources_from_environment

    store = resources_from_environment()["store"]
    landed = store.all_landed()
    if day.key not in landed:
        known = ", ".join(landed) or "none"
        raise click.BadParameter(
            f"{day.key!r} is no model version that has landed in {store.root}; known: {known}"
        )
    first = DATES.start.date()
    if day.day < first:
        raise click.BadParameter(
            f"{day.day} has no partition: found MONITORING_START_DATE "
            f"{os.environ.get('MONITORING_START_DATE', 'not set')}; allowed: days from {first}"
        )


def _wait(instance: dg.DagsterInstance, node: AssetNode, day: ModelDay, seconds: int) -> str | None:
    """Wait until a run can begin; why it cannot if that takes too long."""
    from airflow_bridge.pod.asset_run import why_not_yet

    end, said = time.monotonic() + seconds, None
    while (why := why_not_yet(instance, node, day)) is not None and time.monotonic() < end:
        if why != said:
            click.echo(f"waits: {why}")
            said = why
        time.sleep(min(LOOK_SECONDS, max(end - time.monotonic(), 0.0)))
    return why
