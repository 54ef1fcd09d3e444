"""``monitoring backfill``: materialise days of model versions in this process."""

from __future__ import annotations

import datetime as dt
import sys
from typing import TYPE_CHECKING

import click

from monitoring_assets.cli.instance import dagster_instance
from monitoring_assets.cli.options import DAY
from monitoring_assets.cli.progress import progress

if TYPE_CHECKING:
    from resources.manifest import Manifest
    from resources.store import Landed


@click.command(
    epilog="""\b
Examples:
  monitoring backfill pd_cards.3 --from 2026-09-01 --to 2026-09-30
  monitoring backfill pd_cards pd_auto.1 --from 2026-09-01 --run-a-day
"""
)
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--from", "first", type=DAY, help="First day.  [default: deployment]")
@click.option("--to", "last", type=DAY, help="Last day.  [default: yesterday]")
@click.option("--run-a-day", is_flag=True, help="One run for each day, not one for the range.")
def backfill(
    models: tuple[str, ...], first: dt.datetime | None, last: dt.datetime | None, run_a_day: bool
) -> None:
    """Compute the days of each MODEL, a version's key (name.version) or a name for all versions.

    A version must have landed: see `monitoring onboard`. Runs are recorded on the Dagster instance
    of DAGSTER_HOME. Days that were computed before are
    computed again and replaced.

    Exit code: 0, 1 if a day failed, 2 for bad usage or input.
    """
    from monitoring_assets.partitions import last_whole_day, monitored_days
    from resources.environment import resources_from_environment

    store = resources_from_environment()["store"]
    landed, profiled = select_versions(store.all_landed(), models), store.profiled_keys()
    until = last.date() if last else last_whole_day()
    todo = {}
    for key, item in landed.items():
        since = first.date() if first else item.manifest.deployed_at
        if item.is_retired and key not in profiled:
            click.secho(f"{key} {item.why_unprofiled}", fg="yellow", err=True)
            continue
        todo[key] = monitored_days(item.manifest, since, until)
        if not todo[key]:
            click.secho(_nothing_to_do(item.manifest, since, until), fg="yellow", err=True)
    if not any(todo.values()):
        sys.exit(2)
    failed = False
    with dagster_instance() as instance, progress() as step:
        from monitoring_assets.definitions import defs
        from monitoring_assets.runs.backfill import BackfillOutcome
        from monitoring_assets.runs.backfill import backfill as run_backfill
        from monitoring_assets.runs.own_process import end_lost_runs

        end_lost_runs(instance)
        job = defs.get_repository_def().get_job("monitor_day")
        for key, days in todo.items():
            step(key, 0, len(days))

            def show(outcome: BackfillOutcome, key: str = key, total: int = len(days)) -> None:
                step(key, len(outcome.done) + len(outcome.failed), total)

            outcome = run_backfill(
                job, instance, key, days, single_run=not run_a_day, progress=show
            )
            for day, why in sorted(outcome.failed.items()):
                click.secho(f"{day.partition}: {why}", fg="red", err=True)
            done = "1 day" if len(outcome.done) == 1 else f"{len(outcome.done)} days"
            click.echo(f"{key}: {done} done, {len(outcome.failed)} failed")
            failed = failed or bool(outcome.failed)
    if failed:
        sys.exit(1)


def select_versions(landed: dict[str, Landed], models: tuple[str, ...]) -> dict[str, Landed]:
    """Versions by key that the words of a command line name.

    Raises
    ------
    click.BadParameter
        If a word names no version that has landed.
    """
    chosen: dict[str, Landed] = {}
    for word in models:
        found = {k: v for k, v in landed.items() if word in (k, v.manifest.name)}
        if not found:
            known = ", ".join(landed) or "none has landed yet"
            raise click.BadParameter(
                f"{word!r} is no model version; known: {known}; "
                "`monitoring onboard` takes over what is in the registry"
            )
        chosen |= found
    return chosen


def _nothing_to_do(manifest: Manifest, since: dt.date, until: dt.date) -> str:
    from monitoring_assets.partitions import DATES, last_whole_day

    retired = f" to {manifest.retired_at}, when it is retired" if manifest.retired_at else ""
    return (
        f"{manifest.key}: nothing to do from {since} to {until}: "
        f"it is in production from {manifest.deployed_at}{retired}; "
        f"days have partitions from {DATES.start.date()} (see MONITORING_START_DATE) "
        f"to {last_whole_day()}"
    )
