"""Scores that predict a number, such as a loss given default: errors, fit and ranking, from sums.

Sums by band of the prediction add over days, so that the figures of a period are those of its rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr, stdtrit

from monitoring_assets.statistics.performance.comparison import Difference
from monitoring_assets.statistics.performance.intervals import LEVEL, Estimate, absent, normal

MEAN_REALISED = "mean_realised"
GENERALISED_AUC = "generalised_auc"
NO_ROW = "no row has an outcome"
ONE_ROW = "an interval needs two rows, has 1"
NO_SPREAD = "no test: all errors are the same"
NO_INTERVAL = "no interval is computed"


@dataclass(frozen=True, slots=True)
class PredictionBand:
    """The rows of ``low < score <= high``. The error of a row is realised less predicted.

    Parameters
    ----------
    low, high
        Edges of the band; infinite at the ends.
    rows
        How many there are.
    predicted, realised
        Sums of the scores, and of what was realised.
    absolute_errors, squared_errors
        Sums of the absolute errors, and of the squared ones.
    squares
        Sum of the squares of what was realised.
    realised_in
        Rows by the band that the realised value lies in, of the same edges.
    """

    low: float
    high: float
    rows: int
    predicted: float
    realised: float
    absolute_errors: float
    squared_errors: float
    squares: float
    realised_in: tuple[int, ...]

    def __add__(self, other: PredictionBand) -> PredictionBand:
        """Add other rows of the same band."""
        return replace(
            self,
            rows=self.rows + other.rows,
            predicted=self.predicted + other.predicted,
            realised=self.realised + other.realised,
            absolute_errors=self.absolute_errors + other.absolute_errors,
            squared_errors=self.squared_errors + other.squared_errors,
            squares=self.squares + other.squares,
            realised_in=tuple(
                one + two for one, two in zip(self.realised_in, other.realised_in, strict=True)
            ),
        )

    @property
    def expected(self) -> float | None:
        """Mean prediction; None without rows."""
        return self.predicted / self.rows if self.rows else None

    @property
    def mean_error(self) -> Estimate:
        """Mean error, with Student's interval."""
        if not self.rows:
            return absent("the band has no rows")
        error = (self.realised - self.predicted) / self.rows
        if self.rows == 1:
            return Estimate(error, reason=ONE_ROW)
        spread = max(self.squared_errors - self.rows * error**2, 0.0)
        # What rounding leaves of equal errors is no spread.
        if spread <= 1e-12 * self.squared_errors:
            spread = 0.0
        standard_error = math.sqrt(spread / (self.rows - 1) / self.rows)
        half = float(stdtrit(self.rows - 1, (1 + LEVEL) / 2)) * standard_error
        return Estimate(error, standard_error, error - half, error + half)


def sum_predictions(
    scores: NDArray[np.float64], realised: NDArray[np.float64], edges: ArrayLike
) -> tuple[PredictionBand, ...]:
    """Sum rows by band of their prediction.

    Parameters
    ----------
    scores, realised
        float64[N], finite.
    edges
        float64[K - 1], ascending; band k is ``(edges[k - 1], edges[k]]``.
    """
    inner = np.asarray(edges, np.float64)
    count = len(inner) + 1
    band, realised_band = np.searchsorted(inner, scores), np.searchsorted(inner, realised)
    cells = np.bincount(band * count + realised_band, minlength=count**2).reshape(count, count)
    errors = realised - scores
    sums = np.stack(
        [
            np.bincount(band, values, count)
            for values in (scores, realised, np.abs(errors), errors**2, realised**2)
        ]
    ).T
    bounds = (-math.inf, *inner.tolist(), math.inf)
    return tuple(
        PredictionBand(low, high, sum(rows), p, r, absolute, squared, squares, tuple(rows))
        for low, high, (p, r, absolute, squared, squares), rows in zip(
            bounds[:-1], bounds[1:], sums.tolist(), cells.tolist(), strict=True
        )
    )


def total(bands: tuple[PredictionBand, ...]) -> PredictionBand:
    """Add up all bands, which are one or more."""
    first, *others = bands
    return replace(sum(others, start=first), high=bands[-1].high)


