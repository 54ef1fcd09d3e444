"""Losses of two predictions: against scikit-learn and the paired t-test of scipy."""

import numpy as np
import pytest
from scipy.stats import ttest_rel
from sklearn.metrics import brier_score_loss, log_loss

from monitoring_assets.statistics.validation.paired_loss import (
    LossSums,
    brier_sums,
    log_loss_sums,
)

RANDOM = np.random.default_rng(1)
FIRST = RANDOM.uniform(0.0, 1.0, 400)
SECOND = np.clip(FIRST + RANDOM.normal(0, 0.1, 400), 0.0, 1.0)
BAD = (RANDOM.random(400) < FIRST).astype(np.int8)
LOSSES = {
    "brier": (brier_sums, brier_score_loss, lambda p: (p - BAD) ** 2),
    "log": (log_loss_sums, log_loss, lambda p: -np.log(np.where(BAD == 1, p, 1 - p))),
}


@pytest.mark.parametrize("name", LOSSES)
def test_it_is_that_of_elsewhere(name):
    sums, theirs, of_rows = LOSSES[name]
    one, other = (np.clip(p, 1e-12, 1 - 1e-12) for p in (FIRST, SECOND))
    found = sums(one, other, BAD).result("")
    assert (found.first, found.second) == pytest.approx((theirs(BAD, one), theirs(BAD, other)))
    paired = ttest_rel(of_rows(other), of_rows(one))
    apart = found.difference
    assert apart.value / apart.standard_error == pytest.approx(paired.statistic, rel=1e-9)


def test_sums_of_parts_add():
    whole = brier_sums(FIRST, SECOND, BAD).result("")
    parts = [brier_sums(FIRST[at], SECOND[at], BAD[at]) for at in np.split(np.arange(400), 4)]
    added = sum(parts, start=LossSums()).result("")
    assert added.difference.value == pytest.approx(whole.difference.value)
    assert added.difference.standard_error == pytest.approx(whole.difference.standard_error)


def test_certain_predictions_that_are_wrong_have_a_finite_loss():
    found = log_loss_sums(np.array([0.0, 1.0]), np.array([1.0, 0.0]), np.array([1, 0], np.int8))
    assert np.isfinite(found.result("").first)


def test_without_rows_it_says_why():
    assert LossSums().result("no outcomes").difference.reason == "no outcomes"
