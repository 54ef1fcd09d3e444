"""A cohort beside the reference."""

import numpy as np
import pytest

from monitoring_assets.statistics.performance.comparison import difference
from monitoring_assets.statistics.performance.intervals import Estimate
from monitoring_assets.statistics.performance.metrics import realised_metrics
from monitoring_assets.statistics.performance.realised import realised
from tests.monitoring_assets.statistics.performance.samples import EDGES, draw


def test_a_difference_and_its_test():
    found = difference(Estimate(0.70, 0.03), Estimate(0.78, 0.04))
    assert found.value == pytest.approx(-0.08)
    assert found.standard_error == pytest.approx(0.05)
    assert found.z == pytest.approx(-1.6)
    assert found.p_value == pytest.approx(0.109599, abs=1e-6)
    assert found.reason is None


def test_what_is_missing_has_a_reason():
    nothing = difference(Estimate(None, reason="no bads"), Estimate(0.7, 0.1))
    assert (nothing.value, nothing.p_value, nothing.reason) == (None, None, "cohort: no bads")
    no_test = difference(Estimate(0.7, 0.1), Estimate(1.0, reason="separated"))
    assert no_test.value == pytest.approx(-0.3)
    assert (no_test.z, no_test.reason) == (None, "reference: separated")
    assert difference(Estimate(0.0, 0.0), Estimate(0.0, 0.0)).reason is not None


def differences(rng, intercept=0.0, slope=1.0):
    reference = realised_metrics(realised(*draw(rng, 4_000), EDGES))
    cohort = realised_metrics(realised(*draw(rng, 1_000, intercept=intercept, slope=slope), EDGES))
    names = ("auc", "brier", "log_loss", "bad_rate", "in_the_large")
    return {name: difference(cohort[name], reference[name]) for name in names}


def test_p_values_hold_their_level_without_a_change():
    rng = np.random.default_rng(1)
    drawn = [differences(rng) for _ in range(400)]
    for name in drawn[0]:
        below = np.mean([found[name].p_value < 0.05 for found in drawn])
        assert 0.02 < below < 0.085, name


def test_each_change_shows_where_it_should():
    rng = np.random.default_rng(2)
    more_bads = differences(rng, intercept=0.8)
    assert more_bads["bad_rate"].z > 4
    assert more_bads["in_the_large"].value == pytest.approx(0.8, abs=0.25)
    assert abs(more_bads["auc"].z) < 3
    flat = differences(rng, slope=0.1)
    assert flat["auc"].z < -4
    assert flat["auc"].value < -0.1
