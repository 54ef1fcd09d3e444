"""The stability index: how far counts in the same bins are apart (PSI, CSI)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitoring_assets.statistics.drift.statistic import Statistic
from monitoring_assets.statistics.drift.thresholds import Thresholds

if TYPE_CHECKING:
    from monitoring_assets.statistics.drift.significance import NullLaw

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
        int[..., B], rows by bin; the leading axes broadcast.
    smoothing
        What is done about shares of 0, of which there is no logarithm.

    Returns
    -------
    ndarray
        float64[..., B], ``(a - e) * ln(a / e)`` with ``e`` the reference share and ``a`` the
        current one, after smoothing; none is negative. NaN where a side has no rows.

    Raises
    ------
    ValueError
        The smoothing is not valid.
    """
    e, a = np.asarray(reference, np.float64), np.asarray(current, np.float64)
    used = (e + a) > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        e, a = (_shares(side, used, smoothing) for side in (e, a))
        return np.where(used | np.isnan(e + a), (a - e) * np.log(a / e), 0.0)


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
    return StabilityIndex(smoothing).value(reference, current)


@dataclass(frozen=True, slots=True)
class StabilityIndex(Statistic):
    """The index as a statistic like others; ``smoothing`` as `stability_index` takes it."""

    name: ClassVar[str] = "stability_index"
    label: ClassVar[str] = "PSI"
    limits: ClassVar[Thresholds] = Thresholds()

    smoothing: Smoothing = "jeffreys"

    def contributions(self, reference: ArrayLike, current: ArrayLike) -> NDArray[np.float64]:
        """Return what the function `contributions` returns."""
        return contributions(reference, current, smoothing=self.smoothing)

    def null_law(self, reference: NDArray[np.int64], current: NDArray[np.int64]) -> NullLaw:
        """Return the law of two such samples, which has a closed form."""
        from monitoring_assets.statistics.drift.significance import stability_law

        used = int(np.count_nonzero(reference + current))
        return stability_law(int(reference.sum()), int(current.sum()), used - 1)


def _shares(
    counts: NDArray[np.float64], used: NDArray[np.bool_], smoothing: Smoothing
) -> NDArray[np.float64]:
    """Return the share of each bin, NaN without rows; that of an unused bin says nothing."""
    rows = counts.sum(-1, keepdims=True)
    if smoothing == "jeffreys":
        smooth = (counts + 0.5) * used
        return np.where(rows > 0, smooth / smooth.sum(-1, keepdims=True), np.nan)
    if isinstance(smoothing, str) or not 0 < smoothing < 1:
        raise ValueError(f"smoothing must be 'jeffreys' or a share in (0, 1), not {smoothing!r}")
    shares = counts / rows
    return np.where(shares == 0, smoothing, shares)
