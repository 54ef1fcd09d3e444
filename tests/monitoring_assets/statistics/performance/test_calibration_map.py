"""The calibration map against an isotonic fit of single rows, and when it is used."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression

from monitoring_assets.statistics.performance.calibration_map import fit_calibration
from monitoring_assets.statistics.profiles.profile import Profile
from monitoring_assets.statistics.profiles.score_grid import count_scores, score_grid

RNG = np.random.default_rng(20)


def sample(rows, slope=1.0, intercept=0.0, seed=1):
    """Scores and outcomes; slope 1 and intercept 0 are calibrated."""
    rng = np.random.default_rng(seed)
    chance = expit(rng.normal(-2.5, 1.2, rows))
    outcomes = (rng.random(rows) < chance).astype(float)
    return expit((logit(chance) - intercept) / slope), outcomes


def fit(scores, outcomes, **options):
    grid = score_grid(scores)
    return fit_calibration(
        count_scores(scores, grid, scores), count_scores(scores, grid, outcomes), **options
    )


@given(seed=st.integers(0, 10_000), points=st.integers(2, 60), falling=st.booleans())
def test_rates_are_the_isotonic_fit_of_rows(seed, points, falling):
    """With a bin for each value the map is scikit-learn's fit of the rows."""
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, points, 400).astype(float)
    outcomes = (rng.random(400) < scores / points).astype(float)
    outcomes[:2] = 0, 1
    found = fit(scores, outcomes, probability=False, direction=-1 if falling else 1)
    expected = IsotonicRegression(increasing=not falling).fit(scores, outcomes)
    seen = np.unique(scores)
    bins = np.searchsorted(found.grid.edges, seen)
    np.testing.assert_allclose(found.rates[bins], expected.predict(seen), atol=1e-9)
    assert np.all(np.diff(found.rates) * (-1 if falling else 1) >= 0)
    # Blocks are the bins of one rate, and each rate is the bad rate of the rows of its block.
    block_of_row = found.block[np.searchsorted(found.grid.edges, scores)]
    for block in np.unique(found.block):
        rate = found.rates[found.block == block]
        assert np.ptp(rate) < 1e-12
        assert rate[0] == pytest.approx(outcomes[block_of_row == block].mean())


def test_expected_bads_of_the_reference_are_the_observed():
    scores, outcomes = sample(30_000, slope=0.7)
    found = fit(scores, outcomes)
    rows = count_scores(scores, found.grid, scores).counts[: found.grid.missing]
    assert rows @ found.rates == pytest.approx(outcomes.sum())


def test_a_calibrated_score_is_left_alone():
    """Of 40 calibrated references hardly any is recalibrated, so that no noise is put in."""
    methods = [fit(*sample(3_000, seed=seed)).method for seed in range(40)]
    assert methods.count("isotonic") <= 4


@pytest.mark.parametrize(("slope", "intercept"), [(0.6, 0.0), (1.0, 0.5)])
def test_a_score_that_is_off_is_recalibrated(slope, intercept):
    found = fit(*sample(20_000, slope, intercept))
    assert (found.method, found.optimism > 0) == ("isotonic", True)
    assert "more than one each" in found.reason


def test_a_score_of_0_that_goes_bad_is_recalibrated():
    """Its log-likelihood is that of the bounded score, not of an impossible event."""
    scores, outcomes = sample(2_000)
    scores[:200] = 0.0
    assert fit(scores, outcomes).method == "isotonic"


def test_without_outcomes_the_score_is_the_chance():
    scores, _ = sample(500)
    found = fit_calibration(count_scores(scores, score_grid(scores), scores))
    assert (found.method, found.optimism, len(found.rates)) == ("identity", 0.0, 0)
    assert "nothing has checked that" in found.reason


def test_a_reference_of_one_class_tells_nothing():
    scores, outcomes = sample(500)
    assert "0 bads" in fit(scores, np.zeros_like(outcomes)).reason
    with pytest.raises(ValueError, match=r"in points needs .* 0 goods"):
        fit(scores, np.ones_like(outcomes), probability=False)


def test_it_can_be_made_again_from_the_stored_profiles():
    scores, outcomes = sample(5_000, slope=0.7)
    grid = score_grid(scores)
    profiles = {
        "score": count_scores(scores, grid, scores),
        "outcome": count_scores(scores, grid, outcomes),
    }
    stored = Profile(5_000, profiles).to_table()
    again = Profile.from_table(stored.take(pa.array(RNG.permutation(len(stored))))).columns
    first = fit_calibration(profiles["score"], profiles["outcome"])
    second = fit_calibration(again["score"], again["outcome"])
    assert (first.method, first.reason) == (second.method, second.reason)
    assert first.rates.tolist() == second.rates.tolist()


def test_what_does_not_fit_is_an_error():
    scores, outcomes = sample(500)
    grid, other = score_grid(scores), score_grid(scores / 2)
    counted = count_scores(scores, grid, scores)
    with pytest.raises(ValueError, match="different grids"):
        fit_calibration(counted, count_scores(scores, other, outcomes))
    with pytest.raises(ValueError, match=r"must be 0 \(good\) and 1 \(bad\)"):
        fit_calibration(counted, count_scores(scores, grid, outcomes * 2))
