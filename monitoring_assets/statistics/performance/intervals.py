"""Estimates: a value, its standard error and its 95 % interval, or the reason why there is none."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from scipy.special import ndtri

LEVEL = 0.95
"""Confidence of every interval."""
Z = float(ndtri((1 + LEVEL) / 2))
"""Standard normal quantile of a two-sided interval."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A statistic of a cohort. A number that cannot be computed is None, never NaN.

    Parameters
    ----------
    value
        The statistic.
    low, high
        Ends of its 95 % interval; how it is made is said where the estimate is.
    reason
        Why one of the others is None, in words; None where all are there.
    """

    value: float | None
    standard_error: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str | None = None


def absent(reason: str) -> Estimate:
    """Return an estimate that has no value.

    Parameters
    ----------
    reason
        Why, in words.
    """
    return Estimate(None, reason=reason)


def normal(
    value: float, standard_error: float, least: float = -math.inf, most: float = math.inf
) -> Estimate:
    """Return an estimate with a symmetric normal (Wald) interval.

    Parameters
    ----------
    value, standard_error
        As in ``Estimate``.
    least, most
        Bounds of what the statistic can be; the interval is cut there.
    """
    low, high = value - Z * standard_error, value + Z * standard_error
    return Estimate(value, standard_error, max(low, least), min(high, most))


def weighted_mean(
    parts: Iterable[tuple[int, Estimate]], nothing: str, least: float, most: float
) -> Estimate:
    """Return the mean of independent estimates with a normal interval.

    Parameters
    ----------
    parts
        Weight and estimate of each; those without a value, an error or a weight are left out.
    nothing
        The reason to give when none is left.
    least, most
        As in `normal`.
    """
    known = [
        (weight, one.value, one.standard_error)
        for weight, one in parts
        if weight and one.value is not None and one.standard_error is not None
    ]
    if not known:
        return absent(nothing)
    total = sum(weight for weight, *_ in known)
    value = sum(weight * value for weight, value, _ in known) / total
    error = math.sqrt(sum((weight * error / total) ** 2 for weight, _, error in known))
    return normal(value, error, least, most)


def newcombe(one: Estimate, other: Estimate) -> tuple[float, float, float]:
    """Return the difference of two shares, and the ends of its interval by Newcombe.

    Parameters
    ----------
    one, other
        From `proportion`, with a value.

    References
    ----------
    Newcombe (1998), Interval estimation for the difference between independent proportions,
    Statistics in Medicine 17, method 10.
    """
    p1, l1, u1 = ends(one)
    p2, l2, u2 = ends(other)
    value = p1 - p2
    return value, value - math.hypot(p1 - l1, u2 - p2), value + math.hypot(u1 - p1, p2 - l2)


def ends(one: Estimate) -> tuple[float, float, float]:
    """Return the value of an estimate that has an interval, and the interval's ends."""
    assert one.value is not None
    assert one.low is not None
    assert one.high is not None
    return one.value, one.low, one.high


def proportion(hits: int, trials: int, nothing: str) -> Estimate:
    """Return a share with Wilson's interval.

    The standard error is the interval's half width over its normal quantile: that of the share,
    ``sqrt(p (1 - p) / n)``, in large samples, and above 0 even where there is no hit.

    Parameters
    ----------
    hits, trials
        How many of how many.
    nothing
        The reason to give when there is no trial.

    References
    ----------
    Wilson (1927), Journal of the American Statistical Association 22. Brown, Cai and DasGupta
    (2001), Statistical Science 16(2), on its coverage.
    """
    if not trials:
        return absent(nothing)
    share = hits / trials
    shrink = 1 + Z**2 / trials
    centre = (share + Z**2 / (2 * trials)) / shrink
    error = math.sqrt(share * (1 - share) / trials + Z**2 / (4 * trials**2)) / shrink
    # Rounding must not put an end on the wrong side of a share of 0 or 1.
    low = 0.0 if hits == 0 else centre - Z * error
    high = 1.0 if hits == trials else centre + Z * error
    return Estimate(share, error, low, high)
