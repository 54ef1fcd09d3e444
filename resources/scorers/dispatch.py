"""From a manifest's scoring section to the scorer of that flavour."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from dagster import AssetExecutionContext, MetadataValue

from resources import layout
from resources.lake import Lake
from resources.manifest import ArtefactScoring, CommandScoring, ImageScoring, ScoredScoring
from resources.registry import ModelRegistry
from resources.scorers.base import FeatureFile, ScoringError
from resources.store import Landed, Store


def score_features(
    features: FeatureFile,
    landed: Landed,
    day: dt.date | None,
    registry: ModelRegistry,
    lake: Lake,
    store: Store,
    output: Path,
    context: AssetExecutionContext,
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
        Where the version's artefact lies.
    lake
        Where production's own scores lie.
    store
        Where features and scores are exchanged with a model that runs in a container of its own.
    output
        Parquet file to write: the key and ``score``, in the features' order and row groups.
    context
        The asset's context.

    Returns
    -------
    What a model that is a program or a container reported of itself through Dagster Pipes.

    Raises
    ------
    ScoringError
        If there is not exactly one score for every row.
    """
    from resources.scorers.command import score_command
    from resources.scorers.image import score_image
    from resources.scorers.onnx import score_onnx
    from resources.scorers.scored import read_scored

    scoring = landed.manifest.scoring
    if isinstance(scoring, ScoredScoring):
        if day is None:
            raise ScoringError("a version of flavour 'scored' needs reference.score")
        read_scored(features, scoring, lake.day_files(scoring.path, day), output)
        return {}
    if isinstance(scoring, ImageScoring):
        manifest = landed.manifest
        paths = {
            "input": layout.exchange(manifest.key, day, context.run_id, "input"),
            "output": layout.exchange(manifest.key, day, context.run_id, "output"),
        }
        return score_image(features, scoring, manifest.pod, store.storage, paths, output, context)
    place, path = registry.locate(landed.folder, scoring.artefact)
    with place.fetched(path) as artefact:
        _verify(artefact, scoring, place.url(path))
        if isinstance(scoring, CommandScoring):
            return score_command(features, scoring, artefact, output, context)
        score_onnx(features, scoring, artefact.read_bytes(), output)
        return {}


def _verify(artefact: Path, scoring: ArtefactScoring, name: str) -> None:
    """Never run a model other than the one that landed."""
    import hashlib

    with artefact.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != scoring.sha256:
        raise ScoringError(f"{name} has SHA-256 {found}; the manifest says {scoring.sha256}")
