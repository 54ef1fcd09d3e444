"""The AUC of now against development, against the `riskvalidation` package and by simulation."""

import numpy as np
import pytest
from riskvalidation.validation.discrimination import auc_with_variance, disc_auc_vs_initial
from scipy.stats import binom, norm

from monitoring_assets.statistics.performance.intervals import Estimate
from monitoring_assets.statistics.validation.discrimination import auc_fall


def sample(random, rows=400):
    bad = np.arange(rows) < rows // 4
    return random.normal(size=rows) + bad, bad.astype(int)


def test_it_is_that_of_elsewhere():
    random = np.random.default_rng(1)
    score, bad = sample(random)
    auc, variance, *_ = auc_with_variance(score, bad)
    for initial, of_initial in ((0.8, 0.0004), (0.7, 0.01)):
        ecb, two = auc_fall(Estimate(auc, variance**0.5), Estimate(initial, of_initial**0.5))
        theirs = disc_auc_vs_initial(initial, score, bad)
        assert (ecb.statistic, ecb.p_value) == pytest.approx(
            (theirs.statistic, theirs.p_value), rel=1e-9
        )
        theirs = disc_auc_vs_initial(initial, score, bad, auc_initial_variance=of_initial)
        assert (two.statistic, two.p_value) == pytest.approx(
            (theirs.statistic, theirs.p_value), rel=1e-9
        )


def test_the_form_of_the_ecb_rejects_too_often_where_development_is_as_small():
    """At a level of 5 % it is Phi(-1.645 / sqrt(2)), 12 %; with both variances 5 %."""
    random = np.random.default_rng(2)
    found = []
    for _ in range(3_000):
        then, now = (auc_with_variance(*sample(random)) for _ in range(2))
        tests = auc_fall(Estimate(now[0], now[1] ** 0.5), Estimate(then[0], then[1] ** 0.5))
        found.append([test.p_value < 0.05 for test in tests])
    sizes = np.mean(found, axis=0)
    for size, expected in zip(sizes, (norm.sf(norm.isf(0.05) / 2**0.5), 0.05), strict=True):
        low, high = binom.ppf([1e-4, 1 - 1e-4], 3_000, expected) / 3_000
        assert low * 0.95 < size < high * 1.05


@pytest.mark.parametrize(
    ("now", "development", "reasons"),
    [
        (Estimate(None, reason="no bads"), Estimate(0.7, 0.01), ("no bads", "no bads")),
        (Estimate(0.7), Estimate(0.7, 0.01), ("the AUC has no standard error",) * 2),
        (Estimate(0.7, 0.01), Estimate(None), ("the reference has no outcomes",) * 2),
        (
            Estimate(0.7, 0.01),
            Estimate(0.8),
            (None, "the AUC of development has no standard error"),
        ),
    ],
)
def test_what_cannot_be_tested_says_why(now, development, reasons):
    assert tuple(test.reason for test in auc_fall(now, development)) == reasons
