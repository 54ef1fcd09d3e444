"""The scores of a day in the reference's bins and grid, alone and by characteristic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pyarrow.compute as pc
import pyarrow.parquet as pq

from monitoring_assets.engines.decision_counts import (
    CountedDecisions,
    DecisionCells,
    count_decided,
)
from monitoring_assets.reference.strata import ReferenceStrata, stratum_columns
from monitoring_assets.statistics.performance.strata import count_strata
from monitoring_assets.statistics.profiles.bins import Bins, ColumnError, NumericBins
from monitoring_assets.statistics.profiles.profile import Counted, Profile, count, count_part
from monitoring_assets.statistics.profiles.score_scale import ScoreScale
from monitoring_assets.statistics.profiles.source import ParquetSource
from resources.scorers.base import SCORE


class ScoreBins(NamedTuple):
    """What scores are counted in.

    Attributes
    ----------
    characteristics, score
        Bins of the reference.
    range
        Lowest and highest score allowed.
    grid
        The reference's; None if it has none.
    strata
        Of the reference, in that grid.
    reasons
        Bins of the columns beside the score.
    scale
        Of a score in points; what is summed in the grid is then the probability.
    decisions
        What decisions are counted in; None if the manifest has none.
    """

    characteristics: Mapping[str, Bins | ColumnError]
    score: Bins | ColumnError
    range: tuple[float, float]
    grid: NumericBins | None = None
    strata: ReferenceStrata = ReferenceStrata()
    reasons: Mapping[str, Bins | ColumnError] = {}
    scale: ScoreScale | None = None
    decisions: DecisionCells | None = None


@dataclass(frozen=True)
class ScoreCounts:
    """The scores of some rows, alone and by bin of every characteristic.

    Parameters
    ----------
    counted
        In the bins of the reference.
    range
        Rows by where their score lies: ``inside``, ``below``, ``above`` or ``missing``.
    grid
        The scores in the reference's grid, by its strata too; None where the reference has none.
    unsplit
        Why there are no strata; None if there are, or if the reference has none.
    decisions
        None where none are declared.
    """

    counted: Counted
    range: Mapping[str, int]
    grid: Profile | None
    unsplit: str | None
    decisions: CountedDecisions | None = None

    def __add__(self, other: ScoreCounts) -> ScoreCounts:
        """Return the counts of both parts; there are no strata unless both have them."""
        unsplit = self.unsplit or other.unsplit
        grid = None
        if self.grid is not None and other.grid is not None:
            grids = [
                Profile(one.rows, {SCORE: one.columns[SCORE]}) if unsplit else one
                for one in (self.grid, other.grid)
            ]
            grid = grids[0] + grids[1]
        in_range = {name: rows + other.range[name] for name, rows in self.range.items()}
        decisions = None
        if self.decisions is not None and other.decisions is not None:
            decisions = self.decisions + other.decisions
        return ScoreCounts(self.counted + other.counted, in_range, grid, unsplit, decisions)


def count_scored(bins: ScoreBins, features: Path, scored: Path) -> ScoreCounts:
    """Count rows and their scores, which lie row by row beside each other in two files."""
    rows, scores = ParquetSource([features]), ParquetSource([scored])
    of_rows = count_part(rows, bins.characteristics, scores=scores, score_column=SCORE)
    of_scores = count_part(scores, {SCORE: bins.score}, scores=scores, score_column=SCORE)
    # Without their mean scores: a reason follows from the score and does not move it.
    why = count_part(scores, bins.reasons)
    profile = of_rows.profile | of_scores.profile | why.profile
    counted = Counted(profile, {**of_rows.tallies, **why.tallies})
    in_range = _tally_range(scored, *bins.range)
    decisions = count_decided(bins.decisions, rows, scores) if bins.decisions else None
    if bins.grid is None:
        return ScoreCounts(counted, in_range, None, None, decisions)
    grid = count(scores, {SCORE: bins.grid}, scores=scores, score_column=SCORE, scale=bins.scale)
    unsplit = None
    splits, split_bins = bins.strata.splits, bins.strata.bins
    if splits:
        try:
            strata = count_strata(
                rows,
                splits,
                split_bins,
                scores=scores,
                score_column=SCORE,
                grid=bins.grid,
                scale=bins.scale,
            )
            grid |= Profile(grid.rows, stratum_columns(strata))
        except ValueError as error:  # the drift report has the column's fault
            unsplit = f"the day cannot be split as the reference is: {error}"
    return ScoreCounts(counted, in_range, grid, unsplit, decisions)


def _tally_range(local: Path, lowest: float, highest: float) -> dict[str, int]:
    rows = {"inside": 0, "below": 0, "above": 0, "missing": 0}
    for batch in pq.ParquetFile(local).iter_batches(columns=[SCORE]):
        score = batch[SCORE]
        below = pc.sum(pc.less(score, lowest)).as_py() or 0
        above = pc.sum(pc.greater(score, highest)).as_py() or 0
        missing = pc.sum(pc.is_null(score, nan_is_null=True)).as_py() or 0
        rows["below"] += below
        rows["above"] += above
        rows["missing"] += missing
        rows["inside"] += len(score) - below - above - missing
    return rows
