"""The AUCs of two scores of the same rows, and whether they differ."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from monitoring_assets.statistics.performance.intervals import Estimate, Z, absent, normal

POWER = 0.8
"""Chance of finding a difference, for the days that it takes."""
SPREAD = Z + float(ndtri(POWER))
"""Standard errors that a difference must be, to be found at 5 % (two-sided) with that chance."""


@dataclass(frozen=True, slots=True)
class PairedAuc:
    """The AUCs of two scores of the same rows, with DeLong's covariance.

    Parameters
    ----------
    first, second
        Share of pairs of a good and a bad in which the bad has the higher score, ties half.
    covariance
        Variances of the first and the second, and their covariance; None below two of a kind.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44(3).
    """

    goods: int
    bads: int
    first: float
    second: float
    covariance: tuple[float, float, float] | None


@dataclass(frozen=True, slots=True)
class AucComparison:
    """The AUCs of two scores over some days.

    Parameters
    ----------
    days
        Days that have an AUC with a covariance.
    goods, bads
        Rows of those days.
    first, second
        Mean of the days' AUCs, weighted by pairs of a good and a bad.
    difference
        The second less the first, with a normal interval that knows that the rows are the same.
    p_value
        Probability of such a difference, either way, if there is none; None without a test.
    """

    days: int
    goods: int
    bads: int
    first: Estimate
    second: Estimate
    difference: Estimate
    p_value: float | None


@dataclass(frozen=True, slots=True)
class Wait:
    """How long it takes until a difference of AUCs shows.

    Parameters
    ----------
    days
        Days with outcomes after which a difference as large as the observed is significant at 5 %
        (two-sided) with a chance of ``POWER``; None if it cannot be said.
    smallest
        The smallest difference that the days at hand show with that chance.
    reason
        Why there is none, in words.
    """

    days: int | None
    smallest: float | None
    reason: str | None = None


def paired_auc(
    first: NDArray[np.float64], second: NDArray[np.float64], outcomes: NDArray[np.int8]
) -> PairedAuc | None:
    """Return the AUCs of two scores of the same rows; None without goods or without bads.

    Parameters
    ----------
    first, second
        float64[N], finite, a higher one riskier.
    outcomes
        int8[N], 1 for a bad, 0 for a good.
    """
    bad = outcomes == 1
    bads = int(bad.sum())
    goods = len(bad) - bads
    if not (goods and bads):
        return None
    scores = (first, second)
    of_bads = np.stack([_placements(one[bad], one[~bad]) for one in scores])
    aucs = of_bads.mean(axis=1)
    covariance = None
    if goods > 1 and bads > 1:
        of_goods = np.stack([_placements(one[~bad], one[bad]) for one in scores])
        matrix = np.cov(of_bads) / bads + np.cov(of_goods) / goods
        covariance = float(matrix[0, 0]), float(matrix[1, 1]), float(matrix[0, 1])
    return PairedAuc(goods, bads, float(aucs[0]), float(aucs[1]), covariance)


def together(days: Iterable[PairedAuc], nothing: str) -> AucComparison:
    """Compare two scores over days: pairs of a good and a bad are those of one day.

    Parameters
    ----------
    days
        Independent of each other; those without a covariance are left out.
    nothing
        The reason to give when there is none.
    """
    known = [(one, one.covariance) for one in days if one.covariance is not None]
    if not known:
        none = absent(nothing)
        return AucComparison(0, 0, 0, none, none, none, None)
    weights = np.array([one.goods * one.bads for one, _ in known], float)
    weights /= weights.sum()
    aucs = weights @ np.array([(one.first, one.second) for one, _ in known])
    first, second, both = weights**2 @ np.array([covariance for _, covariance in known])
    difference, p_value = _difference(aucs[1] - aucs[0], first + second - 2 * both)
    return AucComparison(
        len(known),
        sum(one.goods for one, _ in known),
        sum(one.bads for one, _ in known),
        normal(float(aucs[0]), math.sqrt(first), 0.0, 1.0),
        normal(float(aucs[1]), math.sqrt(second), 0.0, 1.0),
        difference,
        p_value,
    )


def wait(comparison: AucComparison, volume: float) -> Wait:
    """Return how long it takes until a difference shows.

    The standard error falls with the root of the rows, so that of D days is that of one over
    ``sqrt(D)``, and D is the least with ``|difference| >= (z_0.975 + z_0.8) error``.

    Parameters
    ----------
    volume
        Rows of a day from now on, over those of a compared day.

    References
    ----------
    Obuchowski and McClish (1997), Statistics in Medicine 16, with one variance under both
    hypotheses.
    """
    apart = comparison.difference
    if apart.value is None or not apart.standard_error:
        return Wait(None, None, apart.reason)
    smallest = SPREAD * apart.standard_error
    if not (apart.value and volume):
        return Wait(None, smallest, "no difference was observed, or no rows come any more")
    return Wait(math.ceil(comparison.days / volume * (smallest / apart.value) ** 2), smallest)


def _placements(these: NDArray[np.float64], among: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the others that lie below each of these, ties half."""
    others = np.sort(among)
    below, not_above = (np.searchsorted(others, these, side) for side in ("left", "right"))
    return (below + not_above) / (2 * len(others))


def _difference(value: float, variance: float) -> tuple[Estimate, float | None]:
    # Rounding leaves a trace where both rank every row alike.
    if variance <= 1e-18:
        reason = "no interval: both scores order the goods and the bads alike"
        return Estimate(float(value), reason=reason), None
    error = math.sqrt(variance)
    return normal(float(value), error, -1.0, 1.0), float(2 * ndtr(-abs(value) / error))
