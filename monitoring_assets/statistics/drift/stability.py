"""The stability index: how far counts in the same bins are apart (PSI, CSI)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Smoothing = Literal["jeffreys"] | float
"""``"jeffreys"`` adds 0.5 to each count; a number is the share that replaces a share of 0."""


def contributions(
    reference: ArrayLike, current: ArrayLike, *, smoothing: Smoothing = "jeffreys"
) -> NDArray[np.float64]:
    """Return what each bin adds to the stability index.

    A bin without rows on both sides tells nothing: it adds 0 and is left out of the smoothing.

    Parameters
    ----------
    reference, current
        int[B], rows by bin.
    smoothing
        What is done about shares of 0, of which there is no logarithm.

    Returns
    -------
    ndarray
        float64[B], ``(a - e) * ln(a / e)`` with ``e`` the reference share and ``a`` the current
        one, after smoothing; none is negative.

    Raises
    ------
    ValueError
        A side has no rows or a negative count, the shapes differ, or the smoothing is not valid.
    """
    e = np.asarray(reference, np.float64)
    a = np.asarray(current, np.float64)
    if e.ndim != 1 or e.shape != a.shape:
        raise ValueError(f"counts must have one shape, not {e.shape} and {a.shape}")
    for side, counts in (("reference", e), ("current", a)):
        if (counts < 0).any():
            raise ValueError(f"the {side} has a negative count")
        if not counts.any():
            raise ValueError(f"the {side} has no rows")
    used = (e + a) > 0
    result = np.zeros(len(e))
    e, a = _shares(e[used], smoothing), _shares(a[used], smoothing)
    result[used] = (a - e) * np.log(a / e)
    return result


def stability_index(
    reference: ArrayLike, current: ArrayLike, *, smoothing: Smoothing = "jeffreys"
) -> float:
    """Return the population stability index of counts in the same bins.

    For a characteristic instead of a score the same number is called CSI. It is the symmetric
    Kullback-Leibler divergence (Jeffreys' J), in nats.

    Parameters
    ----------
    reference, current
        int[B], rows by bin.
    smoothing
        ``"jeffreys"`` adds 0.5 to each count, which keeps the critical value honest down to small
        samples; a number such as 1e-4 replaces a share of 0, as many validators do.

    Returns
    -------
    float
        ``sum((a - e) * ln(a / e))``, 0 for equal shares.

    Raises
    ------
    ValueError
        A side has no rows or a negative count, the shapes differ, or the smoothing is not valid.

    Examples
    --------
    >>> round(stability_index([50, 50], [75, 25], smoothing=1e-4), 4)
    0.2747

    References
    ----------
    Jeffreys (1946), "An invariant form for the prior probability in estimation problems".
    Siddiqi (2006), "Credit Risk Scorecards", on the index in scorecard monitoring.
    """
    return float(contributions(reference, current, smoothing=smoothing).sum())


def _shares(counts: NDArray[np.float64], smoothing: Smoothing) -> NDArray[np.float64]:
    shares: NDArray[np.float64]
    if smoothing == "jeffreys":
        shares = (counts + 0.5) / (counts + 0.5).sum()
        return shares
    if isinstance(smoothing, str) or not 0 < smoothing < 1:
        raise ValueError(f"smoothing must be 'jeffreys' or a share in (0, 1), not {smoothing!r}")
    shares = counts / counts.sum()
    shares[shares == 0] = smoothing
    return shares
