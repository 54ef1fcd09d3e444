"""The reference sample in a score grid: what performance is estimated from and compared with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq

from monitoring_assets.reference.strata import (
    Horizon,
    ReferenceStrata,
    make_strata,
    read_strata,
)
from monitoring_assets.statistics.performance.calibration_map import (
    CalibrationMap,
    fit_calibration,
    grid_sums,
    map_of_part,
)
from monitoring_assets.statistics.performance.discrimination import auc_error
from monitoring_assets.statistics.performance.estimation import (
    EstimatedPerformance,
    Stratum,
    estimate,
    estimate_strata,
)
from monitoring_assets.statistics.performance.intervals import Estimate
from monitoring_assets.statistics.performance.metrics import realised_metrics
from monitoring_assets.statistics.performance.prediction import (
    prediction_metrics,
    sum_predictions,
    total,
)
from monitoring_assets.statistics.performance.realised import (
    Realised,
    learnt_direction,
    realised,
)
from monitoring_assets.statistics.profiles.bins import NumericBins
from monitoring_assets.statistics.profiles.profile import ColumnProfile, Profile
from monitoring_assets.statistics.profiles.score_grid import MAX_CUT_OFFS, count_scores, score_grid
from monitoring_assets.statistics.profiles.score_scale import Direction, predicted
from resources.scorers.base import SCORE
from resources.store import NotMaterialisedError

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray

    from resources.manifest import Manifest
    from resources.store import Store


@dataclass(frozen=True, eq=False)
class ReferencePerformance:
    """Realised performance of the reference sample after one horizon.

    Parameters
    ----------
    metrics
        By name.
    bad_rates
        By score band; None for a band without rows. Empty where an outcome is a number.
    bad_component, good_component
        As in ``Discrimination``.
    rows
        With an outcome that is a number.
    """

    metrics: dict[str, Estimate]
    bad_rates: list[float | None]
    bad_component: float | None
    good_component: float | None
    rows: int = 0

    def errors(self, rows: int, bads: int) -> dict[str, float]:
        """Standard errors of a cohort of this size, if nothing has changed since the reference."""
        found = {}
        error = self.metrics["mean_error"].standard_error if self.rows else None
        if error is not None and rows:
            found["mean_error"] = error * math.sqrt(self.rows / rows)
        rate = self.metrics["bad_rate"].value if "bad_rate" in self.metrics else None
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
        Whether the score is meant as a probability of bad, or declared to stand for one.
    direction
        1 if a high score is risky, -1 if it is safe.
    scores
        The sample's scores, with sums of what they predict.
    outcomes
        The same rows with sums of their outcomes, by horizon; empty if it has none.
    realised
        How the sample performed, by horizon.
    strata
        Its rows in groups in which a score stands for something else; none by default.
    whole
        The sample that this is a segment of; None if it is all of it.
    """

    probability: bool
    direction: Direction
    scores: ColumnProfile
    outcomes: dict[Horizon, ColumnProfile]
    realised: dict[Horizon, ReferencePerformance]
    strata: ReferenceStrata = field(default_factory=ReferenceStrata)
    whole: ReferenceGrid | None = None

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
        outcomes = self.outcomes.get(horizon)
        if self.whole is None:
            return self._fit(self.scores, outcomes)
        whole = self.whole.calibration(horizon)
        if outcomes is None or not _has_both(outcomes):
            return whole
        return map_of_part(self._fit(self.scores, outcomes), whole)

    def estimate(
        self,
        horizon: Horizon,
        scores: ColumnProfile,
        strata: Sequence[ColumnProfile],
        cut_offs: Sequence[float],
    ) -> EstimatedPerformance:
        """Estimate the performance of some rows after so many days.

        Parameters
        ----------
        horizon
            Days after which an outcome counts.
        scores
            All rows, in the grid.
        strata
            The same rows by stratum of the reference; empty if it has none.
        cut_offs
            The lender's.

        Raises
        ------
        ValueError
            If the score is in points and the sample has no outcomes.
        """
        known = [of_stratum.get(horizon) for of_stratum in self.strata.outcomes]
        # After a short horizon the sample may not have goods and bads of each.
        if not known or not all(one and _has_both(one) for one in known):
            return estimate(self.calibration(horizon), scores, cut_offs)
        maps = map(self._fit, self.strata.scores, known)
        parts = zip(self.strata.names, maps, strata, strict=True)
        return estimate_strata([Stratum(*part) for part in parts], cut_offs)

    def _fit(self, scores: ColumnProfile, outcomes: ColumnProfile | None) -> CalibrationMap:
        return fit_calibration(
            scores, outcomes, probability=self.probability, direction=self.direction
        )


