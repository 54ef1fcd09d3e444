"""``monitoring registry``: drafting a model version, and whether one is fit to be monitored."""

from __future__ import annotations

import json
import math
import os
import shlex
import shutil
import sys
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from monitoring_assets.cli.options import format_option, print_next, program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from monitoring_assets.cli.draft import Draft, Files
    from monitoring_assets.cli.trial import Trial
    from resources.registry import ModelRegistry, Verdict


@click.group()
def registry() -> None:
    """Draft model versions, and check them before they are uploaded or where they lie."""


@registry.command(
    epilog="""\b
Examples:
  monitoring registry draft pd_cards --reference sample.parquet --score score \\
      --outcome bad --batch 'lake/cards/{date}/'
  monitoring registry draft pd_cards --version 2 --reference sample.parquet \\
      --model scorecard.onnx --key loan_id --batch 'lake/cards/date={date}/*.parquet'
  monitoring registry draft pd_cards --to drafts ...
"""
)
@click.argument("name", metavar="MODEL")
@click.option(
    "--reference",
    required=True,
    help="Sample that the model was approved on: Parquet, CSV or JSON lines.",
)
@click.option("--batch", required=True, help="Where a day's rows arrive, with {date} for the day.")
@click.option("--version", default="1", show_default=True, help="Version of the model.")
@click.option("--model", help="The model, an ONNX graph.  [default: production writes scores]")
@click.option("--score", help="Column of the sample that holds the score.  [default: of the model]")
@click.option("--outcome", help="Column of the sample that is 1 or true for a bad.")
@click.option("--key", help="Column that identifies a row of the batch.  [default: found]")
@click.option("--to", "root", help="Registry to write to.  [default: MONITORING_REGISTRY]")
def draft(
    name: str,
    reference: str,
    batch: str,
    version: str,
    model: str | None,
    score: str | None,
    outcome: str | None,
    key: str | None,
    root: str | None,
) -> None:
    """Write a first version of MODEL from its files: the sample, the model and a model.yaml.

    What the files do not say is guessed: the key, the characteristics, the range of the scores. A
    comment in model.yaml says why each is what it is. Read it and put it right, then onboard.

    --batch is a path from here in the lake, or as batch.path may name one: a file, a folder with a
    slash at its end, or a glob, below MONITORING_LAKE. If there is a batch already, it is
    looked at: what it does not have is no characteristic, and the key is looked for in it.

    The folder <registry>/MODEL/<version>/ must be new; nothing is overwritten. What was written is
    judged as by `monitoring registry validate`. Where Dagster's daemon watches the registry it
    takes the version over at once: draft --to another folder there.

    Exit code: 0, 2 for bad usage or input, or if the version is not valid yet.
    """
    from monitoring_assets.cli.draft import Files, draft_version
    from monitoring_assets.cli.draft_text import manifest_text
    from monitoring_assets.cli.trial import try_versions
    from resources.environment import resources_from_environment
    from resources.manifest import MANIFEST_NAME, ManifestError, parse_manifest
    from resources.storage import open_path, open_storage
    from resources.text_tables import sample_as_parquet

    resources = resources_from_environment()
    watched = resources["registry"].root
    try:
        storage = open_storage(root or watched)
        there = storage.list(f"{name}/{version}")
    except Exception as error:  # of botocore, the file system or ours: all are about the registry
        raise click.BadParameter(str(error), param_hint="--to") from error
    folder = storage.url(f"{name}/{version}")
    if there:
        raise click.UsageError(
            f"{folder} is there already, and nothing is overwritten: draft another --version, or "
            "move the folder away"
        )
    with ExitStack() as fetched:
        local = {}
        for option, path in (("--reference", reference), ("--model", model)):
            if path is not None:
                try:
                    place, relative = open_path(path, open_storage("."))
                    opened = (
                        place.fetched(relative)
                        if option == "--model"
                        else sample_as_parquet(place, relative, {key: "string"} if key else {})
                    )
                    local[option] = fetched.enter_context(opened)
                except Exception as error:  # as above, about this path
                    why = "no such file" if isinstance(error, FileNotFoundError) else error
                    raise click.BadParameter(f"{path}: {why}", param_hint=option) from error
        sample = local["--reference"]
        graph = local["--model"].read_bytes() if model is not None else None
        lake = resources["lake"]
        pattern = _batch_path(batch, lake.root)
        files = Files(sample, reference, graph, pattern, lake, score, outcome, key)
        drafted = draft_version(files)
        text = manifest_text(drafted, name, version)
        try:
            parse_manifest(text, MANIFEST_NAME)
        except ManifestError as error:
            raise click.UsageError(f"nothing was written:\n{error}") from error
        with storage.writing(f"{name}/{version}/reference.parquet") as copy:
            shutil.copyfile(sample, copy)
        if graph is not None:
            storage.write(f"{name}/{version}/model.onnx", graph)
        storage.write(f"{name}/{version}/{MANIFEST_NAME}", text.encode())
    click.echo(f"{folder}/{MANIFEST_NAME}: drafted, {len(drafted.columns)} characteristics\n")
    registry, [verdict] = _verdicts(folder)
    trials = try_versions(registry, [verdict])
    for trial in trials.values():
        trial.warnings.clear()  # of ten rows; the draft's are of the whole sample
    _print_verdict(verdict, trials)
    for warning in drafted.warnings:
        click.secho(f"  {warning}", fg="yellow")
    print_next(_after_draft(drafted, folder, f"{name}.{version}", root in (None, watched)))
    if not _is_valid(verdict, trials):
        sys.exit(2)


