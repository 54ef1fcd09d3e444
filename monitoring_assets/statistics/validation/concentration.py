"""Concentration of rows in bands: coefficient of variation and Herfindahl index."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr

from monitoring_assets.statistics.validation.outcome import ECB, TestOutcome

HERFINDAHL = TestOutcome(
    "Herfindahl index by number",
    "rows are no more concentrated in bands than at development",
    ECB.format("2.5.5.3"),
)
BY_EXPOSURE = TestOutcome(
    "Herfindahl index by exposure",
    "approved amounts are no more concentrated in bands than at development",
    ECB.format("2.5.5.3"),
)


@dataclass(frozen=True, slots=True)
class Concentration:
    """How unevenly rows lie in K bands.

    Parameters
    ----------
    variation
        Coefficient of variation of the shares, ``sqrt(K sum((share - 1/K)^2))``.
    herfindahl
        ``1 + ln((variation^2 + 1) / K) / ln K``: 0 for equal shares, 1 for all in one band.
    """

    variation: float
    herfindahl: float


def concentration(rows: Sequence[float]) -> Concentration | None:
    """Return the concentration of rows in bands; None without rows or with a single band.

    Parameters
    ----------
    rows
        By band, or amounts; bands without any included.
    """
    count = np.array(rows, float)
    bands = len(count)
    if bands < 2 or not count.sum():
        return None
    share = count / count.sum()
    variation = math.sqrt(bands * float(((share - 1 / bands) ** 2).sum()))
    index = 1 + math.log((variation**2 + 1) / bands) / math.log(bands)
    return Concentration(variation, index)


def herfindahl(
    now: Sequence[float], development: Sequence[float], test: TestOutcome = HERFINDAHL
) -> TestOutcome:
    """Test whether rows are more concentrated in bands than at development.

    Parameters
    ----------
    now, development
        Rows by band, or amounts, in the same bands.
    test
        What is tested.

    Returns
    -------
    TestOutcome
        The statistic is ``sqrt(K - 1) (V - V0) / sqrt(V^2 (1/2 + V^2))`` with the coefficients of
        variation now and then, normal without a change.

    Raises
    ------
    ValueError
        The bands differ.
    """
    if len(now) != len(development):
        raise ValueError(f"{len(now)} bands now and {len(development)} at development")
    after, before = concentration(now), concentration(development)
    if after is None or before is None:
        return replace(test, reason="no rows, or a single band")
    if not after.variation:
        return replace(test, reason="all bands have as many rows")
    spread = math.sqrt(after.variation**2 * (0.5 + after.variation**2))
    statistic = math.sqrt(len(now) - 1) * (after.variation - before.variation) / spread
    return replace(test, statistic=statistic, p_value=float(ndtr(-statistic)))
