"""From a manifest's scoring section to the scorer of that flavour."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from dagster import AssetExecutionContext

from resources.lake import Lake
from resources.manifest import CommandScoring, OnnxScoring, ScoredScoring
from resources.registry import ModelRegistry, version_path
from resources.scorers.base import FeatureFile, ScoringError
from resources.store import Landed


def score_features(
    features: FeatureFile,
    landed: Landed,
    day: dt.date | None,
    registry: ModelRegistry,
    lake: Lake,
    output: Path,
    context: AssetExecutionContext,
) -> None:
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
    output
        Parquet file to write: the key and ``score``, in the features' order and row groups.
    context
        The asset's context.

    Raises
    ------
    ScoringError
        If there is not exactly one score for every row.
    """
    from resources.scorers.command import score_command
    from resources.scorers.onnx import score_onnx
    from resources.scorers.scored import read_scored

    scoring = landed.manifest.scoring
    if isinstance(scoring, ScoredScoring):
        if day is None:
            raise ScoringError("a version of flavour 'scored' needs reference.score")
        read_scored(features, scoring, lake.day_files(scoring.path, day), output)
        return
    storage, path = version_path(registry.storage, landed.folder, scoring.artefact)
    with storage.fetched(path) as artefact:
        _verify(artefact, scoring, storage.url(path))
        if isinstance(scoring, OnnxScoring):
            score_onnx(features, scoring, artefact.read_bytes(), output)
        else:
            score_command(features, scoring, artefact, output, context)


def _verify(artefact: Path, scoring: OnnxScoring | CommandScoring, name: str) -> None:
    """Never run a model other than the one that landed."""
    import hashlib

    with artefact.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != scoring.sha256:
        raise ScoringError(f"{name} has SHA-256 {found}; the manifest says {scoring.sha256}")
