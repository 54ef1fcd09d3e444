"""Flavour ``scored``: production has already written the scores to the lake."""

from __future__ import annotations

from pathlib import Path

from resources.lake import DayFiles
from resources.manifest import ScoredScoring
from resources.scorers.base import SCORE, FeatureFile, ScoringError, write_aligned


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
        If a file lacks a column, or keys are missing, doubled or unknown.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = []
    for path in files.paths:
        location = files.storage.location(path)
        file = pq.ParquetFile(location, filesystem=files.storage.filesystem)
        absent = {features.key, scoring.score} - set(file.schema_arrow.names)
        if absent:
            raise ScoringError(f"{files.storage.url(path)}: no column {sorted(absent)}")
        tables.append(file.read(columns=[features.key, scoring.score]))
    scored = pa.concat_tables(tables)
    scored = pa.table({features.key: scored[features.key], SCORE: scored[scoring.score]})
    write_aligned(features, scored, output, files.storage.url(files.paths[0]))
