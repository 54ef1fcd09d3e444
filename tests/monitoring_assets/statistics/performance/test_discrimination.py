"""AUC, DeLong's variance and KS, against scikit-learn, scipy, published examples and all pairs."""

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.special import ndtr
from scipy.stats import ks_2samp
from sklearn.metrics import roc_auc_score, roc_curve

from monitoring_assets.statistics.performance.discrimination import auc_error
from monitoring_assets.statistics.performance.realised import realised
from tests.monitoring_assets.statistics.performance.samples import EDGES, cohorts, draw

# DeLong, DeLong and Clarke-Pearson (1988): 43 complete cases of ovarian cancer with albumin, total
# protein, K-G score and outcome. The data are those of the SAS/STAT User's Guide, LOGISTIC
# procedure, "Comparing Receiver Operating Characteristic Curves".
OVARIAN = """
3.0 5.8 10 0   3.2 6.3 5 1   3.9 6.8 3 1   2.8 4.8 6 0   3.2 5.8 3 1   0.9 4.0 5 0
2.5 5.7  8 0   1.6 5.6 5 1   3.8 5.7 5 1   3.7 6.7 6 1   3.2 5.4 4 1   3.8 6.6 6 1
4.1 6.6  5 1   3.6 5.7 5 1   4.3 7.0 4 1   3.6 6.7 4 0   2.3 4.4 6 1   4.2 7.6 4 0
4.0 6.6  6 0   3.5 5.8 6 1   3.8 6.8 7 1   3.0 4.7 8 0   4.5 7.4 5 1   3.7 7.4 5 1
3.1 6.6  6 1   4.1 8.2 6 1   4.3 7.0 5 1   4.3 6.5 4 1   3.2 5.1 5 1   2.6 4.7 6 1
3.3 6.8  6 0   1.7 4.0 7 0   3.7 6.1 5 1   3.3 6.3 7 1   4.2 7.7 6 1   3.5 6.2 5 1
2.9 5.7  9 0   2.1 4.8 7 1   2.8 6.2 8 0   4.0 7.0 7 1   3.3 5.7 6 1   3.7 6.9 5 1
3.6 6.6  5 1
"""


def of(scores, outcomes, **kwargs):
    return realised(scores, outcomes, [], probability=False, **kwargs).discrimination


def all_pairs(scores, outcomes):
    """DeLong's estimate from every pair of a bad and a good, O(n^2)."""
    bads, goods = scores[outcomes == 1], scores[outcomes == 0]
    wins = np.heaviside(bads[:, None] - goods, 0.5)
    variance = wins.mean(1).var(ddof=1) / len(bads) + wins.mean(0).var(ddof=1) / len(goods)
    return wins.mean(), variance


@settings(deadline=None)
@given(cohorts(least_bads=1, least_goods=1))
def test_auc_and_ks_are_those_of_scikit_learn_and_scipy(cohort):
    scores, outcomes = cohort
    found = of(scores, outcomes)
    assert found.auc.value == pytest.approx(roc_auc_score(outcomes, scores), abs=1e-12)
    assert found.gini.value == pytest.approx(2 * roc_auc_score(outcomes, scores) - 1, abs=1e-12)
    bads, goods = scores[outcomes == 1], scores[outcomes == 0]
    assert found.ks.value == pytest.approx(
        ks_2samp(goods, bads, method="asymp").statistic, abs=1e-12
    )
    fpr, tpr, _ = roc_curve(outcomes, scores, drop_intermediate=False)
    assert found.ks.value == pytest.approx(np.abs(tpr - fpr).max(), abs=1e-12)


@settings(deadline=None)
@given(cohorts(least_bads=2, least_goods=2))
def test_delong_is_that_of_all_pairs(cohort):
    scores, outcomes = cohort
    found = of(scores, outcomes)
    auc, variance = all_pairs(scores, outcomes)
    assert found.auc.value == pytest.approx(auc, abs=1e-12)
    sizes = (outcomes == 0).sum(), (outcomes == 1).sum()
    error = auc_error(found.bad_component, found.good_component, *sizes)
    assert error**2 == pytest.approx(variance, abs=1e-12)
    if found.auc.standard_error is not None:
        assert found.auc.standard_error == error


def test_delong_on_many_rows():
    rng = np.random.default_rng(3)
    scores, outcomes = draw(rng, 20_000)
    found = of(scores, outcomes)
    auc, variance = all_pairs(scores, outcomes)
    assert found.auc.value == pytest.approx(auc, rel=1e-12)
    assert found.auc.standard_error**2 == pytest.approx(variance, rel=1e-9)


