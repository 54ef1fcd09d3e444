"""Flavour ``scored``: production has already written the scores to the lake."""

from __future__ import annotations

from pathlib import Path

from resources.lake import DayFiles
from resources.manifest import ScoredScoring
from resources.scorers.base import FeatureFile, read_scores, write_aligned


def read_scored(
    features: FeatureFile, scoring: ScoredScoring, files: DayFiles, output: Path
) -> None:
    """Take over the scores of a day.

    Parameters
    ----------
    features
        The rows that were scored.
    scoring
        The manifest's section.
    files
        The scores as production wrote them.
    output
        Parquet file to write: the key and ``score``.

    Raises
    ------
    ScoringError
        If a file cannot be read or lacks a column, or keys are missing, doubled or unknown.
    """
    import pyarrow as pa

    storage = files.storage
    tables = [
        read_scores(
            features, scoring.score, storage.location(path), storage.filesystem, storage.url(path)
        )
        for path in files.paths
    ]
    write_aligned(features, pa.concat_tables(tables), output, storage.url(files.paths[0]))
