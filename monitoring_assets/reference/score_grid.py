"""The reference sample in a score grid: what performance is estimated from and compared with."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq

from monitoring_assets.statistics.performance.calibration_map import CalibrationMap, fit_calibration
from monitoring_assets.statistics.performance.discrimination import auc_error
from monitoring_assets.statistics.performance.intervals import Estimate
from monitoring_assets.statistics.performance.metrics import realised_metrics
from monitoring_assets.statistics.performance.realised import (
    Direction,
    Realised,
    learnt_direction,
    realised,
)
from monitoring_assets.statistics.profiles.bins import NumericBins
from monitoring_assets.statistics.profiles.profile import ColumnProfile, Profile
from monitoring_assets.statistics.profiles.score_grid import MAX_CUT_OFFS, count_scores, score_grid
from resources.scorers.base import SCORE

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray

    from resources.manifest import Manifest
    from resources.store import Store

Horizon = int | None
"""Days after which an outcome counts; None where the manifest does not say."""


@dataclass(frozen=True, eq=False)
class ReferencePerformance:
    """Realised performance of the reference sample after one horizon.

    Parameters
    ----------
    metrics
        By name.
    bad_rates
        By score band; None for a band without rows.
    bad_component, good_component
        As in ``Discrimination``.
    """

    metrics: dict[str, Estimate]
    bad_rates: list[float | None]
    bad_component: float | None
    good_component: float | None

    def errors(self, rows: int, bads: int) -> dict[str, float]:
        """Standard errors of a cohort of this size, if nothing has changed since the reference."""
        found = {}
        rate = self.metrics["bad_rate"].value
        if rate is not None and rows:
            found["bad_rate"] = math.sqrt(rate * (1 - rate) / rows)
        of_bads, of_goods = self.bad_component, self.good_component
        if of_bads is not None and of_goods is not None and 0 < bads < rows:
            found["auc"] = auc_error(of_bads, of_goods, rows - bads, bads)
        return found


@dataclass(frozen=True, eq=False)
class ReferenceGrid:
    """The reference sample of a version in its score grid.

    Parameters
    ----------
    probability
        Whether the score is meant as a probability of bad.
    direction
        1 if a high score is risky, -1 if it is safe.
    scores
        The sample's scores.
    outcomes
        The same rows with sums of their outcomes, by horizon; empty if it has none.
    realised
        How the sample performed, by horizon.
    """

    probability: bool
    direction: Direction
    scores: ColumnProfile
    outcomes: dict[Horizon, ColumnProfile]
    realised: dict[Horizon, ReferencePerformance]

    @property
    def bins(self) -> NumericBins:
        """The grid."""
        assert isinstance(self.scores.bins, NumericBins)
        return self.scores.bins

    def calibration(self, horizon: Horizon) -> CalibrationMap:
        """What a score stands for after so many days.

        Raises
        ------
        ValueError
            If the score is in points and the sample has no outcomes.
        """
        return fit_calibration(
            self.scores,
            self.outcomes.get(horizon),
            probability=self.probability,
            direction=self.direction,
        )


def make_grid(
    manifest: Manifest, profile: Profile, scores: Path, outcomes: Path
) -> tuple[pa.Table, dict[str, Any]] | None:
    """Fit the grid, and measure how the sample performed.

    Parameters
    ----------
    manifest
        Of the version.
    profile
        Of the sample; the bins of its score are the bands.
    scores, outcomes
        Parquet of the sample's scores, and of its outcomes where the manifest names a column.

    Returns
    -------
    The table of the grid and its notes; None if the sample has no score to fit it by.
    """
    values = column_of(scores, SCORE)
    bands = profile.columns[SCORE].bins
    if not np.isfinite(values).any() or not isinstance(bands, NumericBins):
        return None
    # More than have a bin of their own are estimated within the bins that they fall into.
    grid = score_grid(values, manifest.cut_offs[:MAX_CUT_OFFS])
    probability = manifest.scoring.is_probability
    columns = {SCORE: count_scores(values, grid, values)}
    notes: dict[str, Any] = {"probability": probability, "direction": 1, "realised": []}
    # The longest horizon has the most bads, and says which way the score runs.
    for horizon, name in reversed(manifest.reference_outcomes.items()):
        became = column_of(outcomes, name)
        columns[counted := f"outcome after {horizon}"] = count_scores(values, grid, became)
        if not probability and not notes["realised"]:
            found = _realised(manifest, values, became, bands, 1)
            notes["direction"] = learnt_direction(found.discrimination.auc.value)
        measured = measure_reference(manifest, values, became, bands, notes["direction"])
        notes["realised"].append({"horizon": horizon, "column": counted, **measured})
    return Profile(len(values), columns).to_table(), notes


def measure_reference(
    manifest: Manifest,
    scores: NDArray[np.float64],
    outcomes: NDArray[np.float64],
    bands: NumericBins,
    direction: Direction,
) -> dict[str, Any]:
    """Measure how the reference, or a segment of it, performed: what ``performance_of`` reads.

    Parameters
    ----------
    manifest
        Of the version.
    scores, outcomes
        float64[n]; rows without an outcome, or with a score out of range, are left out.
    bands
        Of the score.
    direction
        1 if a high score is risky, -1 if it is safe.
    """
    found = _realised(manifest, scores, outcomes, bands, direction)
    return {
        "metrics": {name: asdict(one) for name, one in realised_metrics(found).items()},
        "bad_rates": [band.bad_rate.value for band in found.bands],
        "bad_component": found.discrimination.bad_component,
        "good_component": found.discrimination.good_component,
    }


def performance_of(measured: dict[str, Any]) -> ReferencePerformance:
    """Read what ``measure_reference`` found."""
    return ReferencePerformance(
        {name: Estimate(**metric) for name, metric in measured["metrics"].items()},
        measured["bad_rates"],
        measured["bad_component"],
        measured["good_component"],
    )


def read_grid(store: Store, key: str) -> ReferenceGrid:
    """The grid of a version, as ``reference_profile`` left it.

    Raises
    ------
    NotMaterialisedError
        If the reference sample has no score to fit one by.
    """
    table, notes = store.read_table("reference_grid", key)
    columns, found = Profile.from_table(table).columns, notes["realised"]
    return ReferenceGrid(
        notes["probability"],
        notes["direction"],
        columns[SCORE],
        {one["horizon"]: columns[one["column"]] for one in found},
        {one["horizon"]: performance_of(one) for one in found},
    )


def _realised(
    manifest: Manifest,
    scores: NDArray[np.float64],
    outcomes: NDArray[np.float64],
    bands: NumericBins,
    direction: Direction,
) -> Realised:
    lowest, highest = manifest.scoring.range
    known = (scores >= lowest) & (scores <= highest) & np.isfinite(outcomes)
    return realised(
        scores[known],
        outcomes[known],
        bands.edges,
        manifest.cut_offs,
        probability=manifest.scoring.is_probability,
        direction=direction,
    )


def column_of(file: Path, name: str) -> NDArray[np.float64]:
    """A column as float64, NaN for null."""
    values: NDArray[np.float64] = (
        pq.read_table(file, columns=[name])[name].cast("double").to_numpy()
    )
    return values