def _batch_path(batch: str, lake: str) -> str:
    """A path in the lake as a manifest names it: from the lake's root on.

    Raises
    ------
    click.BadParameter
        If it is not one for each day.
    """
    from resources.fields import table_path, with_date

    try:
        with_date(table_path(batch))
    except ValueError as error:
        raise click.BadParameter(f"found {batch!r}; allowed: {error}", param_hint="--batch") from (
            error
        )
    if "://" not in batch and "://" not in lake:
        root, path = Path(lake).absolute(), Path(batch).absolute()
        if path.is_relative_to(root):
            slash = "/" if batch.endswith("/") else ""
            return path.relative_to(root).as_posix() + slash
    return batch


def _after_draft(
    drafted: Draft, folder: str, key: str, is_watched: bool
) -> Iterator[tuple[str, str]]:
    command = program()
    if "://" not in folder:
        manifest = shlex.quote(f"{folder}/model.yaml")
        yield f"${{EDITOR:-vi}} {manifest}", "what was guessed, and why: put it right"
    yield f"{command} registry validate {shlex.quote(folder)}", "after each change"
    if drafted.last_batch is None:
        day = drafted.deployed_at.value
        yield _delivery(drafted.files, day), f"the rows of a day, here {day}"
    if is_watched:
        yield f"{command} onboard", "accepts the version and counts its sample"
        yield f"{command} backfill {key}", "computes its days, to yesterday"
        yield f"{command} report {key}", "what moved on the last day"
    else:
        yield f"# copy {folder} into your registry", "model.yaml last, as it says that all is there"


def _delivery(files: Files, day: str) -> str:
    """What delivers the batch of a day: a command, or a comment where there is no one place."""
    from resources.storage import LocalStorage, open_path, open_storage

    place, path = open_path(files.batch.format(date=day), open_storage(files.lake.root))
    url = place.url(path)
    if not isinstance(place, LocalStorage) or any(sign in path for sign in "*?["):
        return f"# deliver a batch: {url}"
    target = Path(url)
    folder = target.parent if target.suffix == ".parquet" else target
    return f"mkdir -p {shlex.quote(str(folder))} && cp BATCH.parquet {shlex.quote(url)}"


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
    sample, and least, mean and greatest score are shown. If the sample holds scores of its own that
    are others, there is a warning. The last batch of the 14 days before today is looked for below
    MONITORING_LAKE. That there is none yet is said, and no fault.

    Exit code: 0 without faults, 2 with any.
    """
    from monitoring_assets.cli.trial import try_versions

    registry, verdicts = _verdicts(path)
    trials = try_versions(registry, verdicts)
    if output == "json":
        lines = [
            {
                "folder": verdict.folder,
                "valid": _is_valid(verdict, trials),
                "complete": bool(verdict.manifest or verdict.faults),
                "faults": [vars(fault) for fault in verdict.faults],
                "warnings": verdict.warnings,
                "trial": asdict(trials[verdict.folder]) if verdict.folder in trials else None,
            }
            for verdict in verdicts
        ]
        click.echo(json.dumps(lines, indent=2))
    else:
        for verdict in verdicts:
            _print_verdict(verdict, trials)
    if not all(_is_valid(verdict, trials) for verdict in verdicts):
        sys.exit(2)


def _print_verdict(verdict: Verdict, trials: Mapping[str, Trial]) -> None:
    from resources.manifest import MANIFEST_NAME

    if verdict.manifest is not None:
        is_valid = _is_valid(verdict, trials)
        click.echo(f"{verdict.folder}: {'valid' if is_valid else 'does not run'}")
        for line in trials[verdict.folder].found:
            click.echo(f"  {line}")
        for line in [*verdict.warnings, *trials[verdict.folder].warnings]:
            click.secho(f"  {line}", fg="yellow")
        for line in trials[verdict.folder].failed:
            click.secho(f"  {line}", fg="red")
    elif not verdict.faults:
        click.echo(f"{verdict.folder}: incomplete, waits for its {MANIFEST_NAME}")
    for fault in verdict.faults:
        click.secho(str(fault), fg="red")


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
    from resources.errors import InputError
    from resources.manifest import MANIFEST_NAME
    from resources.registry import Candidate, judge_versions, open_registry, scan

    path = path.removeprefix("file://")
    if "://" not in path:
        # Not resolved: the version is what its link is called.
        path = os.path.abspath(path)  # noqa: PTH100
        if not Path(path).exists():
            raise FileNotFoundError("no such file or folder")
    path = path.rstrip("/").removesuffix(f"/{MANIFEST_NAME}")
    if path.rpartition("://")[2].count("/") >= 2:
        root, name, version = path.rsplit("/", 2)
        folder = f"{name}/{version}"
        registry = open_registry(root or "/")
        files = registry.files(folder)
        with suppress(FileNotFoundError):
            # What is no regular file is there too, and the judge says so.
            with suppress(InputError), files.open(MANIFEST_NAME):
                pass
            candidate = Candidate(folder, fingerprint=folder, is_complete=True)
            return registry, list(judge_versions(registry, [candidate], seconds=math.inf))
    registry = open_registry(path)
    found, _ = scan(registry, {}, seconds=float("inf"))
    return registry, list(found.values())


@registry.command()
def schema() -> None:
    """Print the JSON Schema of model.yaml, for editors and other tools."""
    from resources.manifest import Manifest

    click.echo(json.dumps(Manifest.model_json_schema(), indent=2))
