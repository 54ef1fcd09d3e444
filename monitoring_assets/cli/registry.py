"""``monitoring registry``: whether a model version is fit to be monitored."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitoring_assets.cli.options import format_option

if TYPE_CHECKING:
    from resources.registry import Verdict


@click.group()
def registry() -> None:
    """Check model versions, before they are uploaded or where they lie."""


@registry.command(
    epilog="""\b
Examples:
  monitoring registry validate registry/pd_cards/3
  monitoring registry validate registry/pd_cards/3/model.yaml
  monitoring registry validate s3://artifacts/models/pd_cards/3
  monitoring registry validate s3://artifacts/models --format json
  monitoring registry validate mlflow+https://mlflow.lender.example/pd_cards/3
"""
)
@click.argument("path")
@format_option
def validate(path: str, output: str) -> None:
    """Name every fault of the model versions at PATH.

    PATH is a version's folder, its model.yaml, or the root of a registry; local, on S3 or an MLflow
    tracking server. A folder must lie in <name>/<version>/, as in the registry.

    Exit code: 0 without faults, 2 with any.
    """
    from resources.manifest import MANIFEST_NAME

    try:
        verdicts = _verdicts(path)
    except Exception as error:  # of botocore, the file system or ours: all are about this path
        raise click.BadParameter(f"{path}: {error}", param_hint="PATH") from error
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


def _verdicts(path: str) -> list[Verdict]:
    """Judge the version at a path, and it alone, or every version of the registry there."""
    from resources.manifest import MANIFEST_NAME
    from resources.registry import Candidate, judge_version, open_registry, scan

    path = path.removeprefix("file://")
    if "://" not in path:
        local = Path(path).resolve()
        if not local.exists():
            raise FileNotFoundError("no such file or folder")
        path = str(local)
    path = path.rstrip("/").removesuffix(f"/{MANIFEST_NAME}")
    if path.rpartition("://")[2].count("/") >= 2:
        root, name, version = path.rsplit("/", 2)
        folder = f"{name}/{version}"
        files = open_registry(root or "/").files(folder)
        with suppress(FileNotFoundError), files.open(MANIFEST_NAME):
            return [judge_version(files, Candidate(folder, fingerprint=folder, is_complete=True))]
    found, _ = scan(open_registry(path), {}, seconds=float("inf"))
    return list(found.values())


@registry.command()
def schema() -> None:
    """Print the JSON Schema of model.yaml, for editors and other tools."""
    from resources.manifest import Manifest

    click.echo(json.dumps(Manifest.model_json_schema(), indent=2))
