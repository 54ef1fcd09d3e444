"""``monitoring init``: a folder in which a deployment on one machine starts."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import click

from monitoring_assets.cli.options import print_next, program

TEMPLATES = Path(__file__).parents[1] / "home"
"""``dagster.yaml`` and ``workspace.yaml`` of a machine, as they are written."""
DAGSTER, ENVIRONMENT = "dagster", "env.sh"
ROOTS = ("registry", "lake")

SETTINGS = """\
# Where this deployment of model monitoring keeps its things. In each new shell:
#
#   . {script}
#
# A root may also be s3://bucket/prefix; what is there already has to be moved by hand.

# Dagster's own files: runs, events and partitions.
export DAGSTER_HOME={dagster}
# Model versions: <name>/<version>/ with a model.yaml.
export MONITORING_REGISTRY={registry}
# Where production leaves each day's batch; never written to.
export MONITORING_LAKE={lake}
# What monitoring computes: profiles, reports, alerts.
export MONITORING_STORE={store}
# Seconds in which a run's process has to start and a sensor's tick to end. A busy machine may
# need more than Dagster's 60.
export DAGSTER_GRPC_TIMEOUT_SECONDS=180
# First day that can be monitored. Default: the first of this month, a year ago.
# export MONITORING_START_DATE=2024-01-01

# The Dagster UI on http://localhost:3000, and the sensors that do by themselves what
# `monitoring onboard` and `monitoring backfill` do once:
#
#   dagster dev -w {workspace}
"""


@click.command(
    epilog="""\b
Examples:
  monitoring init watch
  monitoring init /srv/monitoring
"""
)
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
def init(folder: Path) -> None:
    """Write what a deployment on this machine needs into DIR, a new folder or one of yours.

    They are env.sh with the settings of the shell, dagster/dagster.yaml with those of Dagster,
    workspace.yaml for its UI and daemon, and the empty folders registry/ for model versions and
    lake/ for each day's batches.

    A file that is there already is never overwritten.

    Exit code: 0, 2 for bad usage, or if one of the files is there.
    """
    home = folder.resolve()
    script, workspace = home / ENVIRONMENT, home / "workspace.yaml"
    instance = home / DAGSTER / "dagster.yaml"
    for file in (script, workspace, instance):
        if file.exists():
            raise click.BadParameter(
                f"{file} is there already, and nothing is overwritten; name another folder",
                param_hint="DIR",
            )
    try:
        for name in (DAGSTER, *ROOTS):
            (home / name).mkdir(parents=True, exist_ok=True)
        shutil.copy(TEMPLATES / instance.name, instance)
        shutil.copy(TEMPLATES / workspace.name, workspace)
        places = {name: home / name for name in (DAGSTER, *ROOTS, "store")}
        quoted = {
            name: shlex.quote(str(place))
            for name, place in (places | {"script": script, "workspace": workspace}).items()
        }
        script.write_text(SETTINGS.format(**quoted), encoding="utf-8")
    except OSError as error:
        raise click.BadParameter(str(error), param_hint="DIR") from error
    click.echo(f"{home}: env.sh, workspace.yaml, dagster/, registry/ and lake/ are ready")
    files = "--reference SAMPLE.parquet --batch 'lake/MODEL/{date}/' --score COLUMN"
    print_next(
        [
            (
                f"cd {shlex.quote(str(home))} && . ./{ENVIRONMENT}",
                "the settings, for this shell; again in each new one",
            ),
            (
                f"{program()} registry draft MODEL {files}",
                "a first model.yaml from files of yours, whose names stand in capitals here",
            ),
            (f"{program()} onboard", "accepts the version, once you have read it"),
        ]
    )
