"""Days without drift, drawn at a model's own volumes, weekdays and restlessness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, chdtri

from monitoring_assets.statistics.drift.last_days import WEEK
from monitoring_assets.statistics.drift.multiple_testing import indices

LEVEL = 1e-3
"""A weekday has a shape of its own, and days vary more than chance, only beyond this level."""

LEARN_DAYS = 2 * WEEK
"""Quiet days from which weekdays and restlessness can be told from chance."""


@dataclass(frozen=True, eq=False)
class QuietColumn:
    """How a column's rows fall into its bins as long as nothing drifts.

    Parameters
    ----------
    reference
        int64[B], rows by bin.
    used
        bool[B], bins that the reference or a stored day has rows in; no others ever get any.
    weekdays
        float64[7, B], Monday first: a weekday's shares over those of all days; 1 where a weekday
        is like the others.
    dispersion
        ``1 / (1 + k)``, ``k`` the concentration of the Dirichlet distribution that a day's shares
        are drawn from; 0 if days differ by chance alone.
    """

    reference: NDArray[np.int64]
    used: NDArray[np.bool_]
    weekdays: NDArray[np.float64]
    dispersion: float

    @classmethod
    def learnt(
        cls, reference: NDArray[np.int64], counts: NDArray[np.int64], weekday: NDArray[np.int64]
    ) -> QuietColumn:
        """Learn a column from stored days.

        Parameters
        ----------
        reference
            int64[B], rows by bin.
        counts
            int64[D, B], rows by bin on quiet days.
        weekday
            int64[D], 0 for Monday.

        Notes
        -----
        The dispersion is that of a Dirichlet-multinomial, whose Pearson statistic has the
        expectation ``dof * (1 + (rows - 1) * dispersion)`` (Mosimann 1962, Biometrika 49). The
        statistic's median stands for its mean, so that a few odd days do not count (as in genomic
        control, Devlin and Roeder 1999, Biometrics 55).
        """
        used = (reference + counts.sum(0)) > 0
        leaning = np.ones((WEEK, len(reference)))
        if len(counts) < LEARN_DAYS:
            return cls(reference, used, leaning, 0.0)
        total = counts.sum(0)
        for day in range(WEEK):
            own = counts[weekday == day].sum(0)
            _, p = indices(total - own, own[None])
            if p[0] <= LEVEL:
                ratio = ((own + 0.5) / (own + 0.5).sum()) / ((total + 0.5) / (total + 0.5).sum())
                leaning[day] = np.where(used, ratio, 1.0)
        shares = np.where(total > 0, total / total.sum(), 0.0) * leaning[weekday]
        shares /= shares.sum(1, keepdims=True)
        rows = counts.sum(1, keepdims=True)
        expected = rows * shares
        with np.errstate(divide="ignore", invalid="ignore"):
            pearson = np.where(expected > 0, (counts - expected) ** 2 / expected, 0.0).sum(1)
        dof = int(np.count_nonzero(total)) - 1
        # The shares were learnt from the same days.
        if dof < 1 or chdtrc(dof * (len(counts) - 1), pearson.sum()) > LEVEL:
            return cls(reference, used, leaning, 0.0)
        excess = np.median(pearson) / chdtri(dof, 0.5) - 1
        typical = max(float(np.median(rows)) - 1, 1.0)
        return cls(reference, used, leaning, float(np.clip(excess / typical, 0.0, 0.5)))

    @property
    def is_seasonal(self) -> bool:
        """Whether a weekday has a shape of its own."""
        return bool((self.weekdays != 1).any())

    def draw(
        self,
        random: np.random.Generator,
        rows: NDArray[np.int64],
        tilt: NDArray[np.float64] | None = None,
    ) -> NDArray[np.int64]:
        """Draw histories that begin on a Monday, each with a population of its own.

        Parameters
        ----------
        random
            Source of chance.
        rows
            int64[T, R], rows of each day.
        tilt
            float64[T, R, B], added to the logarithm of each share; None for no drift.

        Returns
        -------
        ndarray
            int64[T, R, B], rows by bin.

        Notes
        -----
        The population is drawn from the posterior of the reference's shares under Jeffreys'
        prior, Dirichlet(counts + 0.5): the reference is a sample too, and any may be its source.
        """
        alpha = np.where(self.used, self.reference + 0.5, 0.0)
        truth = random.standard_gamma(np.broadcast_to(alpha, (rows.shape[1], len(alpha))))
        shares = truth[None] * self.weekdays[np.arange(len(rows)) % WEEK][:, None]
        if tilt is not None:
            shares = shares * np.exp(tilt)
        shares = np.broadcast_to(shares, (*rows.shape, len(alpha)))
        shares = shares / shares.sum(-1, keepdims=True)
        if self.dispersion > 0:
            shares = random.standard_gamma(shares * (1 / self.dispersion - 1))
            shares /= shares.sum(-1, keepdims=True)
        return random.multinomial(rows, shares)


def draw_rows(
    random: np.random.Generator,
    rows: NDArray[np.int64],
    weekday: NDArray[np.int64],
    days: int,
    histories: int,
) -> NDArray[np.int64]:
    """Draw the rows of days from a Monday on: those of stored days of the same weekday.

    Parameters
    ----------
    random
        Source of chance.
    rows, weekday
        int64[D], of stored days, D being 1 or more. With ``LEARN_DAYS`` or more of them a weekday
        that they lack has no batch; with fewer any day stands for any other.
    days, histories
        Numbers T of days and R of histories.

    Returns
    -------
    ndarray
        int64[T, R].
    """
    result = np.zeros((days, histories), np.int64)
    for day in range(WEEK):
        like = rows[weekday == day] if len(rows) >= LEARN_DAYS else rows
        if len(like):
            result[day::WEEK] = random.choice(like, result[day::WEEK].shape)
    return result
