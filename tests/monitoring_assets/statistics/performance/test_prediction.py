"""Predictions of a number, against scikit-learn, scipy and resampling."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap, somersd, ttest_rel
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from monitoring_assets.statistics.performance.prediction import (
    gap,
    generalised_auc,
    prediction_metrics,
    sum_predictions,
    total,
)
from monitoring_assets.statistics.performance.realised import realised

EDGES = np.linspace(0.1, 0.9, 9)


def losses(seed, n=900, bias=0.0):
    """Predictions and what was realised, some of it outside of 0 and 1."""
    rng = np.random.default_rng(seed)
    predicted = rng.beta(1.2, 1.4, n)
    return predicted, (predicted + bias + rng.normal(0, 0.2, n)).clip(-0.1, 1.3)


def counts_of(bands):
    return np.array([one.realised_in for one in bands])


@pytest.mark.parametrize("scale", [1.0, 1e6])
def test_the_figures_are_those_of_the_rows(scale):
    """Of a share, and of an amount."""
    predicted, values = (scale * one for one in losses(1))
    found = prediction_metrics(sum_predictions(predicted, values, scale * EDGES))
    errors = values - predicted
    expected = {
        "mean_realised": values.mean(),
        "mean_predicted": predicted.mean(),
        "mean_error": errors.mean(),
        "mae": mean_absolute_error(values, predicted),
        "rmse": root_mean_squared_error(values, predicted),
        "r2": r2_score(values, predicted),
    }
    for name, value in expected.items():
        assert found[name].value == pytest.approx(value, rel=1e-9), name
    for name, one in (("mean_error", errors), ("mae", np.abs(errors)), ("mean_realised", values)):
        error = one.std(ddof=1) / math.sqrt(len(one))
        assert found[name].standard_error == pytest.approx(error, rel=1e-9), name
    interval = ttest_rel(values, predicted).confidence_interval(0.95)
    assert (found["mean_error"].low, found["mean_error"].high) == pytest.approx(tuple(interval))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10_000), st.integers(2, 60), st.integers(1, 4))
def test_the_generalised_auc_is_somers_d_of_scipy(seed, n, bands):
    predicted, values = losses(seed, n)
    edges = np.linspace(0.2, 0.8, bands)
    found = generalised_auc(counts_of(sum_predictions(predicted, values, edges)))
    ranks = [np.searchsorted(edges, one) for one in (values, predicted)]
    if len(np.unique(ranks[0])) < 2:
        assert found.reason == "all rows have realised values in one band"
    else:
        expected = (somersd(*ranks).statistic + 1) / 2 if len(np.unique(ranks[1])) > 1 else 0.5
        assert found.value == pytest.approx(expected, abs=1e-12)


def test_of_two_realised_bands_it_is_the_auc():
    rng = np.random.default_rng(4)
    scores = np.round(rng.random(2_000), 1)
    bads = (rng.random(2_000) < scores).astype(int)
    cells = np.zeros((11, 11), int)
    np.add.at(cells, (np.round(scores * 10).astype(int), 10 * bads), 1)
    found = generalised_auc(cells)
    auc = realised(scores, bads, [0.5]).discrimination.auc
    assert found.value == pytest.approx(auc.value, abs=1e-12)
    assert found.standard_error == pytest.approx(auc.standard_error, rel=5e-3)


def test_its_standard_error_is_that_of_resampled_rows():
    predicted, values = losses(7, 400)
    bands = [np.searchsorted(EDGES, one) for one in (predicted, values)]

    def value(*ranks):
        cells = np.zeros((10, 10), int)
        np.add.at(cells, ranks, 1)
        return generalised_auc(cells).value

    resampled = bootstrap(
        bands, value, paired=True, vectorized=False, n_resamples=600, method="basic", rng=1
    )
    found = generalised_auc(counts_of(sum_predictions(predicted, values, EDGES)))
    assert found.standard_error == pytest.approx(resampled.standard_error, rel=0.12)


def test_sums_of_days_are_those_of_the_period():
    days = [losses(seed, 300, 0.05 * seed) for seed in range(4)]
    parts = [sum_predictions(*day, EDGES) for day in days]
    together = tuple(sum(others, start=first) for first, *others in zip(*parts, strict=True))
    whole = sum_predictions(*(np.concatenate(one) for one in zip(*days, strict=True)), EDGES)
    for name, one in prediction_metrics(whole).items():
        assert prediction_metrics(together)[name].value == pytest.approx(one.value, rel=1e-12)
    assert total(whole).rows == 1_200
    assert (total(whole).low, total(whole).high) == (-math.inf, math.inf)


def test_the_gap_has_students_test():
    predicted, values = losses(2, 12, 0.1)
    found, theirs = gap(total(sum_predictions(predicted, values, []))), ttest_rel(values, predicted)
    assert (found.z, found.p_value) == pytest.approx((theirs.statistic, theirs.pvalue), rel=1e-9)


def test_what_cannot_be_known_says_why():
    nothing = prediction_metrics(sum_predictions(np.array([]), np.array([]), EDGES))
    assert {one.reason for one in nothing.values()} == {"no row has an outcome"}
    single = prediction_metrics(sum_predictions(np.array([0.2]), np.array([0.3]), EDGES))
    assert single["mean_error"].reason == "an interval needs two rows, has 1"
    assert single["r2"].reason == "all rows have realised the same"
    same = np.full(5, 0.3)
    equal = sum_predictions(same, same + 0.1, EDGES)
    assert gap(total(equal)).reason == "no test: all errors are the same"
    assert gap(total(equal)).value == pytest.approx(0.1)
    assert "one band" in prediction_metrics(equal)["generalised_auc"].reason


def test_intervals_hold_the_true_values_as_often_as_they_say():
    """Of 400 cohorts; 3.5 standard errors of a share of 95 % are 3.8 %."""
    predicted, values = losses(11, 400_000, 0.02)
    truth = prediction_metrics(sum_predictions(predicted, values, EDGES))
    held = dict.fromkeys(("mean_error", "mae", "mean_realised", "generalised_auc"), 0)
    for start in range(0, 400_000, 1_000):
        part = slice(start, start + 200)
        found = prediction_metrics(sum_predictions(predicted[part], values[part], EDGES))
        for name in held:
            held[name] += found[name].low <= truth[name].value <= found[name].high
    for name, count in held.items():
        assert 0.912 <= count / 400 <= 0.988, (name, count)
