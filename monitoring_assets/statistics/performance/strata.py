"""Strata: groups of rows in which a score stands for something else than in the others.

A calibration map of all rows is that of their mix. If the mix moves, performance leaves its
estimate though no outcome has changed: other applicants look like another concept. Within strata
whose maps are their own the mix may move.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from scipy.stats import chi2

from monitoring_assets.statistics.performance.calibration_map import CalibrationMap
from monitoring_assets.statistics.performance.logistic import fit_logistic
from monitoring_assets.statistics.performance.pooling import OUTCOMES
from monitoring_assets.statistics.profiles.bins import Bins, NumericBins
from monitoring_assets.statistics.profiles.kernel import float_runs, slot_runs
from monitoring_assets.statistics.profiles.profile import ColumnProfile
from monitoring_assets.statistics.profiles.score_scale import ScoreScale, predicted
from monitoring_assets.statistics.profiles.source import ParquetSource, RowGroup

MAX_STRATA = 6
"""Most strata: a day has the counts of each."""
LEVEL = 1e-3
"""Chance of a split of a reference in which the score means the same for everyone."""
VALUES = 20_000_000
"""Values that splits are chosen by, which bounds the memory; of more rows, evenly spaced ones."""
BOUND = 1e-6
"""Least chance of a bad, and of a good, that splits are judged by."""


class Split(NamedTuple):
    """Rows of a stratum that become one of their own, with the next number.

    Parameters
    ----------
    stratum
        The one that is split; that of all rows is 0.
    column
        Its column decides.
    slots
        Positions in the slots of its bins.
    """

    stratum: int
    column: str
    slots: tuple[int, ...]


class _Cut(NamedTuple):
    gain: float
    column: str
    slots: tuple[int, ...]


def choose_splits(
    calibration: CalibrationMap,
    score_bins: NDArray[np.uint8],
    outcomes: NDArray[np.float64],
    slots: Mapping[str, NDArray[np.uint8]],
    bins: Mapping[str, Bins],
) -> tuple[Split, ...]:
    """Choose the few splits of the reference that its outcomes speak for.

    A cut takes one category out of a stratum, or the numbers up to an edge, or those missing. It
    is judged by how much log-likelihood each side gains by a line of its own over the log odds of
    the map of all rows. Twice the gain of a score that means the same on both sides is distributed
    as chi-squared with 2 degrees of freedom; the best of all C cuts is made if C times its tail
    probability is at most `LEVEL` (Bonferroni), and each side has 30 goods and 30 bads. So a
    reference without such groups has no splits, however many columns there are.

    Parameters
    ----------
    calibration
        Of all rows.
    score_bins
        uint8[N], the slot of each row's score in its grid.
    outcomes
        float64[N], 1 bad, 0 good, NaN unknown.
    slots, bins
        uint8[N] slot of each row, and the bins, by column.

    Returns
    -------
    tuple of Split
        At most ``MAX_STRATA - 1``, those that gain most first within what they split.

    References
    ----------
    Rao (1948), Proceedings of the Cambridge Philosophical Society 44(1), on score tests. Zeileis,
    Hothorn and Hornik (2008), "Model-based recursive partitioning", Journal of Computational and
    Graphical Statistics 17(2).
    """
    judge = _Judge(calibration, score_bins, outcomes, slots, bins)
    strata = [np.flatnonzero(judge.is_known)]
    best = [judge.best(strata[0])]
    splits: list[Split] = []
    while len(strata) < MAX_STRATA:
        at = max(range(len(best)), key=lambda one: best[one][0].gain)
        cut, cuts = best[at][0], sum(number for _, number in best)
        if not cut.column or not _is_beyond_chance(cut.gain, cuts):
            break
        splits.append(Split(at, cut.column, cut.slots))
        rows = strata[at]
        is_inside = np.isin(slots[cut.column][rows], cut.slots)
        strata[at], inside = rows[~is_inside], rows[is_inside]
        strata.append(inside)
        best[at] = judge.best(strata[at])
        best.append(judge.best(inside))
    return tuple(splits)


def strata_of(
    splits: Sequence[Split], slots: Mapping[str, NDArray[np.uint8]], rows: int
) -> NDArray[np.uint8]:
    """Return the stratum of each row, uint8[rows], from the slots of the columns that split."""
    strata = np.zeros(rows, np.uint8)
    for number, split in enumerate(splits, 1):
        is_inside = np.isin(slots[split.column], np.array(split.slots, np.uint8))
        strata[(strata == split.stratum) & is_inside] = number
    return strata


def stratum_names(splits: Sequence[Split], bins: Mapping[str, Bins]) -> tuple[str, ...]:
    """Return what each stratum is, in words."""
    names: list[list[str]] = [[]]
    for split in splits:
        of_column = bins[split.column]
        last = of_column.slots[split.slots[-1]]
        is_range = isinstance(of_column, NumericBins) and last.high is not None
        what = f"{split.column} <= {last.high:g}" if is_range else f"{split.column} {last.label}"
        names.append([*names[split.stratum], what])
        names[split.stratum].append(f"not {what}")
    return tuple(" and ".join(name) or "all rows" for name in names)


def row_slots(
    source: ParquetSource, bins: Mapping[str, Bins], group: RowGroup
) -> dict[str, NDArray[np.uint8]]:
    """Return the slot of each row of a row group, uint8[rows] by column.

    Raises
    ------
    ValueError
        A column is missing or cannot be read.
    """
    for name in bins:
        if reason := source.unreadable(name):
            raise ValueError(f"column {name!r}: {reason}")
    slots = {name: np.empty(group.rows, np.uint8) for name in bins}
    for name, start, array in source.arrays(group, list(bins)):
        for run, found in slot_runs(array, bins[name]):
            slots[name][start + run.start : start + run.start + len(found)] = found
    return slots


def stratum_codes(
    source: ParquetSource, splits: Sequence[Split], bins: Mapping[str, Bins]
) -> NDArray[np.uint8]:
    """Return the stratum of each row of a table: a byte a row, read from the columns that split."""
    return np.concatenate(
        [
            np.empty(0, np.uint8),
            *(
                strata_of(splits, row_slots(source, bins, group), group.rows)
                for group in source.row_groups
            ),
        ]
    )


def count_strata(
    source: ParquetSource,
    splits: Sequence[Split],
    bins: Mapping[str, Bins],
    *,
    scores: ParquetSource,
    score_column: str,
    grid: NumericBins,
    scale: ScoreScale | None = None,
) -> tuple[ColumnProfile, ...]:
    """Count scores in their grid by stratum. One pass, a row group in memory at a time.

    Parameters
    ----------
    source
        The table.
    splits, bins
        Of the reference; bins of the columns that split.
    scores
        Table with the score of the same rows, in row groups of the same lengths.
    score_column
        Its column.
    grid
        Of the score.
    scale
        As `count` takes it.

    Returns
    -------
    tuple of ColumnProfile
        By stratum; they add up to what ``count`` makes of all rows.

    Raises
    ------
    ValueError
        A column that splits is missing or cannot be read.
    """
    shape = (len(splits) + 1, len(grid.slots))
    low, high = grid.low or 0.0, grid.high or 0.0  # a grid has both
    counts, sums, ends = np.zeros(shape, np.int64), np.zeros(shape), np.zeros((shape[0], 2), int)
    for group, of_scores in zip(source.row_groups, scores.row_groups, strict=True):
        strata = strata_of(splits, row_slots(source, bins, group), group.rows).astype(np.int64)
        for _, start, array in scores.arrays(of_scores, [score_column]):
            runs = zip(slot_runs(array, grid), float_runs(array), strict=True)
            for (run, slots), values in runs:
                stratum = strata[start + run.start : start + run.start + len(slots)]
                cells = stratum * shape[1] + slots
                finite = np.isfinite(values)
                counts += np.bincount(cells, minlength=counts.size).reshape(shape)
                weights = np.where(finite, predicted(values, scale), 0.0)
                sums += np.bincount(cells, weights, counts.size).reshape(shape)
                for side, is_out in enumerate((values < low, values > high)):
                    out = stratum[finite & is_out]
                    ends[:, side] += np.bincount(out, minlength=len(ends))
    scored = counts.copy()
    scored[:, grid.missing :] = 0
    return tuple(
        ColumnProfile(grid, counts[i], int(ends[i, 0]), int(ends[i, 1]), sums[i], scored[i])
        for i in range(len(counts))
    )


class _Judge:
    """Finds the best cut of a stratum."""

    def __init__(
        self,
        calibration: CalibrationMap,
        score_bins: NDArray[np.uint8],
        outcomes: NDArray[np.float64],
        slots: Mapping[str, NDArray[np.uint8]],
        bins: Mapping[str, Bins],
    ) -> None:
        self._slots, self._bins = slots, bins
        chance = np.clip(calibration.rates, BOUND, 1 - BOUND)
        rows = calibration.goods + calibration.bads
        log_odds = logit(chance)
        self._log_odds = log_odds
        self._design = np.column_stack(
            [np.ones_like(log_odds), log_odds - float(rows @ log_odds / rows.sum())]
        )
        self.is_known = np.isfinite(outcomes) & (score_bins < calibration.grid.missing)
        self._score_bins = np.where(self.is_known, score_bins, 0)
        self._bads = np.where(self.is_known, outcomes, 0.0)
        self._chance = chance[self._score_bins]

    def best(self, rows: NDArray[np.intp]) -> tuple[_Cut, int]:
        """Return the cut of these rows that gains most, and how many there are."""
        per_row = self._per_row(rows)
        cuts = {name: self._cuts(name, rows, per_row) for name in self._slots}
        number = sum(len(slots) for slots, _ in cuts.values())
        together = per_row[:5].sum(1)[:, None]
        best = _Cut(0.0, "", ())
        for name, (slots, sums) in cuts.items():
            if not slots:
                continue
            gains = _gains(sums) + _gains(together - sums) - _gains(together)
            at = int(gains.argmax())
            if not _is_beyond_chance(gains[at], number):
                continue
            # Derivatives are quick; of few bads the likelihood itself is nearer to its law.
            is_inside = np.isin(self._slots[name][rows], slots[at])
            sides = self._gain(rows[is_inside]) + self._gain(rows[~is_inside])
            best = max(best, _Cut(sides - self._gain(rows), name, slots[at]))
        return best, number

    def _per_row(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """What is summed over rows, float64[9, N].

        First derivatives of the log-likelihood by intercept and slope, second ones by intercept, by
        both and by slope, goods, bads, and those that the map of all rows expects.
        """
        chance, bad = self._chance[rows], self._bads[rows]
        x = self._design[self._score_bins[rows], 1]
        left, spread = bad - chance, chance * (1 - chance)
        return np.stack(
            [left, left * x, spread, spread * x, spread * x * x, 1 - bad, bad, 1 - chance, chance]
        )

    def _cuts(
        self, name: str, rows: NDArray[np.intp], per_row: NDArray[np.float64]
    ) -> tuple[list[tuple[int, ...]], NDArray[np.float64]]:
        """Return the cuts of a column with enough goods and bads on either side, and their sums."""
        bins, codes = self._bins[name], self._slots[name][rows]
        number = len(bins.slots)
        by_slot = np.stack(
            [np.bincount(codes, weights, number).astype(float) for weights in per_row]
        )
        slots: list[tuple[int, ...]] = [(slot,) for slot in range(number)]
        if isinstance(bins, NumericBins):
            ranges = bins.missing
            by_slot[:, :ranges] = np.cumsum(by_slot[:, :ranges], axis=1)
            slots[:ranges] = [tuple(range(slot + 1)) for slot in range(ranges)]
        rest = per_row.sum(1)[:, None] - by_slot
        is_enough = np.minimum(by_slot[5:], rest[5:]).min(0) >= OUTCOMES
        kept = np.flatnonzero(is_enough)
        return [slots[at] for at in kept], by_slot[:5, kept]

    def _gain(self, rows: NDArray[np.intp]) -> float:
        """Return the log-likelihood that rows gain by a line of their own."""
        bins, number = self._score_bins[rows], len(self._log_odds)
        weight = np.bincount(bins, minlength=number).astype(np.float64)
        bads = np.bincount(bins, self._bads[rows], number).astype(np.float64)
        target = self._design.T @ bads
        fit = fit_logistic(self._design, self._log_odds, weight, target)
        if fit is None:
            return 0.0
        moved = self._log_odds + self._design @ fit.coefficients
        lost = np.logaddexp(0, moved) - np.logaddexp(0, self._log_odds)
        return float(target @ fit.coefficients - weight @ lost)


def _gains(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return to second order what a line of their own gains, from float64[5, C] derivatives."""
    a, b, aa, ab, bb = sums
    determinant = aa * bb - ab**2
    # Of rows with one score only the intercept can be told.
    has_slope = determinant > 1e-9 * aa * bb
    with_slope = (a**2 * bb - 2 * a * b * ab + b**2 * aa) / np.where(has_slope, determinant, 1.0)
    gains: NDArray[np.float64] = np.where(has_slope, with_slope, a**2 / aa) / 2
    return gains


def _is_beyond_chance(gain: float, cuts: int) -> bool:
    return cuts * float(chi2.sf(2 * gain, 2)) <= LEVEL
