"""A day by segment, in the reference's bins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from monitoring_assets.statistics.drift.segments import Segment, count_segments, segment_values
from monitoring_assets.statistics.profiles.bins import Bins, NumericBins
from monitoring_assets.statistics.profiles.profile import Profile
from monitoring_assets.statistics.profiles.score_scale import ScoreScale
from monitoring_assets.statistics.profiles.source import ParquetSource
from resources.scorers.base import SCORE


class SegmentBins(NamedTuple):
    """What segments are counted in: values by segment column, bins by column and of the score.

    ``scales`` are as `count_segments` takes them.
    """

    values: Mapping[str, Sequence[str]]
    characteristics: Mapping[str, Bins]
    score: Mapping[str, NumericBins]
    scales: Mapping[str, ScoreScale] = {}


@dataclass(frozen=True)
class SegmentCounts:
    """Profiles of some rows by segment; why segment columns could not be counted."""

    profiles: Mapping[Segment, Profile]
    faults: Mapping[str, str]

    def __add__(self, other: SegmentCounts) -> SegmentCounts:
        """Return the counts of both parts, of the columns that could be counted in both."""
        faults = {**other.faults, **self.faults}
        profiles = {
            segment: profile + other.profiles[segment]
            for segment, profile in self.profiles.items()
            if segment.column not in faults
        }
        return SegmentCounts(profiles, faults)


def count_by_segment(bins: SegmentBins, features: Path, scored: Path) -> SegmentCounts:
    """Count rows and their scores, which lie beside each other in two files, by segment."""
    source = ParquetSource([features])
    faults = {}
    for column in bins.values:
        try:
            segment_values(source, column)
        except ValueError as error:
            faults[column] = f"batch: {error}"
    profiles = count_segments(
        source,
        {column: names for column, names in bins.values.items() if column not in faults},
        bins.characteristics,
        scores=ParquetSource([scored]),
        score_column=SCORE,
        score_bins=bins.score,
        scales=bins.scales,
    )
    return SegmentCounts(profiles, faults)
