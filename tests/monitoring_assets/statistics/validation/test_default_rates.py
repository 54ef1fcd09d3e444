"""Calibration tests against the `riskvalidation` package, and their size by simulation."""

import numpy as np
import pytest
from riskvalidation.validation.calibration import (
    pd_binomial,
    pd_chi2_grades,
    pd_jeffreys,
    pd_spiegelhalter,
)
from scipy.stats import binom, chi2

from monitoring_assets.statistics.performance.intervals import Estimate, absent
from monitoring_assets.statistics.performance.realised import realised
from monitoring_assets.statistics.validation.default_rates import (
    binomial,
    hosmer_lemeshow,
    jeffreys,
    spiegelhalter,
)

CASES = [(1, 0, 0.02), (1, 1, 0.5), (100, 3, 0.02), (5_000, 90, 0.02), (1_000_000, 20_500, 0.02)]


@pytest.mark.parametrize(("rows", "bads", "predicted"), CASES)
def test_rates_are_tested_as_elsewhere(rows, bads, predicted):
    for ours, theirs in (
        (jeffreys(rows, bads, predicted), pd_jeffreys(rows, bads, predicted)),
        (binomial(rows, bads, predicted), pd_binomial(rows, bads, predicted)),
    ):
        assert ours.statistic == pytest.approx(theirs.statistic, rel=1e-12)
        assert ours.p_value == pytest.approx(theirs.p_value, rel=1e-9)


def test_bands_are_tested_as_elsewhere():
    rows, bads, predicted = [400, 0, 900, 50], [9, 0, 30, 11], [0.01, None, 0.04, 0.2]
    ours = hosmer_lemeshow(rows, bads, predicted)
    theirs = pd_chi2_grades([400, 900, 50], [9, 30, 11], [0.01, 0.04, 0.2])
    assert ours.statistic == pytest.approx(theirs.statistic, rel=1e-12)
    assert ours.p_value == pytest.approx(theirs.p_value, rel=1e-9)


@pytest.mark.parametrize(
    ("predicted", "why"),
    [(None, "the score is in points"), (0.0, "between 0 and 1"), (1.0, "between 0 and 1")],
)
def test_what_is_no_probability_is_not_tested(predicted, why):
    for found in (
        jeffreys(10, 1, predicted),
        binomial(10, 1, predicted),
        hosmer_lemeshow([10], [1], [predicted]),
    ):
        assert found.p_value is found.statistic is None
        assert why in found.reason
        assert found.light == "not computed"


def test_no_rows_are_not_tested():
    for found in (jeffreys(0, 0, 0.1), binomial(0, 0, 0.1), hosmer_lemeshow([0], [0], [0.1])):
        assert found.reason == "no rows with an outcome"


@pytest.mark.parametrize("predicted", [0.01, 0.1])
def test_rates_that_are_right_are_rejected_at_the_level(predicted):
    """Counts are whole, so the exact binomial test rejects at most as often as it says."""
    rows = 2_000
    counts = np.arange(rows + 1)
    law = binom.pmf(counts, rows, predicted)
    likely = counts[law > 1e-12]
    for test, least in ((jeffreys, 0.035), (binomial, 0.02)):
        rejected = [test(rows, int(bads), predicted).p_value < 0.05 for bads in likely]
        size = law[likely][rejected].sum()
        assert least < size < (0.07 if test is jeffreys else 0.05)


def test_a_rate_that_is_too_low_is_found():
    """Power of the one-sided test at twice the predicted rate."""
    rows, predicted = 1_000, 0.02
    power = sum(
        binom.pmf(bads, rows, 0.04)
        for bads in range(rows + 1)
        if jeffreys(rows, bads, predicted).p_value < 0.01
    )
    assert power > 0.9


def test_bands_that_are_right_give_the_law_of_chi_squared():
    random = np.random.default_rng(1)
    rows, predicted = [2_000] * 8, np.linspace(0.02, 0.3, 8)
    draws = random.binomial(rows, predicted, (4_000, 8))
    found = [hosmer_lemeshow(rows, bads, predicted).statistic for bads in draws]
    for level in (0.05, 0.01):
        low, high = binom.ppf([1e-4, 1 - 1e-4], 4_000, level) / 4_000
        assert low < np.mean(found > chi2.isf(level, 8)) < high


@pytest.mark.parametrize("shift", [1.0, 1.15])
def test_rows_are_tested_as_elsewhere(shift):
    rng = np.random.default_rng(5)
    scores = rng.beta(1, 12, 3_000)
    outcomes = (rng.random(3_000) < shift * scores).astype(np.int8)
    ours = spiegelhalter(realised(scores, outcomes, [0.05, 0.1]).proper_scores.brier_excess)
    theirs = pd_spiegelhalter(outcomes, scores)
    assert ours.statistic == pytest.approx(theirs.statistic, rel=1e-9)
    # Theirs is of the upper side alone.
    both_sides = 2 * min(theirs.p_value, 1 - theirs.p_value)
    assert ours.p_value == pytest.approx(both_sides, rel=1e-9)


def test_rows_that_are_right_are_rejected_at_the_level():
    rng = np.random.default_rng(6)
    scores = rng.beta(1, 12, 1_000)
    rejected = 0
    for _ in range(1_000):
        outcomes = (rng.random(1_000) < scores).astype(np.int8)
        excess = realised(scores, outcomes, [0.05, 0.1]).proper_scores.brier_excess
        rejected += spiegelhalter(excess).p_value < 0.05
    assert 0.035 < rejected / 1_000 < 0.067


@pytest.mark.parametrize(
    ("excess", "why"),
    [(absent("in points"), "in points"), (Estimate(0.0, 0.0), "0, 1/2 or 1")],
)
def test_rows_without_a_law_are_not_tested(excess, why):
    assert why in spiegelhalter(excess).reason
