"""Scoring a file of features with the model of a version, of whatever flavour."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from dagster import AssetExecutionContext, MetadataValue

from resources.lake import Lake
from resources.registry import ModelRegistry
from resources.scorers.base import FeatureFile, ScoringError, ScoringJob
from resources.store import Landed, Store
from resources.table_formats.base import Evidence

SCORES_VERSION = "scores_version"


def score_features(
    features: FeatureFile,
    landed: Landed,
    day: dt.date | None,
    registry: ModelRegistry,
    lake: Lake,
    store: Store,
    output: Path,
    context: AssetExecutionContext,
    read: Evidence | None = None,
) -> dict[str, MetadataValue]:
    """Write the score of every row of a file of features.

    Parameters
    ----------
    features
        The rows.
    landed
        The model version.
    day
        The day they are of; None for the reference sample.
    registry
        Where the version's model lies.
    lake
        Where production's own scores lie.
    store
        Where features and scores are exchanged with a model that runs in a container of its own.
    output
        Parquet file to write: the key and ``score``, in the features' order and row groups.
    context
        The asset's context.
    read
        Evidence of the version of a table that the features are of. Scores that are in the same
        table are read from that version.

    Returns
    -------
    What the model reported of itself through Dagster Pipes, if it is a process of its own, and
    ``scores_version``, if the scores are in a table of versions.

    Raises
    ------
    ScoringError
        If there is not exactly one score for every row, or the model is not the one that landed.
    """
    manifest = landed.manifest
    scoring = manifest.scoring
    if day is None and not scoring.has_model:
        raise ScoringError(f"a version of flavour {scoring.flavour!r} needs reference.score")
    with ExitStack() as fetched:
        model = fetched.enter_context(landed_model(landed, registry))
        days_files = (
            ()
            if day is None
            else tuple(lake.day_files(path, day, read=read) for path in scoring.day_paths)
        )
        reported = scoring.run(
            ScoringJob(
                features=features,
                output=output,
                model=model,
                day_files=days_files,
                key=manifest.key,
                day=day,
                pod=manifest.pod,
                storage=store.storage,
                context=context,
                limits=manifest.limits,
            )
        )
    for files in days_files:
        if files.evidence:
            reported = reported | {SCORES_VERSION: MetadataValue.json(files.evidence)}
    return reported


@contextmanager
def landed_model(landed: Landed, registry: ModelRegistry) -> Iterator[Path | None]:
    """A local copy of the file that is a version's model while the block runs, if it is one.

    Raises
    ------
    ScoringError
        If it is not the one that landed.
    """
    file = landed.manifest.scoring.model_file
    if file is None:
        yield None
        return
    place, path = registry.locate(landed.folder, file.path)
    with place.fetched(path) as model:
        _verify(model, file.sha256, place.url(path))
        yield model


def _verify(model: Path, sha256: str, name: str) -> None:
    """Never run a model other than the one that landed."""
    with model.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise ScoringError(f"{name} has SHA-256 {found}; the manifest says {sha256}")
