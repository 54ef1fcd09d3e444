"""The acceptance rule against the applicants: which of the two moved an approval rate.

The rule is seen through the score alone: a rate of approval at each score. What other policy rules
read beside the score counts as the rule.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from monitoring_assets.statistics.decisions.counts import DecisionCounts
from monitoring_assets.statistics.drift.drift import Judgement, judge_counts
from monitoring_assets.statistics.drift.stability import StabilityIndex
from monitoring_assets.statistics.drift.thresholds import ALARMING, Thresholds

LEVEL = 0.001
"""Chance that a rule that has not changed is said to have. A policy, for a test that is repeated
each day on the last days together."""
LEAST_CHANGE = 0.02
"""Mean absolute change of the approval rate at the same score from which a rule has changed. A
policy: of many rows the test finds less."""
MIN_DECIDED = 100
"""Fewest decided rows on each side that anything is said about."""
MIN_VARIANCE = 5.0
"""Variance of a band's approvals from which it is tested alone; others are tested together."""
MOST_UNKNOWN = 0.2
"""Share of decided rows at scores without any before, over which nothing is said."""
MOST_UNDECIDED = 0.1
"""Change of the share of undecided rows over which nothing is said: who waits is no sample."""


@dataclass(frozen=True, slots=True)
class Decomposition:
    """An approval rate less an earlier one, as two parts that add up to it.

    Parameters
    ----------
    before, now
        Approved of the decided.
    by_rule
        ``now`` less what the earlier rule would have made of the applicants of now.
    by_applicants
        That, less ``before``.
    unknown
        Share of the rows of now in cells without a row before: their earlier rate is taken to be
        that of now, so that they count as applicants.
    """

    before: float
    now: float
    by_rule: float
    by_applicants: float
    unknown: float


@dataclass(frozen=True, slots=True)
class RuleTest:
    """A test of whether rows of the same score are approved as often as before.

    Parameters
    ----------
    statistic, degrees, p_value
        Chi-squared; 1 without anything to test.
    changes
        float64[B], by band the mean of the change of the rate at the same score, weighted by
        ``n0 n1 / (n0 + n1)``; 0 without rows on both sides.
    scores
        float64[B], each over its standard error; 0 where nothing varies.
    size
        Mean of the absolute changes, weighted alike.
    """

    statistic: float
    degrees: int
    p_value: float
    changes: NDArray[np.float64]
    scores: NDArray[np.float64]
    size: float


@dataclass(frozen=True, slots=True)
class AcceptanceChange:
    """The acceptance rule and the applicants, now against before.

    Parameters
    ----------
    reason
        Why nothing can be said; all else is then None.
    rates
        Of approval.
    p_value
        Of the test of the rule.
    rule_changed
        Whether it is under ``LEVEL`` and the change is at least ``LEAST_CHANGE``.
    band
        Position of the band whose change stands out most.
    band_now, band_before
        Approved of its decided, and what the earlier rule would have approved of them.
    applicants
        The stability index of all scored rows by band.
    """

    reason: str | None = None
    rates: Decomposition | None = None
    p_value: float | None = None
    rule_changed: bool | None = None
    band: int | None = None
    band_now: float | None = None
    band_before: float | None = None
    applicants: Judgement | None = None

    @property
    def applicants_changed(self) -> bool:
        """Whether their index is over a threshold, and beyond chance."""
        return self.applicants is not None and self.applicants.status in ALARMING

    def in_words(self, band: str) -> str:
        """Say in one sentence what has changed.

        Parameters
        ----------
        band
            The name of ``band`` for people.
        """
        if self.rates is None or self.applicants is None:
            return f"It cannot be said whether the acceptance rule changed: {self.reason}"
        psi, drifted = f"PSI {self.applicants.value:.2f}", self.applicants_changed
        if self.rule_changed:
            also = (
                f"and so did the applicants ({psi})"
                if drifted
                else f"the applicants did not ({psi})"
            )
            what = (
                f"The acceptance rule changed: of applicants in band {band}, {self.band_now:.0%} "
                f"are approved where {self.band_before:.0%} were; {also}"
            )
        elif drifted:
            what = f"The applicants changed ({psi}), the acceptance rule did not"
        else:
            what = f"Neither the acceptance rule nor the applicants ({psi}) changed"
        rates = self.rates
        # Adding zero turns -0.0 into 0.0.
        by_rule, by_applicants = (
            round(100 * one, 1) + 0.0 for one in (rates.by_rule, rates.by_applicants)
        )
        return (
            f"{what}. Approval rate {rates.now:.1%}, before {rates.before:.1%}: "
            f"{by_rule:+.1f} points by the rule, {by_applicants:+.1f} by the applicants"
        )


