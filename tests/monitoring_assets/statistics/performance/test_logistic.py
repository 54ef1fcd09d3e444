"""Logistic regression on sums, beside closed forms; the fit on rows is in test_recalibration."""

import numpy as np
import pytest
from scipy.special import logit

from monitoring_assets.statistics.performance.logistic import fit_logistic


def test_one_coefficient_is_the_log_odds():
    """3 bads of 10: the log odds, and their variance 1 / (n p (1 - p))."""
    found = fit_logistic(np.ones((1, 1)), np.zeros(1), np.array([10.0]), np.array([3.0]))
    assert found.coefficients == pytest.approx([logit(0.3)])
    assert found.covariance == pytest.approx(np.array([[1 / (10 * 0.3 * 0.7)]]))


def test_two_groups_are_fitted_each():
    """2 of 10 and 6 of 8; variances of a difference add."""
    design = np.array([[1.0, 0.0], [1.0, 1.0]])
    found = fit_logistic(design, np.zeros(2), np.array([10.0, 8.0]), np.array([8.0, 6.0]))
    assert found.coefficients == pytest.approx([logit(0.2), logit(0.75) - logit(0.2)])
    assert found.covariance[1, 1] == pytest.approx(1 / (10 * 0.2 * 0.8) + 1 / (8 * 0.75 * 0.25))


def test_an_offset_is_added():
    found = fit_logistic(np.ones((1, 1)), np.array([1.0]), np.array([10.0]), np.array([3.0]))
    assert found.coefficients == pytest.approx([logit(0.3) - 1])


def test_points_of_the_same_values_add():
    design, weight = np.array([[1.0, 0.3], [1.0, 2.0]]), np.array([4.0, 6.0])
    bads = np.array([3.0, 4.1])
    once = fit_logistic(design, np.zeros(2), weight, bads)
    split = fit_logistic(np.tile(design, (2, 1)), np.zeros(4), np.tile(weight, 2) / 2, bads)
    assert split.coefficients == pytest.approx(once.coefficients)


@pytest.mark.parametrize("bads", [[0.0, 0.0], [8.0, 8.0], [18.0, 8.0]])
def test_goods_and_bads_apart_have_no_fit(bads):
    design = np.array([[1.0, 0.0], [1.0, 1.0]])
    assert fit_logistic(design, np.zeros(2), np.array([10.0, 8.0]), np.array(bads)) is None
