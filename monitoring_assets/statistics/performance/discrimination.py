"""Discrimination: AUC with DeLong's variance, Gini, and the Kolmogorov-Smirnov statistic."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from monitoring_assets.statistics.performance.intervals import (
    LEVEL,
    Estimate,
    absent,
    normal,
)
from monitoring_assets.statistics.performance.score_groups import ScoreGroups


@dataclass(frozen=True, slots=True)
class Discrimination:
    """How well the score tells bads from goods.

    Parameters
    ----------
    auc
        Probability that a bad has the riskier score than a good, ties counted half. DeLong's
        standard error; the interval is normal on the logit scale, so it stays within 0 and 1.
    gini
        ``2 AUC - 1``, with all that follows from AUC's.
    ks
        Greatest distance of the distribution functions of goods' and bads' scores. The standard
        error is Raghavachari's, which takes the place of the maximum for known. The maximum of a
        small sample is too large, so the interval is not made of it but of Kolmogorov's band,
        which holds wherever the maximum is: 98 % or more of such intervals hold the true value.
    bad_component, good_component
        Variance of the placements of bads among goods, and of goods among bads: DeLong's
        variance is ``bad_component / bads + good_component / goods``. None below two of a kind.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44(3). Raghavachari (1973), Annals of
    Statistics 1(1). Kolmogorov's band: Massart (1990), Annals of Probability 18(3).
    """

    auc: Estimate
    gini: Estimate
    ks: Estimate
    bad_component: float | None
    good_component: float | None


class Placements:
    """Sums over rows in the order of scores from which ``Discrimination`` follows.

    Parameters
    ----------
    goods, bads
        Rows of each kind that will come. KS needs them beforehand, since the place of the
        greatest distance depends on them.
    """

    def __init__(self, goods: int, bads: int) -> None:
        self._totals = goods, bads
        self._below = 0, 0
        self._pairs = 0  # twice the pairs in order, ties once: an integer, so AUC is exact
        self._bad_squares = 0.0
        self._good_squares = 0.0
        self._distance = 0  # KS in units of 1 / (goods * bads): an integer, so ties are exact
        self._place: tuple[int, int] | None = None

    def add(self, groups: ScoreGroups) -> None:
        """Add the next scores, complete and ascending."""
        total_goods, total_bads = self._totals
        goods_to = self._below[0] + np.cumsum(groups.goods)
        bads_to = self._below[1] + np.cumsum(groups.bads)
        self._below = int(goods_to[-1]), int(bads_to[-1])
        if not (total_goods and total_bads):
            return
        goods_below = 2 * goods_to - groups.goods  # twice the goods below, ties half
        bads_below = 2 * bads_to - groups.bads
        self._pairs += int(groups.bads @ goods_below)
        self._bad_squares += float((groups.bads * (goods_below / (2 * total_goods)) ** 2).sum())
        self._good_squares += float((groups.goods * (bads_below / (2 * total_bads)) ** 2).sum())
        distances = goods_to * total_bads - bads_to * total_goods
        at = int(np.argmax(np.abs(distances)))
        if abs(distances[at]) > self._distance:
            self._distance = int(abs(distances[at]))
            self._place = int(goods_to[at]), int(bads_to[at])

    def result(self, direction: int) -> Discrimination:
        """Return what follows.

        Parameters
        ----------
        direction
            1 if a high score is risky, -1 if it is safe.
        """
        goods, bads = self._totals
        if not (goods and bads):
            nothing = absent(f"needs goods and bads, has {goods} and {bads}")
            return Discrimination(nothing, nothing, nothing, None, None)
        ascending = self._pairs / (2 * goods * bads)
        bad_component = _variance(self._bad_squares, ascending, bads)
        good_component = _variance(self._good_squares, 1 - ascending, goods)
        value = self._pairs if direction > 0 else 2 * goods * bads - self._pairs
        auc = _auc(value / (2 * goods * bads), bad_component, good_component, goods, bads)
        return Discrimination(auc, _gini(auc), self._ks(), bad_component, good_component)

    def _ks(self) -> Estimate:
        goods, bads = self._totals
        band = math.sqrt(math.log(2 / (1 - LEVEL)) / 2 * (1 / goods + 1 / bads))
        value = self._distance / (goods * bads)
        if self._place is None:  # goods and bads have the same distribution
            return Estimate(value, 0.0, 0.0, min(band, 1.0))
        goods_to, bads_to = self._place
        variance = sum(
            below / total * (1 - below / total) / total
            for below, total in ((goods_to, goods), (bads_to, bads))
        )
        interval = max(value - band, 0.0), min(value + band, 1.0)
        return Estimate(value, math.sqrt(variance), *interval)


def auc_error(bad_component: float, good_component: float, goods: int, bads: int) -> float:
    """Return DeLong's standard error of AUC in a cohort, by the components of its population.

    A cohort with a single bad has no components of its own; the reference's serve it.

    Parameters
    ----------
    bad_component, good_component
        As in ``Discrimination``.
    goods, bads
        Size of the cohort, at least 1 each.
    """
    return math.sqrt(bad_component / bads + good_component / goods)


def _variance(squares: float, mean: float, count: int) -> float | None:
    return max(squares - count * mean**2, 0.0) / (count - 1) if count > 1 else None


def _auc(
    value: float,
    bad_component: float | None,
    good_component: float | None,
    goods: int,
    bads: int,
) -> Estimate:
    if bad_component is None or good_component is None:
        reason = f"an interval needs two goods and two bads, has {goods} and {bads}"
        return Estimate(value, reason=reason)
    error = auc_error(bad_component, good_component, goods, bads)
    if value in (0, 1):
        return Estimate(value, reason="no interval: the score separates goods and bads")
    if error == 0:
        return Estimate(value, reason="no interval: the score does not tell any row from another")
    on_logit = normal(float(logit(value)), error / (value * (1 - value)))
    return Estimate(value, error, float(expit(on_logit.low)), float(expit(on_logit.high)))


def _gini(auc: Estimate) -> Estimate:
    value, low, high = (None if x is None else 2 * x - 1 for x in (auc.value, auc.low, auc.high))
    error = None if auc.standard_error is None else 2 * auc.standard_error
    return Estimate(value, error, low, high, auc.reason)
