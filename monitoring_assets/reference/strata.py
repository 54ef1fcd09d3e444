"""The strata of the reference, and of the rows that are counted by them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from monitoring_assets.statistics.performance.strata import (
    VALUES,
    Split,
    choose_splits,
    row_slots,
    stratum_codes,
    stratum_names,
)
from monitoring_assets.statistics.profiles.binning import fit_bins
from monitoring_assets.statistics.profiles.bins import Bins, ColumnError
from monitoring_assets.statistics.profiles.kernel import as_arrow, slot_runs
from monitoring_assets.statistics.profiles.profile import ColumnProfile, Profile, count
from monitoring_assets.statistics.profiles.score_grid import count_scores
from monitoring_assets.statistics.profiles.score_scale import predicted
from monitoring_assets.statistics.profiles.source import ParquetSource

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from monitoring_assets.statistics.performance.calibration_map import CalibrationMap
    from resources.manifest import Manifest

Horizon = int | None
"""Days after which an outcome counts; None where the manifest does not say."""
STRATA = "(strata)"
"""What the strata of rows go by beside their segments."""
_SPLIT, _STRATUM, _OUTCOME = "split by {}", "stratum {}", "stratum {} outcome after {}"


@dataclass(frozen=True, eq=False)
class ReferenceStrata:
    """Groups of the reference in which a score stands for something else than in the others.

    Parameters
    ----------
    splits
        What makes them; none if a score means the same for everyone.
    bins
        Of the columns that split.
    scores
        By stratum, in the score grid; empty without splits.
    outcomes
        By stratum and horizon; empty like ``scores``.
    """

    splits: tuple[Split, ...] = ()
    bins: Mapping[str, Bins] = field(default_factory=dict)
    scores: tuple[ColumnProfile, ...] = ()
    outcomes: tuple[Mapping[Horizon, ColumnProfile], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What each stratum is, in words."""
        return stratum_names(self.splits, self.bins)


@dataclass(frozen=True, eq=False)
class GridOfRows:
    """The scores of some rows in the score grid of the reference.

    Parameters
    ----------
    scores
        All rows.
    splits
        What they are counted by.
    strata
        By stratum; empty without splits, and where they could not be counted.
    error
        Why they could not.
    """

    scores: ColumnProfile
    splits: tuple[Split, ...] = ()
    strata: tuple[ColumnProfile, ...] = ()
    error: str | None = None


def make_strata(
    manifest: Manifest,
    profile: Profile,
    calibration: CalibrationMap,
    features: Path,
    scores: NDArray[np.float64],
    outcomes: Mapping[Horizon, NDArray[np.float64]],
) -> tuple[dict[str, ColumnProfile], dict[str, Any]]:
    """Choose the strata of the sample, and count it by them.

    Candidates are the characteristics, and the columns that segments are declared by.

    Parameters
    ----------
    manifest
        Of the version.
    profile
        Of the sample.
    calibration
        Of all of it after the horizon that comes first in ``outcomes``.
    features
        Its Parquet.
    scores
        float64[N], of the same rows.
    outcomes
        float64[N] by horizon; NaN unknown.

    Returns
    -------
    columns : dict
        What `read_strata` reads, to be stored in the table of the score grid.
    notes : dict
        Beside it.
    """
    source = ParquetSource([features])
    bins = {
        name: profile.columns[name].bins or ColumnError("no bins")
        for name in manifest.features.names
    } | fit_bins(source, manifest.carried, bins=manifest.reference.bins)
    candidates = {n: b.as_new() for n, b in bins.items() if not isinstance(b, ColumnError)}
    splits = _chosen(candidates, source, calibration, scores, next(iter(outcomes.values())))
    if not splits:
        return {}, {"splits": []}
    used = {split.column: bins[split.column] for split in splits}
    codes = stratum_codes(source, splits, {name: candidates[name] for name in used})
    columns = {
        _SPLIT.format(name): one
        for name, one in count(source, used, is_reference=True).columns.items()
    }
    for stratum in range(len(splits) + 1):
        rows = codes == stratum
        of_rows = scores[rows]
        predictions = predicted(of_rows, manifest.scoring.score_scale)
        columns[_STRATUM.format(stratum)] = count_scores(of_rows, calibration.grid, predictions)
        for horizon, became in outcomes.items():
            columns[_OUTCOME.format(stratum, horizon)] = count_scores(
                of_rows, calibration.grid, became[rows]
            )
    return columns, {"splits": splits}


def _chosen(
    bins: Mapping[str, Bins],
    source: ParquetSource,
    calibration: CalibrationMap,
    scores: NDArray[np.float64],
    outcomes: NDArray[np.float64],
) -> tuple[Split, ...]:
    """Choose by at most `VALUES` values: of more rows, by evenly spaced ones."""
    if not bins or not calibration.is_measured:
        return ()
    step = -(-source.rows * len(bins) // VALUES)
    parts = [
        {name: of_rows[::step] for name, of_rows in row_slots(source, bins, group).items()}
        for group in source.row_groups
    ]
    starts = np.cumsum([0, *(group.rows for group in source.row_groups)])
    rows = np.concatenate([np.arange(start, end, step) for start, end in pairwise(starts)])
    slots = [found for _, found in slot_runs(as_arrow(scores[rows]), calibration.grid)]
    return choose_splits(
        calibration,
        np.concatenate(slots),
        outcomes[rows],
        {name: np.concatenate([part[name] for part in parts]) for name in bins},
        bins,
    )


def read_strata(
    columns: Mapping[str, ColumnProfile], notes: Mapping[str, Any], horizons: list[Horizon]
) -> ReferenceStrata:
    """Read what `make_strata` made; a grid of an earlier release has none."""
    splits = splits_of(notes)
    if not splits:
        return ReferenceStrata()
    bins = {split.column: columns[_SPLIT.format(split.column)].bins for split in splits}
    strata = range(len(splits) + 1)
    return ReferenceStrata(
        splits,
        {name: one for name, one in bins.items() if one is not None},
        tuple(columns[_STRATUM.format(number)] for number in strata),
        tuple(
            {horizon: columns[_OUTCOME.format(number, horizon)] for horizon in horizons}
            for number in strata
        ),
    )


def splits_of(notes: Mapping[str, Any]) -> tuple[Split, ...]:
    """Return the splits that notes of a table have."""
    return tuple(
        Split(stratum, column, tuple(slots)) for stratum, column, slots in notes.get("splits", ())
    )


def stratum_columns(strata: tuple[ColumnProfile, ...]) -> dict[str, ColumnProfile]:
    """Return the counts of a day by stratum under the names that `read_grid_of_rows` reads."""
    return {_STRATUM.format(number): one for number, one in enumerate(strata)}


def read_grid_of_rows(
    columns: Mapping[str, ColumnProfile], notes: Mapping[str, Any], score: str
) -> GridOfRows:
    """Read a day in the score grid.

    Parameters
    ----------
    columns, notes
        Of its table.
    score
        The column that has all rows.
    """
    splits = splits_of(notes)
    counted = [one for n in range(len(splits) + 1) if (one := columns.get(_STRATUM.format(n)))]
    return GridOfRows(columns[score], splits, tuple(counted), notes.get("strata_error"))
