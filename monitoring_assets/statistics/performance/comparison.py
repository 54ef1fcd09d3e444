"""A cohort's performance beside the reference's: two independent samples."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import ndtr

from monitoring_assets.statistics.performance.intervals import Estimate
from monitoring_assets.statistics.performance.realised import Realised


@dataclass(frozen=True, slots=True)
class Difference:
    """A cohort's statistic less the reference's.

    Parameters
    ----------
    value
        The difference; None where either is missing.
    standard_error
        Root of the sum of both squared standard errors.
    z, p_value
        Their ratio, and how likely chance exceeds it either way (normal).
    reason
        Why one of the others is None, in words.
    """

    value: float | None = None
    standard_error: float | None = None
    z: float | None = None
    p_value: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What has changed since the reference.

    KS is left out: the maximum is too large by more in a small sample than in a large one, so the
    difference of two would hide a decay. AUC says the same without that.

    Parameters
    ----------
    auc, brier, log_loss, bad_rate, in_the_large
        Differences of the statistics of these names.
    """

    auc: Difference
    brier: Difference
    log_loss: Difference
    bad_rate: Difference
    in_the_large: Difference


def difference(cohort: Estimate, reference: Estimate) -> Difference:
    """Return the difference of two independent estimates, with its test.

    Parameters
    ----------
    cohort, reference
        Estimates of one statistic.
    """
    named = (("cohort", cohort), ("reference", reference))
    reason = "; ".join(f"{name}: {side.reason}" for name, side in named if side.reason) or None
    if cohort.value is None or reference.value is None:
        return Difference(reason=reason)
    value = cohort.value - reference.value
    if cohort.standard_error is None or reference.standard_error is None:
        return Difference(value, reason=reason)
    error = math.hypot(cohort.standard_error, reference.standard_error)
    if error == 0:
        return Difference(value, error, reason="no test: neither sample varies")
    z = value / error
    return Difference(value, error, z, float(2 * ndtr(-abs(z))))


def compare(cohort: Realised, reference: Realised) -> Comparison:
    """Return how a cohort differs from the reference.

    Parameters
    ----------
    cohort, reference
        Performance of two samples that share no row.
    """
    return Comparison(
        difference(cohort.discrimination.auc, reference.discrimination.auc),
        difference(cohort.proper_scores.brier, reference.proper_scores.brier),
        difference(cohort.proper_scores.log_loss, reference.proper_scores.log_loss),
        difference(cohort.bad_rate, reference.bad_rate),
        difference(
            cohort.calibration.recalibration.in_the_large,
            reference.calibration.recalibration.in_the_large,
        ),
    )
