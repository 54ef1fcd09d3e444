"""Calibration: are as many bad as the scores say, over all, by band, and along the score."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from monitoring_assets.statistics.performance.bands import BandSums
from monitoring_assets.statistics.performance.intervals import (
    LEVEL,
    Estimate,
    absent,
    proportion,
)
from monitoring_assets.statistics.performance.proper_scores import CLIP
from monitoring_assets.statistics.performance.recalibration import Recalibration


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far observed bad rates are from the predicted ones.

    Parameters
    ----------
    observed_to_expected
        Bads over expected bads, the sum of the scores; 1 is calibrated. The interval is Wilson's
        of the bad rate, over the mean score.
    expected_calibration_error
        Mean over rows of the distance between their band's mean score and its bad rate. Chance
        alone puts it above 0. The interval allows for that: the statistic is off by at most the
        sum of the bands' errors, whose 95 % quantile is added and taken away, so it holds the
        true value in 95 % of samples or more, and begins at 0 if chance explains all. The
        standard error takes the sides on which the bands are off for known.
    recalibration
        Slope and intercept of the log odds.
    """

    observed_to_expected: Estimate
    expected_calibration_error: Estimate
    recalibration: Recalibration


def no_calibration(reason: str) -> Calibration:
    """Return what is known of scores that are no probabilities.

    Parameters
    ----------
    reason
        Why, in words.
    """
    nothing = absent(reason)
    return Calibration(nothing, nothing, Recalibration(nothing, nothing, nothing))


def calibration(bands: BandSums, recalibration: Recalibration) -> Calibration:
    """Return the calibration of scores that are probabilities.

    Parameters
    ----------
    bands
        Sums by band.
    recalibration
        The fit on the same rows.
    """
    rows, bads = int(bands.rows.sum()), int(bands.bads.sum())
    return Calibration(
        observed_to_expected(rows, bads, float(bands.scores.sum())),
        _expected_calibration_error(bands),
        recalibration,
    )


def observed_to_expected(rows: int, bads: int, expected: float) -> Estimate:
    """Return bads over expected bads, as ``Calibration`` has it.

    Parameters
    ----------
    rows, bads
        With an outcome.
    expected
        Sum of the predicted probabilities.
    """
    rate = proportion(bads, rows, "no row has an outcome")
    if not rows:
        return rate
    if expected < CLIP:
        return absent("no bads were expected: every score is 0, or next to it")
    value, error, low, high = (
        None if part is None else part * rows / expected
        for part in (rate.value, rate.standard_error, rate.low, rate.high)
    )
    return Estimate(value, error, low, high)


def _expected_calibration_error(bands: BandSums) -> Estimate:
    n = int(bands.rows.sum())
    if not n:
        return absent("no row has an outcome")
    value = float(np.abs(bands.scores - bands.bads).sum() / n)
    observed = [
        int(rows) * (proportion(int(bad), int(rows), "").standard_error or 0.0)
        for bad, rows in zip(bands.bads, bands.rows, strict=True)
    ]
    # In small bands the outcomes tell little of their own variance, so the scores are asked too.
    predicted = np.sqrt(bands.variances)
    errors = np.maximum(observed, predicted) / n
    independent = math.sqrt(float(errors @ errors))
    # Of a half-normal: mean sqrt(2 / pi), variance 1 - 2 / pi.
    mean = math.sqrt(2 / math.pi) * float(errors.sum())
    deviation = math.sqrt(1 - 2 / math.pi) * independent
    most = mean + float(ndtri(LEVEL)) * deviation
    return Estimate(value, independent, max(value - most, 0.0), min(value + most, 1.0))
