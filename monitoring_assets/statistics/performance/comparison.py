"""The difference of a statistic between two independent samples, with its test."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import ndtr

from monitoring_assets.statistics.performance.intervals import Estimate


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
