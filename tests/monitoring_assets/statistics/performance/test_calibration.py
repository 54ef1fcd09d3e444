"""Observed against expected, and the expected calibration error."""

import numpy as np
import pytest
from hypothesis import example, given, settings

from monitoring_assets.statistics.performance.realised import realised
from tests.monitoring_assets.statistics.performance.samples import EDGES, cohorts, draw


@settings(deadline=None)
@given(cohorts())
@example((np.array([1.0, 1.1e-245]), np.array([0, 0])))
def test_they_are_their_definitions(cohort):
    scores, outcomes = cohort
    found = realised(scores, outcomes, EDGES).calibration
    band = np.digitize(scores, EDGES, right=True)
    apart = [
        abs(scores[band == k].mean() - outcomes[band == k].mean()) * (band == k).mean()
        for k in np.unique(band)
    ]
    assert found.expected_calibration_error.value == pytest.approx(sum(apart), abs=1e-12)


def test_observed_to_expected():
    found = realised([0.1, 0.2, 0.3, 0.4], [0, 0, 1, 1], EDGES)
    ratio = found.calibration.observed_to_expected
    assert ratio.value == pytest.approx(2)
    assert ratio.low == pytest.approx(found.bad_rate.low / 0.25)
    assert ratio.high == pytest.approx(found.bad_rate.high / 0.25)


def test_scores_of_0_foretell_nothing():
    for score in (0.0, 5e-324):
        found = realised([score, score], [0, 1], EDGES).calibration
        assert "no bads were expected" in found.observed_to_expected.reason


@pytest.mark.parametrize(("intercept", "rows"), [(0, 300), (0, 5_000), (0.5, 300), (0.5, 5_000)])
def test_the_interval_of_the_error_holds_the_true_value(intercept, rows):
    """And begins at 0 if the scores are right, above it if they are wrong and rows are many."""
    rng = np.random.default_rng(2)
    log_odds = rng.normal(-2, 1.2, 200_000)
    scores = 1 / (1 + np.exp(-log_odds))
    true = 1 / (1 + np.exp(-log_odds - intercept))
    band = np.digitize(scores, EDGES, right=True)
    truth = sum(abs((scores - true)[band == k].sum()) for k in range(5)) / len(scores)
    held = begins = 0
    for _ in range(300):
        found = realised(*draw(rng, rows, intercept=intercept), EDGES).calibration
        error = found.expected_calibration_error
        held += error.low <= truth <= error.high
        begins += error.low > 0
    assert held / 300 >= 0.93
    if intercept == 0:
        assert begins / 300 <= 0.07
    elif rows == 5_000:
        assert begins / 300 > 0.95
