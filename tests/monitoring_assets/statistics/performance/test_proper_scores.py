"""Brier score, its parts and log loss, against scikit-learn and the definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from sklearn.metrics import brier_score_loss, log_loss

from monitoring_assets.statistics.performance.realised import realised
from tests.monitoring_assets.statistics.performance.samples import EDGES, cohorts, draw


@settings(deadline=None)
@given(cohorts())
def test_they_are_those_of_scikit_learn(cohort):
    scores, outcomes = cohort
    found = realised(scores, outcomes, EDGES).proper_scores
    assert found.brier.value == pytest.approx(
        brier_score_loss(outcomes, scores, labels=[0, 1], pos_label=1), abs=1e-12
    )
    assert found.log_loss.value == pytest.approx(
        log_loss(outcomes, scores, labels=[0, 1]), rel=1e-9, abs=1e-12
    )


@settings(deadline=None)
@given(cohorts())
def test_the_excess_is_its_definition(cohort):
    scores, outcomes = cohort
    found = realised(scores, outcomes, EDGES).proper_scores.brier_excess
    chance = scores * (1 - scores)
    assert found.value == pytest.approx(((scores - outcomes) ** 2 - chance).mean(), abs=1e-12)
    error = np.sqrt((chance * (1 - 2 * scores) ** 2).sum()) / len(scores)
    assert found.standard_error == pytest.approx(error, abs=1e-12)


@settings(deadline=None)
@given(cohorts())
def test_the_parts_are_their_definitions_and_add_up(cohort):
    scores, outcomes = cohort
    found = realised(scores, outcomes, EDGES).proper_scores
    parts = found.decomposition
    band = np.array([sum(score > edge for edge in EDGES) for score in scores])
    mean = np.array([scores[band == k].mean() for k in band])
    rate = np.array([outcomes[band == k].mean() for k in band])
    overall = outcomes.mean()
    assert parts.reliability == pytest.approx(((mean - rate) ** 2).mean(), abs=1e-12)
    assert parts.resolution == pytest.approx(((rate - overall) ** 2).mean(), abs=1e-12)
    assert parts.uncertainty == pytest.approx(overall * (1 - overall), abs=1e-12)
    assert parts.within_variance == pytest.approx(((scores - mean) ** 2).mean(), abs=1e-12)
    assert parts.within_covariance == pytest.approx(
        2 * ((scores - mean) * (outcomes - rate)).mean(), abs=1e-12
    )
    assert found.brier.value == pytest.approx(
        parts.reliability
        - parts.resolution
        + parts.uncertainty
        + parts.within_variance
        - parts.within_covariance,
        abs=1e-12,
    )


def test_standard_errors_are_those_of_a_mean():
    scores, outcomes = draw(np.random.default_rng(1), 5_000)
    found = realised(scores, outcomes, EDGES).proper_scores
    for estimate, losses in (
        (found.brier, (scores - outcomes) ** 2),
        (found.log_loss, -np.log(np.where(outcomes, scores, 1 - scores))),
    ):
        error = losses.std(ddof=1) / np.sqrt(len(losses))
        assert estimate.standard_error == pytest.approx(error, rel=1e-9)
        assert estimate.high - estimate.value == pytest.approx(1.959964 * error, rel=1e-6)


def test_a_single_row_has_no_interval():
    found = realised([0.3], [1], EDGES).proper_scores
    assert found.brier.value == pytest.approx(0.49)
    assert found.brier.low is None
    assert "two rows" in found.brier.reason


def test_intervals_hold_the_true_value():
    rng = np.random.default_rng(2)
    scores, outcomes = draw(rng, 1_000_000, intercept=0.3)
    truth = realised(scores, outcomes, EDGES).proper_scores
    held = np.zeros(2)
    for _ in range(400):
        found = realised(*draw(rng, 500, intercept=0.3), EDGES).proper_scores
        held += [
            found.brier.low <= truth.brier.value <= found.brier.high,
            found.log_loss.low <= truth.log_loss.value <= found.log_loss.high,
        ]
    assert ((held / 400 > 0.91) & (held / 400 < 0.98)).all()
