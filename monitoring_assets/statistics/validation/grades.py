"""Grades that differ: between neighbours, and not within themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.special import chdtrc, ndtr

from monitoring_assets.statistics.validation.outcome import TestOutcome

HETEROGENEITY = TestOutcome(
    "heterogeneity",
    "the band has no higher bad rate than its neighbour of lower predicted rate",
    "EBA (2023), Supervisory handbook on the validation of IRB rating systems; two proportions",
    is_wanted=True,
)
HOMOGENEITY = TestOutcome(
    "homogeneity over time",
    "the bad rate of the band is the same in every period",
    "EBA (2023), Supervisory handbook on the validation of IRB rating systems; Pearson (1900)",
)
FEWEST_EXPECTED = 5.0
"""Expected bads, and goods, of a period from which chi-squared is near enough (Cochran 1954)."""


def heterogeneity(
    rows: int, bads: int, predicted: float | None, below: tuple[int, int, float | None]
) -> TestOutcome:
    """Test whether a band has a higher bad rate than its neighbour.

    Parameters
    ----------
    rows, bads, predicted
        Of the band, as in `jeffreys`.
    below
        The same of the neighbour.

    Returns
    -------
    TestOutcome
        The statistic is ``(p1 - p0) / sqrt(p (1 - p) (1/n1 + 1/n0))`` with the pooled rate ``p``,
        normal if the rates are equal, the p-value one-sided towards the band of the higher
        predicted rate.
    """
    other_rows, other_bads, other_predicted = below
    if predicted is None or other_predicted is None:
        return replace(HETEROGENEITY, reason="no predicted rate says which band is the riskier")
    if not rows or not other_rows:
        return replace(HETEROGENEITY, reason="a band has no rows with an outcome")
    pooled = (bads + other_bads) / (rows + other_rows)
    if pooled in (0, 1):
        return replace(HETEROGENEITY, reason="both bands have only goods, or only bads")
    error = math.sqrt(pooled * (1 - pooled) * (1 / rows + 1 / other_rows))
    statistic = (bads / rows - other_bads / other_rows) / error
    if predicted < other_predicted:
        statistic = -statistic
    return replace(HETEROGENEITY, statistic=statistic, p_value=float(ndtr(-statistic)))


def homogeneity(rows: Sequence[int], bads: Sequence[int]) -> TestOutcome:
    """Test whether the bad rate of a band is the same in every period.

    Parameters
    ----------
    rows, bads
        Of the band, by period. Periods without rows are left out.

    Returns
    -------
    TestOutcome
        The statistic is Pearson's, chi-squared with a degree of freedom less than there are
        periods.
    """
    used = [one for one in zip(rows, bads, strict=True) if one[0]]
    if len(used) < 2:
        return replace(HOMOGENEITY, reason="fewer than two periods have rows with an outcome")
    n, d = (np.array(column, float) for column in zip(*used, strict=True))
    rate = d.sum() / n.sum()
    if float((n * min(rate, 1 - rate)).min()) < FEWEST_EXPECTED:
        reason = f"fewer than {FEWEST_EXPECTED:g} bads or goods are expected of a period"
        return replace(HOMOGENEITY, reason=reason)
    statistic = float((((d - n * rate) ** 2) / (n * rate * (1 - rate))).sum())
    p_value = float(chdtrc(len(used) - 1, statistic))
    return replace(HOMOGENEITY, statistic=statistic, p_value=p_value)
