"""The reference sample's decisions, and the cells of the score that decisions are counted in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from monitoring_assets.statistics.decisions.counts import DecisionCounts, count_decisions
from monitoring_assets.statistics.profiles.bins import NumericBins
from monitoring_assets.statistics.profiles.profile import ColumnProfile, Profile
from monitoring_assets.statistics.profiles.source import ParquetSource
from resources.scorers.base import SCORE
from resources.store import NotMaterialisedError

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from resources.manifest import Decisions, Manifest
    from resources.store import Store

NO_GRID = "the reference sample has no score that decisions could be counted by"


def reference_decisions(
    manifest: Manifest,
    profile: Profile,
    grid: tuple[pa.Table, dict[str, Any]] | None,
    features: Path,
    scores: Path,
) -> tuple[pa.Table, dict[str, Any]] | None:
    """Count the decisions of the sample.

    Parameters
    ----------
    profile
        Of the sample; the bins of its score are the bands.
    grid
        What ``make_grid`` made of the sample.
    features, scores
        Parquet of the sample, row by row beside each other.

    Returns
    -------
    The table and its notes. None if the manifest has no decisions, or the sample lacks their
    column or a score. Of the other columns it may lack some.

    Raises
    ------
    ValueError
        A column holds what it may not.
    """
    if manifest.decisions is None or grid is None:
        return None
    source = ParquetSource([features])
    columns = manifest.decisions.columns_in(source.schema.names)
    if columns is None:
        return None
    fine = Profile.from_table(grid[0]).columns[SCORE]
    bands, cells = edges_of(profile.columns[SCORE]), edges_of(fine)
    counts = count_decisions(
        source,
        columns,
        scores=ParquetSource([scores]),
        score_column=SCORE,
        bands=bands,
        grid=cells,
    )
    return counts.to_table(), notes_of(manifest.decisions, counts)


def edges_of(score: ColumnProfile) -> tuple[float, ...]:
    """Edges of the bins of a score."""
    assert isinstance(score.bins, NumericBins)
    return score.bins.edges


def notes_of(decisions: Decisions, counts: DecisionCounts | None) -> dict[str, Any]:
    """What is kept beside the table of counts."""
    return {
        "column": decisions.column,
        "approved": sorted(decisions.approved),
        "left_out": counts.left_out if counts else None,
    }


def counts_of(
    decisions: Decisions, table: pa.Table, notes: Mapping[str, Any]
) -> DecisionCounts | None:
    """Read what is kept; None if it is of another decision than the manifest's."""
    kept = notes["column"], notes["approved"]
    if kept != (decisions.column, sorted(decisions.approved)) or not len(table):
        return None
    return DecisionCounts.from_table(table, notes["left_out"])


def read_reference_decisions(store: Store, manifest: Manifest) -> DecisionCounts | None:
    """The decisions of the reference as ``reference_profile`` left them; None without any."""
    if manifest.decisions is None:
        return None
    try:
        table, notes = store.read_table("reference_decisions", manifest.key)
    except NotMaterialisedError:
        return None
    return counts_of(manifest.decisions, table, notes)