def test_hanley_and_mcneil():
    """109 images in five ratings (Radiology 143(1), 1982, table I).

    Stata's manual ([R] roctab) gives 0.8932, DeLong's error 0.0307, 0.83295 to 0.95339.
    """
    counts = np.array([33, 6, 6, 11, 2, 3, 2, 2, 11, 33])
    ratings = np.repeat(np.tile(np.arange(1, 6), 2), counts)
    found = of(ratings, np.repeat([0, 1], [58, 51])).auc
    assert found.value == pytest.approx(0.8932, abs=5e-5)
    assert found.standard_error == pytest.approx(0.0307, abs=5e-5)
    normal = found.value + np.array([-1, 1]) * 1.959964 * found.standard_error
    assert normal == pytest.approx([0.83295, 0.95339], abs=1e-5)


def test_ovarian_cancer():
    """The K-G score's area is published there as 0.7258, with standard error 0.1028.

    Twelve of the 43 died and 31 did not; the areas of the other two tests are from all pairs.
    """
    table = np.array(OVARIAN.split(), float).reshape(-1, 4)
    albumin, protein, kg_score, outcome = table.T
    assert len(table) == 43
    found = of(-kg_score, outcome.astype(int)).auc
    assert found.value == pytest.approx(0.7258, abs=5e-5)
    assert found.standard_error == pytest.approx(0.1028, abs=5e-5)
    for test in (albumin, protein):
        found = of(test, outcome.astype(int)).auc
        assert (found.value, found.standard_error**2) == pytest.approx(all_pairs(test, outcome))


def test_separated_and_constant_scores_have_no_interval():
    separated = of([1, 2, 3, 4], [0, 0, 1, 1])
    assert (separated.auc.value, separated.gini.value, separated.ks.value) == (1, 1, 1)
    assert separated.auc.standard_error is separated.auc.low is None
    assert "separates" in separated.auc.reason
    constant = of([5, 5, 5, 5], [0, 1, 0, 1])
    assert (constant.auc.value, constant.ks.value) == (0.5, 0)
    assert "does not tell" in constant.auc.reason
    single = of([1, 3, 2], [0, 0, 1])
    assert single.auc.value == 0.5
    assert single.auc.reason == "an interval needs two goods and two bads, has 2 and 1"


def test_the_error_of_another_size_is_that_of_such_cohorts():
    """A reference tells how much the AUC of cohorts with two bads scatters."""
    rng = np.random.default_rng(4)
    reference = of(np.append(rng.normal(0, 1, 20_000), rng.normal(1, 1, 2_000)), REFERENCE)
    goods, bads = rng.normal(0, 1, (4_000, 30)), rng.normal(1, 1, (4_000, 2))
    aucs = (bads[:, :, None] > goods[:, None, :]).mean((1, 2))
    error = auc_error(reference.bad_component, reference.good_component, 30, 2)
    assert error == pytest.approx(aucs.std(), rel=0.05)
    assert of([1, 2, 3], [0, 1, 0]).bad_component is None


REFERENCE = np.repeat([0, 1], [20_000, 2_000])


@pytest.mark.parametrize(("goods", "bads"), [(200, 30), (1_000, 50), (300, 300)])
@pytest.mark.parametrize("shift", [0.3, 1.0, 2.0])
def test_intervals_hold_the_true_value(goods, bads, shift):
    """Binormal scores: AUC is ndtr(shift / sqrt 2), KS is 2 ndtr(shift / 2) - 1."""
    rng = np.random.default_rng(5)
    outcomes = np.repeat([0, 1], [goods, bads])
    truth = ndtr(shift / np.sqrt(2)), 2 * ndtr(shift / 2) - 1
    held = np.zeros(2)
    for _ in range(400):
        scores = rng.normal(outcomes * shift)
        found = of(scores, outcomes)
        held += [
            estimate.low <= true <= estimate.high
            for estimate, true in zip((found.auc, found.ks), truth, strict=True)
        ]
    auc, ks = held / 400
    assert 0.91 <= auc <= 0.98
    assert ks >= 0.96


def test_auc_of_a_direction_that_is_turned():
    scores, outcomes = draw(np.random.default_rng(6), 500)
    forth, back = of(scores, outcomes), of(scores, outcomes, direction=-1)
    assert back.auc.value == pytest.approx(1 - forth.auc.value)
    assert back.auc.low == pytest.approx(1 - forth.auc.high)
    assert back.ks.value == forth.ks.value
    assert of(EDGES, [0, 0, 1, 1], direction=-1).auc.value == 0
