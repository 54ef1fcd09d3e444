"""Precision and recall, against scikit-learn and scipy."""

import pytest
from hypothesis import given, settings
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, precision_score, recall_score

from monitoring_assets.statistics.performance.realised import realised
from tests.monitoring_assets.statistics.performance.samples import cohorts

CUT_OFFS = [0.5, 0.0, 0.25, 1.0]


@pytest.mark.parametrize("direction", [1, -1])
@settings(deadline=None)
@given(cohort=cohorts())
def test_they_are_those_of_scikit_learn(direction, cohort):
    scores, outcomes = cohort
    found = realised(scores, outcomes, [], CUT_OFFS, direction=direction).cut_offs
    assert [cut_off.score for cut_off in found] == CUT_OFFS
    for cut_off in found:
        flagged = direction * scores >= direction * cut_off.score
        (tn, fp), (fn, tp) = confusion_matrix(outcomes, flagged, labels=[0, 1])
        assert (cut_off.true_positives, cut_off.false_positives) == (tp, fp)
        assert (cut_off.false_negatives, cut_off.true_negatives) == (fn, tn)
        for estimate, score, trials in (
            (cut_off.precision, precision_score, tp + fp),
            (cut_off.recall, recall_score, tp + fn),
        ):
            if trials:
                assert estimate.value == pytest.approx(score(outcomes, flagged), abs=1e-12)
                ends = binomtest(int(tp), int(trials)).proportion_ci(0.95, "wilson")
                assert (estimate.low, estimate.high) == pytest.approx(tuple(ends), abs=1e-12)
            else:
                assert estimate.value is None


def test_reasons():
    (found,) = realised([0.1, 0.2], [0, 0], [], [0.9]).cut_offs
    assert found.precision.reason == "the cut-off flags no row"
    assert found.recall.reason == "there are no bads"
