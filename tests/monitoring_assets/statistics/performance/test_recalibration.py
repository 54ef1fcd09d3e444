"""Slope and intercept, against a fit on every row."""

import numpy as np
import pytest
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, logit

from monitoring_assets.statistics.performance.realised import realised
from tests.monitoring_assets.statistics.performance.samples import draw


def of(scores, outcomes):
    return realised(scores, outcomes, []).calibration.recalibration


def minus_log_likelihood(coefficients, log_odds, outcomes):
    linear = coefficients[0] + coefficients[1] * log_odds
    return np.logaddexp(0, linear).sum() - linear[outcomes].sum()


def fit(scores, outcomes):
    """Coefficients and their standard errors, from all rows."""
    log_odds = logit(np.clip(scores, np.finfo(float).eps, 1 - np.finfo(float).eps))

    def gradient(coefficients, log_odds, outcomes):
        rest = expit(coefficients[0] + coefficients[1] * log_odds) - outcomes
        return np.array([rest.sum(), rest @ log_odds])

    found = minimize(
        minus_log_likelihood, [0, 1], (log_odds, outcomes), "BFGS", gradient, options={"gtol": 1e-7}
    ).x
    chance = expit(found[0] + found[1] * log_odds)
    design = np.column_stack([np.ones_like(log_odds), log_odds])
    information = design.T @ (design * (chance * (1 - chance))[:, None])
    return found, np.sqrt(np.diag(np.linalg.inv(information)))


@pytest.mark.parametrize(
    ("intercept", "slope", "spread"), [(0, 1, 1.2), (0.4, 0.7, 1.2), (-1, 1.5, 0.3), (0.2, 0.5, 4)]
)
def test_it_is_the_fit_on_every_row(intercept, slope, spread):
    scores, outcomes = draw(
        np.random.default_rng(1), 5_000, intercept=intercept, slope=slope, spread=spread
    )
    found = of(scores, outcomes)
    coefficients, errors = fit(scores, outcomes)
    for estimate, coefficient, error in zip(
        (found.intercept, found.slope), coefficients, errors, strict=True
    ):
        assert estimate.value == pytest.approx(coefficient, abs=1e-6)
        assert estimate.standard_error == pytest.approx(error, rel=1e-4)
    alone = minimize_scalar(
        lambda a: minus_log_likelihood((a, 1), logit(scores), outcomes), tol=1e-12
    ).x
    assert found.in_the_large.value == pytest.approx(alone, abs=1e-6)


def test_two_scores_have_a_closed_form():
    """The fitted rates are those observed at each score: 1 of 10 and 3 of 5."""
    scores = np.repeat([0.2, 0.5], [10, 5])
    outcomes = np.repeat([0, 1, 0, 1], [9, 1, 2, 3])
    found = of(scores, outcomes)
    slope = (logit(3 / 5) - logit(1 / 10)) / (logit(0.5) - logit(0.2))
    assert found.slope.value == pytest.approx(slope, abs=1e-9)
    assert found.intercept.value == pytest.approx(logit(3 / 5), abs=1e-9)


def test_scores_of_0_and_1_are_clipped():
    scores = np.concatenate([[0.0, 1.0, 0.0, 1.0], np.full(6, 0.3)])
    outcomes = np.array([0, 1, 1, 0, 0, 1, 0, 0, 0, 1], bool)
    coefficients, _ = fit(scores, outcomes)
    found = of(scores, outcomes)
    assert found.slope.value == pytest.approx(coefficients[1], abs=1e-6)
    assert found.intercept.value == pytest.approx(coefficients[0], abs=1e-5)


@pytest.mark.parametrize(
    ("scores", "outcomes"),
    [
        ([0.1, 0.2, 0.6, 0.9], [0, 0, 1, 1]),
        ([0.3, 0.3, 0.3, 0.3], [0, 1, 0, 0]),
        ([1.0, 1.0, 1.0, 1.0], [0, 1, 0, 1]),
        ([0.0, 0.0, 1.0, 1.0], [0, 0, 1, 1]),
    ],
    ids=["separated", "constant", "all 1", "certain and right"],
)
def test_a_fit_without_a_maximum_has_a_reason(scores, outcomes):
    found = of(scores, outcomes)
    assert found.slope.value is found.intercept.value is None
    assert "no finite slope" in found.slope.reason
    assert found.in_the_large.value is not None


def test_in_the_large_of_a_constant_score():
    """logit of the bad rate less that of the score."""
    found = of([0.3] * 4, [0, 1, 0, 0]).in_the_large
    assert found.value == pytest.approx(logit(0.25) - logit(0.3), abs=1e-9)
    assert found.standard_error == pytest.approx(1 / np.sqrt(4 * 0.25 * 0.75), rel=1e-6)


def test_intervals_hold_the_true_value():
    rng = np.random.default_rng(2)
    held = np.zeros(2)
    for _ in range(300):
        found = of(*draw(rng, 500, intercept=0.3, slope=0.8))
        held += [
            found.intercept.low <= 0.3 <= found.intercept.high,
            found.slope.low <= 0.8 <= found.slope.high,
        ]
    assert ((held / 300 > 0.91) & (held / 300 < 0.985)).all()
