"""``monitoring gather``: a version's reports as one file a quarter."""

from __future__ import annotations

import click

from monitoring_assets.cli.backfill import select_versions
from monitoring_assets.cli.progress import progress


@click.command(
    epilog="""\b
Examples:
  monitoring gather
  monitoring gather pd_cards pd_auto.1
"""
)
@click.argument("models", nargs=-1, metavar="[MODEL]...")
def gather(models: tuple[str, ...]) -> None:
    """Gather the reports of each MODEL (a key or a name; default: all) in one file a quarter.

    Runs of the pipeline gather most of them by themselves. Afterwards every report that has the
    columns of the newest of its quarter is in the files below `gathered/` of the store, for tools
    that read many days of many models. The reports stay where they are. A quarter that is up to
    date is not written again, so a command that was interrupted goes on where it was.

    Reads and writes the store that MONITORING_STORE names. Exit code: 0, or 2 for bad usage or
    input.
    """
    from monitoring_assets.periods.roll_up import DATASETS
    from resources.environment import resources_from_environment
    from resources.gathered import gather as gather_quarters

    store = resources_from_environment()["store"]
    landed = store.all_landed()
    keys = sorted(select_versions(landed, models) if models else landed)
    files = written = 0
    with progress() as step:
        for done, key in enumerate(keys):
            for dataset in (*DATASETS, "decisions"):
                step(f"Gathering: {key} {dataset}", done, len(keys))
                for _, is_written in gather_quarters(store, dataset, key):
                    files, written = files + 1, written + is_written
        step("Gathering", len(keys), len(keys))
    click.echo(f"{written} of {files} files written below {store.storage.url('gathered')}")
