"""Bad rates by band, and breaks of the rank order."""

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.stats import binomtest, fisher_exact
from sklearn.calibration import calibration_curve

from monitoring_assets.statistics.performance.bands import BandSums
from monitoring_assets.statistics.performance.realised import realised
from monitoring_assets.statistics.performance.score_groups import ScoreGroups
from tests.monitoring_assets.statistics.performance.samples import EDGES, cohorts


@settings(deadline=None)
@given(cohorts())
def test_expected_and_observed_are_those_of_scikit_learn(cohort):
    scores, outcomes = cohort
    observed, expected = calibration_curve(outcomes, scores, n_bins=4)
    bands = [band for band in realised(scores, outcomes, [0.25, 0.5, 0.75]).bands if band.rows]
    assert [band.bad_rate.value for band in bands] == pytest.approx(list(observed), abs=1e-12)
    assert [band.expected for band in bands] == pytest.approx(list(expected), abs=1e-12)


@settings(deadline=None)
@given(cohorts())
def test_wilson_is_that_of_scipy(cohort):
    for band in realised(*cohort, EDGES).bands:
        if band.rows:
            ends = binomtest(band.bads, band.rows).proportion_ci(0.95, "wilson")
            assert (band.bad_rate.low, band.bad_rate.high) == pytest.approx(tuple(ends), abs=1e-12)
        else:
            assert band.bad_rate.value is band.expected is None
            assert band.bad_rate.reason == "the band has no rows"


def test_a_score_at_an_edge_is_in_the_lower_band():
    bands = realised([0.1, np.nextafter(0.1, 1)], [0, 1], [0.1]).bands
    assert [(band.low, band.high, band.rows, band.bads) for band in bands] == [
        (-np.inf, 0.1, 1, 0),
        (0.1, np.inf, 1, 1),
    ]


def of_counts(goods, bads):
    """Bands with these counts, at the scores 0, 1, 2, ..."""
    bands = BandSums(np.arange(len(goods) - 1) + 0.5)
    groups = ScoreGroups(np.arange(len(goods), dtype=float), np.array(goods), np.array(bads))
    bands.add(groups, groups.scores)
    return bands


def test_breaks_and_their_test():
    goods, bads = [900, 880, 0, 800, 830, 700], [10, 20, 0, 100, 60, 61]
    breaks = of_counts(goods, bads).rank_order_breaks(1)
    assert [(found.safer, found.riskier) for found in breaks] == [(3, 4)]
    table = [[bads[3], goods[3]], [bads[4], goods[4]]]
    assert breaks[0].p_value == pytest.approx(fisher_exact(table, "greater").pvalue, rel=1e-9)
    assert breaks[0].significant
    turned = of_counts(goods, bads).rank_order_breaks(-1)
    # From the highest score down the rates are 8.0, 6.7, 11.1, 2.2 and 1.1 %.
    assert [(found.safer, found.riskier) for found in turned] == [(5, 4), (3, 1), (1, 0)]


def test_a_break_by_chance_is_not_significant():
    (found,) = of_counts([95, 96], [5, 4]).rank_order_breaks(1)
    assert found.p_value > 0.3
    assert not found.significant
    assert of_counts([95, 95], [5, 5]).rank_order_breaks(1) == ()
    assert of_counts([5], [5]).rank_order_breaks(1) == ()


def test_significant_breaks_of_equal_bands_are_rare():
    """Ten bands with one bad rate: a significant break in at most 5 % of cohorts."""
    rng = np.random.default_rng(1)
    bads = rng.binomial(500, 0.05, (1_000, 10))
    alarms = [
        any(found.significant for found in of_counts(500 - row, row).rank_order_breaks(1))
        for row in bads
    ]
    assert 0.002 < np.mean(alarms) < 0.06
