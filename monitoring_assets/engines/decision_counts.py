"""The decisions of some rows, in the cells of the reference's score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from monitoring_assets.statistics.decisions.columns import DecisionColumns
from monitoring_assets.statistics.decisions.counts import DecisionCounts, count_decisions
from monitoring_assets.statistics.profiles.source import ParquetSource
from resources.scorers.base import SCORE


class DecisionCells(NamedTuple):
    """What decisions are counted in: columns, and edges of the score's bands and of finer bins."""

    columns: DecisionColumns
    bands: tuple[float, ...]
    grid: tuple[float, ...]


@dataclass(frozen=True)
class CountedDecisions:
    """The decisions of some rows, or why they could not be counted."""

    counts: DecisionCounts | None
    error: str | None = None

    def __add__(self, other: CountedDecisions) -> CountedDecisions:
        """Return the counts of both parts; none unless both have them."""
        if self.counts is None or other.counts is None:
            return CountedDecisions(None, self.error or other.error)
        return CountedDecisions(self.counts + other.counts)


def count_decided(
    cells: DecisionCells, rows: ParquetSource, scores: ParquetSource
) -> CountedDecisions:
    """Count rows and their scores, which lie row by row beside each other."""
    try:
        counts = count_decisions(
            rows,
            cells.columns,
            scores=scores,
            score_column=SCORE,
            bands=cells.bands,
            grid=cells.grid,
        )
    except ValueError as error:  # of no other figure: the day goes on
        return CountedDecisions(None, f"batch: {error}")
    return CountedDecisions(counts)
