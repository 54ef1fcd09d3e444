"""What points stand for, by closed forms."""

import math
import pickle

import numpy as np
import pytest
from scipy.special import logit

from monitoring_assets.statistics.profiles.score_scale import ScoreScale, predicted

RANGE = (300.0, 850.0)


def test_the_odds_of_a_good_double_every_pdo_points():
    scale = ScoreScale.doubling(RANGE, points=600, at_odds=30, pdo=20)
    # 30 goods to a bad, and 15, 60 and 30 * 2^5 of them.
    found = scale.probabilities(np.array([600.0, 580, 620, 700]))
    assert found == pytest.approx([1 / 31, 1 / 16, 1 / 61, 1 / 961], rel=1e-12)
    assert scale.direction == -1


def test_the_scorecard_of_siddiqi():
    """Score = offset + factor * ln(odds), with factor 28.8539 and offset 487.123."""
    scale = ScoreScale.doubling(RANGE, points=600, at_odds=50, pdo=20)
    factor, points = 20 / math.log(2), np.linspace(300, 850, 56)
    offset = 600 - factor * math.log(50)
    assert (factor, offset) == (pytest.approx(28.8539, abs=1e-4), pytest.approx(487.123, abs=1e-3))
    odds = np.exp((points - offset) / factor)
    assert scale.probabilities(points) == pytest.approx(1 / (1 + odds), rel=1e-11)


def test_between_two_rows_of_a_table_the_log_odds_are_a_line():
    scale = ScoreScale.calibrated([300, 500, 850], [0.5, 0.1, 0.001])
    ends = scale.probabilities(np.array([300.0, 500, 850]))
    assert ends == pytest.approx([0.5, 0.1, 0.001], rel=1e-12)
    (between,) = scale.probabilities(np.array([400.0]))
    assert logit(between) == pytest.approx((logit(0.5) + logit(0.1)) / 2, rel=1e-12)
    assert scale.direction == -1
    assert ScoreScale.calibrated([0, 100], [0.01, 0.5]).direction == 1


def test_beyond_its_ends_a_score_stands_for_what_the_end_does():
    scale = ScoreScale.calibrated([300, 850], [0.5, 0.001])
    found = scale.probabilities(np.array([-np.inf, 0, 2000, np.nan]))
    assert found[:3] == pytest.approx([0.5, 0.5, 0.001], rel=1e-12)
    assert np.isnan(found[3])


def test_a_score_without_a_scale_predicts_itself():
    scores = np.array([0.2, 0.5])
    assert predicted(scores, None) is scores


def test_executors_are_sent_it():
    scale = ScoreScale.doubling(RANGE, 600, 30, 20)
    assert pickle.loads(pickle.dumps(scale)) == scale
