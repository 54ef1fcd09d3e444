"""The Jensen-Shannon distance."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitoring_assets.statistics.drift.statistic import Statistic
from monitoring_assets.statistics.drift.thresholds import Thresholds


class JensenShannon(Statistic):
    """Square root of the Jensen-Shannon divergence in bits: 0 for equal shares, at most 1.

    Empty bins need no smoothing. For small shifts it is about ``sqrt(PSI / (8 ln 2))``, so that a
    PSI of 0.1 and of 0.25 are distances of 0.13 and of 0.21.

    References
    ----------
    Lin (1991), "Divergence measures based on the Shannon entropy", IEEE Transactions on
    Information Theory 37(1). Endres and Schindelin (2003), "A new metric for probability
    distributions", IEEE Transactions on Information Theory 49(7).
    """

    name: ClassVar[str] = "jensen_shannon"
    label: ClassVar[str] = "JS"
    limits: ClassVar[Thresholds] = Thresholds(warn=0.1, fail=0.2)

    def contributions(self, reference: ArrayLike, current: ArrayLike) -> NDArray[np.float64]:
        """Return each bin's part of the divergence, divided by the distance."""
        e, a = (np.asarray(side, np.float64) for side in (reference, current))
        with np.errstate(divide="ignore", invalid="ignore"):
            e, a = (side / side.sum(-1, keepdims=True) for side in (e, a))
            middle = (e + a) / 2
            # Rounding can leave a bin of equal shares below 0.
            parts = np.maximum(_entropy(e, middle) + _entropy(a, middle), 0.0) / 2
            distance = np.sqrt(parts.sum(-1, keepdims=True))
            return np.where(distance == 0, 0.0, parts / distance)


def _entropy(share: NDArray[np.float64], of: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``share * log2(share / of)``, 0 where the share is 0."""
    return np.where(share == 0, 0.0, share * np.log2(share / of))
