"""``monitoring registry``: whether a model version is fit to be monitored."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitoring_assets.cli.options import format_option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitoring_assets.cli.trial import Trial
    from resources.registry import ModelRegistry, Verdict


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
    """Name every fault of the model versions at PATH, and try those without.

    PATH is a version's folder, its model.yaml, or the root of a registry; local, on S3 or an MLflow
    tracking server. A folder must lie in <name>/<version>/, as in the registry.

    A version without faults is tried: its model, if it runs here, scores ten rows of the reference
    sample, and the last batch of the 14 days before today is looked for below MONITORING_LAKE. That
    there is none yet is said, and no fault.

    Exit code: 0 without faults, 2 with any.
    """
    from monitoring_assets.cli.trial import try_version
    from resources.manifest import MANIFEST_NAME

    registry, verdicts = _verdicts(path)
    trials = {one.folder: try_version(registry, one) for one in verdicts if one.manifest}
    if output == "json":
        lines = [
            {
                "folder": verdict.folder,
                "valid": _is_valid(verdict, trials),
                "complete": bool(verdict.manifest or verdict.faults),
                "faults": [vars(fault) for fault in verdict.faults],
                "trial": asdict(trials[verdict.folder]) if verdict.folder in trials else None,
            }
            for verdict in verdicts
        ]
        click.echo(json.dumps(lines, indent=2))
    else:
        for verdict in verdicts:
            if verdict.manifest is not None:
                is_valid = _is_valid(verdict, trials)
                click.echo(f"{verdict.folder}: {'valid' if is_valid else 'does not run'}")
                for line in trials[verdict.folder].found:
                    click.echo(f"  {line}")
                for line in trials[verdict.folder].failed:
                    click.secho(f"  {line}", fg="red")
            elif not verdict.faults:
                click.echo(f"{verdict.folder}: incomplete, waits for its {MANIFEST_NAME}")
            for fault in verdict.faults:
                click.secho(str(fault), fg="red")
    if not all(_is_valid(verdict, trials) for verdict in verdicts):
        sys.exit(2)


def _is_valid(verdict: Verdict, trials: Mapping[str, Trial]) -> bool:
    return verdict.manifest is not None and not trials[verdict.folder].failed


@registry.command(
    epilog="""\b
Examples:
  monitoring registry features registry/pd_cards/3 lake/cards/date=2026-09-01/
  monitoring registry features registry/pd_cards/3 today.parquet --format json
"""
)
@click.argument("path")
@click.argument("batch")
@format_option
def features(path: str, batch: str, output: str) -> None:
    """Show what the version at PATH makes of the rows in BATCH, beside its reference sample.

    BATCH is a Parquet file, folder or glob, local or on S3, as batch.path may name one. Its columns
    go through the version's SQL, if it has one. A column whose values are of another size than the
    sample's is often one that the SQL has changed and the sample has not, or the other way round.

    Exit code: 0, 2 if a characteristic is missing, or for bad usage or input.
    """
    from monitoring_assets.cli.feature_summary import print_features, summarise_features
    from resources.errors import InputError

    root, verdicts = _verdicts(path)
    if len(verdicts) != 1 or verdicts[0].manifest is None:
        why = "; ".join(map(str, verdicts[0].faults)) or "a registry; name one version's folder"
        raise click.BadParameter(f"{path}: {why}", param_hint="PATH")
    try:
        summaries = summarise_features(root, verdicts[0], batch)
    except InputError as error:
        raise click.BadParameter(str(error), param_hint="BATCH") from error
    if output == "json":
        click.echo(json.dumps([asdict(one) for one in summaries], indent=2))
    else:
        print_features(summaries)
    absent = [one.column for one in summaries if one.batch is None]
    if absent:
        click.secho(f"{batch}: no {', '.join(absent)}", fg="red", err=True)
        sys.exit(2)


def _verdicts(path: str) -> tuple[ModelRegistry, list[Verdict]]:
    """Judge the version at a path, and it alone, or every version of the registry there.

    Raises
    ------
    click.BadParameter
        If there is none, or the path cannot be looked at.
    """
    try:
        registry, verdicts = _judged(path)
    except Exception as error:  # of botocore, the file system or ours: all are about this path
        raise click.BadParameter(f"{path}: {error}", param_hint="PATH") from error
    if not verdicts:
        allowed = "folders <name>/<version>/ with a model.yaml"
        raise click.BadParameter(f"{path}: no model version; allowed: {allowed}", param_hint="PATH")
    return registry, verdicts


def _judged(path: str) -> tuple[ModelRegistry, list[Verdict]]:
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
        registry = open_registry(root or "/")
        files = registry.files(folder)
        with suppress(FileNotFoundError), files.open(MANIFEST_NAME):
            candidate = Candidate(folder, fingerprint=folder, is_complete=True)
            return registry, [judge_version(files, candidate)]
    registry = open_registry(path)
    found, _ = scan(registry, {}, seconds=float("inf"))
    return registry, list(found.values())


@registry.command()
def schema() -> None:
    """Print the JSON Schema of model.yaml, for editors and other tools."""
    from resources.manifest import Manifest

    click.echo(json.dumps(Manifest.model_json_schema(), indent=2))
