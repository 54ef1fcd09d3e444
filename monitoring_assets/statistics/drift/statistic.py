"""Statistics of drift: one number for counts in the same bins, and its law without drift."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from monitoring_assets.statistics.drift.thresholds import Thresholds

if TYPE_CHECKING:
    from monitoring_assets.statistics.drift.significance import NullLaw

DRAWS = 2_000
"""Pairs of samples that a law is fitted to; the 1e-3 point then errs by about 3 %."""


class Statistic(ABC):
    """How far counts in the same bins are apart.

    A statistic that has no closed law keeps `null_law`, which is bootstrapped.
    """

    name: ClassVar[str]
    """As a manifest writes it."""

    label: ClassVar[str]
    """As people read it, in a few letters."""

    limits: ClassVar[Thresholds]
    """Thresholds where a manifest has none."""

    @abstractmethod
    def contributions(self, reference: ArrayLike, current: ArrayLike) -> NDArray[np.float64]:
        """Return what each bin adds to the statistic.

        Parameters
        ----------
        reference, current
            int[..., B], rows by bin; the leading axes broadcast.

        Returns
        -------
        ndarray
            float64[..., B], none negative, 0 for a bin without rows on both sides; NaN where a
            side has no rows.
        """

    def value(self, reference: ArrayLike, current: ArrayLike) -> float:
        """Return the statistic of one pair of counts, int[B] each: the sum of the contributions.

        Raises
        ------
        ValueError
            A side has no rows or a negative count, or the shapes differ.
        """
        sides = {"reference": np.asarray(reference), "current": np.asarray(current)}
        shapes = [side.shape for side in sides.values()]
        if len(shapes[0]) != 1 or shapes[0] != shapes[1]:
            raise ValueError(f"counts must have one shape, not {shapes[0]} and {shapes[1]}")
        for name, counts in sides.items():
            if (counts < 0).any():
                raise ValueError(f"the {name} has a negative count")
            if not counts.any():
                raise ValueError(f"the {name} has no rows")
        return float(self.contributions(reference, current).sum())

    def null_law(self, reference: NDArray[np.int64], current: NDArray[np.int64]) -> NullLaw:
        """Return how the statistic of two such samples is distributed without drift.

        A gamma law with the mean and the variance of ``DRAWS`` pairs of samples of these sizes,
        both drawn with the shares of the two taken together. The draws are the same for the same
        counts.

        Parameters
        ----------
        reference, current
            int64[B], rows by bin; each side has some.
        """
        from monitoring_assets.statistics.drift.significance import NullLaw

        both = reference + current
        shares = both[both > 0] / both.sum()
        draw = np.random.default_rng(DRAWS)
        values = self.contributions(
            draw.multinomial(reference.sum(), shares, DRAWS),
            draw.multinomial(current.sum(), shares, DRAWS),
        ).sum(-1)
        return NullLaw.with_moments(float(values.mean()), float(values.var()))
