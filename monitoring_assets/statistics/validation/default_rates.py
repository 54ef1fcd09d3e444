"""Calibration of probabilities of default: observed bads against the predicted ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.special import bdtrc, betainc, chdtrc, ndtr

from monitoring_assets.statistics.performance.intervals import Estimate
from monitoring_assets.statistics.validation.outcome import ECB, TestOutcome

_NO_ROWS = "no rows with an outcome"
_NOT_A_PROBABILITY = "the predicted bad rate is not between 0 and 1"

JEFFREYS = TestOutcome(
    "Jeffreys", "the true bad rate is at most the predicted one", ECB.format("2.5.3.1")
)
BINOMIAL = TestOutcome(
    "exact binomial",
    "the true bad rate is at most the predicted one, bads independent",
    "BCBS (2005), Studies on the validation of internal rating systems, Working Paper 14",
)
HOSMER_LEMESHOW = TestOutcome(
    "Hosmer-Lemeshow",
    "the true bad rate of each band is the predicted one",
    "Hosmer and Lemeshow (1980), Communications in Statistics A9; BCBS (2005), Working Paper 14",
)

SPIEGELHALTER = TestOutcome(
    "Spiegelhalter",
    "each row's predicted probability is its true one",
    "Spiegelhalter (1986), Statistics in Medicine 5; BCBS (2005), Working Paper 14",
)


def jeffreys(rows: int, bads: int, predicted: float | None) -> TestOutcome:
    """Test that the bad rate is not underestimated, with Jeffreys' prior.

    Parameters
    ----------
    rows, bads
        With a known outcome.
    predicted
        Mean predicted probability; None for a score in points.

    Returns
    -------
    TestOutcome
        The statistic is the observed rate, the p-value the posterior probability that the true
        one is at most the predicted: ``Beta(bads + 1/2, rows - bads + 1/2)`` there.
    """
    if reason := _refused(rows, predicted):
        return replace(JEFFREYS, reason=reason)
    p_value = float(betainc(bads + 0.5, rows - bads + 0.5, predicted))
    return replace(JEFFREYS, statistic=bads / rows, p_value=p_value)


def binomial(rows: int, bads: int, predicted: float | None) -> TestOutcome:
    """Test that the bad rate is not underestimated, by the exact binomial law.

    Parameters
    ----------
    rows, bads, predicted
        As in `jeffreys`.

    Returns
    -------
    TestOutcome
        The statistic is the number of bads, the p-value the probability of as many or more.
    """
    if reason := _refused(rows, predicted):
        return replace(BINOMIAL, reason=reason)
    p_value = 1.0 if bads == 0 else float(bdtrc(bads - 1, rows, predicted))
    return replace(BINOMIAL, statistic=float(bads), p_value=p_value)


def hosmer_lemeshow(
    rows: Sequence[int], bads: Sequence[int], predicted: Sequence[float | None]
) -> TestOutcome:
    """Test all bands at once.

    Parameters
    ----------
    rows, bads, predicted
        As in `jeffreys`, one a band; bands without rows are left out.

    Returns
    -------
    TestOutcome
        The statistic is ``sum((bads - rows p)^2 / (rows p (1 - p)))``, chi-squared with as many
        degrees of freedom as bands: the probabilities were not fitted to these rows.
    """
    used = [one for one in zip(rows, bads, predicted, strict=True) if one[0]]
    refused = [_refused(n, p) for n, _, p in used] or [_NO_ROWS]
    if reason := next(filter(None, refused), None):
        return replace(HOSMER_LEMESHOW, reason=reason)
    n, d, p = (np.array(column, float) for column in zip(*used, strict=True))
    statistic = float((((d - n * p) ** 2) / (n * p * (1 - p))).sum())
    return replace(
        HOSMER_LEMESHOW, statistic=statistic, p_value=float(chdtrc(len(used), statistic))
    )


def spiegelhalter(brier_excess: Estimate) -> TestOutcome:
    """Test that predicted probabilities are the true ones, by the Brier score.

    Parameters
    ----------
    brier_excess
        As in `ProperScores`.

    Returns
    -------
    TestOutcome
        The statistic is the excess in standard errors, normal if the hypothesis holds; the test is
        two-sided. For probabilities under a half it is positive where bads are more than predicted.
    """
    if brier_excess.value is None or not brier_excess.standard_error:
        reason = brier_excess.reason or "every predicted probability is 0, 1/2 or 1"
        return replace(SPIEGELHALTER, reason=reason)
    statistic = brier_excess.value / brier_excess.standard_error
    return replace(SPIEGELHALTER, statistic=statistic, p_value=float(2 * ndtr(-abs(statistic))))


def _refused(rows: int, predicted: float | None) -> str | None:
    """Why a rate cannot be tested; None if it can."""
    if not rows:
        return _NO_ROWS
    if predicted is None:
        return "the score is in points, not a probability of bad"
    return None if 0 < predicted < 1 else _NOT_A_PROBABILITY