def _has_both(outcomes: ColumnProfile) -> bool:
    """Whether there are goods and bads."""
    _, rows, bads = grid_sums(outcomes)
    return 0 < float(bads.sum()) < float(rows.sum())


def make_grid(
    manifest: Manifest, profile: Profile, features: Path, scores: Path, outcomes: Path
) -> tuple[pa.Table, dict[str, Any]] | None:
    """Fit the grid, and measure how the sample performed.

    Parameters
    ----------
    manifest
        Of the version.
    profile
        Of the sample; the bins of its score are the bands.
    features, scores, outcomes
        Parquet of the sample, row by row beside each other; of its outcomes where the manifest
        names a column.

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
    scoring = manifest.scoring
    is_binary = manifest.outcome_kind == "binary"
    predictions = predicted(values, scoring.score_scale)
    columns = {SCORE: count_scores(values, grid, predictions)}
    notes: dict[str, Any] = {
        "probability": manifest.predicts_probability,
        "direction": scoring.direction,
        "realised": [],
    }
    # The longest horizon has the most bads: it says which way the score runs, and what to split.
    known = {
        horizon: column_of(outcomes, name)
        for horizon, name in reversed(manifest.reference_outcomes.items())
    }
    for horizon, became in known.items():
        columns[counted := f"outcome after {horizon}"] = count_scores(values, grid, became)
        if is_binary and not manifest.predicts_probability and not notes["realised"]:
            found = _realised(manifest, values, became, bands, 1)
            notes["direction"] = learnt_direction(found.discrimination.auc.value)
        measured = measure_reference(manifest, values, became, bands, notes["direction"])
        notes["realised"].append({"horizon": horizon, "column": counted, **measured})
    if is_binary and known and _has_both(columns[f"outcome after {next(iter(known))}"]):
        calibration = _grid_of(columns, notes).calibration(next(iter(known)))
        strata, of_strata = make_strata(manifest, profile, calibration, features, values, known)
        columns |= strata
        notes |= of_strata
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
    if manifest.outcome_kind == "continuous":
        known = _known(manifest, scores, outcomes)
        sums = sum_predictions(scores[known], outcomes[known], bands.edges)
        of_numbers = {name: asdict(one) for name, one in prediction_metrics(sums).items()}
        return {
            "metrics": of_numbers,
            "bad_rates": [],
            "bad_component": None,
            "good_component": None,
            "rows": total(sums).rows,
        }
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
        measured.get("rows", 0),
    )


def read_grid(store: Store, key: str) -> ReferenceGrid:
    """The grid of a version, as ``reference_profile`` left it.

    Raises
    ------
    NotMaterialisedError
        If the reference sample has no score to fit one by.
    """
    table, notes = store.read_table("reference_grid", key)
    return _grid_of(Profile.from_table(table).columns, notes)


def direction_of(store: Store, manifest: Manifest) -> Direction | None:
    """Which way the score of a version runs; None where nothing says so.

    What predicts a number runs as the number does.
    """
    if manifest.predicts_probability or manifest.outcome_kind == "continuous":
        return manifest.scoring.direction
    with suppress(NotMaterialisedError):  # the reference has no scores
        grid = read_grid(store, manifest.key)
        return grid.direction if grid.outcomes else None
    return None


def _grid_of(columns: Mapping[str, ColumnProfile], notes: Mapping[str, Any]) -> ReferenceGrid:
    found = notes["realised"]
    return ReferenceGrid(
        notes["probability"],
        notes["direction"],
        columns[SCORE],
        {one["horizon"]: columns[one["column"]] for one in found},
        {one["horizon"]: performance_of(one) for one in found},
        read_strata(columns, notes, [one["horizon"] for one in found]),
    )


def _realised(
    manifest: Manifest,
    scores: NDArray[np.float64],
    outcomes: NDArray[np.float64],
    bands: NumericBins,
    direction: Direction,
) -> Realised:
    known = _known(manifest, scores, outcomes)
    return realised(
        scores[known],
        outcomes[known],
        bands.edges,
        manifest.cut_offs,
        probability=manifest.predicts_probability,
        direction=direction,
        scale=manifest.scoring.score_scale,
    )


def _known(
    manifest: Manifest, scores: NDArray[np.float64], outcomes: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """The rows with an outcome and a score in range."""
    lowest, highest = manifest.scoring.range
    return (scores >= lowest) & (scores <= highest) & np.isfinite(outcomes)


def column_of(file: Path, name: str) -> NDArray[np.float64]:
    """A column as float64, NaN for null."""
    values: NDArray[np.float64] = (
        pq.read_table(file, columns=[name])[name].cast("double").to_numpy()
    )
    return values
