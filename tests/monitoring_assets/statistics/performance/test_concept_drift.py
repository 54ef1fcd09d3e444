"""Covariate shift told from concept shift."""

import numpy as np
import pytest
from scipy.special import expit, ndtr

from monitoring_assets.statistics.drift.drift import judge_counts
from monitoring_assets.statistics.drift.thresholds import Thresholds
from monitoring_assets.statistics.performance.calibration_map import fit_calibration
from monitoring_assets.statistics.performance.comparison import Difference
from monitoring_assets.statistics.performance.concept_drift import explain, gap
from monitoring_assets.statistics.performance.estimation import EstimatedMetric, estimate
from monitoring_assets.statistics.performance.intervals import Estimate, absent
from monitoring_assets.statistics.performance.realised import realised
from monitoring_assets.statistics.profiles.score_grid import count_scores, score_grid


def departing(value, error):
    """A gap with its test."""
    z = value / error
    return Difference(value, error, z, float(2 * ndtr(-abs(z))))


def test_gap_is_tested_by_outcomes_and_calibration_alone():
    """Errors of 0.03 and 0.04 make 0.05; the sampling of rows, which both share, is left out."""
    found = gap(Estimate(0.60, 9.0), EstimatedMetric(0.70, 9.0, 0.03, 0.04))
    assert found.value == pytest.approx(-0.1)
    assert found.standard_error == pytest.approx(0.05)
    assert found.z == pytest.approx(-2)
    assert found.p_value == pytest.approx(0.04550026)
    assert found.reason is None


def test_gap_of_an_unchecked_calibration_says_so():
    found = gap(Estimate(0.60), EstimatedMetric(0.70, 9.0, 0.03, None))
    assert found.standard_error == pytest.approx(0.03)
    assert "taken for calibrated" in found.reason


def test_gap_without_a_value_has_the_reasons():
    missing = EstimatedMetric(None, reason="no row has a score")
    found = gap(absent("there are no bads"), missing)
    assert (found.value, found.p_value) == (None, None)
    assert found.reason == "realised: there are no bads; estimated: no row has a score"
    assert gap(Estimate(0.5), missing).reason == "estimated: no row has a score"


def test_gap_of_certain_outcomes_is_not_tested():
    found = gap(Estimate(0.1), EstimatedMetric(0.0, 0.0, 0.0, 0.0))
    assert (found.value, found.z, found.p_value) == (0.1, None, None)
    assert "taken for certain" in found.reason


FOLLOWS, DEPARTS = departing(0.001, 0.005), departing(-0.1, 0.01)
BY_CHANCE, TOO_FEW = departing(-0.06, 0.03), departing(0.0, 0.04)


@pytest.mark.parametrize(
    ("scores", "difference", "kind"),
    [
        ("ok", FOLLOWS, "no shift"),
        ("warn", FOLLOWS, "covariate shift"),
        ("fail", FOLLOWS, "covariate shift"),
        ("ok", DEPARTS, "concept shift"),
        ("fail", DEPARTS, "covariate and concept shift"),
        ("insufficient evidence", DEPARTS, "concept shift"),
        ("error", FOLLOWS, "not enough evidence"),
        ("insufficient evidence", FOLLOWS, "not enough evidence"),
        ("ok", BY_CHANCE, "not enough evidence"),
        ("fail", TOO_FEW, "not enough evidence"),
        ("ok", Difference(reason="no bads"), "not enough evidence"),
    ],
)
def test_what_has_shifted(scores, difference, kind):
    assert explain(scores, difference, least=0.05).shift == kind


@pytest.mark.parametrize(
    ("difference", "said"),
    [
        (FOLLOWS, "follows its estimate: +0.0010 (z = 0.2)"),
        (DEPARTS, "departs from its estimate by -0.1000 (z = -10.0)"),
        (BY_CHANCE, "-0.0600 (z = -2.0), which chance explains"),
        (TOO_FEW, "only a gap of 0.1316 would have shown, 0.05 matters"),
        (Difference(reason="no bads"), "cannot be compared (no bads)"),
    ],
)
def test_it_is_said_in_words(difference, said):
    text = explain("warn", difference, least=0.05).text
    assert text.startswith("the scores moved; ")
    assert text.endswith(said)


def test_a_gap_too_small_to_matter_is_none():
    """Of enough rows any gap is beyond chance."""
    assert explain("ok", departing(0.004, 0.0005), least=0.05).shift == "no shift"


@pytest.mark.parametrize(("least", "level"), [(0, 0.001), (0.05, 0), (0.05, 1)])
def test_limits_that_make_no_sense(least, level):
    with pytest.raises(ValueError, match="must be"):
        explain("ok", FOLLOWS, least, level)


def drawn(rows, rng, shift=0.0, slope=1.2):
    """Scores of a calibrated model; outcomes of another slope are another concept."""
    z = rng.normal(shift, 1, rows)
    outcomes = (rng.random(rows) < expit(-2.5 + slope * z)).astype(float)
    return expit(-2.5 + 1.2 * z), outcomes


@pytest.mark.parametrize(
    ("shift", "slope", "kind"),
    [
        (0.0, 1.2, "no shift"),
        (0.8, 1.2, "covariate shift"),
        (0.0, 0.5, "concept shift"),
        (0.8, 0.5, "covariate and concept shift"),
    ],
)
def test_simulated_cohorts_are_told_apart(shift, slope, kind):
    rng = np.random.default_rng(12)
    scores, outcomes = drawn(20_000, rng)
    grid = score_grid(scores)
    reference = count_scores(scores, grid, scores)
    calibration = fit_calibration(reference, count_scores(scores, grid, outcomes))
    for _ in range(10):
        scores, outcomes = drawn(20_000, rng, shift, slope)
        counted = count_scores(scores, grid, scores)
        status = judge_counts(*coarse(reference, counted), Thresholds()).status
        auc = realised(scores, outcomes, edges=[0.1]).discrimination.auc
        found = explain(status, gap(auc, estimate(calibration, counted).auc), least=0.05)
        assert found.shift == kind, found.text


def coarse(*profiles):
    """Counts of some ten bins from those of the grid."""
    return [np.add.reduceat(profile.counts, range(0, 180, 18)) for profile in profiles]


def test_a_quiet_cohort_seldom_departs():
    """At a level of 5 % about a twentieth of quiet cohorts does."""
    rng = np.random.default_rng(13)
    scores, outcomes = drawn(20_000, rng)
    grid = score_grid(scores)
    calibration = fit_calibration(
        count_scores(scores, grid, scores), count_scores(scores, grid, outcomes)
    )
    departed = 0
    for _ in range(200):
        scores, outcomes = drawn(1_000, rng, shift=rng.normal(0, 0.5))
        found = estimate(calibration, count_scores(scores, grid, scores)).auc
        auc = realised(scores, outcomes, edges=[0.1]).discrimination.auc
        departed += gap(auc, found).p_value < 0.05
    assert 1 <= departed <= 20
