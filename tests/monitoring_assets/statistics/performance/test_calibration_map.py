"""The calibration map against an isotonic fit of single rows, and when it is used."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

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


def bent(scores):
    """Scores in the same order whose log odds are no line of the right ones."""
    return np.where(scores > 0.12, 0.5 + scores / 2, scores / 2)


def by_bin(found, scores):
    """What the map makes of scores."""
    rows, sums = (count_scores(scores, found.grid, x) for x in (np.ones_like(scores), scores))
    counted = rows.counts[: found.grid.missing]
    mean = sums.score_sums[: found.grid.missing] / np.maximum(counted, 1)
    return counted, *found.chances(mean)


def fit(scores, outcomes, **options):
    grid = score_grid(scores)
    return fit_calibration(
        count_scores(scores, grid, scores), count_scores(scores, grid, outcomes), **options
    )


@given(seed=st.integers(0, 10_000), points=st.integers(8, 60), falling=st.booleans())
def test_rates_are_the_isotonic_fit_of_rows(seed, points, falling):
    """With a bin for each value the map is scikit-learn's fit of the rows."""
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, points, 400).astype(float)
    # Steps, which no line has.
    chance = np.select([scores < points / 4, scores < 3 * points / 4], [0.02, 0.5], 0.98)
    outcomes = (rng.random(400) < (1 - chance if falling else chance)).astype(float)
    found = fit(scores, outcomes, probability=False, direction=-1 if falling else 1)
    assert found.method == "isotonic"
    expected = IsotonicRegression(increasing=not falling).fit(scores, outcomes)
    seen = np.unique(scores)
    bins = np.searchsorted(found.grid.edges, seen)
    np.testing.assert_allclose(found.rates[bins], expected.predict(seen), atol=1e-9)
    assert np.all(np.diff(found.rates) * (-1 if falling else 1) >= 0)
    # Each bin has the error of one block, whose rate is the bad rate of its rows.
    assert (np.count_nonzero(found.rate_errors, axis=1) == 1).all()
    block = found.rate_errors.argmax(1)
    block_of_row = block[np.searchsorted(found.grid.edges, scores)]
    for one in np.unique(block):
        rate = found.rates[block == one]
        assert np.ptp(rate) < 1e-12
        assert rate[0] == pytest.approx(outcomes[block_of_row == one].mean())


@pytest.mark.parametrize("method", ["logistic", "isotonic"])
def test_expected_bads_of_the_reference_are_the_observed(method):
    scores, outcomes = sample(30_000, slope=0.7)
    if method == "isotonic":
        scores = bent(scores)
    found = fit(scores, outcomes)
    assert found.method == method
    rows = count_scores(scores, found.grid, scores).counts[: found.grid.missing]
    assert rows @ found.rates == pytest.approx(outcomes.sum())


def test_a_calibrated_score_is_left_alone():
    """Of 40 calibrated references next to none get a line: chance alone earns one in 3,000."""
    methods = [fit(*sample(3_000, seed=seed)).method for seed in range(40)]
    assert methods.count("logistic") == 0
    assert methods.count("isotonic") <= 4


@pytest.mark.parametrize(("slope", "intercept"), [(0.6, 0.0), (1.0, 0.5)])
def test_a_score_that_is_off_by_a_line_is_recalibrated_by_one(slope, intercept):
    found = fit(*sample(20_000, slope, intercept))
    assert (found.method, found.optimism) == ("logistic", 0.0)
    assert found.line == pytest.approx([intercept, slope], abs=0.15)
    assert "for 2 coefficients of a line, more than the " in found.reason


def test_a_score_that_is_off_otherwise_has_isotonic_rates():
    scores, outcomes = sample(20_000)
    found = fit(bent(scores), outcomes)
    assert (found.method, found.optimism > 0) == ("isotonic", True)
    assert "rates, more than the " in found.reason


def test_the_line_is_a_logistic_regression_of_rows():
    """Beside scikit-learn's, without a penalty, on the rows that the grid has together."""
    scores, outcomes = sample(5_000, 0.7, 0.5)
    scores = np.round(scores, 2).clip(0.01, 0.99)
    found = fit(scores, outcomes)
    expected = LogisticRegression(C=np.inf, tol=1e-9).fit(logit(scores)[:, None], outcomes)
    assert found.method == "logistic"
    assert found.line == pytest.approx([expected.intercept_[0], expected.coef_[0, 0]], abs=1e-5)
    counted, chances, _ = by_bin(found, scores)
    assert counted @ chances == pytest.approx(outcomes.sum())


@pytest.mark.parametrize("direction", [1, -1])
def test_a_line_of_points_does_not_depend_on_their_unit(direction):
    """Points of a scorecard, 20 to double the odds, in two units: the same chances."""
    scores, outcomes = sample(20_000)
    points = direction * np.round(20 / np.log(2) * logit(scores))
    found = [
        fit(unit * points, outcomes, probability=False, direction=direction)
        for unit in (1.0, 1_000_000.0)
    ]
    assert [one.method for one in found] == ["logistic", "logistic"]
    used = found[0].goods + found[0].bads > 0
    assert found[0].rates[used] == pytest.approx(found[1].rates[used])
    assert found[0].line == pytest.approx([0, direction * np.log(2) / 20], abs=0.1)


def test_a_score_that_ranks_the_wrong_way_has_a_falling_line():
    scores, outcomes = sample(5_000)
    found = fit(1 - scores, outcomes)
    assert found.method == "logistic"
    assert found.line == pytest.approx([0, -1], abs=0.2)


def test_goods_and_bads_apart_have_no_line():
    scores = np.linspace(0.1, 0.9, 400)
    assert fit(scores, (scores > 0.5).astype(float)).method == "isotonic"


@pytest.mark.parametrize(("slope", "less", "more"), [(1.0, 0.0, 0.7), (0.5, 0.99, 1.01)])
def test_errors_allow_for_the_map_that_was_not_taken(slope, less, more):
    """Next to none if the score is right, those of the fit if it is surely off."""
    found = [fit(*sample(3_000, slope, seed=seed)) for seed in range(20)]
    shares = []
    for one in found:
        if one.method == "isotonic":
            continue
        rows, chances, errors = by_bin(one, sample(3_000, slope, seed=1)[0])
        design = np.column_stack([np.ones_like(chances), logit(chances.clip(1e-9, 1 - 1e-9))])
        weight = rows * chances * (1 - chances)
        own = weight @ design
        fitted = np.sqrt(own @ np.linalg.inv(design.T @ (design * weight[:, None])) @ own)
        shares.append(np.linalg.norm(rows @ errors) / fitted)
    assert less <= np.median(shares) <= more


def test_a_score_of_0_that_goes_bad_is_recalibrated():
    """Its log-likelihood is that of the bounded score, not of an impossible event."""
    scores, outcomes = sample(2_000)
    scores[:200] = 0.0
    assert fit(scores, outcomes).method != "identity"


def test_without_outcomes_the_score_is_the_chance():
    scores, _ = sample(500)
    found = fit_calibration(count_scores(scores, score_grid(scores), scores))
    assert (found.method, found.optimism, found.is_measured) == ("identity", 0.0, False)
    assert "nothing has checked that" in found.reason
    counted, chances, errors = by_bin(found, scores)
    assert counted @ chances == pytest.approx(scores.sum())
    assert errors.shape[1] == 0


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
