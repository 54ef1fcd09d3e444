"""Tests of scores that predict a number: loss given default, conversion factors, exposures."""

from __future__ import annotations

from dataclasses import replace

from scipy.special import stdtr

from monitoring_assets.statistics.performance.intervals import Estimate
from monitoring_assets.statistics.performance.prediction import NO_SPREAD, PredictionBand
from monitoring_assets.statistics.validation.discrimination import auc_fall
from monitoring_assets.statistics.validation.outcome import ECB, TestOutcome

T_TEST = TestOutcome(
    "t-test of the mean error",
    "what is realised is on average no more than predicted",
    ECB.format("2.6.2.1"),
)


def mean_error_test(rows: PredictionBand) -> TestOutcome:
    """Test whether more is realised than predicted.

    Parameters
    ----------
    rows
        Sums of a band, or of all of them.

    Returns
    -------
    TestOutcome
        The statistic is the mean error over its standard error, Student's with a degree of freedom
        less than there are rows; one-sided towards more than predicted.
    """
    error = rows.mean_error
    if error.value is None or not error.standard_error:
        return replace(T_TEST, reason=error.reason or NO_SPREAD)
    statistic = error.value / error.standard_error
    return replace(T_TEST, statistic=statistic, p_value=float(stdtr(rows.rows - 1, -statistic)))


def generalised_auc_fall(now: Estimate, development: Estimate) -> tuple[TestOutcome, TestOutcome]:
    """Test whether the generalised AUC has fallen since development, as `auc_fall` does the AUC."""
    ecb, two_samples = (
        replace(
            one,
            name=f"generalised {one.name}",
            null=one.null.replace("the AUC", "the generalised AUC"),
        )
        for one in auc_fall(now, development)
    )
    return replace(ecb, source=ECB.format("2.6.3.1")), two_samples
