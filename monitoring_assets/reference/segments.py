"""The reference sample by segment: what each segment of a day is compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitoring_assets.reference.score_grid import (
    ReferenceGrid,
    column_of,
    measure_reference,
    performance_of,
)
from monitoring_assets.statistics.drift.segments import (
    Segment,
    count_segments,
    segment_codes,
    segment_names,
    segment_values,
)
from monitoring_assets.statistics.profiles.bins import NumericBins
from monitoring_assets.statistics.profiles.profile import Profile
from monitoring_assets.statistics.profiles.score_grid import count_scores
from monitoring_assets.statistics.profiles.score_scale import ScoreScale
from monitoring_assets.statistics.profiles.source import ParquetSource
from resources.scorers.base import SCORE
from resources.store import NotMaterialisedError

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from resources.manifest import Manifest
    from resources.store import Store

GRID = "(score grid)"
"""Name that the score is counted under in the grid that performance is estimated from."""
NOT_COUNTED = "its reference is not counted: materialise reference_profile again"


@dataclass(frozen=True, eq=False)
class ReferenceSegments:
    """The reference of each segment of a version.

    Parameters
    ----------
    values
        Values that are segments of their own, by segment column.
    errors
        Why the other columns of the manifest have none.
    profiles
        Counts by segment; beside the columns of a day those of the score in the grid, and of the
        sample's outcomes in it.
    performance
        By segment what ``measure_reference`` found, with ``horizon`` and ``column``.
    """

    values: Mapping[str, Sequence[str]]
    errors: Mapping[str, str]
    profiles: Mapping[Segment, Profile]
    performance: Mapping[Segment, Sequence[dict[str, Any]]]

    def grid(self, segment: Segment, whole: ReferenceGrid) -> ReferenceGrid:
        """The segment in the score grid."""
        columns, measured = self.profiles[segment].columns, self.performance.get(segment, ())
        return ReferenceGrid(
            whole.probability,
            whole.direction,
            columns[GRID],
            {one["horizon"]: columns[one["column"]] for one in measured},
            {one["horizon"]: performance_of(one) for one in measured},
            whole=whole,
        )


def grid_scales(manifest: Manifest) -> dict[str, ScoreScale]:
    """Scales as `count_segments` takes them: the grid sums what points are declared to predict."""
    scale = manifest.scoring.score_scale
    return {GRID: scale} if scale else {}


def reference_segments(
    manifest: Manifest,
    profile: Profile,
    grid: tuple[pa.Table, dict[str, Any]] | None,
    features: Path,
    scores: Path,
    outcomes: Path,
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
    features, scores, outcomes
        Parquet of the sample, row by row beside each other; of its outcomes where the manifest
        names a column.

    Returns
    -------
    The table and its notes: values of each segment column, why a column has none, and how each
    segment performed. None if the manifest has no segments.
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
    in_bins = {SCORE: profile.columns[SCORE].bins}
    if grid is not None:
        in_bins[GRID] = Profile.from_table(grid[0]).columns[SCORE].bins
    score_bins = {name: bins for name, bins in in_bins.items() if isinstance(bins, NumericBins)}
    counted = count_segments(
        source,
        values,
        {n: bins for n in manifest.features.names if (bins := profile.columns[n].bins) is not None},
        scores=ParquetSource([scores]),
        score_column=SCORE,
        score_bins=score_bins,
        scales=grid_scales(manifest),
        is_reference=True,
    )
    performance = []
    if grid is not None:
        numbers = column_of(scores, SCORE)
        codes = {column: segment_codes(source, column, names) for column, names in values.items()}
        for horizon, name in manifest.reference_outcomes.items():
            became = column_of(outcomes, name)
            summed = f"{GRID} outcome after {horizon}"
            for segment, one in counted.items():
                names = segment_names(values[segment.column])
                rows = codes[segment.column] == names.index(segment.value)
                of_rows = numbers[rows], became[rows]
                one.columns[summed] = count_scores(of_rows[0], score_bins[GRID], of_rows[1])
                measured = measure_reference(
                    manifest, *of_rows, score_bins[SCORE], grid[1]["direction"]
                )
                performance.append(
                    {"segment": segment, "horizon": horizon, "column": summed, **measured}
                )
    notes = {"values": values, "errors": errors, "performance": performance}
    return segments_table(counted), notes


def read_segments(store: Store, manifest: Manifest) -> ReferenceSegments:
    """The segments of a version that its manifest names, as ``reference_profile`` left them."""
    try:
        table, notes = store.read_table("reference_segments", manifest.key)
    except NotMaterialisedError:  # made before the manifest named segments
        return ReferenceSegments({}, dict.fromkeys(manifest.segments, NOT_COUNTED), {}, {})
    values = {c: notes["values"][c] for c in manifest.segments if c in notes["values"]}
    errors = dict.fromkeys(manifest.segments, NOT_COUNTED) | notes["errors"]
    performance: dict[Segment, list[dict[str, Any]]] = {}
    for one in notes["performance"]:
        performance.setdefault(Segment(*one["segment"]), []).append(one)
    return ReferenceSegments(
        values,
        {c: errors[c] for c in manifest.segments if c not in values},
        {s: one for s, one in segments_of_table(table).items() if s.column in values},
        performance,
    )


def segments_table(counted: dict[Segment, Profile]) -> pa.Table:
    """Profiles by segment as one table: that of a profile, with the segment before it."""
    import pyarrow as pa

    from monitoring_assets.statistics.profiles.profile import TABLE_SCHEMA

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
