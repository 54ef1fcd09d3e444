"""``monitoring onboard``: take over the registry's versions in this process."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click

from monitoring_assets.cli.instance import dagster_instance
from monitoring_assets.cli.options import format_option

REFUSED = ("rejected", "changed", "failed")


@click.command(
    epilog="""\b
Examples:
  monitoring onboard
  monitoring onboard --format json
  MONITORING_REGISTRY=s3://artifacts/models monitoring onboard
"""
)
@format_option
def onboard(output: str) -> None:
    """One look at the registry, here and now: accept what is valid, make reference profiles.

    The registry sensor does the same every half minute where Dagster's daemon runs. What was
    onboarded before is left as it is. Reads MONITORING_REGISTRY, writes MONITORING_STORE; runs are
    recorded on the Dagster instance of DAGSTER_HOME.

    Exit code: 0, 2 for bad usage, or if a version is rejected, was changed after it had landed, or
    its reference profile failed.
    """
    with dagster_instance() as instance:
        from monitoring_assets.definitions import defs
        from resources.environment import resources_from_environment
        from sensors.onboard import onboard as run_onboard

        registry = resources_from_environment()["registry"]
        try:
            registry.candidates()
        except Exception as error:  # of botocore, the file system or ours: about the registry
            raise click.UsageError(f"MONITORING_REGISTRY: {registry.root}: {error}") from error
        lines = run_onboard(defs, instance, registry)
    if output == "json":
        click.echo(json.dumps([asdict(line) for line in lines], indent=2))
    else:
        for line in lines:
            text = f"{line.folder}: {line.status}" + (f": {line.why}" if line.why else "")
            click.secho(text, fg="red" if line.status in REFUSED else None)
        if not lines:
            click.echo(f"{registry.root}: no model version")
    if any(line.status in REFUSED for line in lines):
        sys.exit(2)
