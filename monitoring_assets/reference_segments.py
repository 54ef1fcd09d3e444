"""The reference sample by segment: what each segment of a day is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitoring_assets.statistics.bins import NumericBins
from monitoring_assets.statistics.profile import Profile
from monitoring_assets.statistics.segments import Segment, count_segments, segment_values
from monitoring_assets.statistics.source import ParquetSource
from resources.scorers.base import SCORE

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from resources.manifest import Manifest

GRID = "(score grid)"
"""Name that the score is counted under in the grid that performance is estimated from."""


def reference_segments(
    manifest: Manifest,
    profile: Profile,
    grid: tuple[pa.Table, dict[str, Any]] | None,
    features: Path,
    scores: Path,
) -> tuple[pa.Table, dict[str, Any]] | None:
    """Count the sample by segment, in the bins that the whole sample has.

    Parameters
    ----------
    manifest
        Of the version.
    profile
        Of the sample.
    grid
        What ``make_grid`` made of the sample.
    features, scores
        Parquet of the sample, row by row beside each other.

    Returns
    -------
    The table and its notes: values of each segment column, and why a column has none. None if the
    manifest has no segments.
    """
    if not manifest.segments:
        return None
    source = ParquetSource([features])
    values, errors = {}, {}
    for column in manifest.segments:
        try:
            values[column] = segment_values(source, column)
        except ValueError as error:
            errors[column] = f"reference: {error}"
    score_bins = {SCORE: profile.columns[SCORE].bins}
    if grid is not None:
        score_bins[GRID] = Profile.from_table(grid[0]).columns[SCORE].bins
    counted = count_segments(
        source,
        values,
        {n: c.bins for n, c in profile.columns.items() if c.bins is not None and n != SCORE},
        scores=ParquetSource([scores]),
        score_column=SCORE,
        score_bins={name: b for name, b in score_bins.items() if isinstance(b, NumericBins)},
    )
    return segments_table(counted), {"values": values, "errors": errors}


def segments_table(counted: dict[Segment, Profile]) -> pa.Table:
    """Profiles by segment as one table: that of a profile, with the segment before it."""
    import pyarrow as pa

    from monitoring_assets.statistics.profile import TABLE_SCHEMA

    names = ("segment_column", "segment")
    schema = pa.schema([*(pa.field(name, pa.string()) for name in names), *TABLE_SCHEMA])
    tables = [schema.empty_table()]
    for segment, profile in counted.items():
        table = profile.to_table()
        labels = [pa.repeat(text, len(table)) for text in segment]
        tables.append(pa.Table.from_arrays([*labels, *table.columns], schema=schema))
    return pa.concat_tables(tables)


def segments_of_table(table: pa.Table) -> dict[Segment, Profile]:
    """Profiles by segment from what ``segments_table`` wrote, in its order."""
    import pyarrow.compute as pc

    found = {}
    columns = (table[name].to_pylist() for name in ("segment_column", "segment"))
    for segment in dict.fromkeys(map(Segment, *columns)):
        rows = pc.and_(
            pc.equal(table["segment_column"], segment.column),
            pc.equal(table["segment"], segment.value),
        )
        found[segment] = Profile.from_table(table.filter(rows))
    return found