def prediction_metrics(bands: tuple[PredictionBand, ...]) -> Mapping[str, Estimate]:
    """Every metric of predictions of a number, by name.

    Parameters
    ----------
    bands
        Of the rows.

    Returns
    -------
    ``mean_realised`` and ``mean_predicted``; ``mean_error``, the first less the second, with
    Student's interval; ``mae`` with a normal one; ``rmse``; ``r2``, ``1 - SSE / SST`` with the
    squared errors over the squared distances of the realised from their mean, so that it is below 0
    where the mean would predict better; and ``generalised_auc``.
    """
    rows = total(bands)
    n = rows.rows
    if not n:
        names = (MEAN_REALISED, "mean_predicted", "mean_error", "mae", "rmse", "r2")
        return dict.fromkeys((*names, GENERALISED_AUC), absent(NO_ROW))
    mean, mae = rows.realised / n, rows.absolute_errors / n
    distances = rows.squares - n * mean**2
    varies = distances > 1e-12 * rows.squares
    return {
        MEAN_REALISED: _mean(mean, distances if varies else 0.0, n),
        "mean_predicted": Estimate(rows.predicted / n, reason=NO_INTERVAL),
        "mean_error": rows.mean_error,
        "mae": _mean(mae, rows.squared_errors - n * mae**2, n, 0.0),
        "rmse": Estimate(math.sqrt(rows.squared_errors / n), reason=NO_INTERVAL),
        "r2": Estimate(1 - rows.squared_errors / distances, reason=NO_INTERVAL)
        if varies
        else absent("all rows have realised the same"),
        GENERALISED_AUC: generalised_auc(np.array([one.realised_in for one in bands])),
    }


def gap(rows: PredictionBand) -> Difference:
    """Return the mean error as the gap of what was realised to what was predicted.

    With Student's two-sided test that it is 0.
    """
    error = rows.mean_error
    if error.value is None or not error.standard_error:
        return Difference(error.value, error.standard_error, reason=error.reason or NO_SPREAD)
    statistic = error.value / error.standard_error
    p_value = float(2 * stdtr(rows.rows - 1, -abs(statistic)))
    return Difference(error.value, error.standard_error, statistic, p_value)


def generalised_auc(counts: NDArray[np.int64]) -> Estimate:
    """Return the chance that of two rows in different realised bands the higher one is ranked so.

    Ties of the prediction count half: it is ``(D + 1) / 2`` with Somers' D of the predicted band
    given the realised one, and the AUC where there are two realised bands. The standard error is
    the asymptotic one of D, halved; the interval is normal.

    Parameters
    ----------
    counts
        int64[K, K], rows by predicted band and realised band, both ascending.

    References
    ----------
    ECB (2019), Instructions for reporting the validation results of internal models, section
    2.6.3.1. Somers (1962), American Sociological Review 27(6). Goodman and Kruskal (1972),
    Journal of the American Statistical Association 67, on the error.
    """
    n = int(counts.sum())
    pairs = float(n**2 - (counts.sum(axis=0).astype(float) ** 2).sum())
    if not n:
        return absent(NO_ROW)
    if not pairs:
        return absent("all rows have realised values in one band")
    cells = counts.astype(np.float64)
    # Of each cell: rows above and to the right of it, or below and to the left, less the others.
    above = np.pad(cells, 1).cumsum(0).cumsum(1)
    whole, to_row, to_column = above[-1, -1], above[:, -1:], above[-1:, :]
    before = above[:-2, :-2]
    after = whole - to_row[1:-1] - to_column[:, 1:-1] + above[1:-1, 1:-1]
    low_high = to_row[:-2] - above[:-2, 1:-1]
    high_low = to_column[:, :-2] - above[1:-1, :-2]
    apart = before + after - low_high - high_low
    excess = float((cells * apart).sum())
    of_realised = cells.sum(axis=0)[None, :]
    terms = cells * (pairs * apart - excess * (n - of_realised)) ** 2
    return normal((excess / pairs + 1) / 2, math.sqrt(float(terms.sum())) / pairs**2, 0.0, 1.0)


def _mean(value: float, squares: float, rows: int, least: float = -math.inf) -> Estimate:
    """A mean with a normal interval, from the sum of squared distances."""
    if rows == 1:
        return Estimate(value, reason=ONE_ROW)
    return normal(value, math.sqrt(max(squares, 0.0) / (rows - 1) / rows), least)
