"""Which characteristic moved the mean score, and by how much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring_assets.statistics.profiles.profile import ColumnProfile


@dataclass(frozen=True, eq=False)
class MeanShift:
    """The shift of the mean score, split at one characteristic.

    Parameters
    ----------
    shift
        Current mean score minus the reference's; ``mix + within``.
    mix
        The part that follows from other shares of the characteristic's bins.
    within
        The rest: the mean score moved inside the bins, by other characteristics or the model.
    by_bin
        float64[B], the part of ``mix`` of each bin, in the order of the profile's slots.
    """

    shift: float
    mix: float
    within: float
    by_bin: NDArray[np.float64]


def mean_shift(reference: ColumnProfile, current: ColumnProfile) -> MeanShift:
    """Split the shift of the mean score at one characteristic, exactly, from sums by bin.

    With shares ``e`` (reference) and ``a`` (current), ``m`` the reference mean score by bin and
    ``M`` over all rows, ``mix = sum((a - e) * (m - M))``: the shift if only the shares had
    changed. Where the reference has no rows in a bin, ``m`` is the current mean there.

    Characteristics that are correlated move together, and each one's mix holds the common part:
    the mixes of several need not add to the shift.

    Parameters
    ----------
    reference, current
        Profiles of one characteristic in the same bins, counted with the score.

    Returns
    -------
    MeanShift
        In units of the score.

    Raises
    ------
    ValueError
        A profile has an error, no score or no scored rows, or the bins differ.

    References
    ----------
    Kitagawa (1955), "Components of a difference between two rates", Journal of the American
    Statistical Association 50(272); here with the reference as the standard population and the
    interaction counted in ``within``.
    """
    if reference.bins is None or reference.bins != current.bins:
        raise ValueError("both profiles must be counted in the same bins")
    (e, e_sums), (a, a_sums) = _scored(reference), _scored(current)
    mean, current_mean = e_sums.sum() / e.sum(), a_sums.sum() / a.sum()
    sums, rows = np.where(e > 0, e_sums, a_sums), np.where(e > 0, e, a)
    # A bin without any rows has equal shares, so its mean does not matter.
    means = sums / np.maximum(rows, 1)
    by_bin = (a / a.sum() - e / e.sum()) * (means - mean)
    shift, mix = float(current_mean - mean), float(by_bin.sum())
    return MeanShift(shift, mix, shift - mix, by_bin)


def additive_part(
    effects: NDArray[np.float64], reference: ColumnProfile, current: ColumnProfile
) -> NDArray[np.float64]:
    """Return what a characteristic did to the mean score, beside all others, by bin.

    With shares ``e`` (reference) and ``a`` (current) of all rows it is ``(a - e) * effect``: their
    sum is the shift if the score were the sum of the bins' effects and only this characteristic had
    changed. Parts of several add up.

    Parameters
    ----------
    effects
        float64[B], of the bins, in units of the score; see `Surrogate`.
    reference, current
        Profiles of the characteristic in the same bins, with rows.

    Returns
    -------
    float64[B], in units of the score.
    """
    shares = [side.counts / side.counts.sum() for side in (current, reference)]
    part: NDArray[np.float64] = (shares[0] - shares[1]) * effects
    return part


def score_spread(score: ColumnProfile) -> float:
    """Standard deviation of the mean scores of the score's own bins.

    A little under that of the scores, whose spread within a bin it leaves out: with ten bins of a
    normal score by 2 %.

    Parameters
    ----------
    score
        Profile of the score, counted with the score.

    Returns
    -------
    float
        In units of the score.

    Raises
    ------
    ValueError
        The profile has an error, no score or no scored rows.
    """
    rows, sums = _scored(score)
    means = sums / np.maximum(rows, 1)
    return float(np.sqrt(np.average((means - sums.sum() / rows.sum()) ** 2, weights=rows)))


def _scored(profile: ColumnProfile) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return scored rows and score sums by bin."""
    if profile.score_counts is None or profile.score_sums is None:
        raise ValueError("a profile was counted without the score")
    if not profile.score_counts.any():
        raise ValueError("a profile has no scored rows")
    return profile.score_counts, profile.score_sums
