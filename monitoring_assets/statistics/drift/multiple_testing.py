"""What chance explains: p-values of stability indices, and false discoveries among many."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, chndtr

from monitoring_assets.statistics.drift.stability import Smoothing, contributions
from monitoring_assets.statistics.drift.thresholds import Dependence


def indices(
    reference: NDArray[np.int64], current: NDArray[np.int64], smoothing: Smoothing = "jeffreys"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the stability index of each row of counts, and how likely chance exceeds it.

    Row by row this is ``stability_index``; one call does the days of a column.

    Parameters
    ----------
    reference
        int64[..., B], rows by bin.
    current
        int64[..., B], rows by bin on each day; the leading axes broadcast.
    smoothing
        As ``stability_index`` takes it.

    Returns
    -------
    values : ndarray
        float64[...]; NaN where a side has no rows.
    p_values : ndarray
        float64[...], probability of a value this large without drift, from
        ``(1 / n + 1 / m) * chi2(B - 1)``; NaN where a side has no rows.

    References
    ----------
    Yurdakul and Naranjo (2020), "Statistical properties of the population stability index",
    Journal of Risk Model Validation 14(4).
    """
    values = contributions(reference, current, smoothing=smoothing).sum(-1)
    scale, freedom = chance_law(reference, current)
    p_values = chdtrc(np.maximum(freedom, 1), values / scale)
    # In a single bin there is nothing that could differ.
    return values, np.where((freedom == 0) & np.isfinite(values), 1.0, p_values)


def chance_law(
    reference: NDArray[np.int64], current: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return scale and degrees of freedom of the chi-squared law of indices without drift.

    Parameters
    ----------
    reference, current
        As ``indices`` takes them.

    Returns
    -------
    scale : ndarray
        float64[...], ``1 / n + 1 / m``; infinite where a side has no rows.
    freedom : ndarray
        int64[...], bins with a row on either side, minus 1.
    """
    with np.errstate(divide="ignore"):
        scale = 1 / reference.sum(-1) + 1 / current.sum(-1)
    return scale, np.count_nonzero(reference + current, axis=-1) - 1


def minimum_effect_p(
    values: NDArray[np.float64],
    scale: NDArray[np.float64],
    freedom: NDArray[np.int64],
    true_index: NDArray[np.float64] | float,
    where: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Return how likely chance lifts an index from a true value to what was measured, or higher.

    Parameters
    ----------
    values
        float64[...], as ``indices`` returns them.
    scale, freedom
        float64[...] and int64[...], of the same counts, as ``chance_law`` returns them.
    true_index
        float64[...], index of the shares that the rows are drawn from.
    where
        bool[...], what to compute, as the law takes some microseconds a value; the rest has 1.

    Returns
    -------
    ndarray
        float64[...], from ``scale * chi2(freedom, true_index / scale)``, the noncentral law.

    References
    ----------
    Patnaik (1949), "The non-central chi-square and F-distributions and their applications",
    Biometrika 36: the law of a quadratic form of shares that differ by more than chance. Murphy
    and Myors (1999), "Testing the hypothesis that treatments have negligible effects", Journal of
    Applied Psychology 84(2): tests of a minimum effect.
    """
    p_values = np.ones(values.shape)
    of = scale[where]
    noncentrality = np.broadcast_to(true_index, values.shape)[where] / of
    p_values[where] = 1 - chndtr(values[where] / of, freedom[where], noncentrality)
    return p_values


def adjusted(
    p_values: NDArray[np.float64], dependence: Dependence = "positive"
) -> NDArray[np.float64]:
    """Return p-values adjusted for the number of them, row by row.

    Rejecting where the adjusted value is at most ``q`` keeps the expected share of false ones
    among the rejected at ``q``.

    Parameters
    ----------
    p_values
        float64[T, C]; NaN where nothing was tested, which does not count as a test.
    dependence
        ``"positive"``: independent, or positively dependent as correlated characteristics are
        (Benjamini-Hochberg). ``"any"``: whatever the dependence (Benjamini-Yekutieli).

    Returns
    -------
    ndarray
        float64[T, C], 0 to 1; NaN stays NaN.

    References
    ----------
    Benjamini and Hochberg (1995), Journal of the Royal Statistical Society B 57(1).
    Benjamini and Yekutieli (2001), Annals of Statistics 29(4).
    """
    order = np.argsort(p_values, axis=1)  # NaN last
    ranked = np.take_along_axis(p_values, order, 1)
    tests = np.isfinite(p_values).sum(1, keepdims=True)
    ranks = np.arange(1, p_values.shape[1] + 1)
    penalty = np.append(0.0, np.cumsum(1 / ranks))[tests] if dependence == "any" else 1.0
    scaled = np.where(np.isfinite(ranked), ranked * tests * penalty / ranks, np.inf)
    least = np.minimum.accumulate(scaled[:, ::-1], axis=1)[:, ::-1]
    result = np.empty_like(p_values)
    np.put_along_axis(result, order, np.minimum(least, 1.0), 1)
    return np.where(np.isfinite(p_values), result, np.nan)
