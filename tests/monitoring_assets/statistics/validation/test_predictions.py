"""Tests of predictions of a number, against scipy and riskvalidation."""

import numpy as np
import pytest
from riskvalidation.validation.lgd_ead import lgd_calibration_by_segment
from scipy.stats import ttest_rel

from monitoring_assets.statistics.performance.intervals import Estimate
from monitoring_assets.statistics.performance.prediction import sum_predictions, total
from monitoring_assets.statistics.validation.discrimination import auc_fall
from monitoring_assets.statistics.validation.predictions import (
    generalised_auc_fall,
    mean_error_test,
)


def band(predicted, realised):
    return total(sum_predictions(np.asarray(predicted), np.asarray(realised), [0.5]))


@pytest.mark.parametrize("bias", [-0.1, 0.0, 0.1])
def test_the_mean_error_has_students_test_one_sided(bias):
    rng = np.random.default_rng(3)
    predicted = rng.random(40)
    realised = predicted + rng.normal(bias, 0.3, 40)
    found = mean_error_test(band(predicted, realised))
    theirs = lgd_calibration_by_segment(realised, predicted)
    assert found.statistic == pytest.approx(theirs.statistic, rel=1e-9)
    expected = ttest_rel(realised, predicted, alternative="greater")
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)


def test_of_a_single_row_or_of_equal_errors_there_is_no_test():
    assert mean_error_test(band([0.2], [0.4])).reason == "an interval needs two rows, has 1"
    assert mean_error_test(band([0.2, 0.3], [0.4, 0.5])).reason == (
        "no test: all errors are the same"
    )
    assert mean_error_test(band([], [])).reason == "the band has no rows"


def test_the_fall_of_the_generalised_auc_is_judged_as_that_of_an_auc():
    now, before = Estimate(0.70, 0.02), Estimate(0.75, 0.01)
    for one, other in zip(generalised_auc_fall(now, before), auc_fall(now, before), strict=True):
        assert (one.statistic, one.p_value) == (other.statistic, other.p_value)
        assert one.name == f"generalised {other.name}"
        assert "the generalised AUC" in one.null
    assert "2.6.3.1" in generalised_auc_fall(now, before)[0].source
