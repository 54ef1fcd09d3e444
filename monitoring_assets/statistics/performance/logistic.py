"""Logistic regression on sums: rows with the same values are one point with a weight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

STEPS = 50
"""Newton steps after which a fit has failed; six are usual."""


@dataclass(frozen=True, eq=False)
class LogisticFit:
    """Coefficients of highest likelihood.

    Parameters
    ----------
    coefficients
        float64[P].
    covariance
        float64[P, P], the inverse of the Fisher information.
    """

    coefficients: NDArray[np.float64]
    covariance: NDArray[np.float64]


def fit_logistic(
    design: NDArray[np.float64],
    offset: NDArray[np.float64],
    weight: NDArray[np.float64],
    bads: NDArray[np.float64],
) -> LogisticFit | None:
    """Fit by Newton's method with halved steps.

    Parameters
    ----------
    design
        float64[R, P].
    offset, weight
        float64[R], log odds that are added to each point's, and its rows.
    bads
        float64[P], the design summed over the bads.

    Returns
    -------
    LogisticFit or None
        None if the likelihood has no maximum.
    """

    def likelihood(coefficients: NDArray[np.float64]) -> float:
        linear = offset + design @ coefficients
        return float(bads @ coefficients - weight @ np.logaddexp(0, linear))

    coefficients = np.zeros(design.shape[1])
    reached = likelihood(coefficients)
    for _ in range(STEPS):
        chance = expit(offset + design @ coefficients)
        information = design.T @ (design * (weight * chance * (1 - chance))[:, None])
        # Where goods and bads are apart, or scores do not vary, the information vanishes.
        if not np.linalg.cond(information) < 1e12:
            return None
        step = np.linalg.solve(information, bads - design.T @ (weight * chance))
        if np.abs(step).max() < 1e-10 * (1 + np.abs(coefficients).max()):
            return LogisticFit(coefficients, np.linalg.inv(information))
        while (found := likelihood(coefficients + step)) < reached - 1e-9 * abs(reached):
            step /= 2
        coefficients, reached = coefficients + step, found
    return None
