"""The ``monitoring`` command."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from typing import Any

import click

from monitoring_assets.cli.terminal import Terminal
from resources.errors import InputError, StorageError
from resources.one_line import one_line
from resources.storage_faults import ERRNOS

COMMANDS = {
    "demo": "the whole product on a made-up lender, against the known truth",
    "drift": "PSI and CSI of two tables, no set-up needed",
    "init": "a folder for a deployment of your own: settings, registry and lake",
    "registry": "draft a model version from your files, and check versions before they land",
    "onboard": "take over the registry's versions here and now",
    "backfill": "materialise days of model versions here and now",
    "status": "all models, the worst first: what is open, silent, or has moved",
    "serve": "the pages of all models and days over HTTP, read-only",
    "report": "what moved on a day of a model version, and what that did to the score",
    "alerts": "what was decided on a day, why, and which messages were sent",
    "history": "drift, incidents and performance by week, month, quarter or year",
    "validate": "the tests of a validation unit over a period: calibration, AUC, concentration",
    "vintages": "the bad rate of each month's applicants as outcomes mature",
    "decisions": "approval, booking and override rates by period, and what became of overrides",
    "migrations": "how customers move between grades from one day to another",
    "fairness": "how protected groups fare at the cut-offs, and how well the score does for each",
    "compare": "champion and challenger on the same rows: AUC, swap set, calibration",
    "evidence": "what is stored of a period, as a pack that a third party can verify",
    "baseline": "accept a lasting shift as a model's new normal, and list what was accepted",
    "review": "say which past incidents were real and which false alarms, and list what was said",
    "thresholds": "which alert thresholds a model's own past and volumes speak for",
    "airflow": "the jobs as Airflow DAGs, one for each model version",
    "materialise": "make one asset of a day of a model version here, and record it in Dagster",
    "gather": "the reports of a quarter in one file, for tools that read many days of many models",
    "rekey": "take over the history of the assets after a change of their keys' prefix",
    "dashboards": "Datadog's dashboards and monitors, from this repository",
}
"""Command, which is the module and function of its name in this package, and what it does."""

# What is wrong with a disk, its rights or a path of the settings is no bug of ours.
OF_THE_MACHINE = {*ERRNOS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EFBIG}


class LazyGroup(click.Group):
    """A group whose commands are imported when one is used, so that ``--help`` is fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"monitoring_assets.cli.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an exception that it does not expect is exit code 2, as 1 is a breach."""
        try:
            with redirect_stdout(Terminal(sys.stdout)), redirect_stderr(Terminal(sys.stderr)):
                return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise  # click's own, with a message and an exit code
        except (InputError, StorageError) as error:
            raise click.UsageError(str(error)) from error
        except Exception as error:
            if isinstance(error, OSError) and error.errno in OF_THE_MACHINE:
                where = f"{error.filename}: " if error.filename else ""
                raise click.UsageError(one_line(f"{where}{error.strerror}")) from error
            click.secho(f"Unexpected {type(error).__name__}: {error}", fg="red", err=True)
            traceback.print_exc()
            sys.exit(2)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="credit-model-monitoring")
def main() -> None:
    """Watch credit-scoring models: drift, performance and what to do about them."""
    # Also where DAGSTER_HOME has no dagster.yaml that says so.
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "yes"
