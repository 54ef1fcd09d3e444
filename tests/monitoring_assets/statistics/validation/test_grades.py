"""Tests of grades against scipy, and their size by simulation."""

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from monitoring_assets.statistics.validation.grades import heterogeneity, homogeneity


@pytest.mark.parametrize("counts", [(400, 30, 500, 20), (400, 20, 500, 40), (50, 1, 9_000, 300)])
def test_two_bands_are_those_of_a_table_of_four_cells(counts):
    rows, bads, other_rows, other_bads = counts
    found = heterogeneity(rows, bads, 0.06, (other_rows, other_bads, 0.04))
    table = [[bads, rows - bads], [other_bads, other_rows - other_bads]]
    theirs = chi2_contingency(table, correction=False)
    assert found.statistic**2 == pytest.approx(theirs.statistic, rel=1e-9)
    is_above = bads / rows > other_bads / other_rows
    one_sided = theirs.pvalue / 2 if is_above else 1 - theirs.pvalue / 2
    assert found.p_value == pytest.approx(one_sided, rel=1e-9)


def test_the_riskier_band_is_that_of_the_higher_prediction():
    up = heterogeneity(400, 30, 0.06, (500, 20, 0.04))
    down = heterogeneity(500, 20, 0.04, (400, 30, 0.06))
    assert up.p_value == pytest.approx(down.p_value, rel=1e-12)
    assert up.light == "green"
    assert heterogeneity(400, 21, 0.06, (400, 20, 0.04)).light == "amber"


def test_periods_are_those_of_a_contingency_table():
    rows, bads = [500, 0, 700, 400], [30, 0, 50, 12]
    found = homogeneity(rows, bads)
    table = [[30, 50, 12], [470, 650, 388]]
    theirs = chi2_contingency(table, correction=False)
    assert found.statistic == pytest.approx(theirs.statistic, rel=1e-9)
    assert found.p_value == pytest.approx(theirs.pvalue, rel=1e-9)


def test_rates_that_are_the_same_are_rejected_at_the_level():
    rng = np.random.default_rng(3)
    rejected = np.zeros(2)
    for _ in range(2_000):
        bads = rng.binomial(800, 0.05, 6)
        rejected += [
            homogeneity([800] * 6, bads.tolist()).p_value < 0.05,
            heterogeneity(800, int(bads[0]), 0.06, (800, int(bads[1]), 0.05)).p_value < 0.05,
        ]
    assert ((rejected / 2_000 > 0.04) & (rejected / 2_000 < 0.065)).all()


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (heterogeneity(10, 1, None, (10, 1, 0.1)), "no predicted rate"),
        (heterogeneity(0, 0, 0.2, (10, 1, 0.1)), "no rows"),
        (heterogeneity(10, 0, 0.2, (10, 0, 0.1)), "only goods"),
        (homogeneity([100, 0], [10, 0]), "fewer than two periods"),
        (homogeneity([100, 100], [1, 2]), "fewer than 5 bads"),
    ],
)
def test_what_cannot_be_tested_says_why(found, why):
    assert why in found.reason
    assert found.light == "not computed"
