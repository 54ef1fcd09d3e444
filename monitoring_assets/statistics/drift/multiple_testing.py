"""What chance explains: p-values of stability indices, and false discoveries among many."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

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
    n, m = reference.sum(-1), current.sum(-1)
    freedom = np.count_nonzero(reference + current, axis=-1) - 1
    with np.errstate(divide="ignore"):
        p_values = chdtrc(np.maximum(freedom, 1), values / (1 / n + 1 / m))
    # In a single bin there is nothing that could differ.
    return values, np.where((freedom == 0) & np.isfinite(values), 1.0, p_values)


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
