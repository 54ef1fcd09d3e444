"""Metrics by name."""

import math

import numpy as np
import pytest

from monitoring_assets.statistics.performance.estimation import EstimatedMetric
from monitoring_assets.statistics.performance.metrics import as_estimate, realised_metrics
from monitoring_assets.statistics.performance.realised import realised


def test_every_metric_of_a_cohort_has_a_name():
    scores = np.array([0.1, 0.2, 0.7, 0.9] * 25)
    outcomes = np.array([0, 0, 1, 1] * 25)
    found = realised_metrics(realised(scores, outcomes, [0.5], [0.2]))
    assert {"auc", "gini", "ks", "brier", "log_loss", "bad_rate", "slope"} <= found.keys()
    assert {"precision at 0.2", "recall at 0.2", "brier_resolution"} <= found.keys()
    assert found["auc"].value == 1.0
    assert found["gini"].value == 1.0
    assert found["bad_rate"].value == 0.5
    assert found["recall at 0.2"].value == 1.0


def test_an_estimate_has_the_normal_interval_of_all_its_errors():
    found = as_estimate(EstimatedMetric(0.7, sampling_error=0.03, calibration_error=0.04))
    assert found.standard_error == pytest.approx(math.hypot(0.03, 0.04))
    assert (found.low + found.high) / 2 == pytest.approx(0.7)
    assert found.high - found.low == pytest.approx(2 * 1.959964 * 0.05, rel=1e-6)


def test_what_has_no_value_or_no_error_has_no_interval():
    absent = as_estimate(EstimatedMetric(None, reason="no bads"))
    assert (absent.value, absent.low, absent.reason) == (None, None, "no bads")
    alone = as_estimate(EstimatedMetric(0.7))
    assert (alone.value, alone.low, alone.high) == (0.7, None, None)
