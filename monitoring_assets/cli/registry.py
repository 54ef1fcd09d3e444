"""``monitoring registry``: whether a model version is fit to be monitored."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click


@click.group()
def registry() -> None:
    """Check model versions, before they are uploaded or where they lie."""


@registry.command(
    epilog="""\b
Examples:
  monitoring registry validate registry/pd_cards/3
  monitoring registry validate registry/pd_cards/3/model.yaml
  monitoring registry validate s3://artifacts/models --format json
"""
)
@click.argument("path")
@click.option(
    "--format",
    "output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
)
def validate(path: str, output: str) -> None:
    """Name every fault of the model versions at PATH.

    PATH is a version's folder, its model.yaml, or the root of a registry. A folder must lie in
    <name>/<version>/, as in the registry.

    Exit code: 0 without faults, 2 with any.
    """
    from resources.manifest import MANIFEST_NAME
    from resources.registry import ModelRegistry, Verdict

    root, only = path, None
    if "://" not in path:
        here = Path(path).absolute()
        folder = here.parent if here.name == MANIFEST_NAME else here
        if not here.exists():
            raise click.BadParameter(f"{path}: no such file or folder", param_hint="PATH")
        if (folder / MANIFEST_NAME).exists():
            root, only = str(folder.parent.parent), "/".join(folder.parts[-2:])
    found: dict[str, Verdict] = ModelRegistry(root=root).scan({}, seconds=float("inf"))[0]
    verdicts = [verdict for name, verdict in found.items() if only in (None, name)]
    if not verdicts:
        allowed = "folders <name>/<version>/ with a model.yaml"
        raise click.BadParameter(f"{path}: no model version; allowed: {allowed}", param_hint="PATH")
    if output == "json":
        lines = [
            {
                "folder": verdict.folder,
                "valid": verdict.manifest is not None,
                "complete": bool(verdict.manifest or verdict.faults),
                "faults": [vars(fault) for fault in verdict.faults],
            }
            for verdict in verdicts
        ]
        click.echo(json.dumps(lines, indent=2))
    else:
        for verdict in verdicts:
            if verdict.manifest is not None:
                click.echo(f"{verdict.folder}: valid")
            elif not verdict.faults:
                click.echo(f"{verdict.folder}: incomplete, waits for its {MANIFEST_NAME}")
            for fault in verdict.faults:
                click.secho(str(fault), fg="red")
    if any(verdict.manifest is None for verdict in verdicts):
        sys.exit(2)


@registry.command()
def schema() -> None:
    """Print the JSON Schema of model.yaml, for editors and other tools."""
    from resources.manifest import Manifest

    click.echo(json.dumps(Manifest.model_json_schema(), indent=2))