def acceptance_change(
    before: DecisionCounts, now: DecisionCounts, thresholds: Thresholds, index: StabilityIndex
) -> AcceptanceChange:
    """Tell a change of the acceptance rule from one of the applicants.

    Parameters
    ----------
    before, now
        In the same cells.
    thresholds, index
        Of the score's PSI.

    Raises
    ------
    ValueError
        The cells differ.
    """
    if not now.is_like(before):
        raise ValueError("decisions that were counted in other cells cannot be compared")
    sides = {"before": before, "now": now}
    decided = {name: int(one.decided.sum()) for name, one in sides.items()}
    for name, count in decided.items():
        if count < MIN_DECIDED:
            return AcceptanceChange(
                f"{count} decided rows {name}; at least {MIN_DECIDED} are wanted"
            )
    waiting = {n: 1 - decided[n] / int(one.counts["scored"].sum()) for n, one in sides.items()}
    if abs(waiting["now"] - waiting["before"]) > MOST_UNDECIDED:
        return AcceptanceChange(
            f"{waiting['now']:.0%} of the rows are undecided now, {waiting['before']:.0%} before"
        )
    rates = decompose(before, now)
    if rates.unknown > MOST_UNKNOWN:
        return AcceptanceChange(
            f"{rates.unknown:.0%} of the decided have scores that none had before"
        )
    test = rule_test(before, now)
    band = int(np.argmax(np.abs(test.scores)))
    of_band = now.band_of_cell == band
    rows = now.decided[of_band].sum()
    band_now = float(now.counts["approved"][of_band].sum() / rows) if rows else 0.0
    moved = _moved(before, now)[of_band].sum()
    was, there = (one.by_band(one.counts["scored"]) for one in (before, now))
    return AcceptanceChange(
        rates=rates,
        p_value=test.p_value,
        rule_changed=test.p_value < LEVEL and test.size >= LEAST_CHANGE,
        band=band,
        band_now=band_now,
        band_before=band_now - float(moved / rows) if rows else 0.0,
        applicants=judge_counts(was, there, thresholds, index),
    )


def decompose(before: DecisionCounts, now: DecisionCounts) -> Decomposition:
    """Split the change of an approval rate into a part of the rule and one of the applicants.

    Parameters
    ----------
    before, now
        In the same cells, each with decided rows.

    References
    ----------
    Oaxaca (1973) and Blinder (1973), the twofold decomposition, by cells of the score.
    """
    rows = now.decided.sum()
    rate_before, rate_now = (
        float(one.counts["approved"].sum() / one.decided.sum()) for one in (before, now)
    )
    by_rule = float(_moved(before, now).sum() / rows)
    unknown = float(now.decided[before.decided == 0].sum() / rows)
    return Decomposition(rate_before, rate_now, by_rule, rate_now - rate_before - by_rule, unknown)


def _moved(before: DecisionCounts, now: DecisionCounts) -> NDArray[np.float64]:
    """float64[C], approved now less what the earlier rates make of the same rows."""
    known = before.decided > 0
    rates = np.divide(
        before.counts["approved"], before.decided, where=known, out=np.zeros(len(known))
    )
    moved: NDArray[np.float64] = np.where(known, now.counts["approved"] - now.decided * rates, 0.0)
    return moved


def rule_test(before: DecisionCounts, now: DecisionCounts) -> RuleTest:
    """Test whether rows are approved as often as before, given their score.

    Each cell of the score is a stratum with hypergeometric approvals. Those of a band add up to
    the statistic of Cochran, Mantel and Haenszel, and the bands, which are independent, to a
    chi-squared of as many degrees of freedom: a rule that opens one band and shuts another does not
    cancel out. Bands in which few decisions vary are tested together, as one.

    Parameters
    ----------
    before, now
        In the same cells.

    References
    ----------
    Mantel and Haenszel (1959), "Statistical aspects of the analysis of data from retrospective
    studies of disease"; Agresti, "Categorical Data Analysis", 6.4.
    """
    both = (before.decided > 0) & (now.decided > 0)
    n0, n1 = (one.decided[both].astype(np.float64) for one in (before, now))
    a0, a1 = (one.counts["approved"][both].astype(np.float64) for one in (before, now))
    rows, approved = n0 + n1, a0 + a1
    weights = n0 * n1 / rows
    excess = a1 - n1 * approved / rows
    variances = weights * approved * (rows - approved) / (rows * (rows - 1))
    of_cell, bands = now.band_of_cell[both], len(now.bands) + 1
    weight, change, variance = (
        np.bincount(of_cell, one, bands) for one in (weights, excess, variances)
    )
    large = variance >= MIN_VARIANCE
    terms = [*zip(change[large], variance[large], strict=True)]
    if variance[~large].sum() >= 1:
        terms.append((change[~large].sum(), variance[~large].sum()))
    statistic = float(sum(max(abs(one) - 0.5, 0.0) ** 2 / v for one, v in terms))
    return RuleTest(
        statistic,
        len(terms),
        float(chi2.sf(statistic, len(terms))) if terms else 1.0,
        np.divide(change, weight, where=weight > 0, out=np.zeros(bands)),
        np.divide(change, np.sqrt(variance), where=variance > 0, out=np.zeros(bands)),
        float(np.abs(change).sum() / weight.sum()) if weight.any() else 0.0,
    )
