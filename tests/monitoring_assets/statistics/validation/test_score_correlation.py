"""Correlation of two scores, against scipy."""

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from monitoring_assets.statistics.validation.score_correlation import (
    ScoreCorrelation,
    mean_correlation,
    score_correlation,
)


@pytest.mark.parametrize("digits", [8, 1])  # with one digit there are many ties
def test_it_is_that_of_elsewhere(digits):
    random = np.random.default_rng(1)
    first = random.normal(size=300).round(digits)
    second = np.exp(first + random.normal(size=300)).round(digits)
    found = score_correlation(first, second)
    assert found.pearson == pytest.approx(pearsonr(first, second).statistic, rel=1e-12)
    assert found.spearman == pytest.approx(spearmanr(first, second).statistic, rel=1e-12)


def test_one_value_has_no_correlation():
    assert score_correlation(np.ones(5), np.arange(5.0)) == ScoreCorrelation(5, None, None)
    assert score_correlation(np.empty(0), np.empty(0)) == ScoreCorrelation(0, None, None)


def test_days_are_weighted_by_rows():
    days = [
        ScoreCorrelation(100, 0.5, 0.6),
        ScoreCorrelation(300, 0.9, None),
        ScoreCorrelation(7, None, None),
    ]
    assert mean_correlation(days) == ScoreCorrelation(407, pytest.approx(0.8), 0.6)
